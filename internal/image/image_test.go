package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"dram/internal/entrypoint"
	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/store"
)

// dirFS makes a directory of files: "path" -> content, "path@" -> link target,
// "path*" -> content of an executable.
func dirFS(t *testing.T, files map[string]string) *rootfs.DirFS {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, strings.TrimRight(name, "@*"))
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		switch {
		case strings.HasSuffix(name, "@"):
			err = errors.Join(err, os.Symlink(content, path))
		case strings.HasSuffix(name, "*"):
			err = errors.Join(err, os.WriteFile(path, []byte(content), 0o700)) //nolint:gosec // a program
		default:
			err = errors.Join(err, os.WriteFile(path, []byte(content), 0o600))
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

// readRelease describes a release by its paths.
func readRelease(t *testing.T, fsys rootfs.FS) *release.Release {
	t.Helper()
	rel := &release.Release{Name: "hello", Version: "0.1.0", ERTS: "15.2", FS: fsys, Apps: []release.App{{Name: "hello", Version: "0.1.0"}}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		info, err := fsys.Lstat(name)
		if err != nil {
			return err
		}
		f := release.File{Path: name, Mode: info.Mode(), Origin: release.Metadata}
		switch d.Type() {
		case 0:
			f.Digest, f.Size, err = sum(fsys, name)
		case fs.ModeSymlink:
			f.Link, err = fsys.ReadLink(name)
		}
		top, rest, _ := strings.Cut(name, "/")
		app, _, _ := strings.Cut(rest, "/")
		origins := map[string]release.Origin{"stdlib-6.2": release.OTP, "elixir-1.18.3": release.Elixir, "jason-1.4.4": release.Dependency, "hello-0.1.0": release.Own}
		if origin, ok := origins[app]; ok && top == "lib" {
			f.Origin, f.App = origin, app
		} else if strings.HasPrefix(top, "erts-") {
			f.Origin = release.ERTS
		}
		rel.Files = append(rel.Files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rel
}

func releaseFiles() map[string]string {
	return map[string]string{
		"bin/hello*":                         "#!/bin/sh\n. env.sh\nexec uptime\n",
		"bin/hello.bat":                      "@echo off",
		"erts-15.2/bin/beam.smp*":            "beam",
		"erts-15.2/bin/dialyzer*":            "dialyzer",
		"lib/stdlib-6.2/ebin/lists.beam":     "lists",
		"lib/elixir-1.18.3/ebin/E.beam":      "elixir",
		"lib/jason-1.4.4/ebin/Jason.beam":    "jason",
		"lib/hello-0.1.0/ebin/Hello.beam":    "hello",
		"lib/hello-0.1.0/priv/data.so.1":     "data",
		"lib/hello-0.1.0/priv/data.so@":      "data.so.1",
		"releases/COOKIE":                    "SECRET",
		"releases/start_erl.data":            "15.2 0.1.0",
		"releases/0.1.0/env.sh":              "#!/bin/sh\n",
		"releases/0.1.0/start.boot":          "boot",
		"releases/0.1.0/start.script":        "script",
		"releases/0.1.0/consolidated/P.beam": "p",
	}
}

func rootFiles() map[string]string {
	files := map[string]string{
		"bin@": "usr/bin", "usr/bin/dash*": "#!", "usr/bin/sh@": "dash", "usr/bin/uptime*": "#!", "usr/bin/perl*": "#!",
		"usr/bin/awk@": "/etc/alternatives/awk", "etc/alternatives/awk@": "/usr/bin/mawk", "usr/bin/mawk*": "#!",
		"etc/ssl/certs/ca-certificates.crt@": "/usr/share/ca/bundle", "usr/share/ca/bundle": "certificates",
		"etc/os-release@": "../usr/lib/os-release", "usr/lib/os-release": "ID=debian\n",
		"usr/lib/locale/C.utf8/LC_CTYPE": "ctype", "etc/passwd": "builder:x:0:0::/:/bin/sh", "etc/shadow": "secret",
	}
	for p := range strings.FieldsSeq("dirname basename readlink sed cut cat grep mkdir date dd od tr env") {
		files["usr/bin/"+p+"*"] = "program " + p
	}
	return files
}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// flat lists what a container of the image sees: mode, path, link or content.
func flat(t *testing.T, img v1.Image) map[string]string {
	t.Helper()
	r := mutate.Extract(img)
	defer r.Close()
	return tarEntries(t, r)
}

func tarEntries(t *testing.T, r io.Reader) map[string]string {
	t.Helper()
	out := map[string]string{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(h.Name, "/")] = fmt.Sprintf("%o %s%s", h.Mode, h.Linkname, b)
	}
}

func TestBuild(t *testing.T) {
	files := rootFiles()
	files["sbin@"] = "usr/sbin" // which nothing needs
	st, root := openStore(t), dirFS(t, files)
	rel := readRelease(t, dirFS(t, releaseFiles()))
	img, err := Build(t.Context(), st, rel, Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(img.OCI); err != nil {
		t.Error(err)
	}
	var names []string
	for _, l := range img.Layers {
		names = append(names, fmt.Sprint(l.Name, " ", l.Files, " ", l.Reused))
	}
	if diff := cmp.Diff([]string{"system 30 false", "runtime 3 false", "dependencies 1 false", "application 9 false"}, names); diff != "" {
		t.Error(diff)
	}
	got := flat(t, img.OCI)
	want := map[string]string{
		"app": "755 ", "app/bin/hello": "755 #!/bin/sh\n. env.sh\nexec uptime\n", "app/releases/0.1.0/env.sh": "644 #!/bin/sh\n\n" + string(mixCookie),
		"app/erts-15.2/bin/beam.smp": "755 beam", entrypoint.Path: "755 " + string(entrypoint.Init("amd64")), "app/lib/hello-0.1.0/priv/data.so": "777 data.so.1",
		"bin": "777 usr/bin", "sbin": "777 usr/sbin", "usr/sbin": "755 ", "usr/bin/sh": "777 dash", "usr/bin/dash": "755 #!", "usr/bin/uptime": "755 #!",
		"usr/bin/awk": "777 /etc/alternatives/awk", "etc/alternatives/awk": "777 /usr/bin/mawk", "usr/bin/mawk": "755 #!",
		"etc/ssl/certs/ca-certificates.crt": "644 certificates", "etc/os-release": "777 ../usr/lib/os-release",
		"usr/lib/os-release": "644 ID=debian\n", "usr/lib/locale/C.utf8/LC_CTYPE": "644 ctype", "tmp": "1777 ",
		"etc/passwd": "644 root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\napp:x:65532:65532:app:/tmp:/bin/sh\n",
	}
	for name, w := range want {
		if diff := cmp.Diff(w, got[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, name := range []string{
		"app/releases/COOKIE", "app/bin/hello.bat", "app/erts-15.2/bin/dialyzer",
		"usr/bin/perl", "etc/shadow", "usr/share/ca/bundle",
	} {
		if _, ok := got[name]; ok {
			t.Errorf("%s is in the image", name)
		}
	}
}

func TestConfig(t *testing.T) {
	rel := readRelease(t, dirFS(t, releaseFiles()))
	img, err := Build(t.Context(), openStore(t), rel, Options{
		Root: dirFS(t, rootFiles()), Env: []string{"LANG=de_DE.UTF-8", "PORT=80"}, ExposedPorts: []string{"4000", "53/udp"},
		Labels: map[string]string{"a": "b"}, Architecture: "arm64", Epoch: 1700000000,
	})
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.OCI.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	want := v1.Config{
		User: "65532:65532", Entrypoint: []string{"/usr/lib/dram/init", "/app/bin/hello"}, Cmd: []string{"start"}, WorkingDir: "/app", StopSignal: "SIGTERM",
		ExposedPorts: map[string]struct{}{"4000/tcp": {}, "53/udp": {}},
		Env: []string{
			"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG=de_DE.UTF-8", "HOME=/tmp", "RELEASE_TMP=/tmp",
			"ERL_CRASH_DUMP=/tmp/erl_crash.dump", "ERL_CRASH_DUMP_SECONDS=0", "ERL_AFLAGS=+Q 65536", "PORT=80",
		},
		Labels: map[string]string{
			"org.opencontainers.image.title": "hello", "org.opencontainers.image.version": "0.1.0",
			"org.opencontainers.image.created": "2023-11-14T22:13:20Z", "a": "b",
		},
	}
	if diff := cmp.Diff(want, file.Config); diff != "" {
		t.Error(diff)
	}
	if file.Architecture != "arm64" || file.OS != "linux" || file.Created.Unix() != 1700000000 || len(file.History) != 4 {
		t.Errorf("got %+v", file)
	}
}

func TestBadOptions(t *testing.T) {
	rel, root := readRelease(t, dirFS(t, releaseFiles())), dirFS(t, rootFiles())
	for name, test := range map[string]struct {
		opts Options
		want string
	}{
		"user":    {Options{User: "app"}, "not a user id"},
		"port":    {Options{ExposedPorts: []string{"http"}}, "not a port"},
		"program": {Options{Programs: []string{"ffmpeg"}}, "not in the toolchain"},
	} {
		t.Run(name, func(t *testing.T) {
			test.opts.Root = root
			_, err := Build(t.Context(), openStore(t), rel, test.opts)
			if err == nil || !strings.Contains(err.Error(), test.want) || problem.Code(err) != 2 || problem.Hint(err) == "" {
				t.Errorf("got %v (%d), hint %q", err, problem.Code(err), problem.Hint(err))
			}
		})
	}
}

func TestOnlyTheChangedLayerChanges(t *testing.T) {
	st, root := openStore(t), dirFS(t, rootFiles())
	files := releaseFiles()
	opts := Options{Root: root, RootKey: "root"}
	before, err := Build(t.Context(), st, readRelease(t, dirFS(t, files)), opts)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Build(t.Context(), st, readRelease(t, dirFS(t, files)), opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range again.Layers {
		if !l.Reused || again.Digest != before.Digest {
			t.Errorf("unchanged: layer %s reused: %t, image %s, was %s", l.Name, l.Reused, again.Digest, before.Digest)
		}
	}
	files["lib/hello-0.1.0/ebin/Hello.beam"] = "edited"
	// the root is not read again: nothing that needs it changed
	opts.Root = dirFS(t, nil)
	after, err := Build(t.Context(), st, readRelease(t, dirFS(t, files)), opts)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range after.Layers {
		if same := l.Digest == before.Layers[i].Digest; same == (l.Name == "application") || l.Reused != same {
			t.Errorf("layer %s: same %t, reused %t", l.Name, same, l.Reused)
		}
	}
}

func TestTarball(t *testing.T) {
	files := releaseFiles()
	files["lib/hello-0.1.0/priv/dir@"] = "../ebin"
	rel := readRelease(t, dirFS(t, files))
	for _, keep := range []bool{false, true} {
		a, err := Tarball(t.Context(), openStore(t), rel, TarballOptions{KeepCookie: keep})
		if err != nil {
			t.Fatal(err)
		}
		r, err := a.OpenTar()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		got := tarEntries(t, r)
		if _, ok := got["releases/COOKIE"]; ok != keep {
			t.Errorf("cookie in the tarball: %t, want %t", ok, keep)
		}
		for name, want := range map[string]string{
			"bin/hello.bat": "644 @echo off", "erts-15.2/bin/dialyzer": "755 dialyzer",
			"lib/hello-0.1.0/priv/data.so": "644 data", "lib/hello-0.1.0/priv/dir/Hello.beam": "644 hello",
			"releases/0.1.0/env.sh": "644 #!/bin/sh\n\n" + string(mixCookie),
		} {
			if diff := cmp.Diff(want, got[name]); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	}
}

// Erlang's release_handler, which unpacks a release that upgrades another, reads the first
// member of a gzip file alone.
func TestTarballWithRelup(t *testing.T) {
	files := releaseFiles()
	for _, want := range []bool{false, true} {
		if want {
			files["releases/0.1.0/relup"] = `{"0.1.0", [], []}.`
		}
		a, err := Tarball(t.Context(), openStore(t), readRelease(t, dirFS(t, files)), TarballOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if a.Members == 1 != want {
			t.Errorf("with a relup %t: %d members", want, a.Members)
		}
	}
}

func TestHostileLinks(t *testing.T) {
	for name, target := range map[string]string{
		"dangling": "nowhere", "outside": "../../../../etc/passwd", "absolute": "/etc/passwd", "itself": "bad", "loop": ".",
	} {
		t.Run(name, func(t *testing.T) {
			files := releaseFiles()
			files["lib/bad@"] = target
			_, err := Tarball(t.Context(), openStore(t), readRelease(t, dirFS(t, files)), TarballOptions{})
			if err == nil || !strings.Contains(err.Error(), `"lib/bad`) || problem.Hint(err) == "" {
				t.Errorf("got %v, hint %q", err, problem.Hint(err))
			}
		})
	}
}

func TestOlderThan34(t *testing.T) {
	for in, want := range map[string]bool{
		"GNU C Library (GNU libc) stable release version 2.33.\n":      true,
		"GNU C Library (GNU libc) stable release version 2.33.9000.\n": true,
		"GNU C Library (GNU libc) stable release version 2.34.\n":      false,
		"musl libc": false, "": false,
	} {
		if got := olderThan([]byte(in), 34); got != want {
			t.Errorf("%q: got %t", in, got)
		}
	}
}

func TestLayersHoldNothingTwice(t *testing.T) {
	img, err := Build(t.Context(), openStore(t), readRelease(t, dirFS(t, releaseFiles())), Options{Root: dirFS(t, rootFiles())})
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.OCI.Layers()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Sorted(maps.Keys(tarEntries(t, r))) {
			if seen[name] && !strings.HasPrefix("app/lib/app/bin/app", name) {
				t.Errorf("%s is in two layers", name)
			}
			seen[name] = true
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Build makes the image of a release, or finds its layers in st.
func Build(ctx context.Context, st *store.Store, rel *release.Release, opts Options) (*Image, error) {
	d, err := NewDraft(st, rel, opts)
	if err != nil {
		return nil, err
	}
	return d.Build(ctx)
}
