package pipeline

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"dram/internal/binary"
	"dram/internal/binary/binarytest"
	"dram/internal/config"
	"dram/internal/image"
	"dram/internal/output"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/ref"
)

const libDir = "usr/lib/x86_64-linux-gnu/"

// slim is what distributions call so: a shell, its programs, a C library, packages.
func slim() tree {
	tr := bookworm()
	for name := range maps.Clone(tr) {
		if strings.Contains(name, "erlang") || strings.Contains(name, "elixir") || name == "usr/bin/curl" {
			delete(tr, name)
		}
	}
	tr["etc/passwd"], tr["etc/ssl/certs/ca-certificates.crt"] = "644 root:x:0:0:root:/root:/bin/sh\norg:x:700:701::/home/org:/bin/sh\n", "644 the organisation's"
	tr["var/lib/dpkg/status"] = "644 Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n\n"
	tr["var/lib/dpkg/info/libc6.list"] = "644 /lib/x86_64-linux-gnu/libc.so.6\n"
	return tr
}

// bare is a base without a shell, whose /bin and /lib are no links: as images are that
// are laid out of packages alone.
func bare() tree {
	libc := bookworm()[libDir+"libc.so.6"]
	return tree{
		"lib/x86_64-linux-gnu/libc.so.6":            libc,
		"lib/x86_64-linux-gnu/ld-linux-x86-64.so.2": bookworm()[libDir+"ld-linux-x86-64.so.2"],
		"lib64/ld-linux-x86-64.so.2":                "-> /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
		"etc/passwd":                                "644 root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532::/home/nonroot:/sbin/nologin\n",
		"bin/placeholder":                           "644 ",
		"etc/os-release":                            "644 ID=debian\nVERSION_ID=12\n",
		"var/lib/dpkg/status.d/libc6":               "644 Package: libc6\nVersion: 2.36-9\nArchitecture: amd64\n",
		"var/lib/dpkg/status.d/libc6.md5sums":       "644 d41d8cd98f00b204e9800998ecf8427e  lib/x86_64-linux-gnu/libc.so.6\n",
	}
}

// configuredAs is an image with a configuration.
func configuredAs(t *testing.T, img v1.Image, change func(*v1.ConfigFile)) v1.Image {
	t.Helper()
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	change(file)
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	return img
}

// onBase has a world's images be made on top of one.
func (w *world) onBase(t *testing.T, img v1.Image) {
	t.Helper()
	dir := t.TempDir()
	writeLayout(t, dir, img)
	w.cfg.Base = "oci:" + dir
}

// added are the files that dram's own layers have, without directories.
func (w *world) added(t *testing.T, r *output.Result) (names []string) {
	t.Helper()
	for _, l := range r.Layers {
		if l.Name == "base" {
			continue
		}
		z, err := w.Store.OpenGzip(l.Digest)
		if err != nil {
			t.Fatal(err)
		}
		for in := tar.NewReader(z); ; {
			h, err := in.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if h.Typeflag != tar.TypeDir && !strings.HasPrefix(h.Name, "app/") {
				names = append(names, h.Name)
			}
		}
		_ = z.Close()
	}
	slices.Sort(names)
	return names
}

func (w *world) opened(t *testing.T, r *output.Result) (v1.Image, *v1.ConfigFile) {
	t.Helper()
	img, err := image.Open(w.Store, r.Image)
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return img, file
}

// On a base that has all, nothing of it is added again, and its layers stay.
func TestOnBaseThatHasAll(t *testing.T) {
	w := newWorld(t)
	below := imageOf(t, slim())
	w.onBase(t, below)
	r := w.built(t)
	want := []string{"etc/group", "etc/hosts", "etc/nsswitch.conf", "usr/lib/dram/init"}
	if diff := cmp.Diff(want, w.added(t, r)); diff != "" {
		t.Error(diff)
	}
	img, _ := w.opened(t, r)
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	was, err := below.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if m.Layers[0].Digest != was.Layers[0].Digest || r.Layers[0].Name != "base" || r.Layers[0].Files != len(slim()) {
		t.Errorf("layer %v, the base's is %v; %+v", m.Layers[0], was.Layers[0], r.Layers[0])
	}
	if digest, err := below.Digest(); err != nil || m.Annotations["org.opencontainers.image.base.digest"] != digest.String() {
		t.Errorf("annotations %v, %v", m.Annotations, err)
	}
}

