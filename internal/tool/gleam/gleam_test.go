package gleam

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/source"
	"dram/internal/tool"
	"dram/internal/tool/tooltest"
)

func plan(t *testing.T, tree string, flags ...string) (*tooltest.Plan, tool.Build, error) {
	t.Helper()
	n, p, err := tooltest.Read(t, Tool{}, tree, flags...)
	if err != nil || p == nil {
		return n, nil, err
	}
	b, err := p.Plan(n)
	if err == nil {
		_, err = b.Release()
	}
	if err == nil {
		_, err = b.Work("with the network")
	}
	return n, b, err
}

const (
	header = "-- gleam.toml --\nname = \"shop\"\nversion = \"1.2.0\"\n"
	entry  = "-- src/shop.gleam --\nimport gleam/io\npub fn main() {\n  io.println(\"hello\")\n}\n"
	locks  = `-- manifest.toml --
packages = [
  { name = "gleam_stdlib", version = "0.70.0", build_tools = ["gleam"], requirements = [], otp_app = "gleam_stdlib", source = "hex", outer_checksum = "8" },
  { name = "hpack", version = "0.3.0", build_tools = ["rebar3"], requirements = [], otp_app = "hpack", source = "hex", outer_checksum = "D" },
  { name = "mine", version = "1.0.0", build_tools = ["gleam"], requirements = [], source = "local", path = "libs/mine" },
  { name = "fork", version = "1.0.0", build_tools = ["mix"], requirements = [], source = "git", repo = "ssh://git@forge.example/a/fork", commit = "a" },
]
`
)

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		name, tree string
		want       []string
	}{
		{"the smallest", header + entry, []string{
			"project: Gleam: gleam.toml found", "needs gleam: gleam.toml", "release: shop: the package of gleam.toml", "version: 1.2.0: gleam.toml",
			"fetch: no: no dependency comes over the network",
		}},
		{"a lock", header + "[dependencies]\ngleam_stdlib = \">= 0.50.0\"\nmine = { path = \"libs/mine\" }\n" + entry + locks, []string{
			"project: Gleam: gleam.toml found", "needs gleam: gleam.toml", "release: shop: the package of gleam.toml", "version: 1.2.0: gleam.toml",
			"needs git: the git dependency fork", "needs ssh: the git dependency fork (ssh://forge.example/a/fork)",
			"fetch: gleam deps download, with the network: dependencies: fork, gleam_stdlib, hpack",
			"note: gleam has rebar3 compile hpack: the toolchain has to have it", "note: gleam has mix compile fork: the toolchain has to have it",
		}},
		{"no lock", header + "[dependencies]\ngleam_stdlib = \">= 0.50.0\"\nfork = { git = \"https://forge.example/x\", ref = \"a\" }\n" + entry, []string{
			"project: Gleam: gleam.toml found", "needs gleam: gleam.toml", "release: shop: the package of gleam.toml", "version: 1.2.0: gleam.toml",
			"needs git: the git dependency fork", "fetch: gleam deps download, with the network: dependencies: fork, gleam_stdlib",
			"note: there is no manifest.toml: run `gleam deps download` and commit it, or builds may differ",
		}},
		{"none", "-- README.md --\n", nil},
	} {
		n, _, err := plan(t, c.tree)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, n.Lines); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name, tree string
		flags      []string
		code       int
		says, hint string
	}{
		{"no TOML", "-- gleam.toml --\nname = \n", nil, 4, "reading gleam.toml: ", "mend the file there"},
		{"a lock that is none", header + "-- manifest.toml --\npackages = [\n", nil, 4, "reading manifest.toml: ", "mend the file there"},
		{"JavaScript", header + "target = \"javascript\"\n" + entry, nil, 2, "gleam.toml says that the project is for JavaScript", `set target = "erlang"`},
		{"no name", "-- gleam.toml --\nversion = \"1\"\n", nil, 2, "gleam.toml has no name", "write name"},
		{"a name that is a path", "-- gleam.toml --\nname = \"../../x\"\n", nil, 2, "", ""},
		{"a version that is a path", "-- gleam.toml --\nname = \"shop\"\nversion = \"../1\"\n" + entry, nil, 2, "the package's version: ", "give it another name"},
		{"another name", header + entry, []string{"release=web"}, 2, `the project has no release "web"`, "it is shop"},
		{"a library", header + "-- src/shop.gleam --\npub fn add(a, b) { a + b }\n", nil, 2, "src/shop.gleam has no main function", "a library is built by"},
		{"a dependency outside", header + "[dependencies]\nmine = { path = \"../mine\" }\n" + entry, nil, 2, `dependency "mine" lies outside the project, at "../mine"`, "build from a directory that holds both"},
	} {
		_, _, err := plan(t, c.tree, c.flags...)
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		if !strings.Contains(err.Error(), c.says) || !strings.Contains(problem.Hint(err), c.hint) || problem.Code(err) != c.code {
			t.Errorf("%s: code %d, error %q, hint %q", c.name, problem.Code(err), err, problem.Hint(err))
		}
	}
}

