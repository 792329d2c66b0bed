package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ulikunitz/xz"

	"dram/internal/distro"
	"dram/internal/distro/debian"
)

// own has relx of rebar3 in a directory of its own. It reports to rebar3, in whose place
// is what writes it down.
const own = `set -e
mkdir -p /w/vendor && cd /w/vendor
erl -noshell -eval '
  {ok, Parts} = escript:extract("/usr/bin/rebar3", []),
  {archive, Zip} = lists:keyfind(archive, 1, Parts),
  {ok, _} = zip:unzip(Zip, [{file_filter, fun(F) -> lists:member(hd(filename:split(element(2, F))), ["relx", "bbmustache"]) end}]),
  halt().'
cd relx/ebin
printf '%s\n' '-module(rebar_log).' '-export([log/3]).' 'log(_, Format, Args) -> io:format(Format ++ "~n", Args).' > rebar_log.erl
erlc rebar_log.erl
rm rebar_log.erl
`

// forky is where Debian has cowboy.
var forky = []string{"--toolchain", "distro:debian/forky", "--expired-indexes", "allow"}

// erlangMk is a copy of erlang.mk, of the package with cowboy's examples.
func erlangMk(t *testing.T) string {
	t.Helper()
	archive := debian.MirrorOf(os.DirFS("/etc"), distro.Mirror{}).Archive
	fetched := func(name string) io.Reader {
		resp, err := http.Get(archive + "/" + name) //nolint:noctx // the test's time
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v, %v", name, resp, err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return io.LimitReader(resp.Body, 100<<20)
	}
	index, err := xz.NewReader(fetched("dists/forky/main/binary-amd64/Packages.xz"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(io.LimitReader(index, 200<<20))
	if err != nil {
		t.Fatal(err)
	}
	_, entry, _ := strings.Cut(string(text), "\nPackage: erlang-cowboy-doc\n")
	_, name, _ := strings.Cut(entry, "\nFilename: ")
	name, _, _ = strings.Cut(name, "\n")
	dir := t.TempDir()
	file, err := os.Create(filepath.Join(dir, "doc.deb"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(file, fetched(name)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "dpkg-deb", "-x", file.Name(), dir).CombinedOutput(); err != nil { //nolint:gosec // fetched just now
		t.Fatalf("unpacking %s: %v\n%s", name, err, out)
	}
	return filepath.Join(dir, "usr/share/doc/erlang-cowboy-doc/examples/erlang.mk")
}

// examples/cowboy: a project of erlang.mk with cowboy of Debian's package and relx in a
// directory. It answers, is the same by BuildKit, and has what was edited in the
// directory.
func TestErlangMkExample(t *testing.T) {
	real(t)
	inSample(t, false) // forky's toolchain is fetched for this test alone
	dir := project(t, "examples/cowboy")
	mk, err := os.ReadFile(erlangMk(t))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "erlang.mk", string(mk))
	dram{args: append([]string{"toolchain", "exec", "distro:debian/forky", "--expired-indexes", "allow", "--bind", dir + ":/w", "--"}, "sh", "-c", own)}.ok(t)
	replace(t, filepath.Join(dir, "Makefile"), "REL_DEPS = relx\n", "REL_DEPS = relx bbmustache\ndep_relx = cp vendor/relx\ndep_bbmustache = cp vendor/bbmustache\n")
	git := func(args ...string) {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.invalid"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "one")

	image := append([]string{"image", dir}, forky[2:]...)
	first := dram{args: image}.ok(t).digest(t)
	page := func(want string) {
		t.Helper()
		port := freePort(t)
		s := dram{args: []string{"run", imageOf(dir, "page", "0.1.0"), "-e", "PORT=" + port, "-e", "GREETING=ciao", "-e", "NODE=here@localhost"}}.start(t)
		if got := get(t, port, "/"); got != want {
			t.Errorf("the release says %q, not %q", got, want)
		}
		if code, took := s.stop(t, syscall.SIGTERM); code != 0 || took > 10*time.Second {
			t.Errorf("stopping: exit %d after %s\n%s", code, took, s.stderr.String())
		}
	}
	page("ciao from here@localhost\n")
	dram{args: []string{"check", imageOf(dir, "page", "0.1.0")}}.ok(t)

	// What was copied once is copied again.
	replace(t, filepath.Join(dir, "vendor/relx/priv/templates/extended_bin"), "foreground)", fmt.Sprintf("foreground) # %s\n", "edited"))
	if edited := (dram{args: image}).ok(t).digest(t); edited == first {
		t.Error("an edit of relx's template came to nothing")
	}
	git("checkout", "-q", "vendor")
	if again := (dram{args: image}).ok(t).digest(t); again != first {
		t.Errorf("image %s, then %s", first, again)
	}
	if exec.Command("docker", "info").Run() != nil {
		t.Log("no Docker daemon: nothing is built there")
	} else if built := (dram{args: append(image, "--engine", "buildkit"), cache: ownCache(t)}).ok(t).digest(t); built != first {
		t.Errorf("image %s natively, %s by BuildKit", first, built)
	}

	// An upgrade from the earlier release.
	if err := os.MkdirAll(filepath.Join(dir, "rel"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "releases/page/releases/0.1.0/page.tar.gz"), filepath.Join(dir, "rel/old.tar.gz")); err != nil {
		t.Fatal(err)
	}
	build := dram{args: append([]string{"build", dir, "--upgrade-from", "rel/old.tar.gz"}, forky[2:]...)}
	replace(t, filepath.Join(dir, "Makefile"), "PROJECT_VERSION = 0.1.0", "PROJECT_VERSION = 0.2.0")
	replace(t, filepath.Join(dir, "relx.config"), `"0.1.0"`, `"0.2.0"`)
	build.fails(t, 4, "no appup says how these are upgraded: page from 0.1.0 to 0.2.0")
	write(t, dir, "src/page.appup", `{"0.2.0", [{"0.1.0", [{load_module, page_handler}]}], [{"0.1.0", [{load_module, page_handler}]}]}.`+"\n")
	build.ok(t)
	tarball := filepath.Join(dir, "releases/page/releases/0.2.0/page.tar.gz")
	unpacked := t.TempDir()
	unpack(t, tarball, unpacked)
	if relup, err := os.ReadFile(filepath.Join(unpacked, "releases/0.2.0/relup")); err != nil || !strings.Contains(string(relup), "page_handler") {
		t.Errorf("the relup: %s, %v", relup, err)
	}
	if r := (dram{args: append([]string{"check", tarball, "--target", "distro:debian/forky"}, forky[2:]...)}).ok(t); strings.Contains(r.stdout, "[relup]") {
		t.Errorf("the check says of the relup:\n%s", r.stdout)
	}
}
