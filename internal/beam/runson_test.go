package beam

import (
	"slices"
	"strings"
	"testing"
)

func TestRunsOn(t *testing.T) {
	with := func(change func(*source)) source {
		s := plain()
		change(&s)
		return s
	}
	opcode := func(ops ...byte) source {
		return with(func(s *source) { s.code = usesOpcodes(ops...) })
	}
	for name, c := range map[string]struct {
		source source
		otp    int
		want   Answer
		detail string
	}{
		"sound":              {plain(), 27, Answer{Loads: true, Known: true}, ""},
		"between measured":   {plain(), 26, Answer{Loads: true, Known: true}, ""},
		"before measured":    {with(func(s *source) { s.maxOpcode = 150 }), 19, Answer{Reason: AtomEncoding}, ""},
		"before, other":      {with(func(s *source) { s.maxOpcode = 150 }), 22, Answer{Reason: TooNew}, "not measured"},
		"after measured":     {plain(), 30, Answer{Reason: TooNew}, "OTP 30"},
		"too new":            {with(func(s *source) { s.maxOpcode = 182 }), 25, Answer{Known: true, Reason: TooNew}, "bs_match (182)"},
		"newest":             {with(func(s *source) { s.maxOpcode = 180 }), 25, Answer{Loads: true, Known: true}, ""},
		"too new for 17":     {plain(), 17, Answer{Known: true, Reason: TooNew}, "up to 158"},
		"of the future":      {with(func(s *source) { s.maxOpcode = 200 }), 29, Answer{Known: true, Reason: TooNew}, "200"},
		"too old":            {with(func(s *source) { s.maxOpcode = 168 }), 27, Answer{Known: true, Reason: TooOld}, "168"},
		"too old, unknown":   {with(func(s *source) { s.maxOpcode = 168 }), 26, Answer{Reason: TooOld}, ""},
		"old enough":         {with(func(s *source) { s.maxOpcode = 168 }), 25, Answer{Loads: true, Known: true}, ""},
		"retired":            {opcode(14), 27, Answer{Known: true, Reason: RetiredOpcode}, "no longer takes allocate_zero (14)"},
		"retired, later too": {opcode(14), 28, Answer{Known: true, Reason: RetiredOpcode}, ""},
		"retired, and after": {opcode(14), 30, Answer{Known: true, Reason: RetiredOpcode}, ""},
		"not yet retired":    {opcode(14), 25, Answer{Loads: true, Known: true}, ""},
		"retired, unknown":   {opcode(14), 26, Answer{Reason: RetiredOpcode}, "allocate_zero (14) is not known"},
		"known beats not":    {opcode(14, 70), 26, Answer{Known: true, Reason: RetiredOpcode}, "put_tuple (70)"},
		"long retired":       {opcode(27), 23, Answer{Known: true, Reason: RetiredOpcode}, "m_plus"},
		"long atoms":         {with(func(s *source) { s.atomTable = AtomsLong }), 27, Answer{Known: true, Reason: AtomEncoding}, "28"},
		"long atoms, 28":     {with(func(s *source) { s.atomTable = AtomsLong }), 28, Answer{Loads: true, Known: true}, ""},
		"latin-1 atoms":      {with(func(s *source) { s.atomTable = AtomsLatin1 }), 25, Answer{Known: true, Reason: AtomEncoding}, `"Atom"`},
		"latin-1 atoms, 24":  {with(func(s *source) { s.atomTable = AtomsLatin1 }), 24, Answer{Reason: AtomEncoding}, ""},
		"plain literals":     {with(plainLiteral), 27, Answer{Known: true, Reason: LiteralWriting}, "28"},
		"plain literals, 29": {with(plainLiteral), 29, Answer{Loads: true, Known: true}, ""},
		"a BIF too new":      {bifSource("m", Func{"erlang", "min", 2}), 25, Answer{Known: true, Reason: MissingBIF}, "erlang:min/2"},
		"a BIF, unknown":     {bifSource("m", Func{"erlang", "min", 2}), 26, Answer{Reason: MissingBIF}, "erlang:min/2"},
		"a BIF, there":       {bifSource("m", Func{"erlang", "min", 2}), 27, Answer{Loads: true, Known: true}, ""},
		"a BIF gone":         {bifSource("m", Func{"erlang", "list_to_integer", 1}), 27, Answer{Known: true, Reason: MissingBIF}, ""},
		"a BIF of others":    {bifSource("m", Func{"acme", "bif", 2}), 27, Answer{Reason: MissingBIF}, "acme:bif/2"},
		"a feature":          {with(feature), 25, Answer{Known: true, Reason: FeatureOff}, "maybe_expr"},
		"a feature, unknown": {with(feature), 26, Answer{Reason: FeatureOff}, ""},
		"a feature, there":   {with(feature), 27, Answer{Loads: true, Known: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Read(c.source.bytes())
			if err != nil {
				t.Fatal(err)
			}
			got := m.RunsOn(c.otp)
			if !strings.Contains(got.Detail, c.detail) || (got.Detail == "") != got.Loads {
				t.Errorf("detail %q, want %q", got.Detail, c.detail)
			}
			if got.Detail = ""; got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func plainLiteral(s *source) {
	s.chunks = []part{{"LitT", slices.Concat(be32(0), be32(1), be32(2), []byte{131, 106})}}
}

func feature(s *source) { s.chunks = []part{{"Meta", features("maybe_expr")}} }

// usesOpcodes is code with the opcodes, each with operands that are numbers.
func usesOpcodes(ops ...byte) []byte {
	var body [][]byte
	for _, o := range ops {
		body = append(body, op(o, bytesOf(opcodes[o].arity)))
	}
	return function(body...)
}

func bytesOf(n uint8) []byte { return make([]byte, n) } // a zero byte is the number 0

func TestTablesAreInOrder(t *testing.T) {
	if !slices.IsSorted(steadyBIFs) || len(steadyBIFs) != 224 {
		t.Errorf("%d steady BIFs, sorted: %v", len(steadyBIFs), slices.IsSorted(steadyBIFs))
	}
	all := Generations()
	for i, g := range all[1:] {
		if g.OTP != all[i].OTP+1 || g.MaxOpcode < all[i].MaxOpcode {
			t.Errorf("OTP %d, highest opcode %d, follows %+v", g.OTP, g.MaxOpcode, all[i])
		}
	}
	if last := all[len(all)-1]; last.MaxOpcode != maxKnownOpcode {
		t.Errorf("%d opcodes are known, OTP %d has %d", maxKnownOpcode, last.OTP, last.MaxOpcode)
	}
	var seen OpSet
	counts := map[int]int{}
	for _, r := range retired {
		for _, o := range r.ops {
			if seen.Has(int(o)) {
				t.Errorf("opcode %d is retired twice", o)
			}
			seen.add(o)
		}
		counts[r.refusedAgain] = len(seen.List())
	}
	for otp, want := range map[int]int{23: 30, 25: 36, 27: 44, 29: 59} { // as beam_opcodes of each says
		if counts[otp] != want {
			t.Errorf("%d opcodes are retired by OTP %d, want %d", counts[otp], otp, want)
		}
	}
	if got := OldestFor(177); got != 25 {
		t.Errorf("the oldest for opcode 177 is %d", got)
	}
	if got := OldestFor(maxKnownOpcode + 1); got != 0 {
		t.Errorf("the oldest for an unknown opcode is %d", got)
	}
}

func TestOTPOf(t *testing.T) {
	for erts, want := range map[string]int{
		"15.2.7": 27, "11.1.8": 23, "13.1.5": 25, "17.1": 29, "6.2": 17, "10.3.5": 21, "10.4": 22, "10.7.2": 22,
		"": 0, "15": 0, "99.1": 0, "x.y": 0, "15.-1": 0,
	} {
		if got, ok := OTPOf(erts); got != want || ok != (want != 0) {
			t.Errorf("ERTS %q is OTP %d, %v", erts, got, ok)
		}
	}
}
