package toolchain_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"dram/internal/distro/distros"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/store"
	"dram/internal/toolchain"
)

// A file of a test layer; a Link makes a symbolic link.
type file struct{ Name, Body, Link string }

func tarLayer(t *testing.T, files ...file) v1.Layer {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range files {
		h := &tar.Header{Name: f.Name, Mode: 0o755, Size: int64(len(f.Body)), Typeflag: tar.TypeReg}
		if f.Link != "" {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, f.Link, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.Body); err != nil {
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

// elixirImage is shaped as images that people use are: Erlang and Elixir under
// /usr/local, and a later layer that deletes a file of an earlier one.
func elixirImage(t *testing.T) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(empty.Image,
		tarLayer(t,
			file{Name: "etc/os-release", Body: "PRETTY_NAME=\"Test Linux 1\"\n"},
			file{Name: "usr/local/lib/erlang/releases/27/OTP_VERSION", Body: "27.3.4\n"},
			file{Name: "etc/gone", Body: "x"},
		),
		tarLayer(t,
			file{Name: "usr/local/lib/elixir/lib/elixir/ebin/elixir.app", Body: `{application,elixir,[{vsn,"1.18.3"}]}.`},
			file{Name: "usr/local/bin/rebar3", Body: "#!/bin/sh\n"},
			file{Name: "etc/.wh.gone"},
		))
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	config.Config.Env = []string{"PATH=/usr/local/bin:/bin", "LANG=C.UTF-8"}
	img, err = mutate.ConfigFile(img, config)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func provider(t *testing.T) *toolchain.Provider {
	t.Helper()
	return providerAt(t, filepath.Join(t.TempDir(), "cache"))
}

func providerAt(t *testing.T, cache string) *toolchain.Provider {
	t.Helper()
	st, err := store.Open(cache)
	if err != nil {
		t.Fatal(err)
	}
	return &toolchain.Provider{Store: st, HTTP: http.DefaultClient, Arch: "amd64"}
}

// startRegistry serves the OCI distribution protocol on loopback; break may
// spoil answers.
func startRegistry(t *testing.T, spoil func(http.ResponseWriter, *http.Request) bool) string {
	t.Helper()
	real := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if spoil != nil && spoil(w, r) {
			return
		}
		real.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

func push(t *testing.T, ref string, img v1.Image) {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(parsed, img); err != nil {
		t.Fatal(err)
	}
}

func TestImageToolchainFromEveryKindOfPlace(t *testing.T) {
	img := elixirImage(t)
	host := startRegistry(t, nil)
	push(t, host+"/hexpm/elixir:1.18", img)
	dir := t.TempDir()
	tarFile := filepath.Join(dir, "image.tar")
	tag, err := name.NewTag("elixir:1.18")
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(tarFile, tag, img); err != nil {
		t.Fatal(err)
	}
	lay, err := layout.Write(filepath.Join(dir, "layout"), empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := lay.AppendImage(img, layout.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"})); err != nil {
		t.Fatal(err)
	}
	want := toolchain.Facts{
		OTP: "27.3.4", Elixir: "1.18.3", OS: "Test Linux 1", Path: "/usr/local/bin:/bin", Rebar3: "/usr/local/bin/rebar3",
	}
	for _, r := range []ref.Ref{
		{Kind: ref.Image, Value: host + "/hexpm/elixir:1.18"},
		{Kind: ref.Layout, Value: filepath.Join(dir, "layout")},
		{Kind: ref.Tar, Value: tarFile},
	} {
		t.Run(string(r.Kind), func(t *testing.T) {
			tc, err := provider(t).Open(t.Context(), r, toolchain.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := tc.Facts(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("facts\n got %+v\nwant %+v", got, want)
			}
			root, err := tc.Root(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Lstat(filepath.Join(root, "etc/gone")); !os.IsNotExist(err) {
				t.Errorf("a file that a later layer deleted is there: %v", err)
			}
		})
	}
}

// Within a day, a tag that was unpacked needs no registry.
func TestImageToolchainNeedsNoRegistryTwice(t *testing.T) {
	down := false
	host := startRegistry(t, func(w http.ResponseWriter, _ *http.Request) bool {
		if down {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return down
	})
	push(t, host+"/e:1", elixirImage(t))
	p := provider(t)
	from := ref.Ref{Kind: ref.Image, Value: host + "/e:1"}
	first, err := p.Open(t.Context(), from, toolchain.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Root(t.Context()); err != nil {
		t.Fatal(err)
	}
	down = true
	second, err := p.Open(t.Context(), from, toolchain.Options{})
	if err != nil || second.ID != first.ID {
		t.Fatalf("second open: %v, %v", second, err)
	}
	_, err = p.Open(t.Context(), from, toolchain.Options{Refresh: true})
	if problem.Code(err) != 1 || problem.Hint(err) == "" {
		t.Errorf("refresh with the registry down: %v (exit %d, hint %q)", err, problem.Code(err), problem.Hint(err))
	}
}

func TestImageToolchainProblems(t *testing.T) {
	refuse := func(status int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			bad := r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/manifests/")
			if bad {
				w.WriteHeader(status)
			}
			return bad
		}
	}
	for _, tt := range []struct {
		name  string
		spoil func(http.ResponseWriter, *http.Request) bool
		ref   func(host string) ref.Ref
		code  int
		says  string
	}{
		{"no such tag", nil, func(h string) ref.Ref { return ref.Ref{Kind: ref.Image, Value: h + "/e:none"} }, 2, "does not exist"},
		{"refused", refuse(http.StatusForbidden), nil, 1, "refused"},
		{"rate limited", refuse(http.StatusTooManyRequests), nil, 1, "rate-limited"},
		{"not a reference", nil, func(string) ref.Ref { return ref.Ref{Kind: ref.Image, Value: "UPPER:::"} }, 2, "UPPER"},
		{"no such tar", nil, func(string) ref.Ref { return ref.Ref{Kind: ref.Tar, Value: "/no/such.tar"} }, 2, "/no/such.tar"},
		{"no such layout", nil, func(string) ref.Ref { return ref.Ref{Kind: ref.Layout, Value: "/no/such"} }, 2, "/no/such"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			host := startRegistry(t, tt.spoil)
			push(t, host+"/e:1", elixirImage(t))
			from := ref.Ref{Kind: ref.Image, Value: host + "/e:1"}
			if tt.ref != nil {
				from = tt.ref(host)
			}
			_, err := provider(t).Open(t.Context(), from, toolchain.Options{})
			if problem.Code(err) != tt.code || !strings.Contains(fmt.Sprint(err), tt.says) || problem.Hint(err) == "" {
				t.Errorf("err = %v (exit %d, hint %q), want exit %d and %q", err, problem.Code(err), problem.Hint(err), tt.code, tt.says)
			}
		})
	}
}

// A registry that serves other bytes than the digest promises gets nothing
// unpacked; a connection that breaks once is tried again.
func TestLayerThatIsNotWhatItsDigestSays(t *testing.T) {
	for _, tt := range []struct {
		name  string
		times int // how many blob answers are spoilt
		ok    bool
	}{{"always", 1 << 30, false}, {"once", 1, true}} {
		t.Run(tt.name, func(t *testing.T) {
			img := elixirImage(t)
			manifest, err := img.Manifest()
			if err != nil {
				t.Fatal(err)
			}
			victim := manifest.Layers[0].Digest.String()
			spoilt := 0
			host := startRegistry(t, func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, victim) || spoilt >= tt.times {
					return false
				}
				spoilt++
				_, _ = io.WriteString(w, "something else")
				return true
			})
			push(t, host+"/e:1", img)
			p := provider(t)
			tc, err := p.Open(t.Context(), ref.Ref{Kind: ref.Image, Value: host + "/e:1"}, toolchain.Options{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = tc.Root(t.Context())
			if (err == nil) != tt.ok {
				t.Fatalf("unpacking: %v", err)
			}
			if err != nil && tc.Unpacked() {
				t.Error("a root from wrong bytes is in the cache")
			}
		})
	}
}

func TestLayerThatWritesOutsideTheRoot(t *testing.T) {
	out := filepath.Join(t.TempDir(), "outside")
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, tarLayer(t,
		file{Name: "link", Link: out}, file{Name: "link/f", Body: "x"}, file{Name: "../../escaped", Body: "x"}))
	if err != nil {
		t.Fatal(err)
	}
	host := startRegistry(t, nil)
	push(t, host+"/e:1", img)
	tc, err := provider(t).Open(t.Context(), ref.Ref{Kind: ref.Image, Value: host + "/e:1"}, toolchain.Options{})
	if err != nil {
		t.Fatal(err)
	}
	root, rootErr := tc.Root(t.Context())
	if entries, err := os.ReadDir(out); err != nil || len(entries) != 0 {
		t.Errorf("outside now holds %v, %v", entries, err)
	}
	if rootErr == nil {
		if _, err := os.Lstat(filepath.Join(filepath.Dir(filepath.Dir(root)), "escaped")); err == nil {
			t.Error("a file was written above the root")
		}
	}
}

// A distribution or a suite that there is not is found before it is looked for.
func TestKnown(t *testing.T) {
	p := provider(t)
	p.Distros = distros.All()
	for name, want := range map[string]string{
		"debian/13": "", "debian/bookworm": "", "ubuntu/24.04": `unknown distribution "ubuntu"`, "debian/7": `unknown Debian suite "7"`,
	} {
		parsed := ref.Ref{Kind: ref.Distro, Value: name}
		known := p.Known(parsed)
		if want == "" && known == nil {
			continue
		}
		_, err := p.Open(t.Context(), parsed, toolchain.Options{})
		if problem.Code(known) != 2 || problem.Code(err) != 2 || known.Error() != want || err.Error() != want {
			t.Errorf("%s: %v, %v; want %q", name, known, err, want)
		}
	}
	if err := p.Known(ref.Ref{Kind: ref.Tar, Value: "x"}); err != nil {
		t.Error(err)
	}
}

func TestParseRef(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want ref.Ref
		code int
	}{
		{"distro:debian/13", ref.Ref{Kind: ref.Distro, Value: "debian/13"}, 0},
		{"image:hexpm/elixir:1.18.3-erlang-27", ref.Ref{Kind: ref.Image, Value: "hexpm/elixir:1.18.3-erlang-27"}, 0},
		{"oci:some dir", ref.Ref{Kind: ref.Layout, Value: "some dir"}, 0},
		{"tar:a.tar", ref.Ref{Kind: ref.Tar, Value: "a.tar"}, 0},
		{"distro:ubuntu/24.04", ref.Ref{Kind: ref.Distro, Value: "ubuntu/24.04"}, 0}, // see Known
		{"docker:x", ref.Ref{}, 2},
		{"debian", ref.Ref{}, 2},
		{"image:", ref.Ref{}, 2},
		{"", ref.Ref{}, 2},
	} {
		got, err := toolchain.ParseRef(tt.in)
		if got != tt.want || problem.Code(err) != tt.code {
			t.Errorf("ParseRef(%q) = %v, %v; want %v, exit %d", tt.in, got, err, tt.want, tt.code)
		}
	}
}
