package scaffold

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/distro/distros"
	"dram/internal/plan"
	"dram/internal/source"
	"dram/internal/tool"
	"dram/internal/tool/tools"
	"dram/internal/toolchain"
)

var update = flag.Bool("update", false, "write testdata/*.txtar anew")

// planned is a project of files, as far as it goes without a toolchain at hand.
func planned(t *testing.T, files []txtar.File, flags ...string) Project {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		fill(t, dir, map[string]string{f.Name: string(f.Data)})
	}
	var c config.Config
	settings := []Setting{}
	for i := 0; i+1 < len(flags); i += 2 {
		var err error
		if c, err = c.WithFlag(flags[i], flags[i+1:i+2]); err != nil {
			t.Fatal(err)
		}
		settings = append(settings, Setting{flags[i], flags[i+1 : i+2]})
	}
	proj, err := tools.Read(dir, plan.Given(config.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	var edit *tool.Edit
	if lacking, ok := proj.(tool.Preparer); ok {
		if proj, edit, err = lacking.Prepared(tool.Release{Name: "shop", Env: "prod"}); err != nil {
			t.Fatal(err)
		}
	}
	pl, err := plan.Make(t.Context(), plan.Inputs{
		Project: proj, Config: c, Arch: "amd64", Distro: distros.All().Default().Info(),
		Engine: func(context.Context, string) (string, string, error) { return plan.BuildKitEngine, "for the test", nil },
		Versions: func(_ context.Context, suite string) (distro.Versions, error) {
			return map[string]distro.Versions{"debian/13": {Elixir: "1.18.3", Erlang: "27.3.4.1"}, "debian/12": {Elixir: "1.14.0", Erlang: "25.2.3"}}[suite], nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := toolchain.ParseRef(pl.Toolchain)
	if err != nil {
		t.Fatal(err)
	}
	src, err := source.Read(t.Context(), dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	facts := toolchain.Facts{OTP: "27.3.4.1", Elixir: "1.18.3", Path: "/usr/bin:/bin", Hex: true, Rebar3: "/usr/bin/rebar3", CC: true, CACerts: "/etc/ssl/certs/ca-certificates.crt"}
	return Project{
		Project: proj.Facts(), Plan: pl, Job: pl.Job(&toolchain.Toolchain{Ref: ref}, "/root", facts, src, []string{"HEX_API_KEY=hunter2"}),
		Settings: settings, Edit: edit,
	}
}

// What is written for each kind of project, as people read it.
func TestGolden(t *testing.T) {
	for name, flags := range map[string][]string{
		"mix":        {"toolchain", "distro:debian/12", "image-env", "PRICE=5 $", "label", `say=a "word"`, "expose", "4000"},
		"umbrella":   {"release", "web"},
		"distillery": nil,
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name+".txtar")
			golden, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var in []txtar.File
			want := map[string]string{}
			for _, f := range golden.Files {
				if rest, ok := strings.CutPrefix(f.Name, "in/"); ok {
					in = append(in, txtar.File{Name: rest, Data: f.Data})
				} else {
					want[f.Name] = string(f.Data)
				}
			}
			p := planned(t, in, flags...)
			p.CI = Services()
			files, err := Files(p)
			if err != nil {
				t.Fatal(err)
			}
			changes, err := Compare(p.Plan.Dir, files)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{"out/commands": strings.Join(Commands(p), "\n") + "\n"}
			fresh := txtar.Archive{Comment: golden.Comment}
			for _, f := range in {
				fresh.Files = append(fresh.Files, txtar.File{Name: "in/" + f.Name, Data: f.Data})
			}
			fresh.Files = append(fresh.Files, txtar.File{Name: "out/commands", Data: []byte(got["out/commands"])})
			for _, c := range changes {
				text := string(c.New)
				if c.Path == BuildScript { // tested on its own
					continue
				}
				if strings.Contains(text, "hunter2") {
					t.Errorf("%s has a secret", c.Path)
				}
				got["out/"+c.Path] = text
				fresh.Files = append(fresh.Files, txtar.File{Name: "out/" + c.Path, Data: []byte(text)})
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(&fresh), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s (-update writes it):\n%s", file, d)
			}
		})
	}
}

// inputOf is the input of a golden file.
func inputOf(t *testing.T, golden string) []txtar.File {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/" + golden)
	if err != nil {
		t.Fatal(err)
	}
	var in []txtar.File
	for _, f := range archive.Files {
		if rest, ok := strings.CutPrefix(f.Name, "in/"); ok {
			in = append(in, txtar.File{Name: rest, Data: f.Data})
		}
	}
	return in
}

// Written and compared again, all are the same.
func TestTwiceIsOnce(t *testing.T) {
	in := inputOf(t, "umbrella.txtar")
	p := planned(t, in, "release", "web")
	p.CI = Services()
	for round := range 2 {
		files, err := Files(p)
		if err != nil {
			t.Fatal(err)
		}
		changes, err := Compare(p.Plan.Dir, files)
		if err != nil {
			t.Fatal(err)
		}
		if diff := Diff(changes); (round == 0) != (len(diff) > 0) {
			t.Fatalf("round %d:\n%s", round, diff)
		}
		if err := Write(p.Plan.Dir, changes); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSettingsAreAdded(t *testing.T) {
	for _, c := range []struct{ name, old, want string }{
		{"none", "", "release = 'web'\n\n[image]\nexpose = [4000, 4001]\n"},
		{
			"others", "# why\n[toolchain]\nref = \"distro:debian/12\"\n[image]\nenv = { A = \"1\" }\n[[builder]]\nname = \"b\"\naddress = \"tcp://b.example:1\"\n",
			"release = 'web'\n\n[[builder]]\naddress = 'tcp://b.example:1'\nname = 'b'\nweight = 1\n\n[image]\nexpose = [4000, 4001]\n\n[image.env]\nA = '1'\n\n[toolchain]\nref = 'distro:debian/12'\n",
		},
		{"the same", "release = \"web\" # why\n[image]\nexpose = [4001, 4000]\n", "release = \"web\" # why\n[image]\nexpose = [4001, 4000]\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := settings([]byte(c.old), []Setting{{"release", []string{"web"}}, {"expose", []string{"4000", "4001"}}})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, string(got)); d != "" {
				t.Error(d)
			}
			again, err := settings(got, []Setting{{"release", []string{"web"}}})
			if err != nil || string(again) != string(got) {
				t.Errorf("%v\n%s", err, again)
			}
		})
	}
}

// An image with something added is made here, as all but an image are: the commands
// say that it is to be loaded, and its name is the one that it is loaded as.
func TestMade(t *testing.T) {
	for _, c := range []struct {
		ref  string
		add  plan.Additions
		want bool
	}{
		{"image:hexpm/elixir:1.18", plan.Additions{}, false},
		{"image:hexpm/elixir:1.18", plan.Additions{Packages: []string{"git"}}, true},
		{"image:hexpm/elixir:1.18", plan.Additions{Upstream: toolchain.Upstream{Elixir: "1.18.1"}}, true},
		{"image:hexpm/elixir:1.18", plan.Additions{Needs: []distro.Want{{Need: distro.Git}}}, true},
		{"distro:debian/13", plan.Additions{}, true},
	} {
		parsed, err := toolchain.ParseRef(c.ref)
		if err != nil {
			t.Fatal(err)
		}
		p := planned(t, []txtar.File{{Name: "mix.exs", Data: []byte("defmodule A do\n def project, do: [app: :a, version: \"1\"]\nend\n")}})
		p.Plan.Toolchain, p.Plan.Additions = c.ref, c.add
		if got := Commands(p)[0] == "dram toolchain load"; got != c.want || Made(parsed, c.add) != c.want {
			t.Errorf("%s with %+v is to be loaded: %v", c.ref, c.add, got)
		}
		if strings.HasPrefix(Toolchain(parsed, c.add), "dram-toolchain:") != c.want {
			t.Errorf("%s with %+v is called %s", c.ref, c.add, Toolchain(parsed, c.add))
		}
	}
}

func TestToolchainNames(t *testing.T) {
	for ref, want := range map[string]string{
		"distro:debian/13":                "dram-toolchain:debian-13",
		"image:hexpm/elixir:1.18":         "hexpm/elixir:1.18",
		"oci:../my layout":                "dram-toolchain:my-layout",
		"tar:" + strings.Repeat("x", 200): "dram-toolchain:" + strings.Repeat("x", 100),
	} {
		parsed, err := toolchain.ParseRef(ref)
		if err != nil {
			t.Fatal(err)
		}
		if got := Toolchain(parsed, plan.Additions{}); got != want {
			t.Errorf("%s is %s", ref, got)
		}
	}
	debian, _ := toolchain.ParseRef("distro:debian/13")
	names := map[string]bool{}
	for _, has := range []plan.Additions{
		{Packages: []string{"cmake"}},
		{Packages: []string{"libsodium-dev"}},
		{Upstream: toolchain.Upstream{Elixir: "1.18.1"}},
		{Upstream: toolchain.Upstream{OTP: "27.2", Elixir: "1.18.1"}},
		{Upstream: toolchain.Upstream{Elixir: "1.18.1"}, Packages: []string{"cmake"}},
	} {
		name := Toolchain(debian, has)
		if names[name] || !strings.HasPrefix(name, "dram-toolchain:debian-13-with-") {
			t.Errorf("%+v is %s", has, name)
		}
		names[name] = true
	}
	image, _ := toolchain.ParseRef("image:hexpm/erlang:27.2-debian")
	if got := Toolchain(image, plan.Additions{Upstream: toolchain.Upstream{Elixir: "1.18.1"}}); !strings.HasPrefix(got, "dram-toolchain:") {
		t.Errorf("an image with a release over it is %s", got)
	}
}

func TestNoLineBreaksInADockerfile(t *testing.T) {
	in := inputOf(t, "mix.txtar")
	p := planned(t, in, "image-env", "A=b\nUSER root")
	if _, err := Files(p); err == nil || !strings.Contains(err.Error(), "cannot stand in a Dockerfile") {
		t.Errorf("err = %v", err)
	}
}