// What the project's own Dockerfile starts a shipment with is said, for an image starts
// it with nothing.
func TestDockerfileStarts(t *testing.T) {
	for start, want := range map[string]string{
		`ENTRYPOINT ["/app/entrypoint.sh"]` + "\n" + `CMD ["run"]`: "",
		`CMD ["/app/entrypoint.sh", "run", "server", "--all"]`: "note: Dockerfile starts it with server --all, and dram's image with nothing: " +
			`--image-command run --image-command "server" --image-command "--all" does the same`,
		`CMD ["/app/start.sh"]`: "note: Dockerfile starts /app/start.sh, and dram's image the release itself: what that does before is for its main function to do",
	} {
		n, _, err := plan(t, header+entry+"-- Dockerfile --\nFROM erlang:27 AS build\nRUN gleam export erlang-shipment\nFROM erlang:27\nCOPY --from=build /app/build/erlang-shipment /app\n"+start+"\n")
		if err != nil {
			t.Fatal(err)
		}
		var notes []string
		for _, line := range n.Lines {
			if strings.HasPrefix(line, "note: Dockerfile starts") {
				notes = append(notes, line)
			}
		}
		if got := strings.Join(notes, "\n"); got != want {
			t.Errorf("%s: %s", start, got)
		}
	}
}

func TestJob(t *testing.T) {
	_, b, err := plan(t, header+entry+locks)
	if err != nil {
		t.Fatal(err)
	}
	src := &source.Tree{Files: []source.File{{Path: "gleam.toml"}, {Path: "libs/mine/gleam.toml"}, {Path: "manifest.toml"}, {Path: "src/shop.gleam"}}}
	job := b.Job(tool.Circumstances{Source: src, Environ: []string{"HTTPS_PROXY=http://p", "HOME=/home/u"}})
	var got []string
	for _, s := range job.Steps {
		line := s.Name + ": " + strings.Join(s.Argv[:2], " ")
		if s.Network {
			line += ", online with " + strings.Join(s.Secrets, " ") + ", needs " + strings.Join(s.Needs, " ") + ", of " + strings.Join(s.Remotes, " ")
		}
		got = append(got, line)
	}
	want := []string{
		"fetch: gleam deps, online with HTTPS_PROXY=http://p, needs gleam.toml libs/mine/gleam.toml manifest.toml, of ssh://git@forge.example/a/fork",
		"release: gleam export", "release of the shipment: sh -ec",
	}
	if diff := cmp.Diff(want, got); diff != "" || job.Export != "/app/build/dram/shop" {
		t.Errorf("to %s: %s", job.Export, diff)
	}
	last := job.Steps[2].Argv
	if diff := cmp.Diff([]string{"shipment", "/app/build/erlang-shipment", "shop", "1.2.0", "/app/build/dram/shop"}, last[len(last)-5:]); diff != "" {
		t.Error(diff)
	}
}

// What a Dockerfile builds in is what is said where a toolchain has no gleam.
func TestHint(t *testing.T) {
	for tree, want := range map[string]string{
		header + entry: "name an image that has gleam and Erlang",
		header + entry + "-- Dockerfile --\nFROM registry.example/gleam:v1.12.0-erlang-alpine\nRUN gleam export erlang-shipment\n": "--toolchain image:registry.example/gleam:v1.12.0-erlang-alpine",
	} {
		d, err := project.Open(tooltest.Tree(t, tree))
		if err != nil {
			t.Fatal(err)
		}
		p, err := Tool{}.Read(d)
		_ = d.Close()
		if err != nil {
			t.Fatal(err)
		}
		if got := p.(*Project).hint(); !strings.Contains(got, want) {
			t.Errorf("the hint is %q, want %q", got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(header, locks)
	f.Add("name = 1\n[dependencies]\na = [1]\n", "packages = [{source = \"git\"}]\n")
	f.Fuzz(func(t *testing.T, config, lock string) {
		d, err := project.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		tooltest.Put(t, d.Path, File, config)
		tooltest.Put(t, d.Path, Manifest, lock)
		if p, err := (Tool{}).Read(d); err == nil && p != nil {
			if b, err := p.Plan(&tooltest.Plan{}); err == nil {
				if _, err := b.Release(); err == nil {
					_, _ = b.Work("online")
				}
			}
		}
	})
}