// A base without a shell is given one, by both names, and keeps its C library.
func TestOnBaseWithoutShell(t *testing.T) {
	w := newWorld(t)
	w.on(t, bookworm().with("usr/lib/terminfo/x/xterm", "644 xterm"))
	w.onBase(t, imageOf(t, bare()))
	added := w.added(t, w.built(t))
	for _, want := range []string{"usr/bin/sh", "bin/sh", "usr/lib/terminfo/x/xterm", "lib/terminfo", "usr/bin/sed", "etc/ssl/certs/ca-certificates.crt"} {
		if !slices.Contains(added, want) {
			t.Errorf("no %s in %q", want, added)
		}
	}
	for _, name := range added {
		if strings.Contains(name, "libc.so") || strings.Contains(name, "ld-linux") || name == "etc/passwd" || name == "etc/os-release" || name == "usr/bin/curl" {
			t.Errorf("%s is added", name)
		}
	}
}

// A base without a C library is given the toolchain's.
func TestOnBaseOfFiles(t *testing.T) {
	w := newWorld(t)
	w.onBase(t, imageOf(t, tree{"etc/organisation": "644 ours", "usr/share/policy": "644 ours"}))
	added := w.added(t, w.built(t))
	for _, want := range []string{libDir + "libc.so.6", "usr/lib64/ld-linux-x86-64.so.2", "lib64", "usr/bin/sh", "etc/passwd"} {
		if !slices.Contains(added, want) {
			t.Errorf("no %s in %q", want, added)
		}
	}
}

// A library that the base lacks comes to where its loader looks; one that only the
// toolchain's version of another needs does not.
func TestOnBaseOneLibrary(t *testing.T) {
	w := newWorld(t)
	port := string(binarytest.Library{Interp: loader, Needed: []string{"libextra.so.1", "libz.so.1", "libc.so.6"}}.Bytes())
	w.engine.release = hello().with("lib/hello-0.1.0/priv/port", port)
	w.on(t, bookworm().
		with(libDir+"libextra.so.1", "-> libextra.so.1.2").with(libDir+"libextra.so.1.2", string(binarytest.Library{Soname: "libextra.so.1", Needed: []string{"libc.so.6"}}.Bytes())).
		with(libDir+"libz.so.1", string(binarytest.Library{Soname: "libz.so.1", Needed: []string{"libnew.so.1", "libc.so.6"}}.Bytes())).
		with(libDir+"libnew.so.1", string(binarytest.Library{Soname: "libnew.so.1", Needed: []string{"libc.so.6"}}.Bytes())))
	w.onBase(t, imageOf(t, slim().with(libDir+"libz.so.1", string(binarytest.Library{Soname: "libz.so.1", Needed: []string{"libc.so.6"}}.Bytes()))))
	want := []string{"etc/group", "etc/hosts", "etc/nsswitch.conf", "usr/lib/dram/init", libDir + "libextra.so.1", libDir + "libextra.so.1.2"}
	if diff := cmp.Diff(want, w.added(t, w.built(t))); diff != "" {
		t.Error(diff)
	}
}

// Directories of the base stay as they are, though something is added in them.
func TestOnBaseDirectories(t *testing.T) {
	w := newWorld(t)
	closed := func(h *tar.Header) {
		if h.Name == "usr/lib/dram" {
			h.Mode, h.Uid, h.Gid = 0o751, 700, 701
		}
	}
	w.onBase(t, withDirectory(t, imageOf(t, slim()), "usr/lib/dram", closed))
	r := w.built(t)
	r.Layers = slices.DeleteFunc(r.Layers, func(l image.Layer) bool { return l.Name == "base" })
	if got := entries(t, w, r)["usr/lib/dram/"]; got != "751 700:701 " {
		t.Errorf("/usr/lib/dram is %q", got)
	}
}

// What the image does not set itself is its base's.
func TestOnBaseConfiguration(t *testing.T) {
	w := newWorld(t)
	w.onBase(t, configuredAs(t, imageOf(t, slim()), func(f *v1.ConfigFile) {
		f.Config = v1.Config{
			User: "org", Env: []string{"PATH=/opt/org/bin:/usr/bin", "ORG=1", "HOME=/root", "LANG=C"}, Labels: map[string]string{"org": "yes", "org.opencontainers.image.title": "base"},
			Entrypoint: []string{"/tini", "--"}, Cmd: []string{"bash"}, WorkingDir: "/srv", ExposedPorts: map[string]struct{}{"9000/tcp": {}},
			Volumes: map[string]struct{}{"/var/org": {}}, OnBuild: []string{"RUN true"}, StopSignal: "SIGQUIT",
		}
		f.History = []v1.History{{CreatedBy: "ADD rootfs"}, {CreatedBy: "ENV ORG=1", EmptyLayer: true}}
	}))
	w.cfg.Expose, w.cfg.ImageEnv = []int{4000}, []string{"MINE=1"}
	r := w.built(t)
	_, file := w.opened(t, r)
	c := file.Config
	if c.User != "700:701" || c.WorkingDir != "/app" || c.StopSignal != "SIGTERM" || c.Labels["org"] != "yes" || c.Labels["org.opencontainers.image.title"] != "hello" || len(c.OnBuild) > 0 {
		t.Errorf("%+v", c)
	}
	for _, kv := range []string{"PATH=/opt/org/bin:/usr/bin:/usr/local/bin:/bin:/usr/sbin:/sbin", "ORG=1", "HOME=/tmp", "LANG=C.UTF-8", "MINE=1"} {
		if !slices.Contains(c.Env, kv) {
			t.Errorf("no %s in %q", kv, c.Env)
		}
	}
	if len(c.ExposedPorts) != 2 || len(c.Volumes) != 1 || !slices.Contains(c.Entrypoint, "/app/bin/hello") || slices.Contains(c.Cmd, "bash") {
		t.Errorf("%+v", c)
	}
	if len(file.History) != 2+len(r.Layers)-1 || file.History[2].Comment != "system" {
		t.Errorf("history %+v", file.History)
	}
	for _, says := range []string{"/tini --", "ONBUILD"} {
		if !strings.Contains(w.said.String(), says) {
			t.Errorf("nothing of %s is said: %s", says, w.said)
		}
	}
}

