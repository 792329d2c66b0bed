package pipeline

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"dram/internal/binary"
	"dram/internal/binary/binarytest"
	"dram/internal/config"
	"dram/internal/distro/distros"
	"dram/internal/engine"
	"dram/internal/plan"
	"dram/internal/sandbox"
	"dram/internal/store"
	"dram/internal/toolchain"
	"dram/internal/ui"
)

// world is all that a build needs, small and real: a project, a toolchain in an OCI
// layout, a cache. The engine alone is not: what it compiles is written here.
type world struct {
	*Pipeline
	dir    string // the project's
	cfg    config.Config
	engine *compiler
	said   *lines // on stderr
}

func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel() // worlds share nothing, and wait for the disk more than they work
	dir, toolchains := t.TempDir(), t.TempDir()
	writeTree(t, dir, tree{"mix.exs": mixExs, "lib/hello.ex": "defmodule Hello do\nend\n"})
	writeLayout(t, toolchains, imageOf(t, bookworm()))
	w := &world{
		dir: dir, cfg: config.Config{Toolchain: "oci:" + toolchains},
		engine: &compiler{t: t, release: hello()}, said: &lines{},
	}
	w.restart(t, t.TempDir())
	return w
}

// restart is another run of dram with a cache.
func (w *world) restart(t *testing.T, cache string) {
	t.Helper()
	st, err := store.Open(cache)
	if err != nil {
		t.Fatal(err)
	}
	u := ui.New(w.said, ui.Options{})
	w.Pipeline = &Pipeline{
		Store: st, UI: u, Host: "amd64",
		Toolchains: &toolchain.Provider{Store: st, HTTP: http.DefaultClient, Arch: "amd64", Distros: distros.All(), Warn: u.Warn},
		Engines: []EngineOption{{
			Name: "native", Engine: w.engine, Needs: func(context.Context) []sandbox.Precondition { return nil },
		}},
	}
}

// planned is the project's plan with the settings.
func (w *world) planned(t *testing.T) *plan.Plan {
	t.Helper()
	pl, err := w.Plan(t.Context(), w.dir, w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	return pl
}

// lines is what was said, for several to write to.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// compiler is an engine whose steps compile nothing: the result is a release that
// is there already.
type compiler struct {
	t       *testing.T
	release tree
	reuses  bool // the steps began with what an earlier run had left
	// during, if set, is what happens while the steps run.
	during func(ctx context.Context, job engine.Job, ev engine.Events) error
	// compiles, if set, is what comes of a job.
	compiles func(job engine.Job, release tree) tree
	// closing is what the results' Close gives.
	closing error

	mu   sync.Mutex
	jobs []engine.Job // that it ran
}

func (c *compiler) Run(ctx context.Context, job engine.Job, ev engine.Events) (*engine.Result, error) {
	c.mu.Lock()
	c.jobs = append(c.jobs, job)
	c.mu.Unlock()
	for _, s := range job.Steps {
		ev.Step(s, false)
	}
	if c.during != nil {
		if err := c.during(ctx, job, ev); err != nil {
			return nil, err
		}
	}
	dir := c.t.TempDir()
	release := c.release
	if c.compiles != nil {
		release = c.compiles(job, release)
	}
	writeTree(c.t, dir, release)
	return &engine.Result{Dir: dir, Fresh: !c.reuses, Close: func() error { return c.closing }}, nil
}

func (c *compiler) ran() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.jobs)
}

const mixExs = `defmodule Hello.MixProject do
  use Mix.Project
  def project, do: [app: :hello, version: "0.1.0", deps: []]
end
`

// tree is files by path: "-> target" is a link, "644 " before the content a mode
// other than 755.
type tree map[string]string

func (tr tree) with(name, body string) tree {
	out := maps.Clone(tr)
	out[name] = body
	return out
}

func (tr tree) without(name string) tree {
	out := maps.Clone(tr)
	delete(out, name)
	return out
}

func (tr tree) file(name string) (mode fs.FileMode, body, link string) {
	body = tr[name]
	if to, ok := strings.CutPrefix(body, "-> "); ok {
		return fs.ModeSymlink | 0o777, "", to
	}
	if rest, ok := strings.CutPrefix(body, "644 "); ok {
		return 0o644, rest, ""
	}
	return 0o755, body, ""
}

