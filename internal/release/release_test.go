package release_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/store"
)

// tree is files by path; "-> target" is a link, nil content a directory.
type tree map[string]string

// hello is what `mix release` makes, in small.
func hello(more tree) tree {
	tr := tree{
		"bin/hello":                             "#!/bin/sh\n",
		"bin/hello.bat":                         "",
		"erts-15.2.7/bin/beam.smp":              "vm",
		"erts-15.2.7/bin/erlc":                  "",
		"erts-15.2.7/bin/escript":               "",
		"lib/hello-0.1.0/ebin/hello.app":        "own",
		"lib/hello-0.1.0/priv/native/obj/nif.o": "",
		"lib/jason-1.4.4-rc.1/ebin/jason.app":   "dependency",
		"lib/kernel-10.2.7/ebin/kernel.app":     "otp",
		"lib/kernel-10.2.7/include/file.hrl":    "",
		"lib/logger-1.18.3/ebin/logger.app":     "elixir",
		"releases/COOKIE":                       "secret",
		"releases/start_erl.data":               "15.2.7 0.1.0\n",
		"releases/0.1.0/elixir":                 "",
		"releases/0.1.0/start_clean.rel":        "{release, {\"start_clean\", \"0.1.0\"}, {erts, \"15.2.7\"}, []}.",
		"releases/0.1.0/hello.rel":              "%% coding: utf-8\n{release,{\"hello\",\"0.1.0\"},\n {erts,\"15.2.7\"},\n []}.\n",
		"releases/0.1.0/consolidated/Enum.beam": "",
	}
	for k, v := range more {
		if v == "gone" {
			delete(tr, k)
			continue
		}
		tr[k] = v
	}
	return tr
}

func (tr tree) open(t *testing.T) *rootfs.DirFS {
	t.Helper()
	dir := t.TempDir()
	for name, content := range tr {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			err = os.Symlink(target, at)
		} else {
			err = os.WriteFile(at, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	fsys, err := rootfs.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fsys.Close() })
	return fsys
}

