package pipeline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/distro/distros"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/store"
	"dram/internal/toolchain"
)

// toy is a distribution: all that dram needs of one is in this file, and a row
// of a table makes it known.
type toy struct{}

func (toy) Info() distro.Info {
	return distro.Info{ID: "toy", Name: "Toy", Suites: []distro.Suite{
		{Distribution: "toy", Version: "2", Codename: "duck", VersionID: "2", Stable: true},
		{Distribution: "toy", Version: "1", Codename: "ball", VersionID: "1", Stable: true},
		{Distribution: "toy", Version: "next"},
	}}
}

// Runtime is known of the older suite alone, which needs little.
func (toy) Runtime(s distro.Suite, _ string) (distro.Runtime, bool) {
	return distro.Runtime{Symbols: []distro.Symbols{{Library: "libc.so.6", Version: "GLIBC_2.17"}}}, s.Version == "1"
}

func (toy) Package(_ distro.Suite, soname string) (string, bool) {
	return "toy-z", soname == "libz.so.1"
}

func (toy) CI(s distro.Suite, packages []string) distro.CI {
	return distro.CI{Image: s.String(), Install: append([]string{"toy add"}, packages...)}
}

func (toy) Archive(distro.Access) distro.Archive { return toyArchive{} }

type toyArchive struct{}

func (toyArchive) Versions(_ context.Context, r distro.Request) (distro.Versions, error) {
	return map[string]distro.Versions{
		"2": {Elixir: "1.18.3", Erlang: "27.3"}, "1": {Elixir: "1.15.7", Erlang: "26.2"}, "next": {Elixir: "1.20.0", Erlang: "29.0"},
	}[r.Suite.Version], nil
}

func (a toyArchive) Resolve(ctx context.Context, r distro.Request) (*distro.Root, error) {
	has, err := a.Versions(ctx, r)
	return &distro.Root{
		ID: store.DigestOf([]byte(r.Suite.String() + strings.Join(r.Packages, " "))).Hex(), Name: "Toy " + r.Suite.Version,
		Fill: func(_ context.Context, dir string, _ distro.Configurer, tell func(format string, args ...any)) error {
			tell("filling %s", r.Suite)
			return os.CopyFS(dir, files(map[string]string{
				"etc/os-release":                            "PRETTY_NAME=\"Toy " + r.Suite.Version + "\"\n",
				"usr/lib/erlang/releases/1/OTP_VERSION":     has.Erlang + "\n",
				"usr/lib/elixir/lib/elixir/ebin/elixir.app": `{application,elixir,[{vsn,"` + has.Elixir + `"}]}.`,
				"usr/share/packages":                        strings.Join(r.Packages, "\n"),
			}))
		},
	}, err
}

