package beam_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/beam"
)

func TestParseRel(t *testing.T) {
	whole := beam.Rel{Name: "hello", Version: "0.1.0", ERTS: "15.2.7", Apps: map[string]beam.RelApp{
		"kernel": {Version: "10.2", Type: "permanent"}, "os_mon": {Version: "2.10", Type: "load"}, "sasl": {Version: "4.2", Type: "permanent"},
	}}
	const noRel = "it is no {release, {Name, Version}, {erts, Version}, Applications}"
	for name, tt := range map[string]struct {
		text, err string
		want      beam.Rel
	}{
		"whole":           {`{release,{"hello","0.1.0"},{erts,"15.2.7"},[{kernel,"10.2"},{os_mon,"2.10",load},{sasl,"4.2",[kernel]}]}.`, "", whole},
		"no applications": {`{release,{"hello","0.1.0"},{erts,"15.2.7"},[]}.`, "", beam.Rel{Name: "hello", Version: "0.1.0", ERTS: "15.2.7", Apps: map[string]beam.RelApp{}}},
		"a damaged list":  {`{release,{"hello","0.1.0"},{erts,"15.2.7"},[{kernel}]}.`, noRel, beam.Rel{Name: "hello", Version: "0.1.0", ERTS: "15.2.7"}},
		"no ERTS":         {`{release,{"hello","0.1.0"},erts,[]}.`, noRel, beam.Rel{Name: "hello", Version: "0.1.0"}},
		"no name":         {`{release,x,{erts,"15.2.7"},[]}.`, "", beam.Rel{ERTS: "15.2.7", Apps: map[string]beam.RelApp{}}},
		"another term":    {`{application,hello,[]}.`, noRel, beam.Rel{}},
		"two terms":       {`a. b.`, "malformed: 2 terms, one was expected", beam.Rel{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := beam.ParseRel([]byte(tt.text))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if said := message(err); said != tt.err {
				t.Errorf("error %q, want %q", said, tt.err)
			}
		})
	}
}

func TestParseApp(t *testing.T) {
	for _, tt := range []struct{ text, version, err string }{
		{`{application,hello,[{description,"x"},{vsn,"0.1.0"}]}.`, "0.1.0", ""},
		{`{application,hello,[{vsn,<<"0.1.0">>}]}.`, "0.1.0", ""},
		{`{application,other,[{vsn,"0.1.0"}]}.`, "", "it is no {application, hello, Properties}"},
		{`{application,hello,[]}.`, "", "it has no vsn"},
		{`{application,hello,[{vsn,1}]}.`, "", "it has no vsn"},
	} {
		got, err := beam.ParseApp([]byte(tt.text), "hello")
		if said := message(err); got.Version != tt.version || said != tt.err {
			t.Errorf("%s: got %q, %q; want %q, %q", tt.text, got.Version, said, tt.version, tt.err)
		}
	}
}

// Whatever a file holds, there is an error or what it says, and of a sound .rel
// file a type for each application.
func FuzzParseRel(f *testing.F) {
	for _, text := range []string{`{release,{"a","1"},{erts,"15.2"},[{kernel,"10.2"},{b,"1",load}]}.`, `{release,{`, `{application,a,[{vsn,"1"}]}.`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		rel, err := beam.ParseRel(text)
		for name, app := range rel.Apps {
			if err != nil {
				t.Errorf("%q: %+v, %v", name, app, err)
			}
		}
		if app, err := beam.ParseApp(text, "a"); err != nil && (app.Version != "" || app.Uses != nil) {
			t.Errorf("%+v with %v", app, err)
		}
	})
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
