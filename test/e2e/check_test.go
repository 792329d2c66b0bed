package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// finding is what these tests read of dram's JSON.
type finding struct {
	Rule, Verdict, Symptom string
	Subject                struct{ File string }
	Evidence               struct{ Wants []string }
}

// checked is the findings of a check, which must exit with code.
func checked(t *testing.T, code int, rel, target string) (found []finding) {
	t.Helper()
	r := dram{args: []string{"check", rel, "--target", target, "--format", "json"}}.run(t)
	if r.code != code {
		t.Fatalf("exit %d, want %d\n%s\n%s", r.code, code, r.stdout, r.stderr)
	}
	var doc struct{ Findings []finding }
	if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Findings
}

func short(found []finding) (out []string) {
	for _, f := range found {
		out = append(out, fmt.Sprintf("%s %s %s %s", f.Verdict, f.Rule, filepath.Base(f.Subject.File), strings.Join(f.Evidence.Wants, " ")))
	}
	return out
}

// unpackedRelease builds the hello example for a Debian and unpacks it.
func unpackedRelease(t *testing.T, suite string) string {
	t.Helper()
	dir := project(t, "examples/hello")
	r := dram{args: []string{"build", dir, "--toolchain", "distro:debian/" + suite}}.ok(t)
	to := t.TempDir()
	untar := exec.CommandContext(t.Context(), "tar", "-xzf", strings.TrimSpace(r.stdout), "-C", to)
	if out, err := untar.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Chmod(to, 0o755); err != nil {
		t.Fatal(err)
	}
	return to
}

// within runs a command in a Debian, with a directory shown at /app.
func within(t *testing.T, suite, dir string, argv ...string) result {
	t.Helper()
	args := []string{
		"--quiet", "toolchain", "exec", "distro:debian/" + suite, "--bind", dir + ":/app",
		"--env", "HOME=/tmp", "--env", "RELEASE_COOKIE=c", "--env", "PATH=/usr/bin:/bin", "--env", "LANG=C.UTF-8", "--",
	}
	return dram{args: append(args, argv...)}.run(t)
}

func place(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, raw, 0o755); err != nil {
		t.Fatal(err)
	}
}

func only(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v, %v; want one file", pattern, found, err)
	}
	return found[0]
}

