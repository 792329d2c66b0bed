package check_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/check"
)

// A relup is compared with the release that it comes with.
func TestRelup(t *testing.T) {
	const file = "releases/0.1.0/relup"
	up := func(instructions string) string {
		return `644 {"0.1.0",[{"0.0.9",[],[` + instructions + `]}],[{"0.0.9",[],[{load_object_code,{hello,"0.0.9",[gone]}},point_of_no_return]}]}.`
	}
	warn := func(text string) []string { return []string{"WARN relup " + file + ": " + text} }
	for _, tt := range []struct {
		name string
		rel  tree
		want []string
	}{
		{"none", hello(), nil},
		{"sound", hello().with(file, up(`{load_object_code,{hello,"0.1.0",[web]}},point_of_no_return,{load,{web,brutal_purge,brutal_purge}}`)).
			with("lib/hello-0.1.0/ebin/web.beam", made("web", 170)), nil},
		{"of another release", hello().with(file, `644 {"0.2.0",[],[]}.`), warn("it upgrades to 0.2.0, and the release is 0.1.0")},
		{"a module that is gone", hello().with(file, up(`{load_object_code,{hello,"0.1.0",[web]}}`)), warn("it loads lib/hello-0.1.0/ebin/web.beam, which is not there")},
		{"another Erlang", hello().with(file, up(`restart_new_emulator,point_of_no_return`)), warn("between 0.0.9 and this release it restarts the VM: Erlang differs")},
		{"no terms", hello().with(file, `644 {"0.1.0",`), warn("it is no sound relup")},
		{"other terms", hello().with(file, `644 {"0.1.0",[{"0.0.9",[],x}],[]}.`), warn("it is no sound relup")},
		{"terms of no size", hello().with(file, `644 [].`), warn("it is no sound relup")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := check.Run(t.Context(), open(t, tt.rel, bookworm()))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, lines(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			kept(t, got)
		})
	}
}