// The same base and release give the same image, wherever both lie.
func TestOnBaseSame(t *testing.T) {
	w := newWorld(t)
	w.onBase(t, imageOf(t, bare()))
	first := w.built(t)
	cache, dir := w.Store.Dir(), w.dir
	w.restart(t, t.TempDir())
	w.dir = t.TempDir()
	writeTree(t, w.dir, tree{"mix.exs": mixExs, "lib/hello.ex": "defmodule Hello do\nend\n"})
	w.onBase(t, imageOf(t, bare()))
	if second := w.built(t); second.Image != first.Image {
		t.Errorf("%s, then %s", first.Image, second.Image)
	}
	w.restart(t, cache)
	w.dir = dir
	ran := w.engine.ran()
	if kept := w.built(t); kept.Image != first.Image || w.engine.ran() != ran {
		t.Errorf("%s, then %s, by %d jobs after %d", first.Image, kept.Image, w.engine.ran(), ran)
	}
	w.onBase(t, imageOf(t, bare().with("etc/patched", "644 1")))
	if other := w.built(t); other.Image == first.Image {
		t.Error("another base made the same image")
	}
}

// What no release can be laid on is refused before anything is compiled.
func TestBaseIsRefused(t *testing.T) {
	musl := string(binarytest.Library{Soname: "ld-musl-x86_64.so.1"}.Bytes())
	volume := func(f *v1.ConfigFile) { f.Config.Volumes = map[string]struct{}{"/app/": {}} }
	nobody := func(f *v1.ConfigFile) { f.Config.User = "nobody-known" }
	windows := func(f *v1.ConfigFile) { f.OS = "windows" }
	for _, tt := range []struct {
		name string
		base v1.Image
		says string
	}{
		{"musl", imageOf(t, tree{"lib/ld-musl-x86_64.so.1": musl, "lib/libc.musl-x86_64.so.1": "-> ld-musl-x86_64.so.1", "bin/sh": "x"}), "musl"},
		{"a release of its own", imageOf(t, slim().with("app/bin/other", "x")), "/app"},
		{"a link at the place", imageOf(t, slim().with("app", "-> opt")), "/app"},
		{"a file in the way", imageOf(t, tree{"usr/lib": "644 x", "etc/x": "644 x"}), "/usr/lib"},
		{"a volume at the place", configuredAs(t, imageOf(t, slim()), volume), "/app a volume"},
		{"a user that nobody knows", configuredAs(t, imageOf(t, slim()), nobody), "nobody-known"},
		{"another system", configuredAs(t, imageOf(t, slim()), windows), "windows"},
		{"another processor", imageFor(t, "arm64", slim()), "arm64"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.onBase(t, tt.base)
			pl, err := w.Plan(t.Context(), w.dir, w.cfg)
			var r *output.Result
			if err == nil {
				r, err = w.Build(t.Context(), pl, output.Outputs{output.Tar{}})
			}
			if r != nil || problem.Code(err) != 2 || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v (%d)", err, problem.Code(err))
			}
			if tt.name != "a file in the way" && w.engine.ran() > 0 {
				t.Error("it was compiled before")
			}
		})
	}
}

