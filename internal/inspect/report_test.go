package inspect

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"dram/internal/binary/binarytest"
	"dram/internal/rootfs"
)

func file(name, body string) entry { return entry{name, body, tar.TypeReg} }
func link(name, to string) entry   { return entry{name, to, tar.TypeSymlink} }

// hello is a release in small, below a directory: its own application uses jason,
// which uses kernel; nobody uses crypto.
func hello(at string) []entry {
	app := func(name, version, uses string) entry {
		return file(at+"lib/"+name+"-"+version+"/ebin/"+name+".app",
			"{application,"+name+",[{vsn,\""+version+"\"},{modules,[]},{applications,["+uses+"]}]}.\n")
	}
	return []entry{
		file(at+"bin/hello", "#!/bin/sh\nexec sed -n p\n"),
		file(at+"releases/start_erl.data", "15.2.7 0.1.0\n"),
		file(at+"releases/0.1.0/hello.rel", "{release,{\"hello\",\"0.1.0\"},{erts,\"15.2.7\"},[{kernel,\"10.2\"}]}.\n"),
		file(at+"erts-15.2.7/bin/beam.smp", "the VM"),
		app("hello", "0.1.0", "jason"), app("jason", "1.4.4", "kernel"), app("kernel", "10.2", ""), app("crypto", "5.5", "kernel"),
	}
}

// system is what lies around it: a shell that needs a library, and links.
func system() []entry {
	library := binarytest.New().Name(elf.DT_SONAME, "libc.so.6").Bytes()
	shell := binarytest.New()
	shell.Interp = "/lib64/ld-linux-x86-64.so.2"
	loader := binarytest.New().Name(elf.DT_SONAME, "ld-linux-x86-64.so.2").Bytes()
	return []entry{
		link("lib64", "usr/lib64"), link("bin", "usr/bin"),
		file("usr/bin/dash", string(shell.Name(elf.DT_NEEDED, "libc.so.6").Bytes())), link("usr/bin/sh", "dash"),
		file("usr/bin/nobody-calls-this", "x"),
		file("usr/lib64/libc.so.6", string(library)), file("usr/lib64/ld-linux-x86-64.so.2", string(loader)),
		file("etc/passwd", "root:x:0:0:root:/:/bin/sh\n"),
	}
}

