package scaffold

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/source"
)

// Docker sees no key that dram's own build does not see.
func TestWithhold(t *testing.T) {
	withheld := []source.Withheld{{Path: "priv/cert/key.pem"}, {Path: "odd [1]*.pem"}, {Path: ".npmrc"}}
	const head = "\n# Private keys and credentials (dram init).\n"
	for _, c := range []struct{ name, old, want string }{
		{"none", ".git\n", ".git\n" + head + "priv/cert/key.pem\nodd \\[1]\\*.pem\n.npmrc\n"},
		{"some are there", "**/*.pem\n", "**/*.pem\n" + head + ".npmrc\n"},
		{"all of a directory is let in", "*\n!priv\n", "*\n!priv\n" + head + "priv/cert/key.pem\n"},
		{"lines of Windows", "*\r\n!priv\r\n", "*\r\n!priv\r\n\r\n# Private keys and credentials (dram init).\r\npriv/cert/key.pem\r\n"},
	} {
		got, err := withhold([]byte(c.old), withheld)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, string(got)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		again, err := withhold(got, withheld)
		if err != nil || string(again) != string(got) {
			t.Errorf("%s: a second time it is %q, %v", c.name, again, err)
		}
	}
}