func files(texts map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range texts {
		out[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	return out
}

// A plan chooses among the suites of the distribution that is the default, and
// takes those of any other that the table has.
func TestPlanOfAnotherDistribution(t *testing.T) {
	for _, tt := range []struct {
		name             string
		table            distro.Table
		requirement, set string
		want, reason     string // or the error and its hint
	}{
		{"the newest", distro.Table{toy{}}, "", "", "distro:toy/2", "the newest Toy stable; mix.exs requires no version of Elixir"},
		{"an older one", distro.Table{toy{}}, "~> 1.15.0", "", "distro:toy/1", `the newest Toy stable whose Elixir (1.15.7) satisfies elixir: "~> 1.15.0"`},
		{
			"none",
			distro.Table{toy{}},
			"~> 1.19", "",
			`no Toy stable has an Elixir that satisfies elixir: "~> 1.19" of mix.exs`,
			"toy/2 has Elixir 1.18.3 on OTP 27.3\ntoy/1 has Elixir 1.15.7 on OTP 26.2\ntoy/next has Elixir 1.20.0 on OTP 29.0\nchoose one with --toolchain distro:toy/…",
		},
		{"beside others", append(distros.All(), toy{}), "", "distro:toy/ball", "distro:toy/ball", "set by --toolchain"},
		{"no such suite", append(distros.All(), toy{}), "", "distro:toy/9", `unknown Toy suite "9"`, "use one of 2 (duck), 1 (ball), next"},
		{"no such distribution", append(distros.All(), toy{}), "", "distro:plan9/4", `unknown distribution "plan9"`, "distro:debian/sid, distro:toy/2, distro:toy/1, distro:toy/next"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := planner(t, EngineOption{Name: "native", Asked: "for the test"})
			p.Toolchains.Distros = tt.table
			got, reason := planned(t, p, tt.requirement, tt.set)
			if got != tt.want || !strings.Contains(reason, tt.reason) {
				t.Errorf("got %q, %q; want %q, %q", got, reason, tt.want, tt.reason)
			}
		})
	}
}

// planned is the toolchain of a plan and why, or else the error and its hint.
func planned(t *testing.T, p *Pipeline, requirement, set string) (chosen, reason string) {
	t.Helper()
	mix := "defmodule App.MixProject do\n  use Mix.Project\n  def project, do: [app: :app, version: \"0.1.0\", deps: []"
	if requirement != "" {
		mix += ", elixir: \"" + requirement + "\""
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mix.exs"), []byte(mix+"]\nend\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var c config.Config
	if set != "" {
		var err error
		if c, err = c.WithFlag("toolchain", []string{set}); err != nil {
			t.Fatal(err)
		}
	}
	pl, err := p.Plan(t.Context(), dir, c)
	if err != nil {
		if problem.Code(err) != 2 {
			t.Errorf("exit code %d", problem.Code(err))
		}
		return err.Error(), problem.Hint(err)
	}
	for _, d := range pl.Decisions {
		if d.Name == "toolchain" {
			return pl.Toolchain, d.Reason
		}
	}
	return pl.Toolchain, ""
}

// Its root is made once, tells of its progress, and is kept by its content.
func TestRootOfAnotherDistribution(t *testing.T) {
	p := planner(t)
	p.Toolchains.Distros = append(distros.All(), toy{})
	var told []string
	tell := func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }
	open := func(ref string, packages ...string) (*toolchain.Toolchain, string) {
		tc, err := p.OpenToolchain(t.Context(), ref, plan.Additions{Packages: packages})
		if err != nil {
			t.Fatal(err)
		}
		root, err := tc.Unpack(t.Context(), tell)
		if err != nil {
			t.Fatal(err)
		}
		return tc, root
	}
	tc, root := open("distro:toy/duck", "cmake")
	_, again := open("distro:toy/2", "cmake")
	_, other := open("distro:toy/1")
	if next, err := p.OpenToolchain(t.Context(), "distro:toy/next", plan.Additions{}); err != nil {
		t.Fatal(err)
	} else if _, err := next.Root(t.Context()); err != nil { // with nobody to be told
		t.Error(err)
	}
	facts, err := tc.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := toolchain.Facts{OTP: "27.3", Elixir: "1.18.3", OS: "Toy 2", Path: facts.Path}
	if d := cmp.Diff(want, facts); d != "" {
		t.Error(d)
	}
	if tc.Name != "Toy 2" || root != again || root == other {
		t.Errorf("%q: %s, %s, %s", tc.Name, root, again, other)
	}
	if text, err := os.ReadFile(filepath.Join(root, "usr/share/packages")); err != nil || string(text) != "cmake" {
		t.Errorf("%q, %v", text, err)
	}
	if d := cmp.Diff([]string{"filling toy/2", "filling toy/1"}, told); d != "" {
		t.Error(d)
	}
}

// Builds beside one another tell each of itself alone.
func TestProgressIsOfOneCall(t *testing.T) {
	p := planner(t)
	p.Toolchains.Distros = distro.Table{toy{}}
	told := make([][]string, 2)
	var group errgroup.Group
	for i, name := range []string{"distro:toy/1", "distro:toy/2"} {
		tc, err := p.OpenToolchain(t.Context(), name, plan.Additions{})
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() error {
			_, err := tc.Unpack(t.Context(), func(format string, args ...any) { told[i] = append(told[i], fmt.Sprintf(format, args...)) })
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([][]string{{"filling toy/1"}, {"filling toy/2"}}, told); d != "" {
		t.Error(d)
	}
}
