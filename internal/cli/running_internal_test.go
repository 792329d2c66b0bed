package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Variables of files come before those of -e, and comments are none.
func TestEnvironmentOfARun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte("\ufeff# a comment\nA=1\r\n\n  B= two words \nPASSED\nNOT_SET_HERE\nC=a=b#c\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PASSED", "on")
	t.Setenv("TERM", "xterm")
	r := running{variables: variables{env: []string{"A=2"}, envFiles: []string{file}}}
	for terminal, first := range map[bool][]string{false: nil, true: {"TERM=xterm"}} {
		got, err := r.environment(terminal)
		if d := cmp.Diff(append(first, "A=1", "B= two words ", "PASSED=on", "C=a=b#c", "A=2"), got); d != "" || err != nil {
			t.Errorf("%v: %s", err, d)
		}
	}
}