func writeTree(t *testing.T, dir string, tr tree) {
	t.Helper()
	for name := range tr {
		at := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(at), 0o755)
		mode, body, link := tr.file(name)
		switch {
		case err != nil:
		case link != "":
			err = os.Symlink(link, at)
		default:
			err = os.WriteFile(at, []byte(body), mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// imageOf is an image for linux/amd64 of one layer.
func imageOf(t *testing.T, tr tree) v1.Image {
	t.Helper()
	return imageFor(t, "amd64", tr)
}

func imageFor(t *testing.T, arch string, tr tree) v1.Image {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, name := range slices.Sorted(maps.Keys(tr)) {
		mode, body, link := tr.file(name)
		h := &tar.Header{Name: name, Mode: int64(mode.Perm()), Size: int64(len(body)), Typeflag: tar.TypeReg, Linkname: link}
		if link != "" {
			h.Typeflag = tar.TypeSymlink
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", arch
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	return img
}

func writeLayout(t *testing.T, dir string, img v1.Image) {
	t.Helper()
	at, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := at.AppendImage(img); err != nil {
		t.Fatal(err)
	}
}

const loader = "/lib64/ld-linux-x86-64.so.2"

func needs(version string) string {
	return string(binarytest.Library{
		Interp: loader, Needed: []string{"libc.so.6"},
		Undefined: []binary.Symbol{{Name: "puts", Version: version, Library: "libc.so.6"}},
	}.Bytes())
}

// bookworm is a toolchain with glibc 2.36, Erlang and Elixir.
func bookworm() tree {
	const lib = "usr/lib/x86_64-linux-gnu/"
	tr := tree{
		"lib": "-> usr/lib", "lib64": "-> usr/lib64", "bin": "-> usr/bin",
		"usr/lib64/ld-linux-x86-64.so.2": "-> ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
		lib + "ld-linux-x86-64.so.2":     string(binarytest.Library{Soname: "ld-linux-x86-64.so.2"}.Bytes()),
		lib + "libc.so.6": string(binarytest.Library{
			Soname: "libc.so.6", Needed: []string{"ld-linux-x86-64.so.2"}, Offers: []string{"GLIBC_2.36"},
			Defined: []binary.Symbol{{Name: "puts", Version: "GLIBC_2.2.5"}},
		}.Bytes()) + "\nGNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\n",
		"etc/os-release":                                  "644 ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n",
		"etc/ssl/certs/ca-certificates.crt":               "644 certificates",
		"usr/lib/locale/C.utf8/LC_CTYPE":                  "644 ctype",
		"usr/lib/erlang/releases/25/OTP_VERSION":          "644 25.2.3\n",
		"usr/lib/erlang/lib/kernel-8.5.3/ebin/kernel.app": "644 {application,kernel,[{vsn,\"8.5.3\"}]}.",
		"usr/lib/elixir/lib/elixir/ebin/elixir.app":       "644 {application,elixir,[{vsn,\"1.14.0\"}]}.",
		"usr/bin/curl":                                    needs("GLIBC_2.2.5"),
	}
	for p := range strings.FieldsSeq("sh env sed cut cat grep dirname basename readlink mkdir date awk dd od tr") {
		tr["usr/bin/"+p] = needs("GLIBC_2.2.5")
	}
	return tr
}

// hello is a sound release for bookworm.
func hello() tree {
	program := needs("GLIBC_2.2.5")
	const erts = "erts-13.1.5/bin/"
	return tree{
		"bin/hello":       "#!/bin/sh\nset -e\nA=$(sed -n x < /dev/null)\ncut -c 1 < /dev/null\nexec \"${0%/*}/../erts-13.1.5/bin/erlexec\"\n",
		erts + "beam.smp": program, erts + "erlexec": program, erts + "erl_child_setup": program, erts + "inet_gethost": program, erts + "erl": "#!/bin/sh\n",
		"releases/start_erl.data": "644 13.1.5 0.1.0", "releases/0.1.0/env.sh": "644 #!/bin/sh\n",
		"releases/0.1.0/hello.rel":         "644 {release,{\"hello\",\"0.1.0\"},{erts,\"13.1.5\"},[{kernel,\"8.5.3\"},{hello,\"0.1.0\"}]}.\n",
		"lib/kernel-8.5.3/ebin/kernel.app": "644 {application,kernel,[{vsn,\"8.5.3\"}]}.",
		"lib/hello-0.1.0/ebin/hello.app":   "644 {application,hello,[{vsn,\"0.1.0\"}]}.",
		"lib/hello-0.1.0/priv/port":        program,
	}
}