func layerOf(t *testing.T, entries ...entry) v1.Layer {
	t.Helper()
	raw := archive(t, entries...)
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// imageOf is one of layers that are called what they are.
func imageOf(t *testing.T, config v1.Config, names []string, layers ...v1.Layer) v1.Image {
	t.Helper()
	var adds []mutate.Addendum
	for i, l := range layers {
		adds = append(adds, mutate.Addendum{Layer: l, History: v1.History{Comment: names[i]}})
	}
	img, err := mutate.Append(empty.Image, adds...)
	if err != nil {
		t.Fatal(err)
	}
	f, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	f = f.DeepCopy()
	f.OS, f.Architecture, f.Config = "linux", "amd64", config
	img, err = mutate.ConfigFile(img, f)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func helloImage(t *testing.T) *Report {
	t.Helper()
	config := v1.Config{Entrypoint: []string{"/app/bin/hello"}, Cmd: []string{"start"}, User: "65532:65532", Env: []string{"LANG=C.UTF-8"}}
	img := imageOf(t, config, []string{"system", "application"}, layerOf(t, system()...), layerOf(t, hello("app/")...))
	r, err := Image(t.Context(), "image:hello", img)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// An image's report says what release it has and where, its parts and its layers.
func TestImage(t *testing.T) {
	r := helloImage(t)
	got := []string{r.Name, r.Platform, r.Release, r.Version, r.ERTS, r.At}
	if diff := cmp.Diff([]string{"image:hello", "linux/amd64", "hello", "0.1.0", "15.2.7", "app"}, got); diff != "" {
		t.Error(diff)
	}
	kinds := map[string]string{}
	var size int64
	files := 0
	for _, g := range r.Groups {
		kinds[g.Name] = g.Kind
		size, files = size+g.Size, files+g.Files
	}
	if diff := cmp.Diff(map[string]string{
		"system": "system", "erts-15.2.7": "erts", "release": "metadata", "hello-0.1.0": "own", "jason-1.4.4": "dependency",
		"kernel-10.2": "otp", "crypto-5.5": "otp",
	}, kinds); diff != "" {
		t.Error(diff)
	}
	if size != r.Size || files != len(r.Files) {
		t.Errorf("groups have %d bytes in %d files, the report %d in %d", size, files, r.Size, len(r.Files))
	}
	if len(r.Layers) != 2 || r.Layers[0].Name != "system" || r.Layers[1].Name != "application" || r.Layers[1].Files != len(hello("")) ||
		r.Layers[0].Plain+r.Layers[1].Plain != r.Size || r.Layers[0].Size+r.Layers[1].Size != r.Compressed {
		t.Errorf("layers %+v of %d bytes, %d compressed", r.Layers, r.Size, r.Compressed)
	}
	for _, f := range r.Files {
		if in := strings.HasPrefix(f.Path, "app/"); in != (f.Layer == 1) {
			t.Errorf("%s is said to be of layer %d", f.Path, f.Layer)
		}
	}
}

// The chain of reasons leads from a file to what is wanted, and a file without one is
// listed as such.
func TestReasons(t *testing.T) {
	r := helloImage(t)
	why := map[string][]string{}
	for _, f := range r.Files {
		why[f.Path] = f.Why
	}
	for name, want := range map[string][]string{
		"app/erts-15.2.7/bin/beam.smp":       {"the Erlang VM"},
		"app/bin/hello":                      {"the release's own scripts and configuration"},
		"app/lib/hello-0.1.0/ebin/hello.app": {"in application hello"},
		"app/lib/jason-1.4.4/ebin/jason.app": {"in application jason", "used by hello"},
		"app/lib/kernel-10.2/ebin/kernel.app": {
			"in application kernel", "used by jason", "used by hello",
		},
		"app/lib/crypto-5.5/ebin/crypto.app": {"in application crypto", "listed by the release"},
		"usr/bin/dash":                       {"called by app/bin/hello"},
		"usr/bin/nobody-calls-this":          nil,
		"etc/passwd":                         {"every image has it"},
	} {
		if name == "usr/bin/dash" { // the script's own interpreter, whoever of the two asks for it
			if len(why[name]) == 0 {
				t.Errorf("%s: no reason", name)
			}
			continue
		}
		if diff := cmp.Diff(want, why[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if chain := why["usr/lib64/libc.so.6"]; len(chain) == 0 || !strings.HasPrefix(chain[0], "needed by ") {
		t.Errorf("libc.so.6: %q", chain)
	}
	if diff := cmp.Diff([]string{"usr/bin/nobody-calls-this"}, r.Unreferenced); diff != "" {
		t.Error(diff)
	}
}

// What is asked for by name is answered by its path, with or without the first slash.
func TestWhyText(t *testing.T) {
	r := &Report{Files: []File{{Path: "a/b", Why: []string{"called by c", "the\x1b[31m VM"}}, {Path: "lost"}}}
	for _, tt := range []struct {
		name, want string
		found      bool
	}{
		{"a/b", "a/b\n  called by c\n  the", true},
		{"/a/b", "a/b\n  called by c\n  the", true},
		{"lost", "lost\n  nothing is known to need it\n", true},
		{"a", "", false},
		{"", "", false},
	} {
		var out bytes.Buffer
		if found := r.WhyText(&out, tt.name); found != tt.found || !strings.HasPrefix(out.String(), tt.want) || strings.Contains(out.String(), "\x1b") {
			t.Errorf("%q: %v, %q", tt.name, found, out.String())
		}
	}
}

// A tarball, its directory and an image of nothing else hold the same.
func TestTheSameInAllForms(t *testing.T) {
	dir := t.TempDir()
	for _, e := range hello("") {
		at := filepath.Join(dir, filepath.FromSlash(e.name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(e.body), 0o644)); err != nil { //nolint:gosec // as in the archive
			t.Fatal(err)
		}
	}
	fsys, err := rootfs.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = fsys.Close() }()
	ofDir, err := Directory(t.Context(), "x", fsys)
	if err != nil {
		t.Fatal(err)
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(archive(t, hello("")...)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	ofTar, err := Tarball(t.Context(), "x", &z)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ofDir, ofTar, cmp.AllowUnexported(File{})); diff != "" {
		t.Error(diff)
	}
	if ofDir.At != "." || ofDir.Release != "hello" || len(ofDir.Files) != len(hello("")) {
		t.Errorf("%q %q, %d files", ofDir.At, ofDir.Release, len(ofDir.Files))
	}
}

// A directory's links are listed and not followed, and pipes are left alone.
func TestDirectoryOfLinks(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.Symlink("/etc/passwd", filepath.Join(dir, "out")), os.Symlink("nowhere", filepath.Join(dir, "broken")),
		os.WriteFile(filepath.Join(dir, "secret"), []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	fsys, err := rootfs.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = fsys.Close() }()
	r, err := Directory(t.Context(), "x", fsys)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range r.Files {
		got = append(got, f.Path+" "+f.Mode+" "+f.Link)
	}
	if diff := cmp.Diff([]string{"broken 0777 nowhere", "out 0777 /etc/passwd", "secret 0600 "}, got); diff != "" || r.Size != 1 {
		t.Errorf("%d bytes %s", r.Size, diff)
	}
}

// A whiteout is of the layers below: what its own layer brings stays, wherever in the
// layer it stands.
func TestWhiteoutsAreOfLayersBelow(t *testing.T) {
	below := []entry{file("d/old", "1"), file("d/sub/old", "22"), file("f", "333")}
	for name, above := range map[string][]entry{
		"opaque first": {file("d/.wh..wh..opq", ""), file("d/new", "4")},
		"opaque last":  {file("d/new", "4"), file("d/.wh..wh..opq", "")},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReader(t.Context(), "x")
			for i, l := range [][]entry{below, above} {
				if err := r.tar(i, bytes.NewReader(archive(t, l...))); err != nil {
					t.Fatal(err)
				}
			}
			got := r.finish()
			var names []string
			for _, f := range got.Files {
				names = append(names, f.Path)
			}
			if want := "d/new f"; strings.Join(names, " ") != want || got.Hidden != 3 {
				t.Errorf("%q, hidden %d", names, got.Hidden)
			}
		})
	}
}

// What passes a bound is refused before it is read, and so is what was cancelled.
func TestBounds(t *testing.T) {
	r := newReader(t.Context(), "x")
	err := r.entry(0, &tar.Header{Name: "huge", Typeflag: tar.TypeReg, Size: maxBytes + 1}, strings.NewReader(""))
	if !errors.Is(err, errTooLarge) {
		t.Errorf("a file of %d bytes: %v", int64(maxBytes+1), err)
	}
	r.entries = maxEntries
	if err := r.entry(0, &tar.Header{Name: "one more", Typeflag: tar.TypeReg}, strings.NewReader("")); !errors.Is(err, errTooLarge) {
		t.Errorf("an entry too many: %v", err)
	}
	long := strings.Repeat("a", maxName+1)
	for _, h := range []*tar.Header{{Name: long, Typeflag: tar.TypeReg}, {Name: "l", Linkname: long, Typeflag: tar.TypeSymlink}} {
		if err := newReader(t.Context(), "x").entry(0, h, strings.NewReader("")); err == nil || !strings.Contains(err.Error(), "at most 4096") {
			t.Errorf("a name of %d bytes: %.200v", len(long), err)
		}
	}
	r = newReader(t.Context(), "x")
	r.names = maxNames
	if err := r.entry(0, &tar.Header{Name: "one more", Typeflag: tar.TypeReg}, strings.NewReader("")); !errors.Is(err, errTooLarge) {
		t.Errorf("names too many: %v", err)
	}
	why := errors.New("the user had enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := Tarball(ctx, "x", bytes.NewReader(gzipped(t, archive(t, file("a", "b"))))); !errors.Is(err, why) {
		t.Errorf("cancelled: %v", err)
	}
	broken := archive(t, file("a", strings.Repeat("b", 2000)))
	if _, err := Tarball(t.Context(), "cut.tar.gz", bytes.NewReader(gzipped(t, broken[:1000]))); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), `"cut.tar.gz"`) {
		t.Errorf("cut: %v", err)
	}
}

func gzipped(t *testing.T, raw []byte) []byte {
	t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, err := w.Write(raw)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

// module is a BEAM file of chunks, by the name of each and its length.
func module(chunks ...any) []byte {
	var body []byte
	for i := 0; i < len(chunks); i += 2 {
		id, _ := chunks[i].(string)
		n, _ := chunks[i+1].(int)
		body = append(body, id...)
		body = binary.BigEndian.AppendUint32(body, uint32(n)) //nolint:gosec // small
		body = append(body, make([]byte, (n+3)&^3)...)
	}
	out := binary.BigEndian.AppendUint32([]byte("FOR1"), uint32(len(body)+4)) //nolint:gosec // small
	return append(append(out, "BEAM"...), body...)
}

// What the VM does not load is counted of a BEAM file, also of a compressed one, and
// nothing of what only looks like one.
func TestModuleDebug(t *testing.T) {
	whole := module("AtU8", 10, "Dbgi", 101, "Line", 20, "Docs", 7, "ExCk", 1, "Abst", 3)
	const want = 101 + 7 + 1 + 3 + 4*8
	for name, tt := range map[string]struct {
		raw  []byte
		want int64
	}{
		"a module":                {whole, want},
		"compressed":              {gzipped(t, whole), want},
		"without any":             {module("AtU8", 10, "Line", 20), 0},
		"cut in a chunk":          {module("Dbgi", 8, "Docs", 100)[:12+16+8+50], 16},
		"cut in a chunk's head":   {module("Dbgi", 8, "Docs", 100)[:12+16+5], 16},
		"another file":            {[]byte("FOR1\x00\x00\x00\x04AIFFDbgi\x00\x00\x00\x00"), 0},
		"empty":                   {nil, 0},
		"a head of gzip":          {[]byte{0x1f, 0x8b}, 0},
		"gzip that ends too soon": {gzipped(t, whole)[:30], 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := moduleDebug(tt.raw); got != tt.want {
				t.Errorf("%d bytes, want %d", got, tt.want)
			}
		})
	}
}

// Contents under several names are listed, the most wasteful first; small ones and
// links are not.
func TestDuplicates(t *testing.T) {
	of := func(path, digest string, size int64) File { return File{Path: path, Digest: digest, Size: size} }
	got := duplicates([]File{
		of("a", "1", 1024), of("b", "1", 1024), of("c", "1", 1024), of("d", "2", 4000), of("e", "2", 4000),
		of("f", "3", 1023), of("g", "3", 1023), of("h", "4", 9999),
		{Path: "i", Size: 5000},
		{Path: "j", Size: 5000},
		of("k", "5", 4000), of("l", "5", 4000),
	})
	if diff := cmp.Diff([]Duplicate{{[]string{"d", "e"}, 4000}, {[]string{"k", "l"}, 4000}, {[]string{"a", "b", "c"}, 1024}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSettings(t *testing.T) {
	got := settings(v1.Config{
		Entrypoint: []string{"/bin/hello", "x"}, Cmd: []string{"start"}, User: "1", WorkingDir: "/app", StopSignal: "SIGTERM",
		ExposedPorts: map[string]struct{}{"4000/tcp": {}, "1/udp": {}}, Volumes: map[string]struct{}{"/data": {}},
		Env: []string{"B=1=2", "A"}, Labels: map[string]string{"z": "1", "y": ""}, Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "x"}},
	})
	if diff := cmp.Diff([]Setting{
		{"entrypoint", "/bin/hello x"},
		{"command", "start"},
		{"user", "1"},
		{"working directory", "/app"},
		{"stop signal", "SIGTERM"},
		{"port", "1/udp"},
		{"port", "4000/tcp"},
		{"volume", "/data"},
		{"env B", "1=2"},
		{"label z", "1"},
		{"health check", "CMD x"},
	}, got); diff != "" {
		t.Error(diff)
	}
	if got := settings(v1.Config{}); got != nil {
		t.Errorf("of nothing: %v", got)
	}
}

// The page has the report in it as data: no name in it can end the script.
func TestPageHoldsHostileNames(t *testing.T) {
	r := &Report{Name: "</script><script>alert(1)</script>", Groups: []Group{}, Files: []File{{Path: "<!-- <script>", Why: []string{"{{.}}"}}}}
	var out bytes.Buffer
	if err := r.HTML(&out); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Count(out.String(), "<script"), strings.Count(page, "<script"); got != want {
		t.Errorf("%d scripts, the page itself has %d", got, want)
	}
	if strings.Contains(out.String(), "alert(1)</script>") {
		t.Error("a name ended the script")
	}
	raw, err := json.Marshal(r)
	if err != nil || !strings.Contains(out.String(), string(raw)) {
		t.Errorf("the page lacks the report: %v", err)
	}
}
