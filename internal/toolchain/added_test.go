package toolchain_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"dram/internal/distro"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/toolchain"
)

// shelf is a package manager for the test: each package is a program of its name.
type shelf struct{ asked []string }

func (*shelf) Family() distro.Family      { return distro.Pacman }
func (*shelf) Of(s *distro.Snapshot) bool { return s.Programs["pacman"] != "" }
func (s *shelf) Add(_ context.Context, _ distro.Access, a distro.Addition) (*distro.Root, error) {
	s.asked = a.Packages
	if slices.Equal(a.Packages, []string{"there"}) {
		return nil, nil
	}
	return &distro.Root{
		ID: strings.Join(a.Packages, " "), Name: "packages of the shelf",
		Fill: func(_ context.Context, dir string, _ distro.Configurer, _ func(string, ...any)) error {
			for _, p := range a.Packages {
				if err := os.WriteFile(filepath.Join(dir, "usr/bin", p), []byte("#!/bin/sh\n"), 0o755); err != nil {
					return fmt.Errorf("filling: %w", err)
				}
			}
			return nil
		},
	}, nil
}

// layoutWith is a layout of an image with these files.
func layoutWith(t *testing.T, files ...file) ref.Ref {
	t.Helper()
	img, err := mutate.AppendLayers(empty.Image, tarLayer(t, files...))
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config = "linux", "amd64", v1.Config{Env: []string{"PATH=/usr/bin"}}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "layout")
	at, err := layout.Write(dir, empty.Index)
	if err == nil {
		err = at.AppendImage(img)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ref.Ref{Kind: ref.Layout, Value: dir}
}

// Packages are added to an image's root where it lacks them, and the result is kept by
// both.
func TestPackagesAreAdded(t *testing.T) {
	s := &shelf{}
	p := provider(t)
	p.Adders = distro.Adders{s}
	var warned []string
	p.Warn = func(format string, args ...any) { warned = append(warned, fmt.Sprintf(format, args...)) }
	release := file{Name: "etc/os-release", Body: "ID=arch\nPRETTY_NAME=\"Shelf Linux\"\n"}
	with := layoutWith(t, release, file{Name: "usr/bin/pacman"}, file{Name: "usr/bin/git"}, file{Name: "usr/bin/make"})
	without := layoutWith(t, release, file{Name: "usr/bin/git"})
	git, c, zig := distro.Want{Need: distro.Git}, distro.Want{Need: distro.C}, distro.Want{Need: distro.Zig, Perhaps: true}
	for _, tt := range []struct {
		name     string
		in       ref.Ref
		packages []string
		needs    []distro.Want
		asked    string
		has      string // of programs in the root, or the error or warning
		code     int
	}{
		{"nothing", with, nil, nil, "", "git make pacman", 0},
		{"what is met", with, nil, []distro.Want{git}, "", "git make pacman", 0},
		{"half of what is needed is there", with, nil, []distro.Want{git, c}, "gcc make", "gcc git make pacman", 0},
		{"asked for and needed", with, []string{"zig", "less"}, []distro.Want{zig}, "less zig", "git less make pacman zig", 0},
		{"the manager has it already", with, []string{"there"}, nil, "there", "git make pacman", 0},
		{"no manager, and all is met", without, nil, []distro.Want{git}, "", "git", 0},
		{"no manager", without, nil, []distro.Want{c}, "", "(Shelf Linux) lacks a C compiler and make, and packages cannot be added", 2},
		{"no manager, asked for", without, []string{"less"}, []distro.Want{zig}, "", "lacks less, zig, and packages cannot be added", 2},
		{"no manager, and perhaps not needed", without, nil, []distro.Want{zig}, "", "git", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.asked, warned = nil, nil
			tc, err := p.Open(t.Context(), tt.in, toolchain.Options{Packages: tt.packages, Needs: tt.needs})
			if err != nil {
				if problem.Code(err) != tt.code || !strings.Contains(err.Error(), tt.has) || !strings.Contains(problem.Hint(err), "distro:") {
					t.Errorf("exit %d, hint %q: %v", problem.Code(err), problem.Hint(err), err)
				}
				return
			}
			if got := strings.Join(s.asked, " "); got != tt.asked {
				t.Errorf("asked for %q", got)
			}
			base, err := p.Open(t.Context(), tt.in, toolchain.Options{})
			if err != nil {
				t.Fatal(err)
			}
			added := tt.asked != "" && tt.asked != "there"
			if (tc.ID != base.ID) != added || strings.HasSuffix(tc.Name, " with packages of the shelf") != added {
				t.Errorf("%s %q, the image's own %s", tc.ID, tc.Name, base.ID)
			}
			if found := p.Added(tt.in, toolchain.Options{Packages: tt.packages, Needs: tt.needs}); (found == "packages of the shelf") != added {
				t.Errorf("for the plan, %q was found missing", found)
			}
			root, err := tc.Root(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			entries, err := os.ReadDir(filepath.Join(root, "usr/bin"))
			if err != nil {
				t.Fatal(err)
			}
			var has []string
			for _, e := range entries {
				has = append(has, e.Name())
			}
			if got := strings.Join(has, " "); got != tt.has {
				t.Errorf("the root has %q, want %q", got, tt.has)
			}
			if told := strings.Join(warned, "\n"); strings.Contains(told, "lacks zig") != (tt.name == "no manager, and perhaps not needed") {
				t.Errorf("told %q", told)
			}
		})
	}
}

// What packages were added to is no registry's image: it is handed over as it is here.
func TestAddedIsHandedOver(t *testing.T) {
	host := startRegistry(t, nil)
	img := elixirImage(t)
	more, err := mutate.AppendLayers(img, tarLayer(t, file{Name: "usr/bin/pacman"}))
	if err != nil {
		t.Fatal(err)
	}
	push(t, host+"/x:1", more)
	p := provider(t)
	p.Adders = distro.Adders{&shelf{}}
	at := ref.Ref{Kind: ref.Image, Value: host + "/x:1"}
	base, err := p.Open(t.Context(), at, toolchain.Options{})
	if err != nil || base.Pull() == "" {
		t.Fatalf("%v, %q", err, base.Pull())
	}
	tc, err := p.Open(t.Context(), at, toolchain.Options{Packages: []string{"less"}})
	if err != nil {
		t.Fatal(err)
	}
	if tc.Pull() != "" {
		t.Errorf("a registry has it, at %s", tc.Pull())
	}
	got, err := tc.Image(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if layers, err := got.Layers(); err != nil || len(layers) != 1 {
		t.Errorf("%d layers, %v", len(layers), err)
	}
	if !slices.Equal(tc.Config.Env, base.Config.Env) {
		t.Errorf("environment %q", tc.Config.Env)
	}
}
