package toolchain_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"dram/internal/distro"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/store"
	"dram/internal/toolchain"
	"dram/internal/upstream"
)

// toy is a distribution whose roots say what they are of.
type toy struct{ distro.Distribution }

func (toy) Info() distro.Info {
	return distro.Info{ID: "toy", Name: "Toy", Suites: []distro.Suite{{Distribution: "toy", Version: "1", Stable: true}}}
}

func (toy) Archive(distro.Access) distro.Archive { return toy{} }

func (toy) Versions(context.Context, distro.Request) (distro.Versions, error) {
	return distro.Versions{Erlang: "26.2.5", Elixir: "1.14.0"}, nil
}

func (toy) Resolve(_ context.Context, r distro.Request) (*distro.Root, error) {
	files := fstest.MapFS{"etc/os-release": {Data: []byte("PRETTY_NAME=\"Toy 1\"\n")}, "usr/bin/cc": {Mode: 0o755}, "etc/packages": {Data: []byte(strings.Join(r.Packages, " "))}}
	if r.Holds != distro.NoErlang {
		files["usr/lib/erlang/releases/26/OTP_VERSION"] = &fstest.MapFile{Data: []byte("26.2.5\n")}
	}
	if r.Holds == distro.Toolchain {
		files["usr/lib/elixir/lib/elixir/ebin/elixir.app"] = &fstest.MapFile{Data: []byte(`{application,elixir,[{vsn,"1.14.0"}]}.`)}
	}
	return &distro.Root{
		ID: store.DigestOf(fmt.Appendf(nil, "%d %q", r.Holds, r.Packages)).Hex(), Name: "Toy 1",
		Fill: func(_ context.Context, dir string, _ distro.Configurer, _ func(string, ...any)) error {
			return os.CopyFS(dir, files)
		},
	}, nil
}

// compiler stands for what a system's make does: it installs what the source says
// that it is. fails, if set, is what a step with that word says before it fails.
type compiler struct {
	ran   []string
	fails map[string]string
	lies  bool // it installs another version
}

func (c *compiler) Run(_ context.Context, root string, argv, env []string, out io.Writer) error {
	script := argv[len(argv)-1]
	if !slices.Contains(env, "SOURCE_DATE_EPOCH=1") || !strings.Contains(script, "cd /usr/src/dram\n") {
		return errors.New("compiled elsewhere, or at some time")
	}
	src := filepath.Join(root, "usr/src/dram")
	what := "OTP_VERSION"
	if _, err := os.Stat(filepath.Join(src, what)); err != nil {
		what = "VERSION"
	}
	step := "make"
	for _, word := range []string{"configure --", "make install"} {
		if strings.Contains(script, word) {
			step = word
		}
	}
	c.ran = append(c.ran, what+" "+step)
	if says := c.fails[step]; says != "" {
		_, _ = io.WriteString(out, says)
		return errors.New("exit status 2")
	}
	if step != "make install" {
		return nil
	}
	raw, err := os.ReadFile(filepath.Join(src, what)) //nolint:gosec // the test's own
	if err != nil {
		return err
	}
	version := strings.TrimSpace(string(raw))
	if c.lies {
		version = "9.9.9"
	}
	at, body := "lib/erlang/releases/27/OTP_VERSION", version+"\n"
	if what == "VERSION" {
		if _, err := os.Stat(filepath.Join(root, "usr/local/lib/erlang/releases/27/OTP_VERSION")); err != nil {
			if _, err := os.Stat(filepath.Join(root, "usr/lib/erlang")); err != nil {
				return errors.New("Elixir has no Erlang to be compiled with")
			}
		}
		at, body = "lib/elixir/lib/elixir/ebin/elixir.app", `{application,elixir,[{vsn,"`+version+`"}]}.`
	}
	to := filepath.Join(root, "usr/src/dram-out/usr/local", at)
	return errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, []byte(body), 0o644)) //nolint:gosec // as installed
}

