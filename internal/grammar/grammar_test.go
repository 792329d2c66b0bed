package grammar

import (
	"path"
	"path/filepath"
	"strings"
	"testing"
)

func TestRules(t *testing.T) {
	long := strings.Repeat("a", Max+1)
	for _, rule := range []struct {
		name    string
		of      func(string) error
		yes, no []string
	}{
		{
			"release of Mix", MixRelease,
			[]string{"a", "hello", "my_app2", "x_", strings.Repeat("a", Max)},
			[]string{"", "Hello", "2x", "_x", "a-b", "a.b", "a b", "..", "a\n", "a/b", "--force", "é", long},
		},
		{
			"name", Name,
			[]string{"prod", "Prod", "eu_west", "eu-west", "node@host", "a.b", "x"},
			[]string{"", ".", "..", "-x", "--x", "_x", "a/b", `a\b`, "a b", "a\x00", "a\n", "\na", "../x", "9", "a\u202eb", long},
		},
		{
			"version", Version,
			[]string{"0.1.0", "1.0.0-rc.1+build.5", "v1", "20260101", "1.0~rc1", "a_b"},
			[]string{"", ".", "..", ".1", "-1", "+1", "1/2", "1 2", "1\n", "../../x", "1:2", "1$x", "1\u009b", long},
		},
	} {
		for _, s := range rule.yes {
			if err := rule.of(s); err != nil {
				t.Errorf("%s: %v", rule.name, err)
			}
		}
		for _, s := range rule.no {
			if rule.of(s) == nil {
				t.Errorf("%s: %q passes", rule.name, s)
			}
		}
	}
}

// Whatever passes is one element of a path and no option, and what does not is
// quoted in a few bytes.
func FuzzRules(f *testing.F) {
	for _, s := range []string{"hello", "..", "a/../b", "-x", "1.0.0+a", "\x00", strings.Repeat("x", 5000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, rule := range []func(string) error{MixRelease, Name, Version} {
			err := rule(s)
			switch {
			case err != nil && len(err.Error()) > 600:
				t.Errorf("a message of %d bytes", len(err.Error()))
			case err != nil:
			case path.Join("/a", s) != "/a/"+s || !filepath.IsLocal(s) || filepath.Base(s) != s || s[0] == '-' || !Printable(s):
				t.Errorf("%q passes", s)
			}
		}
	})
}
