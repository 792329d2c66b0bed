package distro_test

import (
	"slices"
	"strings"
	"testing"

	"dram/internal/distro"
	"dram/internal/distro/distros"
	"dram/internal/problem"
)

func TestFind(t *testing.T) {
	for _, tt := range []struct {
		value string
		want  string // the suite, or else the error and the hint
		hint  string
	}{
		{"debian/13", "debian/13", ""},
		{"debian/trixie", "debian/13", ""},
		{"debian/12", "debian/12", ""},
		{"debian/bullseye", "debian/11", ""},
		{"debian/sid", "debian/sid", ""},
		{"debian/forky", "debian/forky", ""},
		{"debian", `unknown Debian suite ""`, "use one of 13 (trixie), 12 (bookworm), 11 (bullseye), forky, sid"},
		{"debian/", `unknown Debian suite ""`, "13 (trixie)"},
		{"debian/10", `unknown Debian suite "10"`, "13 (trixie)"},
		{"debian/stable", `unknown Debian suite "stable"`, "13 (trixie)"},
		{"debian/Trixie", `unknown Debian suite "Trixie"`, "13 (trixie)"},
		{"debian/trixie/..", `unknown Debian suite "trixie/.."`, "13 (trixie)"},
		{"alpine/3.20", `unknown distribution "alpine"`, "use one of distro:debian/13, distro:debian/12, distro:debian/11, distro:debian/forky, distro:debian/sid"},
		{"", `unknown distribution ""`, "distro:debian/13"},
	} {
		_, got, err := distros.All().Find(tt.value)
		if err == nil {
			if got.String() != tt.want {
				t.Errorf("%q is %s, want %s", tt.value, got, tt.want)
			}
			continue
		}
		if err.Error() != tt.want || problem.Code(err) != 2 || !strings.Contains(problem.Hint(err), tt.hint) || tt.hint == "" {
			t.Errorf("%q: exit %d, %q, hint %q; want %q, hint %q", tt.value, problem.Code(err), err, problem.Hint(err), tt.want, tt.hint)
		}
	}
}

// A system is known by what its os-release says.
func TestOf(t *testing.T) {
	for _, tt := range []struct {
		system distro.System
		want   string
	}{
		{distro.System{ID: "debian", Version: "12", Name: "Debian GNU/Linux 12 (bookworm)"}, "debian/12"},
		{distro.System{ID: "debian", Name: "Debian GNU/Linux forky/sid"}, "debian/forky"},
		{distro.System{ID: "debian", Version: "14", Name: "Debian GNU/Linux 14 (forky)"}, "debian/forky"},
		{distro.System{ID: "debian", Version: "10", Name: "Debian GNU/Linux 10 (buster)"}, ""},
		{distro.System{ID: "debian"}, ""},
		{distro.System{ID: "ubuntu", Version: "12", Name: "Ubuntu 12"}, ""},
		{distro.System{}, ""},
	} {
		_, got, ok := distros.All().Of(tt.system)
		if text := got.String(); ok != (tt.want != "") || ok && text != tt.want {
			t.Errorf("%+v is %s, %v; want %q", tt.system, got, ok, tt.want)
		}
	}
}

// Newer releases are larger, whether toolchains are made of them or not.
func TestAge(t *testing.T) {
	info := distro.Info{
		Suites:  []distro.Suite{{Codename: "new", Stable: true}, {Codename: "old", Stable: true}, {Codename: "next"}},
		Retired: []string{"older", "oldest"},
	}
	var got []int
	for _, name := range []string{"oldest", "older", "old", "new", "next", "unheard"} {
		got = append(got, info.Age(name))
	}
	if want := []int{0, 1, 2, 3, -1, -1}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// What the table says of each distribution is whole.
func TestEveryDistributionIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range distros.All() {
		info := d.Info()
		if info.ID == "" || info.Name == "" || len(info.Suites) == 0 || !info.Newest().Stable || seen[info.ID] {
			t.Errorf("%+v", info)
		}
		seen[info.ID] = true
		for _, s := range info.Suites {
			if _, found, err := distros.All().Find(s.String()); err != nil || found != s {
				t.Errorf("%s: found %+v, %v", s, found, err)
			}
			if ci := d.CI(s, []string{"more"}); ci.Image == "" || !strings.Contains(strings.Join(ci.Install, "\n"), "more") {
				t.Errorf("%s: %+v", s, ci)
			}
		}
	}
}
