package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dram/internal/distro"
	"dram/internal/distro/debian"
)

// What Debian's source packages hold of the projects' releases, unchanged or with
// less documentation.
var debianSources = map[string]struct{ path, sha256 string }{
	"elixir-1.18.3.tar.xz":    {"elixir-lang/elixir-lang_1.18.3.dfsg.orig.tar.xz", "3620a200199328950e309ab1994c014311ee46440d8692a331ad6509edce582f"},
	"otp_src_25.2.3.tar.xz":   {"erlang/erlang_25.2.3+dfsg.orig.tar.xz", "65c77675af31235d19ee7888fb2a9d858759b1089ba33126344697be7600d271"},
	"otp_src_27.3.4.1.tar.xz": {"erlang/erlang_27.3.4.1+dfsg.orig.tar.xz", "0834643ef1e17886d5e334a39527d8429bcf50613b86d59d4757466f32984b7e"},
}

// releases is a directory with releases of Debian's source packages, and their list.
func releases(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	mirror := debian.MirrorOf(os.DirFS("/etc"), distro.Mirror{})
	var sums strings.Builder
	for _, name := range names {
		from := debianSources[name]
		resp, err := http.Get(mirror.Archive + "/pool/main/e/" + strings.ReplaceAll(from.path, "+", "%2b")) //nolint:noctx // the test's time
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(io.LimitReader(resp.Body, 200<<20))
		_ = resp.Body.Close()
		sum := sha256.Sum256(raw)
		if err != nil || hex.EncodeToString(sum[:]) != from.sha256 {
			t.Fatalf("%s: %s, %v", name, resp.Status, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		sums.WriteString(from.sha256 + "  " + name + "\n")
	}
	write(t, dir, "SHA256SUMS", sums.String())
	return dir
}

const whatRuns = `Enum.join([System.version(), System.otp_release(), Base.encode16(:crypto.hash(:md5, "x")), Hello.Native.fnv1a("hello")], " ")`

// A pair of versions that no suite has: Elixir of its source, compiled over the suite's
// Erlang once. What was compiled is in the cache the second time, also of another
// project's build, and needs its source no more.
func TestElixirFromSource(t *testing.T) {
	real(t)
	inSample(t, false) // three minutes
	src, out := releases(t, "elixir-1.18.3.tar.xz"), filepath.Join(t.TempDir(), "hello.tar")
	args := []string{"image", project(t, "examples/hello"), "--toolchain", "distro:debian/12", "--elixir", "1.18.3", "--sources", src, "-o", out}
	first := dram{args: args}.ok(t)
	if got := strings.Fields(says(t, out, whatRuns)); len(got) != 4 || got[0] != "1.18.3" || got[1] != "25" || got[2] != "9DD4E461268C8034F5C8564E155C67A6" {
		t.Errorf("the release says %q", got)
	}
	again := dram{args: args}.ok(t)
	if first.digest(t) != again.digest(t) || strings.Contains(again.stderr, "compiling") || strings.Contains(again.stderr, "unpacked") {
		t.Errorf("again: %s", again.stderr)
	}
	args[1] = project(t, "examples/hello")
	if other := (dram{args: append(args, "--image-env", "A=1")}).ok(t); strings.Contains(other.stderr, "unpacked") {
		t.Errorf("another project: %s", other.stderr)
	}
	dram{args: []string{"check", "--target", "profile:debian/12", filepath.Join(args[1], "releases/hello/releases/0.1.0/hello.tar.gz")}}.ok(t)
}

// A source that is not what its list says compiles nothing.
func TestSourceWithAnotherChecksum(t *testing.T) {
	real(t)
	src := t.TempDir()
	write(t, src, "elixir-1.18.3.tar.xz", "evil", "SHA256SUMS", debianSources["elixir-1.18.3.tar.xz"].sha256+"  elixir-1.18.3.tar.xz\n")
	dram{cache: filepath.Join(t.TempDir(), "cache"), args: []string{"image", project(t, "examples/hello"), "--toolchain", "distro:debian/12", "--elixir", "1.18.3", "--sources", src}}.
		fails(t, 1, "has the SHA-256", "not "+debianSources["elixir-1.18.3.tar.xz"].sha256, "fetch it from elsewhere")
}

// Erlang/OTP of its source, on the oldest and on the newest suite: it is checked, it
// runs, and it is the same from nothing. It takes long.
func TestErlangFromSource(t *testing.T) {
	if os.Getenv("DRAM_CAMPAIGN") == "" {
		t.Skip("compiles Erlang/OTP: make campaign")
	}
	src := releases(t, "elixir-1.18.3.tar.xz", "otp_src_25.2.3.tar.xz")
	for _, suite := range []string{"11", "13"} {
		t.Run(suite, func(t *testing.T) {
			digests := map[string]bool{}
			for range 2 {
				out := filepath.Join(t.TempDir(), "hello.tar")
				d := dram{cache: filepath.Join(t.TempDir(), "cache"), args: []string{
					"image", project(t, "examples/hello"), "--toolchain", "distro:debian/" + suite,
					"--otp", "25.2.3", "--elixir", "1.18.3", "--sources", src, "-o", out,
				}}
				digests[d.ok(t).digest(t)] = true
				if got := strings.Fields(says(t, out, whatRuns)); len(got) != 4 || got[0] != "1.18.3" || got[1] != "25" || got[2] != "9DD4E461268C8034F5C8564E155C67A6" {
					t.Errorf("the release says %q", got)
				}
			}
			if len(digests) != 1 {
				t.Errorf("%d digests: %v", len(digests), digests)
			}
		})
	}
}
