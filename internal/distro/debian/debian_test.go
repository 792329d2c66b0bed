package debian

import (
	"archive/tar"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/distro"
)

// toolchainArchive has a package of each name that a toolchain cannot do without,
// and one more.
func toolchainArchive(t *testing.T) *archive {
	t.Helper()
	packages := []testPackage{{control: controlOf("cmake", ""), files: []tar.Header{file("./usr/bin/cmake", "cmake", 0o755)}}}
	for _, s := range seeds {
		if !s.optional {
			packages = append(packages, testPackage{control: controlOf(s.name, ""), files: []tar.Header{file("./usr/share/"+s.name, s.name, 0o644)}})
		}
	}
	return newArchive(t, packages...)
}

// mandatory is how many of the seeds are not optional.
func mandatory() (n int) {
	for _, s := range seeds {
		if !s.optional {
			n++
		}
	}
	return n
}

// Asked as every distribution is, the archive gives versions and a root of the
// toolchain's packages and those asked for; who asks is told.
func TestArchive(t *testing.T) {
	a := toolchainArchive(t)
	at := archiveAt{client: newClient(t), mirror: a.request().Mirror}
	r := distro.Request{Suite: suite(t, "forky"), Arch: "amd64", Packages: []string{"cmake"}}
	versions, err := at.Versions(t.Context(), r)
	if d := cmp.Diff(distro.Versions{Elixir: "1", Erlang: "1"}, versions); d != "" || err != nil {
		t.Error(d, err)
	}
	root, err := at.Resolve(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("Debian forky (forky), %d packages", mandatory()+1); root.Name != want {
		t.Errorf("%q, want %q", root.Name, want)
	}
	r.Packages = nil
	if other, err := at.Resolve(t.Context(), r); err != nil || other.ID == root.ID || len(root.ID) != 64 {
		t.Errorf("%+v, %v", other, err)
	}
	var told []string
	dir := t.TempDir()
	if err := root.Fill(t.Context(), dir, nil, func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }); err != nil {
		t.Fatal(err)
	}
	got := manifest(t, dir)
	for _, name := range []string{"usr/bin/cmake", "usr/share/elixir", "usr/share/gcc"} {
		if got[name] == "" {
			t.Errorf("%s is not there", name)
		}
	}
	if len(told) == 0 {
		t.Error("nobody was told")
	}
}

// What a CI job installs is what the suite has.
func TestCI(t *testing.T) {
	for name, want := range map[string]struct {
		image string
		hex   bool
	}{"13": {"debian:13", true}, "12": {"debian:12", false}, "bullseye": {"debian:11", false}, "forky": {"debian:forky", true}} {
		job := Distribution{}.CI(suite(t, name), []string{"cmake"})
		words := strings.Fields(strings.Join(job.Install, " "))
		if job.Image != want.image || slices.Contains(words, "erlang-hex") != want.hex || !slices.Contains(words, "elixir") || words[len(words)-1] != "cmake" {
			t.Errorf("%s: %+v", name, job)
		}
	}
}

func TestPackage(t *testing.T) {
	for _, tt := range []struct {
		suite, soname, want string
		known               bool
	}{
		{"11", "libodbc.so.2", "libodbc1", true},
		{"12", "libodbc.so.2", "libodbc2", true},
		{"trixie", "libssl.so.3", "libssl3t64", true},
		{"forky", "libxml2.so.16", "libxml2-16", true},
		{"13", "libtinfo.so.5", "", true},
		{"sid", "libodbc.so.2", "", false},
		{"13", "libown.so.1", "", false},
	} {
		name, known := Distribution{}.Package(suite(t, tt.suite), tt.soname)
		if name != tt.want || known != tt.known {
			t.Errorf("%s in %s: %q, %v; want %q, %v", tt.soname, tt.suite, name, known, tt.want, tt.known)
		}
	}
}