func TestRead(t *testing.T) {
	fsys := hello(tree{"lib/hello-0.1.0/priv/current": "-> ../ebin/hello.app"}).open(t)
	got, err := release.Read(t.Context(), fsys, release.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "hello" || got.Version != "0.1.0" || got.ERTS != "15.2.7" {
		t.Errorf("got %s %s with ERTS %s", got.Name, got.Version, got.ERTS)
	}
	apps := []release.App{
		{Name: "hello", Version: "0.1.0", Origin: release.Own},
		{Name: "jason", Version: "1.4.4-rc.1", Origin: release.Dependency},
		{Name: "kernel", Version: "10.2.7", Origin: release.OTP},
		{Name: "logger", Version: "1.18.3", Origin: release.Elixir},
	}
	if diff := cmp.Diff(apps, got.Apps); diff != "" {
		t.Errorf("applications (-want +got):\n%s", diff)
	}
	want := map[string]release.File{
		"lib/hello-0.1.0/ebin/hello.app": {
			Mode: 0o644, Size: 3, Digest: store.DigestOf([]byte("own")), Origin: release.Own, App: "hello-0.1.0",
		},
		"lib/hello-0.1.0/priv/current": {Mode: fs.ModeSymlink | 0o777, Link: "../ebin/hello.app", Origin: release.Own, App: "hello-0.1.0"},
		"erts-15.2.7/bin":              {Mode: fs.ModeDir | 0o755, Origin: release.ERTS},
		"erts-15.2.7/bin/beam.smp":     {Mode: 0o644, Size: 2, Digest: store.DigestOf([]byte("vm")), Origin: release.ERTS},
		"lib":                          {Mode: fs.ModeDir | 0o755, Origin: release.Metadata},
		"lib/kernel-10.2.7":            {Mode: fs.ModeDir | 0o755, Origin: release.OTP, App: "kernel-10.2.7"},
		"releases/COOKIE":              {Mode: 0o644, Size: 6, Digest: store.DigestOf([]byte("secret")), Origin: release.Metadata},
	}
	for i, f := range got.Files {
		if i > 0 && got.Files[i-1].Path >= f.Path {
			t.Errorf("%q comes before %q", got.Files[i-1].Path, f.Path)
		}
		w, ok := want[f.Path]
		if !ok {
			continue
		}
		w.Path = f.Path
		delete(want, f.Path)
		if diff := cmp.Diff(w, f); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if len(want) != 0 {
		t.Errorf("not in the release: %v", want)
	}
}

func TestReadOwnApps(t *testing.T) {
	got, err := release.Read(t.Context(), hello(tree{"erts-15.2.7/bin/beam.smp": "gone", "erts-15.2.7/bin/erlc": "gone", "erts-15.2.7/bin/escript": "gone"}).open(t),
		release.Options{OwnApps: []string{"jason", "hello"}})
	if err != nil {
		t.Fatal(err)
	}
	if got.ERTS != "" || got.Apps[1].Origin != release.Own {
		t.Errorf("ERTS %q, applications %v", got.ERTS, got.Apps)
	}
}

func TestReadRefuses(t *testing.T) {
	tests := map[string]struct {
		tree tree
		want string
		kind problem.Kind
	}{
		"an empty directory":     {tree{}, "there is no releases/start_erl.data", problem.Usage},
		"a strange data file":    {hello(tree{"releases/start_erl.data": "15.2.7 ../../etc"}), "expected the versions", problem.Usage},
		"no such version":        {hello(tree{"releases/start_erl.data": "15.2.7 9.9.9"}), `names version "9.9.9"`, problem.Usage},
		"no .rel file":           {hello(tree{"releases/0.1.0/hello.rel": "gone"}), "there is no .rel file", problem.Usage},
		"a name that is a path":  {hello(tree{"releases/0.1.0/hello.rel": `{release,{"../x","0.1.0"},`}), "there is no .rel file", problem.Usage},
		"an absolute link":       {hello(tree{"lib/x-1/priv": "-> /etc"}), `link "lib/x-1/priv" leads to "/etc"`, problem.Failure},
		"a link to the outside":  {hello(tree{"lib/x-1/priv": "-> ../../../etc"}), "outside the release", problem.Failure},
		"a link through another": {hello(tree{"here": "-> .", "z": "-> here/../etc"}), "outside the release", problem.Failure},
		"a .rel file of 2 MB":    {hello(tree{"releases/0.1.0/hello.rel": strings.Repeat(" ", 2<<20)}), "larger than", problem.Failure},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := release.Read(t.Context(), tt.tree.open(t), release.Options{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if got := problem.Code(err); got != int(tt.kind) {
				t.Errorf("exit code %d, want %d", got, tt.kind)
			}
			if tt.kind == problem.Usage && !errors.Is(err, release.ErrNotRelease) {
				t.Errorf("%v is not ErrNotRelease", err)
			}
		})
	}
}

func TestForImage(t *testing.T) {
	split := func(tr tree) (kept, out []string) {
		fsys := tr.open(t)
		if err := syscall.Mkfifo(filepath.Join(fsys.Path(), "pipe"), 0o600); err != nil {
			t.Skip("no named pipes here")
		}
		r, err := release.Read(t.Context(), fsys, release.Options{})
		if err != nil {
			t.Fatal(err)
		}
		k, o := r.ForImage([]release.Exclusion{{Pattern: "erts-*/bin/escript", Reason: "uncalled", If: "releases/*/elixir"}})
		for _, f := range k {
			if !f.Mode.IsDir() {
				kept = append(kept, f.Path)
			}
		}
		for _, e := range o {
			if e.Reason == "" {
				t.Errorf("%q is left out for no reason", e.Path)
			}
			out = append(out, e.Path)
		}
		return kept, out
	}
	kept, out := split(hello(tree{"tmp/hello.log": "x", "lib/hello-0.1.0/priv/data.a": "", "lib/hello-0.1.0/ebin/x.a": ""}))
	wantKept := []string{
		"bin/hello", "erts-15.2.7/bin/beam.smp", "lib/hello-0.1.0/ebin/hello.app", "lib/hello-0.1.0/ebin/x.a",
		"lib/jason-1.4.4-rc.1/ebin/jason.app", "lib/kernel-10.2.7/ebin/kernel.app", "lib/logger-1.18.3/ebin/logger.app",
		"releases/0.1.0/consolidated/Enum.beam", "releases/0.1.0/elixir", "releases/0.1.0/hello.rel",
		"releases/0.1.0/start_clean.rel", "releases/start_erl.data",
	}
	wantOut := []string{
		"bin/hello.bat", "erts-15.2.7/bin/erlc", "erts-15.2.7/bin/escript", "lib/hello-0.1.0/priv/data.a",
		"lib/hello-0.1.0/priv/native/obj/nif.o", "lib/kernel-10.2.7/include", "lib/kernel-10.2.7/include/file.hrl", "pipe",
		"releases/COOKIE", "tmp", "tmp/hello.log",
	}
	if diff := cmp.Diff(wantKept, kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantOut, out); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
	// The scripts of other tools call escript.
	kept, _ = split(hello(tree{"releases/0.1.0/elixir": "gone"}))
	if !strings.Contains(strings.Join(kept, "\n"), "bin/escript") {
		t.Error("escript is left out of a release that `mix release` did not make")
	}
}

// pack is a tree as a tarball, as `mix release` has it: no top directory.
func pack(t testing.TB, tr tree) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, content := range tr {
		h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			h.Typeflag, h.Linkname, h.Size, content = tar.TypeSymlink, target, 0, ""
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readTarball(t testing.TB, b []byte) (*release.Release, error) {
	r, err := release.ReadTarball(t.Context(), bytes.NewReader(b), t.TempDir(), release.Options{})
	if err == nil {
		t.Cleanup(func() { _ = r.FS.(io.Closer).Close() })
	}
	return r, err
}

func TestReadTarball(t *testing.T) {
	fromTar, err := readTarball(t, pack(t, hello(nil)))
	if err != nil {
		t.Fatal(err)
	}
	fromDir, err := release.Read(t.Context(), hello(nil).open(t), release.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fromDir.Files, fromTar.Files); diff != "" {
		t.Errorf("directory and tarball differ (-directory +tarball):\n%s", diff)
	}
}

func TestReadTarballRefuses(t *testing.T) {
	sound := pack(t, hello(tree{"lib/x-1/priv/data": fmt.Sprint(make([]int, 4096))}))
	tests := map[string][]byte{
		"a link to the outside": pack(t, hello(tree{"z": "-> /etc/passwd"})),
		"a name with ..":        pack(t, hello(tree{"../z": ""})),
		"cut short":             sound[:len(sound)/2],
		"no gzip in the end":    append([]byte{0x1f, 0x8b}, "garbage and more garbage"...),
		"text":                  []byte(strings.Repeat("hello ", 1000)),
		"nothing":               nil,
		"no release":            pack(t, tree{"README.md": "hello"}),
	}
	for name, b := range tests {
		if r, err := readTarball(t, b); err == nil {
			t.Errorf("%s: read as %s", name, r.Name)
		}
	}
}

func FuzzReadTarball(f *testing.F) {
	f.Add(pack(f, hello(nil)))
	f.Add(pack(f, hello(tree{"z": "-> bin/hello", "tmp/x": "y"})))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := readTarball(t, b)
		if err == nil && (r.Name == "" || r.Version == "" || strings.Contains(r.Name+r.Version, "/")) {
			t.Errorf("read as %q, version %q", r.Name, r.Version)
		}
	})
}

func TestReadSurvey(t *testing.T) {
	dir := t.TempDir()
	for name, body := range map[string]string{
		"releases/start_erl.data": "15.2 1.0\n", "releases/1.0/hello.rel": `{release,{"hello","1.0"},{erts,"15.2"},[]}.`,
	} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	fsys, err := rootfs.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = fsys.Close() }()
	if _, err := release.Read(t.Context(), fsys, release.Options{}); err == nil {
		t.Error("without Survey, the link is no error")
	}
	rel, err := release.Read(t.Context(), fsys, release.Options{Survey: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range rel.Files {
		if f.Digest != "" || (f.Link != "") != (f.Path == "out") {
			t.Errorf("got %+v", f)
		}
	}
}
