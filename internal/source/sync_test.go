package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func syncTo(t testing.TB, src, dst string, keep ...string) []string {
	t.Helper()
	if err := os.MkdirAll(dst, 0o755); err != nil {
		t.Fatal(err)
	}
	changed, err := Sync(t.Context(), read(t, src, Options{}), dst, keep...)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(slices.Values(slices.Concat(changed.Staged, changed.Removed, changed.Strays)))
}

func mtime(t testing.TB, dir, name string) time.Time {
	t.Helper()
	info, err := os.Lstat(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}

// holds fails unless dst holds exactly the files of src, kept names aside.
func holds(t testing.TB, src, dst string) {
	t.Helper()
	if diff := cmp.Diff(read(t, src, Options{}).Files, read(t, dst, Options{}).Files, cmpopts.IgnoreUnexported(File{})); diff != "" {
		t.Error(diff)
	}
}

func TestSync(t *testing.T) {
	src, dst := t.TempDir(), filepath.Join(t.TempDir(), "app")
	write(t, src, "mix.exs", "lib/a.ex", "lib/a b/ü.ex", "bin/x!", "l -> lib/a.ex", "old/gone.ex")
	want := []string{"bin/x", "l", "lib/a b/ü.ex", "lib/a.ex", "mix.exs", "old/gone.ex"}
	if diff := cmp.Diff(want, syncTo(t, src, dst)); diff != "" {
		t.Error(diff)
	}
	holds(t, src, dst)

	if changed := syncTo(t, src, dst); len(changed) > 0 {
		t.Errorf("nothing changed, but %v", changed)
	}

	before, other := mtime(t, dst, "lib/a.ex"), mtime(t, dst, "mix.exs")
	write(t, src, "lib/a.ex=edited", "lib/new.ex")
	remove(t, src, "old/gone.ex")
	remove(t, src, "l")
	write(t, src, "l -> mix.exs")
	chmod(t, src, "bin/x", 0o644)
	if diff := cmp.Diff([]string{"bin/x", "l", "lib/a.ex", "lib/new.ex", "old"}, syncTo(t, src, dst)); diff != "" {
		t.Error(diff)
	}
	holds(t, src, dst)
	if after := mtime(t, dst, "lib/a.ex"); after.Unix() <= before.Unix() {
		t.Errorf("edited at %v, after %v", after, before)
	}
	if !mtime(t, dst, "mix.exs").Equal(other) {
		t.Error("an unchanged file was touched")
	}
	if _, err := os.Stat(filepath.Join(dst, "old")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("an empty directory is left")
	}
}

func TestSyncKeepsWhatTheCallerNames(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	write(t, src, "mix.exs", "apps/web/mix.exs")
	write(t, dst, "_build/prod/x", "deps/a/b", "apps/web/node_modules/m", "apps/web/stray", "stray/x", "depsx")
	syncTo(t, src, dst, "_build", "deps", "apps/web/node_modules")
	var got []string
	_ = filepath.WalkDir(dst, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			got = append(got, strings.TrimPrefix(p, dst+"/"))
		}
		return err
	})
	want := []string{"_build/prod/x", "apps/web/mix.exs", "apps/web/node_modules/m", "deps/a/b", "mix.exs"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What a build made stays where the next Sync is told to keep it, and goes
// where it is not; Changes tells it from what once was source.
func TestGenerated(t *testing.T) {
	src, dst := t.TempDir(), filepath.Join(t.TempDir(), "app")
	write(t, src, "mix.exs", "lib/a.ex", "old/a.ex", "priv/readme")
	syncTo(t, src, dst)
	write(t, dst, "priv/native/x.so", "gen/deep/y", "assets/node_modules/m/i.js", "link -> mix.exs", "deps/d/mix.exs", "was/file")
	kept, err := Generated(read(t, src, Options{}), dst, "deps")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"assets/node_modules", "gen/deep/y", "link", "priv/native/x.so", "was/file"}, kept); diff != "" {
		t.Error(diff)
	}
	write(t, dst, "priv/static/app.css", "gen/stray")
	remove(t, src, "old/a.ex")
	write(t, src, "lib/a.ex=edited", "was/file/now/b.ex", "link=now a file")
	changed, err := Sync(t.Context(), read(t, src, Options{}), dst, append(kept, "deps")...)
	if err != nil {
		t.Fatal(err)
	}
	want := Changes{
		Staged:  []string{"lib/a.ex", "link", "was/file/now/b.ex"},
		Removed: []string{"old"}, Strays: []string{"gen/stray", "priv/static", "was/file"},
	}
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"priv/native/x.so", "gen/deep/y", "assets/node_modules/m/i.js", "deps/d/mix.exs"} {
		if _, err := os.Stat(filepath.Join(dst, name)); err != nil {
			t.Error(err)
		}
	}
}

