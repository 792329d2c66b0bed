package relup

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/tool/tooltest"
)

// The earlier release is a file that the build sees; what cannot be is refused before
// anything is built.
func TestDecide(t *testing.T) {
	const tree = "-- rel/old.tar.gz --\nx\n-- releases/web/old.tar.gz --\nx\n-- src/web.appup --\n"
	const made = "note: the tarball has the relup; an image has none, for a container is replaced, and its release cannot be written to"
	const settings = "note: an upgrade takes the applications' settings from sys.config of the new release: where that has sys.config.src, fill it in before, or they are gone"
	for _, c := range []struct {
		name, from string
		appups     []string
		want       []string
		says, hint string
	}{
		{"nothing", "", nil, nil, "", ""},
		{"appups alone", "", []string{"web"}, []string{"note: there are appups of web, and no relup is made of them: --upgrade-from names the tarball of the earlier release, in the project"}, "", ""},
		{"a tarball", "./rel/old.tar.gz", []string{"web"}, []string{"relup: from ./rel/old.tar.gz: asked", made, settings}, "", ""},
		{"outside", "../old.tar.gz", nil, nil, `the earlier release "../old.tar.gz" lies outside of the project`, "copy it into the project"},
		{"outside, by the way of a folder", "rel/../../old.tar.gz", nil, nil, "lies outside of the project", "copy it into the project"},
		{"an absolute path", "/tmp/old.tar.gz", nil, nil, "lies outside of the project", "copy it into the project"},
		{"not there", "rel/older.tar.gz", nil, nil, `the build does not see the earlier release "rel/older.tar.gz"`, "such as rel/"},
		{"among results", "releases/web/old.tar.gz", nil, nil, "the build does not see", "not below releases/"},
	} {
		n := &tooltest.Plan{From: "asked"}
		n.Set.UpgradeFrom = c.from
		err := Decide(n, &project.Project{Dir: tooltest.Tree(t, tree)}, c.appups)
		if (err == nil) != (c.says == "") || err != nil && (!strings.Contains(err.Error(), c.says) || !strings.Contains(problem.Hint(err), c.hint) || problem.Code(err) != 2) {
			t.Errorf("%s: %v\nhint: %s", c.name, err, problem.Hint(err))
		}
		if diff := cmp.Diff(c.want, n.Lines); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestSteps(t *testing.T) {
	n := &tooltest.Plan{}
	if steps := Steps(n, "web", "/app/_build/prod/rel/web"); len(steps) > 0 {
		t.Errorf("nothing is asked for, and there are %d steps", len(steps))
	}
	n.Set.UpgradeFrom = "./rel/old.tar.gz"
	steps := Steps(n, "web", "/app/_build/prod/rel/web")
	if len(steps) != 1 || steps[0].Network || len(steps[0].Secrets) > 0 {
		t.Fatalf("%+v", steps)
	}
	argv := steps[0].Argv
	if diff := cmp.Diff([]string{"/app/rel/old.tar.gz", "/app/_build/prod/rel/web", "web", "/app"}, argv[len(argv)-4:]); diff != "" {
		t.Error(diff)
	}
}
