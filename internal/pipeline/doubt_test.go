package pipeline

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dram/internal/config"
	"dram/internal/engine"
	"dram/internal/problem"
)

// Where a toolchain was found damaged after it was used, all that may have been made
// with it is forgotten, of other projects too; what was not, stays.
func TestWhatIsInDoubtIsDropped(t *testing.T) {
	w := newWorld(t)
	records := []string{"result", "fetched", "place", "verified"}
	for _, kind := range append(records, "took") {
		if err := w.Store.Put(kind, "of another project", true); err != nil {
			t.Fatal(err)
		}
	}
	fetched, err := w.Store.Tree(t.Context(), "fetched", "other", func(_ context.Context, dir string) error {
		return os.WriteFile(filepath.Join(dir, "mix.exs"), nil, 0o600)
	})
	if err != nil || !w.Store.HasTree("fetched", "other") {
		t.Fatal(fetched, err)
	}
	place, err := w.Store.Work("build", "other")
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(filepath.Dir(place), "left") // whose process ended
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	w.engine.during = func(_ context.Context, job engine.Job, _ engine.Events) error {
		flip(t, filepath.Join(job.Root, "usr/bin/sed"))
		w.engine.during = nil
		return nil
	}
	w.built(t)
	for _, kind := range records {
		if known := false; w.Store.Get(kind, "of another project", &known) {
			t.Errorf("the record of a %s is believed", kind)
		}
	}
	if known := false; !w.Store.Get("took", "of another project", &known) {
		t.Error("how long something took is forgotten")
	}
	if w.Store.HasTree("fetched", "other") {
		t.Error("what was fetched is believed")
	}
	if _, err := os.Stat(other); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what a build kept is there: %v", err)
	}
}

// A command by hand gets the toolchain that a build of the project would take, and where
// there is none yet, the one that is set.
func TestHandToolchain(t *testing.T) {
	several := strings.Replace(mixExs, "deps: []", "deps: [], releases: [web: [], api: []]", 1)
	for _, tt := range []struct {
		name  string
		files tree
		set   func(c *config.Config)
		code  problem.Kind // 0: it is opened
		says  string
	}{
		{name: "a project", files: tree{"mix.exs": mixExs}},
		{name: "several releases, of which none is chosen", files: tree{"mix.exs": several}},
		{name: "no project yet", files: tree{"readme": ""}},
		{name: "a project that is broken", files: tree{"mix.exs": "defmodule A do\n"}, code: problem.Build, says: "mix.exs:2:1"},
		{
			name: "a toolchain that there is not", files: tree{"mix.exs": mixExs}, code: problem.Usage, says: "nowhere",
			set: func(c *config.Config) { c.Toolchain = "oci:nowhere" },
		},
		{
			name: "a toolchain that there is not, and no project", files: tree{"readme": ""}, code: problem.Usage, says: "nowhere",
			set: func(c *config.Config) { c.Toolchain = "oci:nowhere" },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			dir := t.TempDir()
			writeTree(t, dir, tt.files)
			cfg := w.cfg
			if tt.set != nil {
				tt.set(&cfg)
			}
			tc, err := w.handToolchain(t.Context(), dir, cfg)
			if tt.code != 0 {
				if tc != nil || problem.Code(err) != int(tt.code) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%v, %v (%d), want %q", tc, err, problem.Code(err), tt.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := tc.Ref.String(); got != w.cfg.Toolchain {
				t.Errorf("it is %s, want %s", got, w.cfg.Toolchain)
			}
		})
	}
}
