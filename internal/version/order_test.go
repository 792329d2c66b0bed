package version

import (
	"cmp"
	"strings"
	"testing"
)

// ascending is versions from the oldest to the newest, as Elixir's Version.compare/2
// orders them.
func ascending() []string {
	return []string{
		"0.0.0-0", "0.0.0", "0.0.1", "0.1.0", "0.9.9", "0.10.0", "1.0.0-0", "1.0.0-1", "1.0.0-2", "1.0.0-10",
		"1.0.0-99999999999999999999998", "1.0.0-99999999999999999999999", "1.0.0--", "1.0.0-A", "1.0.0-a", "1.0.0-a.1", "1.0.0-a.1.0",
		"1.0.0-a.b", "1.0.0-b", "1.0.0-rc", "1.0.0-rc.0", "1.0.0-rc.1", "1.0.0-rc.9", "1.0.0-rc.10", "1.0.0", "1.0.1-dev", "1.0.1",
		"1.2.0", "1.18.3", "1.18.10", "2.0.0", "10.0.0", "18446744073709551615.0.0",
	}
}

// Every two versions of the list compare as their places do, whichever is asked of
// which; what stands after + changes nothing.
func TestCompareIsAnOrder(t *testing.T) {
	var all []Version
	for _, s := range ascending() {
		v, err := Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if v.String() != s {
			t.Errorf("%q is written %q", s, v)
		}
		all = append(all, v)
	}
	for i, a := range all {
		for j, b := range all {
			b.Build = "20261127"
			if got, want := cmp.Compare(a.Compare(b), 0), cmp.Compare(i, j); got != want {
				t.Errorf("%v compared with %v: %d, want %d", a, b, got, want)
			}
		}
	}
}

// The comparisons agree with the order, for every two versions of the list.
func TestRequirementsFollowTheOrder(t *testing.T) {
	for i, a := range ascending() {
		for j, b := range ascending() {
			for op, want := range map[string]bool{
				"==": i == j, "": i == j, "!=": i != j, "!": i != j, ">": i > j, ">=": i >= j, "<": i < j, "<=": i <= j,
			} {
				if got := match(a, op+" "+b); (got == "true") != want || got == "error" {
					t.Errorf("Version.match?(%q, %q) = %s, want %v", a, op+" "+b, got, want)
				}
			}
		}
	}
}

// "~>" is the least version and the next major or minor one, pre-releases of which
// are past it: the same as written out.
func TestTildeIsARange(t *testing.T) {
	for tilde, out := range map[string]string{
		"~> 1.0":       ">= 1.0.0 and < 2.0.0-0",
		"~> 1.0-rc":    ">= 1.0.0-rc and < 2.0.0-0",
		"~> 1.0.0":     ">= 1.0.0 and < 1.1.0-0",
		"~> 1.0.0-b":   ">= 1.0.0-b and < 1.1.0-0",
		"~> 1.18.3":    ">= 1.18.3 and < 1.19.0-0",
		"~> 0.0":       ">= 0.0.0 and < 1.0.0-0",
		"~> 0.0.0":     ">= 0.0.0 and < 0.1.0-0",
		"~> 1.18.3+42": ">= 1.18.3 and < 1.19.0-0",
	} {
		for _, v := range ascending() {
			if got, want := match(v, tilde), match(v, out); got != want {
				t.Errorf("%s: %q says %s, %q says %s", v, tilde, got, out, want)
			}
		}
	}
}

// What is refused is quoted, cut where it is long, with what is wrong about it.
func TestRefusedVersionsSayWhy(t *testing.T) {
	for s, want := range map[string]string{
		"1.0":                         "lacks its patch number",
		"1":                           "must be MAJOR.MINOR.PATCH",
		"1.0.0.0":                     "must be MAJOR.MINOR.PATCH",
		"1.0.x":                       "numbers without leading zeros",
		"1.00.0":                      "numbers without leading zeros",
		"18446744073709551616.0.0":    "numbers without leading zeros", // past what a machine word holds
		"-1.0.0":                      "must be MAJOR.MINOR.PATCH",
		"1.0.0-a..b":                  "dot-separated words",
		"1.0.0-00":                    "numbers without leading zeros",
		"1.0.0-ä":                     "dot-separated words",
		"1.0.0+":                      "letters, digits, dots and hyphens",
		"1.0.0+a b":                   "letters, digits, dots and hyphens",
		"":                            "must be MAJOR.MINOR.PATCH",
		strings.Repeat("9", MaxLen+1): "too long",
	} {
		v, err := Parse(s)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"`+s[:min(len(s), 60)]) || len(err.Error()) > 250 {
			t.Errorf("%.60q: %v, want %q", s, err, want)
		}
		if v.String() != "0.0.0" {
			t.Errorf("%.60q is refused and still gives %v", s, v)
		}
	}
}

func TestRefusedRequirementsSayWhy(t *testing.T) {
	for s, want := range map[string]string{
		"":                            "it is empty",
		"   ":                         "it is empty",
		">=":                          `no version follows ">="`,
		">= 1.0":                      "only ~> may leave it out",
		"and 1.0.0":                   "is not a version",
		"1.0.0 1.0.0":                 `"1.0.0" stands where and or or must`,
		"1.0.0 or ":                   "ends with and or or",
		"1.0.0 or or 2.0.0":           "is not a version",
		"1.0.0 or  and 2.0.0":         `"and" joins nothing`,
		strings.Repeat(" ", MaxLen+1): "too long",
	} {
		if _, err := ParseRequirement(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", s, err, want)
		}
	}
}