// A base with an older C library is held against what the release needs of it.
func TestBaseWithOlderLibc(t *testing.T) {
	w := newWorld(t)
	older := string(binarytest.Library{
		Soname: "libc.so.6", Needed: []string{"ld-linux-x86-64.so.2"}, Offers: []string{"GLIBC_2.2"}, Defined: []binary.Symbol{{Name: "puts", Version: "GLIBC_2.2"}},
	}.Bytes()) + "\nGNU C Library (Debian GLIBC 2.2-1) stable release version 2.2.\n"
	w.onBase(t, imageOf(t, slim().with(libDir+"libc.so.6", older)))
	_, err := w.build(t)
	var refused *Refused
	if !errors.As(err, &refused) || problem.Code(err) != 3 || !strings.Contains(err.Error(), "symbol-version") {
		t.Errorf("%v (%d)", err, problem.Code(err))
	}
}

// A bill of materials has what the base lists, once.
func TestBaseInventory(t *testing.T) {
	for name, below := range map[string]tree{"dpkg": slim(), "lists": bare()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.on(t, withPackages())
			w.onBase(t, imageOf(t, below))
			r, err := w.Build(t.Context(), w.planned(t), output.Outputs{output.SBOM{}})
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(r.Inventory.Packages, func(p image.SystemPackage) bool { return p.Name == "libc6" })
			if i < 0 || len(r.Inventory.Packages[i].Files) != 1 || r.Inventory.Packages[i].Version != "2.36-9" || r.Inventory.Base == nil {
				t.Errorf("%+v, %+v", r.Inventory.Packages, r.Inventory.Base)
			}
		})
	}
}

// withDirectory is an image with a layer more, of one directory.
func withDirectory(t *testing.T, img v1.Image, name string, change func(*tar.Header)) v1.Image {
	t.Helper()
	h := &tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755}
	change(h)
	img, err := mutate.AppendLayers(img, layerOf(t, h))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// layerOf is a layer of entries without content.
func layerOf(t *testing.T, headers ...*tar.Header) v1.Layer {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range headers {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A base of a registry is named by the image, and its layers are the registry's already.
func TestOnBaseOfRegistry(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	at, err := name.ParseReference(host + "/org/base:1")
	if err == nil {
		err = remote.Write(at, imageOf(t, slim()))
	}
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.cfg.Base = "image:" + host + "/org/base:1"
	r := w.built(t)
	w.write(t, r, asked(t, output.Options{}, output.Asked{Flag: "push", Value: host + "/team/hello:1"})...)
	to, err := name.ParseReference(host + "/team/hello:1")
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(to)
	if err != nil {
		t.Fatal(err)
	}
	m, err := img.Manifest()
	if err != nil || m.Annotations["org.opencontainers.image.base.name"] != host+"/org/base:1" || len(m.Layers) != len(r.Layers) {
		t.Errorf("%+v, %v", m, err)
	}
	for _, l := range m.Layers {
		if !strings.HasPrefix(string(l.MediaType), "application/vnd.oci.") {
			t.Errorf("layer %s is of %s", l.Digest, l.MediaType)
		}
	}
}

// Of each file of the base it is known why it is there; a rebase is refused.
func TestOnBaseInspected(t *testing.T) {
	w := newWorld(t)
	w.onBase(t, imageOf(t, bare().with("opt/org/tool", "644 x")))
	dir := t.TempDir() + "/layout"
	w.write(t, w.built(t), output.Layout{Dir: dir})
	r := w.inspected(t, ref.Layout, dir)
	if got := why(r, "opt/org/tool"); len(r.Unreferenced) > 0 || len(got) != 1 || !strings.Contains(got[0], "base") {
		t.Errorf("%q; nothing needs %q", got, r.Unreferenced)
	}
	if _, err := w.rebased(t, dir, bookworm()); problem.Code(err) != 2 || !strings.Contains(err.Error(), "on top of a base") {
		t.Errorf("%v", err)
	}
}

// The plan says what the image is made on top of, and by whose word; a base that is not
// there, or is none, is found when it is made.
func TestPlanWithBase(t *testing.T) {
	w := newWorld(t)
	writeLayout(t, filepath.Join(w.dir, "base"), imageOf(t, slim()))
	toolchains := w.cfg.Toolchain
	for base, says := range map[string]string{"oci:base": "", "oci:gone": "gone", "distro:debian/12": "cannot be used here", "image:UPPER": "UPPER"} {
		writeTree(t, w.dir, tree{config.FileName: "644 [image]\nbase = \"" + base + "\"\n"})
		var err error
		if w.cfg, err = config.Load(w.dir, nil); err != nil {
			t.Fatal(err)
		}
		w.cfg.Toolchain = toolchains
		pl, err := w.Plan(t.Context(), w.dir, w.cfg)
		if says != "" {
			if problem.Code(err) != int(problem.Usage) || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", base, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(pl.Decisions, func(d plan.Decision) bool {
			return d.Name == "base" && d.Value == "oci:"+filepath.Join(w.dir, "base") && strings.Contains(d.Reason, "dram.toml")
		}) {
			t.Errorf("%+v", pl.Decisions)
		}
	}
}
