package beam

import (
	"fmt"
	"slices"
	"strings"
)

// Reason is why a module does not load.
type Reason int

// The reasons.
const (
	NoReason       Reason = iota
	TooNew                // it uses opcodes that the loader does not know
	TooOld                // its highest opcode is below what the loader takes
	RetiredOpcode         // it uses opcodes that the loader no longer takes
	AtomEncoding          // its atom table is too old or too new
	LiteralWriting        // its literal table is too new
	MissingBIF            // it calls a BIF that the loader lacks
	FeatureOff            // it was compiled with a feature that is not enabled; see RunsOn
)

// Answer is whether a module loads.
type Answer struct {
	Loads  bool
	Known  bool   // if not, Loads is false, and Reason and Detail say what is not known
	Reason Reason // NoReason if it loads
	Detail string // for people, with the opcode, BIF or feature; empty if it loads
}

// rule is one cause for not loading.
type rule struct {
	reason Reason
	ask    func(m *Module, otp int) (taken, known bool, detail string)
}

// rules are in the order in which loaders look.
var rules = []rule{
	{AtomEncoding, (*Module).atomsTaken},
	{TooNew, (*Module).opcodesKnown},
	{TooOld, (*Module).opcodesRecent},
	{LiteralWriting, (*Module).literalsTaken},
	{RetiredOpcode, (*Module).opcodesAlive},
	{MissingBIF, (*Module).bifsThere},
	{FeatureOff, (*Module).featuresOn},
}

// RunsOn tells whether the loader of an OTP release, by its major version,
// takes the module. It does not tell whether the module's functions work
// there: those that they call may be missing.
//
// FeatureOff is special: OTP 25 alone asks, when code:load_file, load_binary or
// the interactive mode load a module, but not when a boot script does in
// embedded mode. What is embedded runs there.
func (m *Module) RunsOn(otp int) Answer {
	unknown := Answer{}
	for _, r := range rules {
		taken, known, detail := r.ask(m, otp)
		switch {
		case taken && known:
		case known:
			return Answer{Known: true, Reason: r.reason, Detail: detail}
		case unknown.Reason == NoReason:
			unknown = Answer{Reason: r.reason, Detail: detail}
		}
	}
	if unknown.Reason != NoReason {
		return unknown
	}
	return Answer{Loads: true, Known: true}
}

func (m *Module) atomsTaken(otp int) (taken, known bool, detail string) {
	switch m.AtomTable {
	case AtomsLatin1:
		taken, known = latin1Atoms.takes(otp)
		return taken, known, `its atoms are in the form of OTP 19 and older (chunk "Atom")`
	case AtomsLong:
		taken, known = longAtoms.takes(otp)
		return taken, known, "its atoms are in the form of OTP 28 and later (a negative count)"
	case AtomsUTF8:
	}
	return otp >= firstUTF8Atoms, otp >= firstUTF8Atoms, `its atoms are in the form of OTP 20 and later (chunk "AtU8")`
}

func (m *Module) literalsTaken(otp int) (taken, known bool, detail string) {
	if m.Literals != LiteralsPlain {
		return true, true, ""
	}
	taken, known = plainLiterals.takes(otp)
	return taken, known, "its literals are in the form of OTP 28 and later (not compressed)"
}

func (m *Module) opcodesKnown(otp int) (taken, known bool, detail string) {
	g, ok := LookupGeneration(otp)
	if !ok {
		return false, false, fmt.Sprintf("which opcodes OTP %d takes is not known", otp)
	}
	if m.MaxOpcode <= g.MaxOpcode {
		return otp >= firstMeasured, otp >= firstMeasured, fmt.Sprintf("what else OTP %d refuses was not measured", otp)
	}
	return false, true, fmt.Sprintf("it uses opcodes up to %s, OTP %d knows those up to %d",
		opcodeName(m.MaxOpcode), otp, g.MaxOpcode)
}

func (m *Module) opcodesRecent(otp int) (taken, known bool, detail string) {
	if m.MaxOpcode >= minMaxOpcode {
		return true, true, ""
	}
	taken, known = lowMaxOpcodes.takes(otp)
	return taken, known, fmt.Sprintf("its compiler is OTP 22 or older (highest opcode %d, at least %d is wanted)",
		m.MaxOpcode, minMaxOpcode)
}

// opcodesAlive names all opcodes that are retired, or else those of which it
// is not known.
func (m *Module) opcodesAlive(otp int) (taken, known bool, detail string) {
	var dead, doubtful []string
	for _, r := range retired {
		taken, known := r.takes(otp)
		if taken && known {
			continue
		}
		for _, op := range r.ops {
			switch {
			case !m.Opcodes.Has(int(op)):
			case known:
				dead = append(dead, opcodeName(int(op)))
			default:
				doubtful = append(doubtful, opcodeName(int(op)))
			}
		}
	}
	switch {
	case len(dead) > 0:
		return false, true, fmt.Sprintf("OTP %d no longer takes %s", otp, strings.Join(dead, ", "))
	case len(doubtful) > 0:
		return false, false, fmt.Sprintf("whether OTP %d still takes %s is not known", otp, strings.Join(doubtful, ", "))
	}
	return true, true, ""
}

func (m *Module) bifsThere(otp int) (taken, known bool, detail string) {
	calls, err := m.BIFCalls()
	if err != nil {
		return false, true, err.Error()
	}
	var doubtful []string
	for _, f := range calls {
		s, measured := bifSpan(f)
		taken, known := s.takes(otp)
		switch {
		case measured && known && !taken:
			return false, true, fmt.Sprintf("it calls %s as a BIF, which OTP %d does not have", f, otp)
		case !measured || !known:
			doubtful = append(doubtful, f.String())
		}
	}
	if len(doubtful) > 0 {
		return false, false, fmt.Sprintf("whether OTP %d has the BIF %s is not known", otp, doubtful[0])
	}
	return true, true, ""
}

// featuresOn: 23 knows no features, 25 wants that they are enabled and enables
// none by itself, 27 and 29 do not ask.
func (m *Module) featuresOn(otp int) (taken, known bool, detail string) {
	names, err := m.Features()
	if err != nil {
		return false, false, err.Error()
	}
	if len(names) == 0 || otp <= 23 || otp >= 27 {
		return true, true, ""
	}
	slices.Sort(names)
	return false, otp == 25, fmt.Sprintf("it was compiled with the feature %s, which OTP %d does not enable by itself",
		strings.Join(names, ", "), otp)
}

// opcodeName is an opcode for people: "allocate_zero (14)".
func opcodeName(op int) string {
	if op > 0 && op <= maxKnownOpcode {
		return fmt.Sprintf("%s (%d)", opcodes[op].name, op)
	}
	return fmt.Sprintf("%d", op)
}
