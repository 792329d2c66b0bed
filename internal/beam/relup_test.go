package beam_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/beam"
)

func TestParseRelup(t *testing.T) {
	for text, want := range map[string]*beam.Relup{
		// as systools:make_relup/3 of OTP 27 writes it
		`{"1.1.0",
 [{"1.0.0",[],
   [{load_object_code,{web,"1.1.0",[web,web_sup]}},
    point_of_no_return,
    {suspend,[web]},
    {load,{web,brutal_purge,brutal_purge}},
    {code_change,up,[{web,[]}]},
    {resume,[web]}]}],
 [{"1.0.0",[],[restart_new_emulator]}]}.`: {
			Version: "1.1.0",
			Up:      []beam.Upgrade{{Other: "1.0.0", Loads: []beam.RelupLoad{{App: "web", Version: "1.1.0", Modules: []string{"web", "web_sup"}}}}},
			Down:    []beam.Upgrade{{Other: "1.0.0", Restarts: true}},
		},
		`{"1",[],[]}.`: {Version: "1"},
		`{"1",[],x}.`:  nil, `{1,[],[]}.`: nil, `{"1",[{"0",[]}],[]}.`: nil, `{"1",[{x,[],[]}],[]}.`: nil, `[].`: nil, `{"1",`: nil,
	} {
		got, err := beam.ParseRelup([]byte(text))
		if (err == nil) != (want != nil) {
			t.Errorf("%s: %v", text, err)
		}
		if want != nil {
			if diff := cmp.Diff(*want, got); diff != "" {
				t.Errorf("%s: %s", text, diff)
			}
		}
	}
}

func FuzzParseRelup(f *testing.F) {
	f.Add(`{"1",[{"0",[],[{load_object_code,{a,"1",[b]}},restart_emulator]}],[]}.`)
	f.Fuzz(func(_ *testing.T, text string) { _, _ = beam.ParseRelup([]byte(text)) }) // no panic, no end of memory
}