// TestCheckTellsTheTruth compares what dram check says of releases on Debian 12
// and 13 with what happens when they are run there.
func TestCheckTellsTheTruth(t *testing.T) {
	real(t)
	rel12, rel13 := unpackedRelease(t, "12"), unpackedRelease(t, "13")
	const start = `IO.puts("nif " <> inspect(Hello.Native.uid())); IO.puts("ssl #{byte_size(:crypto.strong_rand_bytes(3))}")`
	runs := func(rel, suite string) result { return within(t, suite, rel, "/app/bin/hello", "eval", start) }
	predicted := func(t *testing.T, found []finding, r result) {
		t.Helper()
		said := strings.ReplaceAll(r.stdout+r.stderr, `\'`, "'") // as Erlang quotes it
		for _, m := range loaderSays.FindAllString(said, -1) {
			if !slices.ContainsFunc(found, func(f finding) bool { return strings.Contains(f.Symptom, m) }) {
				t.Errorf("the loader said %q, which was not predicted", m)
			}
		}
		if r.code == 0 || !loaderSays.MatchString(said) {
			t.Errorf("it was to fail: exit %d\n%s", r.code, said)
		}
	}

	t.Run("a release where it was made", func(t *testing.T) {
		for suite, rel := range map[string]string{"12": rel12, "13": rel13} {
			if diff := cmp.Diff([]string(nil), short(checked(t, 0, rel, "distro:debian/"+suite))); diff != "" {
				t.Errorf("Debian %s (-want +got):\n%s", suite, diff)
			}
			if r := runs(rel, suite); r.code != 0 || !strings.Contains(r.stdout, "ssl 3") {
				t.Errorf("Debian %s: exit %d\n%s%s", suite, r.code, r.stdout, r.stderr)
			}
		}
	})
	t.Run("an older release on a newer system", func(t *testing.T) {
		if diff := cmp.Diff([]string(nil), short(checked(t, 0, rel12, "distro:debian/13"))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if r := runs(rel12, "13"); r.code != 0 || !strings.Contains(r.stdout, "ssl 3") {
			t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	})
	t.Run("a newer release on an older system", func(t *testing.T) {
		found := checked(t, 3, rel13, "distro:debian/12")
		for _, f := range found {
			// What no release starts, and what it starts only for a daemon or with -heart.
			tool := slices.Contains([]string{"erlc", "erl_call", "heart", "run_erl", "to_erl"}, filepath.Base(f.Subject.File))
			if f.Rule != "symbol-version" || (f.Verdict == "FAIL") == tool {
				t.Errorf("found %+v", f)
			}
		}
		predicted(t, found, runs(rel13, "12"))
	})
	t.Run("against a captured system", func(t *testing.T) {
		capture := filepath.Join(t.TempDir(), "12.json")
		dram{args: []string{"target", "capture", "distro:debian/12", "-o", capture}}.ok(t)
		live, kept := checked(t, 3, rel13, "distro:debian/12"), checked(t, 3, rel13, "file:"+capture)
		if diff := cmp.Diff(live, kept); diff != "" || len(live) == 0 {
			t.Errorf("%d findings (-live +captured):\n%s", len(live), diff)
		}
	})
	t.Run("a release in an image", func(t *testing.T) {
		tar := filepath.Join(t.TempDir(), "hello.tar")
		dram{args: []string{"image", rel13, "--toolchain", "distro:debian/13", "-o", tar}}.ok(t)
		r := dram{args: []string{"check", "tar:" + tar}}.ok(t)
		if !strings.HasPrefix(r.stdout, "OK: hello 0.1.0 runs on tar:") {
			t.Errorf("got %s", r.stdout)
		}
		if found := checked(t, 3, "tar:"+tar, "distro:debian/12"); !slices.ContainsFunc(found, func(f finding) bool {
			return strings.HasSuffix(f.Subject.File, "/crypto.so") && strings.Contains(strings.Join(f.Evidence.Wants, " "), "@OPENSSL_3.4.0")
		}) {
			t.Errorf("found %v", short(found))
		}
	})
	t.Run("a NIF made for a newer glibc", func(t *testing.T) {
		rel := copied(t, rel12)
		work := write(t, t.TempDir(), "extra.c", newerGlibc)
		place(t, filepath.Join("..", "..", "examples/hello/c_src/hello_nif.c"), filepath.Join(work, "hello_nif.c"))
		// The headers of the Erlang/OTP that will run it, the C library of another.
		if r := within(t, "12", work, "sh", "-c", "cp /usr/lib/erlang/usr/include/*.h /app/"); r.code != 0 {
			t.Fatal(r.stderr)
		}
		if r := within(t, "13", work, "sh", "-c", "cd /app && gcc -shared -fPIC -I. -o hello_nif.so hello_nif.c extra.c"); r.code != 0 {
			t.Fatal(r.stderr)
		}
		place(t, filepath.Join(work, "hello_nif.so"), only(t, filepath.Join(rel, "lib/hello-*/priv/hello_nif.so")))
		found := checked(t, 3, rel, "distro:debian/12")
		if diff := cmp.Diff([]string{"FAIL symbol-version hello_nif.so __isoc23_strtol@GLIBC_2.38"}, short(found)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		predicted(t, found, runs(rel, "12"))
	})
	t.Run("OpenSSL's bindings of a newer system", func(t *testing.T) {
		rel := copied(t, rel12)
		work := t.TempDir()
		if r := within(t, "13", work, "sh", "-c", "cp /usr/lib/erlang/lib/crypto-*/priv/lib/crypto.so /app/"); r.code != 0 {
			t.Fatal(r.stderr)
		}
		place(t, filepath.Join(work, "crypto.so"), only(t, filepath.Join(rel, "lib/crypto-*/priv/lib/crypto.so")))
		found := checked(t, 3, rel, "distro:debian/12")
		if diff := cmp.Diff([]string{
			"FAIL symbol-version crypto.so EVP_MD_CTX_get_size_ex@OPENSSL_3.4.0",
			"FAIL nif-api crypto.so NIF API 2.17 enif_set_option",
			"FAIL nif-functions crypto.so Function not found crypto:hash_final_xof_nif/2",
		}, short(found)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		predicted(t, found, runs(rel, "12"))
	})
}

// loaderSays is a message of glibc's loader, from the library that it names.
var loaderSays = regexp.MustCompile("/lib/[^ \n']+: version `[^ \n]+' not found \\(required by /app/[^ )]+\\)")

// newerGlibc needs a symbol that glibc has since 2.38.
const newerGlibc = `
#define _GNU_SOURCE
#include <stdlib.h>
long hello_parse(const char *s) { return strtol(s, 0, 10); }
`

func copied(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// An image is named by its path alone, and what dram bottled passes against
// itself.
func TestCheckOfAnImageByItsPath(t *testing.T) {
	real(t)
	image := filepath.Join(t.TempDir(), "hello.tar")
	dram{args: []string{"image", project(t, "examples/hello"), "-o", image}}.ok(t)
	r := dram{args: []string{"check", image}}.ok(t)
	if !strings.Contains(r.stdout, "hello 0.1.0") || strings.Contains(r.stdout, "FAIL") {
		t.Errorf("the check of the image says\n%s", r.stdout)
	}
}
