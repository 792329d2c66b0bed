package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/distro"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/ref"
)

// planned is the plan of a project with flags, and what it says of packages.
func planned(t *testing.T, p project.Project, flags map[string][]string) (*Plan, []string, error) {
	t.Helper()
	p.App, p.HasLock = "shop", true
	in := inputs(p)
	var err error
	for flag, values := range flags {
		if in.Config, err = in.Config.WithFlag(flag, values); err != nil {
			t.Fatal(err)
		}
	}
	pl, err := Make(t.Context(), in)
	if err != nil {
		return nil, nil, err
	}
	var says []string
	for _, d := range pl.Decisions {
		if d.Name == "packages" {
			says = append(says, d.Value+": "+d.Reason)
		}
	}
	return pl, says, nil
}

// What a project needs is added to the toolchain, and said.
func TestNeeds(t *testing.T) {
	asked := project.Asked{Elixir: project.Version{Version: "1.18.3", File: ".tool-versions"}}
	fork := []project.Dep{
		{Name: "fork", Source: project.Git, Where: "https://forge.example/fork"},
		{Name: "dev", Source: project.Git, Where: "git@forge.example:dev", Only: []string{"dev"}},
	}
	private := []project.Dep{{Name: "own", Source: project.Git, Where: "git@forge.example:a/own.git"}}
	const where = ", from the archive that the image's distribution has"
	for _, tt := range []struct {
		name    string
		project project.Project
		flags   map[string][]string
		want    Additions
		says    []string
		notes   string
	}{
		{"nothing", project.Project{Asked: asked}, nil, Additions{}, nil, ""},
		{
			"git, in an image",
			project.Project{Asked: asked, Deps: fork},
			nil,
			Additions{Needs: []distro.Want{{Need: distro.Git}}},
			[]string{"git if the image lacks it" + where + ": the git dependency fork needs it"},
			"",
		},
		{"git, in a root that has it", project.Project{Deps: fork}, nil, Additions{}, nil, ""},
		{
			"ssh, in a root",
			project.Project{Deps: private},
			nil,
			Additions{Packages: []string{"openssh-client"}},
			[]string{"openssh-client: the git dependency own (forge.example:a/own.git) needs ssh"},
			"",
		},
		{
			"ssh for a repository that mix.lock names",
			project.Project{Shown: project.Shown{LockedGit: []project.Repository{{Name: "deep", URL: "ssh://git:token@forge.example/deep"}}}},
			nil,
			Additions{Packages: []string{"openssh-client"}},
			[]string{"openssh-client: the git dependency deep (ssh://forge.example/deep) needs ssh"},
			"",
		},
		{
			"what was asked for comes once",
			project.Project{Deps: private},
			map[string][]string{"package": {"openssh-client", "less"}},
			Additions{Packages: []string{"openssh-client", "less"}},
			[]string{"openssh-client, less: set by --package"},
			"",
		},
		{
			"C that is seen is needed for certain, and of a package known by name perhaps",
			project.Project{Asked: asked, Shown: project.Shown{NativeCode: []string{"c_src/nif.c"}, Locked: []string{"elixir_make", "rocksdb"}}},
			nil,
			Additions{Needs: []distro.Want{{Need: distro.C}, {Need: distro.CMake, Perhaps: true}}},
			[]string{
				"a C compiler and make if the image lacks it" + where + ": c_src/nif.c needs it",
				"cmake if the image lacks it" + where + ": rocksdb needs it",
			},
			"",
		},
		{
			"Rust",
			project.Project{Shown: project.Shown{NativeCode: []string{"native/x/Cargo.toml"}}},
			nil,
			Additions{Packages: []string{"cargo"}},
			[]string{"cargo: native/x/Cargo.toml needs cargo"},
			"",
		},
		{
			"rustler beside its precompiled sibling is optional",
			project.Project{Shown: project.Shown{Locked: []string{"rustler", "rustler_precompiled"}}},
			map[string][]string{"build-network": {"host"}},
			Additions{},
			nil, "compiling has the network: what it downloads is not checked by dram, and builds may differ",
		},
		{
			"Zig, which no stable suite has",
			project.Project{Shown: project.Shown{NativeCode: []string{"./mix.exs: dependency :zigler"}}},
			nil,
			Additions{},
			nil, "./mix.exs: dependency :zigler needs zig, and which package of debian has it is not known: --package NAME",
		},
		{
			"packages of an image",
			project.Project{},
			map[string][]string{"toolchain": {"tar:x.tar"}, "package": {"less", "cmake"}},
			Additions{Packages: []string{"less", "cmake"}},
			[]string{"less, cmake" + where + ": set by --package"},
			"",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, says, err := planned(t, tt.project, tt.flags)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, p.Additions); diff != "" {
				t.Error(diff)
			}
			if !slices.Equal(says, tt.says) || strings.Join(p.Notes, "\n") != tt.notes {
				t.Errorf("says %q, notes %q", says, p.Notes)
			}
		})
	}
}

// Packages are added to no machine that dram runs on.
func TestPackagesOnThisMachine(t *testing.T) {
	_, _, err := planned(t, project.Project{}, map[string][]string{"engine": {"host"}, "package": {"less"}})
	if problem.Code(err) != 2 || !strings.Contains(err.Error(), "packages are not added to this machine: less") {
		t.Errorf("err = %v", err)
	}
	if _, _, err := planned(t, project.Project{Shown: project.Shown{NativeCode: []string{"c_src/nif.c"}}}, map[string][]string{"engine": {"host"}}); err != nil {
		t.Errorf("what this machine is thought to have: %v", err)
	}
}

// What adding costs is said where it was found out before.
func TestWhatWasAddedIsSaid(t *testing.T) {
	in := inputs(project.Project{App: "shop", HasLock: true, Shown: project.Shown{NativeCode: []string{"c_src/nif.c"}}})
	var err error
	if in.Config, err = in.Config.WithFlag("toolchain", []string{"tar:x.tar"}); err != nil {
		t.Fatal(err)
	}
	in.Added = func(r ref.Ref, a Additions) string { return r.String() + ": " + string(a.Needs[0].Need) + ", 62 MB" }
	p, err := Make(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if got := reason(p, "added"); got != "tar:x.tar: a C compiler and make, 62 MB: what the image was last found to lack" {
		t.Errorf("says %q", got)
	}
}
