package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// Each Debian suite compiles the example, and what it compiled runs. A mirror
// may be behind; that suites are signed is tested elsewhere.
func TestEverySuiteBuilds(t *testing.T) {
	real(t)
	for _, c := range []struct{ suite, elixir, otp string }{
		{"12", "1.14.0", "25"},
		{"bullseye", "1.10.3", "23"},
		{"forky", "", ""}, // changes from week to week
	} {
		t.Run(c.suite, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "hello.tar")
			dram{args: []string{
				"image", project(t, "examples/hello"), "--toolchain", "distro:debian/" + c.suite,
				"--expired-indexes", "allow", "-o", out,
			}}.ok(t)
			got := says(t, out, `Enum.join([System.version(), System.otp_release(), Base.encode16(:crypto.hash(:md5, "x")), Hello.Native.fnv1a("hello")], " ")`)
			words := strings.Fields(got)
			if len(words) != 4 || words[2] != "9DD4E461268C8034F5C8564E155C67A6" {
				t.Fatalf("the release says %q", got)
			}
			if c.elixir != "" && (words[0] != c.elixir || words[1] != c.otp) {
				t.Errorf("Elixir %s on OTP %s, want %s on %s", words[0], words[1], c.elixir, c.otp)
			}
		})
	}
}
