package beam

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const bootText = `%% coding: utf-8
{script,
    {"hello","0.1.0"},
    [{preLoaded,[erlang,init]},
     {progress,preloaded},
     {path,["$ROOT/lib/kernel-10.2/ebin","$ROOT/lib/stdlib-6.2/ebin"]},
     {primLoad,[code,'Elixir.X']},
     {kernel_load_completed},
     {path,["$RELEASE_LIB/hello-0.1.0/ebin"]},
     {primLoad,[hello]},
     {path,["$ROOT/lib/kernel-10.2/ebin"]},
     {primLoad,[]},
     {kernelProcess,heart,{heart,start,[]}},
     {apply,{application,start_boot,[kernel,permanent]}}]}.
`

// readScript reads the text that a .boot file is made of.
func readScript(text []byte) (*BootScript, error) {
	t, err := ConsultOne(text)
	if err != nil {
		return nil, err
	}
	return bootScript(t)
}

func TestReadScript(t *testing.T) {
	got, err := readScript([]byte(bootText))
	if err != nil {
		t.Fatal(err)
	}
	want := &BootScript{Name: "hello", Version: "0.1.0", Loads: []BootLoad{
		{Path: []string{"$ROOT/lib/kernel-10.2/ebin", "$ROOT/lib/stdlib-6.2/ebin"}, Modules: []string{"code", "Elixir.X"}, Always: true},
		{Path: []string{"$RELEASE_LIB/hello-0.1.0/ebin"}, Modules: []string{"hello"}},
		{Path: []string{"$ROOT/lib/kernel-10.2/ebin"}},
	}, Starts: []string{"kernel"}, Calls: []BootCall{
		{Module: "heart", Function: "start", Process: "heart"}, {Module: "application", Function: "start_boot", Arity: 2},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadScriptRefuses(t *testing.T) {
	for _, text := range []string{
		"", "x.", "{script,{\"a\",\"1\"}}.", "{script,{\"a\",\"1\"},none}.", "{script,{\"a\",\"1\"},[{path,[a]}]}.",
		"{script,{\"a\",\"1\"},[{primLoad,[\"a\"]}]}.", "{script,{\"a\",\"1\"},[{primLoad,a}]}.",
		"{script,{\"a\",\"1\"},[" + strings.Repeat("{primLoad,[a]},", maxScriptLoads) + "{primLoad,[a]}]}.",
	} {
		if got, err := readScript([]byte(text)); !errors.Is(err, ErrFormat) {
			t.Errorf("%.40q: %v, %v", text, got, err)
		}
	}
	if _, err := ReadBoot([]byte("xxxxxx\n")); !errors.Is(err, ErrFormat) {
		t.Errorf("no term: %v", err)
	}
}

func FuzzReadBoot(f *testing.F) {
	f.Add([]byte("\x83h\x03w\x06scripth\x02k\x00\x01ak\x00\x011l\x00\x00\x00\x01h\x02w\x08primLoadl\x00\x00\x00\x01w\x01mjj"))
	f.Add([]byte("\x83h\x03w\x06scripth\x02k\x00\x01ak\x00\x011l\x00\x00\x00\x01h\x02w\x04pathl\x00\x00\x00\x01k\x00\x01mjj"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := ReadBoot(data)
		if (err == nil) != (got != nil) || err != nil && !errors.Is(err, ErrFormat) {
			t.Fatalf("%v, %v", got, err)
		}
	})
}

func TestFunctions(t *testing.T) {
	s := source{atoms: []string{"m", "f", "g"}, maxOpcode: 182, atomTable: AtomsUTF8, code: slices.Concat(
		op(1, u(1)), op(2, a(1), a(2), u(0)), op(179), op(1, u(2)), op(64, a(2), x(0)), op(19),
		op(1, u(3)), op(2, a(1), a(3), u(3)), op(1, u(4)), op(64, a(2), x(0)), op(19), op(3))}
	m, err := Read(s.bytes())
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Functions()
	if err != nil {
		t.Fatal(err)
	}
	f, g := Func{"m", "f", 0}, Func{"m", "g", 3}
	if diff := cmp.Diff([]Function{{f, true}, {g, false}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, tt := range []struct {
		functions []Function
		f         Func
		otp       int
		want      string
	}{
		{got, f, 27, ""},
		{got, g, 27, "Function not declared as nif m:g/3"},
		{got, g, 23, ""}, // it does not ask
		{got, Func{"m", "g", 2}, 27, "Function not found m:g/2"},
		{got, Func{"m", "f", 256}, 27, "Function not found m:f/256"},
		{[]Function{{Func: g}}, g, 29, ""},
	} {
		if refusal := Defines(tt.functions, tt.f, tt.otp); refusal != tt.want {
			t.Errorf("%s on OTP %d: %q, want %q", tt.f, tt.otp, refusal, tt.want)
		}
	}
}

// What a boot script has called, and what it says of applications.
func TestReadScriptCalls(t *testing.T) {
	load := func(properties string) string {
		return "{apply,{application,load,[{application,a,[" + properties + "]}]}}"
	}
	for instruction, want := range map[string]BootScript{
		load(""):                                                 {Apps: []BootApp{{Name: "a"}}},
		load("{applications,[kernel]}"):                          {Apps: []BootApp{{Name: "a", Needs: []string{"kernel"}}}},
		load("{applications,[]},{mod,[]}"):                       {Apps: []BootApp{{Name: "a"}}},
		load("{applications,[\"x\"]}"):                           {Apps: []BootApp{{Name: "a", Wrong: "its applications are no list of names"}}},
		load("{mod,{m,[]}},{maxT,infinity}"):                     {Apps: []BootApp{{Name: "a", Module: "m"}}},
		load("{maxT,often}"):                                     {Apps: []BootApp{{Name: "a", Wrong: "its longest time (maxT) is no number"}}},
		load("{start_phases,undefined}"):                         {Apps: []BootApp{{Name: "a"}}},
		load("{start_phases,[{x,[]}]}"):                          {Apps: []BootApp{{Name: "a", Phased: true}}},
		load("{start_phases,x}"):                                 {Apps: []BootApp{{Name: "a", Wrong: "its start phases are no list"}}},
		load("{applications,[b,c]},{optional_applications,[c]}"): {Apps: []BootApp{{Name: "a", Needs: []string{"b"}}}},
		"{nowhere,1}":                                            {Odd: "{nowhere,…}"},
		"often":                                                  {Odd: "what is no tuple"},
		"{apply,{a,b}}":                                          {Odd: "{apply,…}"},
		"{kernelProcess,a,{b,c,1}}":                              {Odd: "{kernelProcess,…}"},
		"{progress,started}":                                     {},
	} {
		got, err := readScript([]byte("{script,{\"a\",\"1\"},[" + instruction + "]}."))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]any{want.Apps, want.Odd}, []any{got.Apps, got.Odd}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", instruction, diff)
		}
	}
}
