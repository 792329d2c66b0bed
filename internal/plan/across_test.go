package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/config"
	"dram/internal/engine"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/toolchain"
)

// across is a plan for arm64 on a machine of amd64.
func across(t *testing.T, p project.Project, flags map[string][]string) (*Plan, error) {
	t.Helper()
	p.App, p.HasLock = "shop", true
	in := inputs(p)
	in.Host, in.Arch = "amd64", "arm64"
	var err error
	for flag, values := range flags {
		if in.Config, err = in.Config.WithFlag(flag, values); err != nil {
			t.Fatal(err)
		}
	}
	return Make(t.Context(), in)
}

// Another platform is built for by this one's toolchain, with a cross compiler where there
// is native code, and with what images have of data from the platform's own.
func TestAcross(t *testing.T) {
	native := project.Project{Shown: project.Shown{NativeCode: []string{"c_src/nif.c"}}}
	for _, tt := range []struct {
		name     string
		project  project.Project
		flags    map[string][]string
		compiles string
		packages []string
		runtime  []string // packages
		says     string   // of the decision "cross-compiled"
	}{
		{"no native code", project.Project{}, nil, "linux/amd64", nil, nil, "nothing, as far as is known before"},
		{
			"native code", native, nil, "linux/amd64",
			[]string{"gcc-aarch64-linux-gnu", "g++-aarch64-linux-gnu", "libc6-dev-arm64-cross"},
			nil, "c_src/nif.c",
		},
		{
			"a dependency that compiles",
			project.Project{Shown: project.Shown{Locked: []string{"elixir_make"}}},
			nil, "linux/amd64",
			[]string{"gcc-aarch64-linux-gnu", "g++-aarch64-linux-gnu", "libc6-dev-arm64-cross"},
			nil, "mix.lock: elixir_make",
		},
		{
			"packages and data",
			project.Project{},
			map[string][]string{"package": {"libsodium-dev"}, "tzdata": {"true"}},
			"linux/amd64",
			[]string{"libsodium-dev", "tzdata"},
			[]string{"libsodium-dev", "tzdata"},
			"nothing",
		},
		{"its own toolchain", native, map[string][]string{"emulate": {"true"}}, "linux/arm64", nil, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pl, err := across(t, tt.project, tt.flags)
			if err != nil {
				t.Fatal(err)
			}
			if pl.Platform != "linux/arm64" || pl.Compiles() != tt.compiles {
				t.Errorf("for %s, compiled on %s", pl.Platform, pl.Compiles())
			}
			if d := cmp.Diff(tt.packages, pl.Packages); d != "" {
				t.Error(d)
			}
			if tt.compiles == "linux/arm64" {
				if pl.Across != nil || reason(pl, "cross-compiled") != "" {
					t.Errorf("%+v", pl.Across)
				}
				return
			}
			want := Additions{Packages: tt.runtime, Crossing: toolchain.Crossing{Runtime: true}}
			if d := cmp.Diff(want, pl.Across.Runtime); d != "" {
				t.Error(d)
			}
			if i := slices.IndexFunc(pl.Decisions, func(d Decision) bool { return d.Name == "cross-compiled" }); i < 0 || !strings.HasPrefix(pl.Decisions[i].Value, tt.says) {
				t.Errorf("decisions: %+v", pl.Decisions)
			}
		})
	}
}

// Who named builders has these build for their platforms: nothing is cross-compiled. A
// BuildKit of this machine's is no such builder.
func TestAcrossByBuilders(t *testing.T) {
	for _, builders := range [][]config.Builder{nil, {{Name: "far", Address: "tcp://far.example:1234"}}} {
		in := inputs(project.Project{App: "shop", HasLock: true})
		in.Host, in.Arch = "amd64", "arm64"
		in.Config.Engine, in.Config.Builders = "buildkit", builders
		pl, err := Make(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if crossed := pl.Across != nil; crossed != (builders == nil) {
			t.Errorf("with %d builders: cross-compiled %t", len(builders), crossed)
		}
	}
}

// The platform that compiles has the compilers too where it is one of several, so that one
// toolchain serves both; alone it has none.
func TestCompilersOfTheHost(t *testing.T) {
	in := inputs(project.Project{App: "shop", HasLock: true, Shown: project.Shown{NativeCode: []string{"c_src/nif.c"}}})
	in.Host = "amd64"
	alone, err := Make(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	in.Config.Platforms = []string{"linux/amd64", "linux/arm64"}
	in.Config = in.Config.For("", "linux/amd64")
	one, err := Make(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if len(alone.Packages)+len(alone.Cross) > 0 || !slices.Equal(one.Cross, []string{"arm64"}) || one.Across != nil || len(one.Packages) != 3 {
		t.Errorf("alone %+v, one of two %+v", alone.Additions, one.Additions)
	}
	other, err := across(t, project.Project{Shown: project.Shown{NativeCode: []string{"c_src/nif.c"}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(one.Additions, other.Additions); d != "" {
		t.Errorf("the two platforms have two toolchains: %s", d)
	}
	if d := cmp.Diff(other.Additions, other.CrossAdditions()); d != "" {
		t.Errorf("what is there is added again: %s", d)
	}
}

// A job for another platform differs from that of this one in its key and in what it is
// told of compilers, where what was set for the build wins.
func TestCrossJob(t *testing.T) {
	pl, err := across(t, project.Project{}, map[string][]string{"build-env": {"CXX=clang++"}})
	if err != nil {
		t.Fatal(err)
	}
	job := engine.Job{Key: "k", Env: []string{"PATH=/bin", "CXX=clang++"}}
	got := pl.CrossJob(job)
	if got.Key == job.Key || !slices.Contains(got.Env, "CC=aarch64-linux-gnu-gcc") || !slices.Contains(got.Env, "CXX=clang++") || slices.Contains(got.Env, "CXX=aarch64-linux-gnu-g++") {
		t.Errorf("%+v", got)
	}
	if len(job.Env) != 2 {
		t.Error("the job was changed")
	}
	add := pl.CrossAdditions()
	if !slices.Contains(add.Packages, "gcc-aarch64-linux-gnu") || !slices.Equal(add.Cross, []string{"arm64"}) || len(pl.Packages) > 0 {
		t.Errorf("%+v", add)
	}
}

// What cannot be built for another platform is refused by the plan.
func TestAcrossRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		flags map[string][]string
		says  string
	}{
		"the host engine": {map[string][]string{"engine": {"host"}}, "the host engine builds with this machine's Erlang (linux/amd64), and not for linux/arm64"},
		"a release of Erlang/OTP": {
			map[string][]string{"otp": {"27.2"}, "elixir": {"1.18.1"}},
			"Erlang/OTP 27.2 is compiled here of its source, and not for linux/arm64 on linux/amd64",
		},
	} {
		_, err := across(t, project.Project{}, tt.flags)
		if problem.Code(err) != 2 || err.Error() != tt.says || problem.Hint(err) == "" {
			t.Errorf("%s: %v (%s)", name, err, problem.Hint(err))
		}
	}
}
