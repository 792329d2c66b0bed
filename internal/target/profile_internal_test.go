package target

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// What is derived for a system from a newer one, that system has: checked
// where both were read from packages.
func TestDerivedIsWhatTheSystemHas(t *testing.T) {
	for _, tt := range []struct {
		name        string
		row         profileRow
		wantSymbols int // at least, of libc and libstdc++ together
	}{
		{"debian-11", profileRow{name: "debian/11", glibc: "2.31", cxx: "28"}, 7000},
		{"debian-12", profileRow{name: "debian/12", glibc: "2.36", cxx: "30"}, 8000},
		{"debian-13", profileRow{name: "debian/13", glibc: "2.41", cxx: "33"}, 8000},
		{"debian-forky", profileRow{name: "debian/forky", glibc: "2.43", cxx: "36"}, 8000},
	} {
		for _, platform := range platforms() {
			t.Run(tt.name+" "+platform, func(t *testing.T) {
				truth, err := readProfile(tt.name, platform)
				if err != nil {
					t.Fatal(err)
				}
				real := map[string]library{}
				for _, l := range truth.Libraries {
					real[l.Soname] = l
				}
				derived, err := tt.row.document(platform, "")
				if err != nil {
					t.Fatal(err)
				}
				symbols := 0
				for _, l := range derived.Libraries {
					symbols += compareDerived(t, l, real[l.Soname])
				}
				if symbols < tt.wantSymbols {
					t.Errorf("%d symbols are derived, want %d or more", symbols, tt.wantSymbols)
				}
			})
		}
	}
}

// compareDerived returns how many symbols there are.
func compareDerived(t *testing.T, derived, real library) (count int) {
	t.Helper()
	for version, names := range derived.Symbols {
		have := map[string]bool{}
		for n := range strings.SplitSeq(real.Symbols[version], " ") {
			have[n] = true
		}
		for n := range strings.SplitSeq(names, " ") {
			count++
			if !have[n] {
				t.Errorf("%s: %s@%s is derived and is not there", derived.Soname, n, version)
			}
		}
	}
	for _, v := range derived.Versions {
		if !slices.Contains(real.Versions, v) {
			t.Errorf("%s: the version %s is derived and is not there", derived.Soname, v)
		}
	}
	// What is known to be missing is missing.
	for _, v := range real.Versions {
		family := strings.TrimRight(v, "0123456789.")
		if !slices.Contains(derived.Versions, v) && derived.Lacks(v, family, Newest(derived.file().VersionDefs, family)) {
			t.Errorf("%s: the version %s is known to be missing and is there", derived.Soname, v)
		}
	}
	return count
}

func TestEveryProfileOpens(t *testing.T) {
	names, points := map[string]bool{}, []string{"", "first", "latest"}
	if testing.Short() {
		points = points[:1] // each takes a document apart that has all packages of a system
	}
	for _, r := range profileRows() {
		for _, n := range append([]string{r.name}, r.aliases...) {
			if names[n] {
				t.Errorf("%s is there twice", n)
			}
			names[n] = true
		}
		for _, platform := range r.platforms() {
			for _, point := range points {
				doc, err := r.document(platform, point)
				if err != nil {
					t.Fatalf("%s: %v", r.name, err)
				}
				target, err := doc.target()
				if err != nil {
					t.Fatalf("%s: %v", r.name, err)
				}
				if target.Facts.Platform != platform || target.Facts.Libc.Loader == "" {
					t.Errorf("%s: the facts are %+v", r.name, target.Facts)
				}
				if _, err := target.Root().Stat(target.Facts.Libc.Loader); err != nil {
					t.Errorf("%s: %v", r.name, err)
				}
				for _, k := range target.Profile().Known {
					if _, ok := Sources()[k.Source]; (k.Value == "") == ok || (k.Value == "") != (k.Date == "") {
						t.Errorf("%s: %+v: what is known has a source and a date, what is not has none", r.name, k)
					}
				}
			}
		}
	}
	if !slices.Equal(slices.Sorted(maps.Keys(Sources())), []string{Crawl, Verified, Page}) {
		t.Errorf("the sources are %v", Sources())
	}
}