// sources is a directory with releases.
func sources(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, members := range map[string]map[string]string{
		"otp_src_27.2.tar.gz": {"otp/OTP_VERSION": "27.2\n", "otp/configure": "#!/bin/sh\n"},
		"otp_src_27.3.tar.gz": {"otp/OTP_VERSION": "27.2\n"},
		"v1.18.1.tar.gz":      {"elixir/VERSION": "1.18.1\n"},
		"v1.15.0-otp-26.zip":  {"VERSION": "1.15.0\n", "bin/elixir": "#!/bin/sh\n", "bin/elixirc": "", "bin/iex": "", "bin/mix": "", "lib/elixir/ebin/elixir.app": `{application,elixir,[{vsn,"1.15.0"}]}.`},
		"v1.15.1-otp-26.zip":  {"VERSION": "1.15.1\n"},
	} {
		raw := tarred(t, members)
		if strings.HasSuffix(name, ".zip") {
			raw = zipped(t, members)
		}
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func tarred(t *testing.T, members map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		body := members[name]
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(body))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t *testing.T, members map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		body := members[name]
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func withReleases(t *testing.T, c *compiler, from string) *toolchain.Provider {
	t.Helper()
	p := provider(t)
	p.Arch, p.Distros, p.Configure, p.Sources = runtime.GOARCH, distro.Table{toy{}}, c, from
	return p
}

var onToy = ref.Ref{Kind: ref.Distro, Value: "toy/1"}

func opened(t *testing.T, p *toolchain.Provider, up toolchain.Upstream, packages ...string) (*toolchain.Toolchain, toolchain.Facts) {
	t.Helper()
	tc, err := p.Open(t.Context(), onToy, toolchain.Options{Upstream: up, Packages: packages})
	if err != nil {
		t.Fatal(err)
	}
	f, err := tc.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tc, f
}

// Releases are compiled once, whatever is added to the toolchain, and are the same
// toolchain wherever they are compiled.
func TestReleasesAreCompiledOnce(t *testing.T) {
	c, up := &compiler{}, toolchain.Upstream{OTP: "27.2", Elixir: "1.18.1"}
	p := withReleases(t, c, sources(t))
	if took := p.Took(upstream.OTP); took != 0 {
		t.Errorf("it took %v before", took)
	}
	tc, f := opened(t, p, up)
	if f.OTP != "27.2" || f.Elixir != "1.18.1" || f.OS != "Toy 1" {
		t.Errorf("facts %+v", f)
	}
	want := []string{"OTP_VERSION configure --", "OTP_VERSION make", "OTP_VERSION make install", "VERSION make", "VERSION make install"}
	if !slices.Equal(c.ran, want) {
		t.Errorf("ran %q", c.ran)
	}
	root, err := tc.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"usr/src/dram", "usr/src/dram-out", "usr/lib/erlang", "usr/lib/elixir"} {
		if _, err := os.Stat(filepath.Join(root, gone)); err == nil {
			t.Errorf("%s is in the toolchain", gone)
		}
	}
	more, f := opened(t, p, up, "cmake")
	if more.ID == tc.ID || f.OTP != "27.2" || len(c.ran) != len(want) {
		t.Errorf("with a package: %s, %+v, ran %q", more.ID, f, c.ran)
	}
	elsewhere, _ := opened(t, withReleases(t, &compiler{}, sources(t)), up)
	if elsewhere.ID != tc.ID || elsewhere.Content() != tc.Content() {
		t.Errorf("elsewhere it is %s (%s), here %s (%s)", elsewhere.ID, elsewhere.Content(), tc.ID, tc.Content())
	}
	if tc.Pull() != "" {
		t.Errorf("a registry has it: %s", tc.Pull())
	}
	if img, err := tc.Image(t.Context()); err != nil {
		t.Error(err)
	} else if layers, err := img.Layers(); err != nil || len(layers) != 1 {
		t.Errorf("%d layers, %v", len(layers), err)
	}
}

// What was compiled and is damaged, or pruned, is compiled again.
func TestDamagedReleaseIsCompiledAgain(t *testing.T) {
	c, up := &compiler{}, toolchain.Upstream{OTP: "27.2", Elixir: "1.18.1"}
	p := withReleases(t, c, sources(t))
	opened(t, p, up)
	ran := len(c.ran)
	blobs, err := filepath.Glob(filepath.Join(p.Store.Dir(), "blobs", "*", "*", "*"))
	if err != nil || len(blobs) == 0 {
		t.Fatalf("%v, %v", blobs, err)
	}
	for _, b := range blobs {
		if err := os.WriteFile(b, []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, f := opened(t, p, up, "cmake"); f.OTP != "27.2" || len(c.ran) != 2*ran {
		t.Errorf("%+v, ran %q", f, c.ran)
	}
}

// Elixir that is compiled already is laid over the system's Erlang without compiling.
func TestCompiledElixirIsLaidOver(t *testing.T) {
	c := &compiler{}
	p := withReleases(t, c, sources(t))
	tc, f := opened(t, p, toolchain.Upstream{Elixir: "1.15.0"})
	if f.OTP != "26.2.5" || f.Elixir != "1.15.0" || len(c.ran) > 0 {
		t.Errorf("%+v, ran %q", f, c.ran)
	}
	root, err := tc.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"elixir", "elixirc", "iex", "mix"} {
		info, err := os.Stat(filepath.Join(root, "usr/local/bin", name))
		if err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	plain, f := opened(t, p, toolchain.Upstream{})
	if plain.ID == tc.ID || f.Elixir != "1.14.0" {
		t.Errorf("the plain one is %s with %+v", plain.ID, f)
	}
}

// An image's own Erlang and Elixir make room, and its environment stays.
func TestReleasesOverAnImage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "layout")
	l, err := layout.Write(dir, empty.Index)
	if err == nil {
		err = l.AppendImage(elixirImage(t))
	}
	if err != nil {
		t.Fatal(err)
	}
	c := &compiler{}
	p := withReleases(t, c, sources(t))
	p.Arch = "amd64"
	open := func(up toolchain.Upstream) (*toolchain.Toolchain, toolchain.Facts, error) {
		tc, err := p.Open(t.Context(), ref.Ref{Kind: ref.Layout, Value: dir}, toolchain.Options{Upstream: up})
		if err != nil {
			return nil, toolchain.Facts{}, err
		}
		f, err := tc.Facts(t.Context())
		return tc, f, err
	}
	if _, _, err := open(toolchain.Upstream{Elixir: "1.14.0"}); problem.Code(err) != 2 || !strings.Contains(err.Error(), "Elixir 1.14.0 and Erlang/OTP 27.3.4 do not go together") {
		t.Errorf("what its Erlang does not go with: %v", err)
	}
	if runtime.GOARCH != "amd64" {
		return // it is not compiled for another architecture
	}
	tc, f, err := open(toolchain.Upstream{OTP: "27.2", Elixir: "1.18.1"})
	if err != nil || f.OTP != "27.2" || f.Elixir != "1.18.1" || f.Path != "/usr/local/bin:/bin" {
		t.Fatalf("%+v, %v", f, err)
	}
	root, err := tc.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := filepath.Glob(filepath.Join(root, "usr/local/lib/erlang/releases/*")); err != nil || len(got) != 1 {
		t.Errorf("releases: %q", got)
	}
	if _, err := os.Stat(filepath.Join(root, "usr/local/bin/rebar3")); err != nil {
		t.Error("what is no part of Elixir is gone, too:", err)
	}
}

// What fails says which, why, what is missing by name, and leaves nothing.
func TestReleaseThatDoesNotCompile(t *testing.T) {
	for _, tt := range []struct {
		name       string
		c          compiler
		up         toolchain.Upstream
		says, hint string
		code       int
	}{
		{
			"no compiler",
			compiler{fails: map[string]string{"configure --": "checking for gcc... no\nconfigure: error: no acceptable C compiler found in $PATH\n"}},
			toolchain.Upstream{OTP: "27.2", Elixir: "1.18.1"},
			"compiling Erlang/OTP 27.2: configure: exit status 2; what it said:\nconfigure: error: no acceptable C compiler", "a C compiler (gcc)", 1,
		},
		{
			"no OpenSSL",
			compiler{fails: map[string]string{"make install": "lots\nerror: crypto was not compiled: OpenSSL was not found\n"}},
			toolchain.Upstream{OTP: "27.2", Elixir: "1.18.1"},
			"install: exit status 2", "OpenSSL with its headers", 1,
		},
		{
			"a fault",
			compiler{fails: map[string]string{"make": strings.Repeat("CC x.o\n", 100) + "x.c:1:2: error: expected ';'\nmake: *** [x.o] Error 1\n"}},
			toolchain.Upstream{OTP: "27.2", Elixir: "1.18.1"},
			"what it said:\nx.c:1:2: error: expected ';'\nmake: *** [x.o] Error 1", "another version", 1,
		},
		{"another version came out", compiler{lies: true}, toolchain.Upstream{OTP: "27.2", Elixir: "1.18.1"}, "making Erlang/OTP 27.2: it left Erlang/OTP 9.9.9", "", 1},
		{"a source of another version", compiler{}, toolchain.Upstream{OTP: "27.3", Elixir: "1.18.1"}, `unpacking otp_src_27.3.tar.gz: it is Erlang/OTP "27.2"`, "fetch it from elsewhere", 1},
		{"no programs", compiler{}, toolchain.Upstream{Elixir: "1.15.1"}, "v1.15.1-otp-26.zip has no bin/elixir", "", 1},
		{"no such version", compiler{}, toolchain.Upstream{Elixir: "1.15.9"}, "has no Elixir 1.15.9", "1.15.0", 2},
		{"a pair that does not go together", compiler{}, toolchain.Upstream{OTP: "27.2", Elixir: "1.15.0"}, "do not go together", "take OTP 26", 2},
		{"Erlang alone", compiler{}, toolchain.Upstream{OTP: "27.2"}, "is asked for without an Elixir", "say which Elixir", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := withReleases(t, &tt.c, sources(t))
			tc, err := p.Open(t.Context(), onToy, toolchain.Options{Upstream: tt.up})
			if err == nil {
				_, err = tc.Root(t.Context())
			}
			if problem.Code(err) != tt.code || !strings.Contains(err.Error(), tt.says) || !strings.Contains(problem.Hint(err), tt.hint) {
				t.Fatalf("exit %d, %v, hint %q", problem.Code(err), err, problem.Hint(err))
			}
			if strings.Contains(err.Error(), "CC x.o") {
				t.Error("it says what tells nothing")
			}
			if left, _ := filepath.Glob(filepath.Join(p.Store.Dir(), "trees", "root", "*")); len(left) > 0 {
				t.Errorf("left %q", left)
			}
		})
	}
}

// Nothing is compiled in emulation, and what is compiled already serves there, too.
func TestReleasesForAnotherArchitecture(t *testing.T) {
	p := withReleases(t, &compiler{}, sources(t))
	p.Arch = map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	if _, err := p.Open(t.Context(), onToy, toolchain.Options{Upstream: toolchain.Upstream{OTP: "27.2", Elixir: "1.18.1"}}); problem.Code(err) != 2 || !strings.Contains(err.Error(), "not for "+p.Arch) {
		t.Errorf("err = %v", err)
	}
	if _, f := opened(t, p, toolchain.Upstream{Elixir: "1.15.0"}); f.Elixir != "1.15.0" {
		t.Errorf("%+v", f)
	}
}