// What a build does to its copy of the source is undone.
func TestSyncRestores(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, dst, outside string){
		"content":   func(t *testing.T, dst, _ string) { write(t, dst, "lib/a.ex=xxxxxxxx") },
		"removed":   func(t *testing.T, dst, _ string) { remove(t, dst, "lib/a.ex") },
		"times":     func(t *testing.T, dst, _ string) { chtimes(t, dst, "lib/a.ex", time.Unix(1, 0)) },
		"no record": func(t *testing.T, dst, _ string) { remove(t, filepath.Dir(dst), "app.json") },
		"bad record": func(t *testing.T, dst, _ string) {
			write(t, filepath.Dir(dst), `app.json=0000`+"\n"+`{"last":99999999999,"files":{}}`)
		},
		"a directory in place of a file": func(t *testing.T, dst, _ string) {
			remove(t, dst, "lib/a.ex")
			write(t, dst, "lib/a.ex/x")
		},
		"a link in place of a file": func(t *testing.T, dst, outside string) {
			remove(t, dst, "lib/a.ex")
			write(t, dst, "lib/a.ex -> "+filepath.Join(outside, "precious"))
		},
		"a link in place of a directory": func(t *testing.T, dst, outside string) {
			remove(t, dst, "lib/a.ex")
			remove(t, dst, "lib")
			write(t, dst, "lib -> "+outside)
		},
		"a directory that cannot be entered": func(t *testing.T, dst, _ string) {
			write(t, dst, "shut/x")
			chmod(t, dst, "shut", 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			src, dst, outside := t.TempDir(), filepath.Join(t.TempDir(), "app"), t.TempDir()
			write(t, src, "lib/a.ex", "mix.exs")
			write(t, outside, "precious", "a.ex")
			syncTo(t, src, dst)
			spoil(t, dst, outside)
			syncTo(t, src, dst)
			holds(t, src, dst)
			write(t, src, "lib/a.ex=edited")
			syncTo(t, src, dst)
			holds(t, src, dst)
			for _, name := range []string{"precious", "a.ex"} {
				if b, err := os.ReadFile(filepath.Join(outside, name)); err != nil || string(b) != name {
					t.Errorf("outside, %s is %q, %v", name, b, err)
				}
			}
		})
	}
}

// However many edits a second brings, and whatever the clock does, each edit
// is newer in whole seconds than the one before and than the last build.
func TestEveryEditIsNewer(t *testing.T) {
	src, dst := t.TempDir(), filepath.Join(t.TempDir(), "app")
	var last int64
	for i := range 5 {
		write(t, src, fmt.Sprintf("a.ex=%d", i))
		syncTo(t, src, dst)
		got := mtime(t, dst, "a.ex")
		if got.Unix() <= last || got.Nanosecond() != 0 {
			t.Fatalf("edit %d has time %v, the one before %v", i, got, last)
		}
		last = got.Unix()
	}
	remove(t, filepath.Dir(dst), "app.json")
	write(t, src, "a.ex=later still")
	syncTo(t, src, dst)
	if got := mtime(t, dst, "a.ex").Unix(); got <= last {
		t.Errorf("without its record, edited at %v, before that %v", got, last)
	}
}

func TestAFileThatChangesMeanwhileIsNotTaken(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	write(t, src, "a.ex")
	tree := read(t, src, Options{})
	write(t, src, "a.ex=other")
	_, err := Sync(t.Context(), tree, dst)
	if err == nil || !strings.Contains(err.Error(), `"a.ex" changed while it was read`) {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(dst)
	if len(entries) > 0 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestSyncIsCancelled(t *testing.T) {
	src := t.TempDir()
	write(t, src, "a.ex")
	ctx, cancel := context.WithCancel(t.Context())
	tree := read(t, src, Options{})
	cancel()
	if _, err := Sync(ctx, tree, t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A process is killed in the middle of a Sync, again and again, while files
// change; the Sync after that makes it good.
func TestSyncSurvivesSIGKILL(t *testing.T) {
	if src := os.Getenv("DRAM_TEST_SYNC_SRC"); src != "" {
		fmt.Println("started")
		syncTo(t, src, os.Getenv("DRAM_TEST_SYNC_DST"))
		return
	}
	src, dst := many(t), filepath.Join(t.TempDir(), "app")
	rnd := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a seed makes the test repeatable
	times := map[string]int64{}
	for round := range 4 {
		for range 200 {
			i := rnd.IntN(1000)
			write(t, src, fmt.Sprintf("lib/app%d/m%d.ex=%d %d", i%10, i, round, rnd.Int()))
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSyncSurvivesSIGKILL$", "-test.v") //nolint:gosec // this test itself
		cmd.Env = append(os.Environ(), "DRAM_TEST_SYNC_SRC="+src, "DRAM_TEST_SYNC_DST="+dst)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		_, _ = out.Read(make([]byte, 64))
		time.Sleep(time.Duration(rnd.IntN(60)) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		edited := rnd.IntN(1000)
		name := fmt.Sprintf("lib/app%d/m%d.ex", edited%10, edited)
		if info, err := os.Lstat(filepath.Join(dst, name)); err == nil {
			times[name] = info.ModTime().Unix()
		}
		write(t, src, name+"=edited after the kill")
		syncTo(t, src, dst)
		holds(t, src, dst)
		if got := mtime(t, dst, name).Unix(); got <= times[name] {
			t.Errorf("%s: edited at %d, the killed run gave %d", name, got, times[name])
		}
	}
	var left []string
	_ = filepath.WalkDir(dst, func(p string, _ fs.DirEntry, _ error) error {
		if strings.Contains(p, ".dram-") {
			left = append(left, p)
		}
		return nil
	})
	if diff := cmp.Diff([]string{}, left, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkSyncNothing(b *testing.B) {
	src, dst := many(b), filepath.Join(b.TempDir(), "app")
	syncTo(b, src, dst)
	tree := read(b, src, Options{})
	for b.Loop() {
		if _, err := Sync(b.Context(), tree, dst); err != nil {
			b.Fatal(err)
		}
	}
}
