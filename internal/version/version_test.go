package version

import (
	"strings"
	"testing"
)

// Each row was checked against Elixir 1.18.3's Version.match?/2; "error" stands
// for its InvalidRequirementError or InvalidVersionError.
func TestMatch(t *testing.T) {
	for _, c := range []struct{ version, requirement, want string }{
		{"2.5.0", "~> 2.1", "true"},
		{"2.0.9", "~> 2.1", "false"},
		{"3.0.0", "~> 2.1", "false"},
		{"2.1.9", "~> 2.1.0", "true"},
		{"2.2.0", "~> 2.1.0", "false"},
		{"2.1.0-dev", "~> 2.0.0", "false"},
		{"2.1.0-0", "~> 2.0.0", "false"},
		{"3.0.0-dev", "~> 2.0", "false"},
		{"1.0.0-rc.1", "~> 1.0", "false"},
		{"1.0.0", "~> 1.0-dev", "true"},
		{"1.18.3", "~> 1.14 or ~> 1.18.1", "true"},
		{"1.0.0", "1.0.0", "true"},
		{"1.0.0", " 1.0.0 ", "true"},
		{"1.0.0", "~>1.0", "true"},
		{"1.0.0", "1.0.0+abc", "true"},
		{"1.0.0+x", "== 1.0.0", "true"},
		{"1.0.0", "!1.0.1", "true"},
		{"1.0.0", "!= 1.0.0", "false"},
		{"1.0.0", "1.0.0 or 1.0.0 and 2.0.0", "true"},
		{"1.0.0", "2.0.0 and 1.0.0 or 1.0.0", "true"},
		{"1.0.0", "~> 0.1 or ~> 1.0 and < 0.5.0", "false"},
		{"1.0.0", ">= 0.9.0 or 3.0.0", "true"},
		{"1.0.0-a.b", "> 1.0.0-a", "true"},
		{"1.0.0-a", "> 1.0.0-1.2", "true"},
		{"1.0.0-b", "> 1.0.0-a.b.c", "true"},
		{"1.0.0-a.b", "> 1.0.0-b", "false"},
		{"1.0.0-rc.10", "> 1.0.0-rc.9", "true"},
		{"1.0.0-99999999999999999999999", "> 1.0.0-99999999999999999999998", "true"},
		{"1.0.0-rc.1", "< 1.0.0", "true"},
		{"1.0.0", "<= 1.0.0", "true"},
		{"1.0.0", ">= 1.0", "error"},
		{"1.0.0", "1.0", "error"},
		{"1.0.0", "~> 1", "error"},
		{"1.0.0", "= 1.0.0", "error"},
		{"1.0.0", "1 .0.0", "error"},
		{"1.0.0", "", "error"},
		{"1.0.0", "01.0.0", "error"},
		{"1.0.0", "> > 1.0.0", "error"},
		{"1.0.0", "1.0.0 or or 2.0.0", "error"},
		{"1.0.0", "1.0.0 and", "error"},
		{"1.0.0", ">=1.0.0and <2.0.0", "error"},
		{"1.0.0", ">= 0.9.0 and\t< 2.0.0", "error"},
		{"1.0.0", "== 1.0.0-", "error"},
		{"1.0.0-01", "> 0.1.0", "error"},
		{"00.0.1", ">= 0.0.0", "error"},
		{"0.0.01", ">= 0.0.0", "error"},
		{"1.0", ">= 0.0.0", "error"},
	} {
		if got := match(c.version, c.requirement); got != c.want {
			t.Errorf("Version.match?(%q, %q) = %s, want %s", c.version, c.requirement, got, c.want)
		}
	}
}

// match is Version.match?/2, with "error" for what it raises.
func match(version, requirement string) string {
	v, err := Parse(version)
	r, err2 := ParseRequirement(requirement)
	switch {
	case err != nil || err2 != nil:
		return "error"
	case r.Match(v):
		return "true"
	}
	return "false"
}

func TestLongInputIsRefused(t *testing.T) {
	long := strings.Repeat("1", MaxLen+1)
	if _, err := Parse("1.0.0-" + long); err == nil {
		t.Error("Parse took an overlong version")
	}
	if _, err := ParseRequirement("~> 1.0 or " + long); err == nil {
		t.Error("ParseRequirement took an overlong requirement")
	}
}

func FuzzRequirement(f *testing.F) {
	f.Add("~> 1.14 or >= 2.0.0-rc.1 and < 3.0.0", "1.18.3")
	f.Add("!1.0.0 and", "1.0.0-a.b+c")
	f.Fuzz(func(t *testing.T, req, ver string) {
		v, err := Parse(ver)
		if err != nil {
			return
		}
		back, err := Parse(v.String())
		if err != nil || back.Compare(v) != 0 {
			t.Fatalf("%q reads back as %v, %v", v, back, err)
		}
		if r, err := ParseRequirement(req); err == nil {
			r.Match(v)
		}
		exact, err := ParseRequirement(ver)
		if err != nil || !exact.Match(v) {
			t.Fatalf("%q does not match itself: %v", ver, err)
		}
	})
}
