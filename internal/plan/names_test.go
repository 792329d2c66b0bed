package plan

import (
	"slices"
	"strings"
	"testing"

	"dram/internal/config"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/tool/distillery"
)

// hostile are names that no tool takes, and that would be harmful in a path, as
// an argument or on a terminal.
var hostile = []string{
	"..", "../../x", "a/../../x", "/etc", "-rf", "--force", "a b", "a\nb", "a\x00", "x\x1b[2J", "a\u202eb", "", "\"); halt(1", strings.Repeat("a", 300),
}

// No plan holds a name that breaks its tool's rule, wherever it comes from.
func TestHostileNames(t *testing.T) {
	const use = "use Distillery.Releases.Config, default_environment: :prod\nenvironment :prod do\nend\n"
	for _, way := range []struct {
		name   string
		inputs func(t *testing.T, name string) Inputs
		also   []string // more that is refused
		fine   []string // what looks odd and is right
	}{
		{"a release", func(_ *testing.T, name string) Inputs {
			return inputs(project.Project{App: "shop", Releases: []project.Release{{Name: name}}})
		}, []string{"Web", "web-1", "9a"}, []string{"web_1"}},
		{"a default release", func(_ *testing.T, name string) Inputs {
			return inputs(project.Project{App: "shop", DefaultRelease: name + ""})
		}, []string{"Web"}, []string{"web"}},
		{"the application, which names the release", func(_ *testing.T, name string) Inputs {
			return inputs(project.Project{App: name})
		}, []string{"Web"}, []string{"web"}},
		{"a release of computed ones, asked for", func(t *testing.T, name string) Inputs {
			in := inputs(project.Project{App: "shop", ReleasesOpen: true})
			in.Config = config.Config{Releases: []string{name}}
			return in
		}, []string{"Web"}, []string{"web"}},
		{"a version", func(_ *testing.T, name string) Inputs {
			return inputs(project.Project{App: "shop", Version: name})
		}, []string{"1/2", ".1", "+1"}, []string{"1.0.0-rc.1+b", "v2"}},
		{"a release's version", func(_ *testing.T, name string) Inputs {
			return inputs(project.Project{App: "shop", Releases: []project.Release{{Name: "web", Version: name}}})
		}, []string{"1/2"}, []string{"1.0.0"}},
		{"an own application", func(_ *testing.T, name string) Inputs {
			return inputs(project.Project{App: "shop", OwnApps: []string{"shop", name}})
		}, []string{"9"}, []string{"Shop", "shop-web"}},
		{"a dependency in a directory", func(_ *testing.T, name string) Inputs {
			return inputs(project.Project{App: "shop", Deps: []project.Dep{{Name: name, Source: project.Path, Where: "x"}}})
		}, nil, []string{"dep"}},
		{"MIX_ENV", func(_ *testing.T, name string) Inputs {
			in := inputs(project.Project{App: "shop"})
			in.Config.MixEnv = name
			return in
		}, nil, []string{"prod", "eu-west"}},
		{"a release of Distillery", func(t *testing.T, name string) Inputs {
			c := distilleryConfig(t, use+"release :shop do\n set version: \"1\"\nend\n")
			c.Releases[0].Name = name
			in := inputs(project.Project{})
			in.Project = distillery.New(in.Project.Facts(), c, "")
			return in
		}, []string{"9"}, []string{"Shop", "shop-1"}},
		{"an environment of Distillery", func(t *testing.T, name string) Inputs {
			c := distilleryConfig(t, "use Distillery.Releases.Config\nenvironment :x do\nend\nrelease :shop do\n set version: \"1\"\nend\n")
			c.Environments[0].Name = name
			in := inputs(project.Project{})
			in.Project = distillery.New(in.Project.Facts(), c, "")
			return in
		}, nil, []string{"eu-west"}},
		{"a version of Distillery", func(t *testing.T, name string) Inputs {
			return distilleryInputs(t, use+"release :shop do\n set version: \""+strings.NewReplacer("\n", `\n`, "\x00", `\0`, `"`, `\"`).Replace(name)+"\"\nend\n", "", project.Project{})
		}, []string{"1/2"}, []string{"1.0.0+a"}},
	} {
		t.Run(way.name, func(t *testing.T) {
			for _, name := range slices.Concat(hostile, way.also) {
				p, err := Make(t.Context(), way.inputs(t, name))
				if name == "" && err == nil {
					continue // as if nobody had said any
				}
				if problem.Code(err) != 2 || problem.Hint(err) == "" || len(err.Error()) > 1000 {
					t.Errorf("%q: exit %d, hint %q: %v %v", name, problem.Code(err), problem.Hint(err), err, p)
				}
			}
			for _, name := range way.fine {
				if _, err := Make(t.Context(), way.inputs(t, name)); err != nil {
					t.Errorf("%q: %v", name, err)
				}
			}
		})
	}
}

func TestResultsStayInside(t *testing.T) {
	in := inputs(project.Project{App: "shop"})
	in.Config.OutputDir = "../x" // by nobody's flag or variable
	if _, err := Make(t.Context(), in); problem.Code(err) != 2 || !strings.Contains(problem.Hint(err), "--output-dir") {
		t.Errorf("%v", err)
	}
	var err error
	if in.Config, err = in.Config.WithFlag("output-dir", []string{"../x"}); err != nil {
		t.Fatal(err)
	}
	p, err := Make(t.Context(), in)
	if err != nil || p.OutputDir != "/src/x" || p.ResultsInside() != "" {
		t.Errorf("%v: %+v", err, p)
	}
	if p, err = Make(t.Context(), inputs(project.Project{App: "shop"})); err != nil || p.ResultsInside() != "/src/shop" {
		t.Errorf("%v: %+v", err, p)
	}
}
