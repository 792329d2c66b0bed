// Package tooltest helps the tests of tools.
package tooltest

import (
	"os/exec"
	"testing"
)

// Shells are the shells there are on this machine, of those that images have:
// what runs a script is each and "-c".
func Shells(t *testing.T) [][]string {
	t.Helper()
	var out [][]string
	for _, argv := range [][]string{{"dash"}, {"busybox", "sh"}, {"bash", "--posix"}, {"sh"}} {
		if _, err := exec.LookPath(argv[0]); err == nil {
			out = append(out, argv)
		}
	}
	if len(out) == 0 {
		t.Skip("no shell here")
	}
	return out
}
