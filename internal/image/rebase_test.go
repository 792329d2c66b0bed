package image

import (
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// What the user had asked for is told from the paths of a system layer.
func TestAsked(t *testing.T) {
	programs, c := Asked([]string{
		"bin", "etc/passwd", "usr/bin/sed", "usr/sbin/ip", "bin/sed", "usr/lib/x86_64-linux-gnu/libc.so.6", "usr/lib/locale/C.utf8/LC_CTYPE",
		"usr/lib/locale/de_DE.utf8/LC_TIME", "usr/lib/locale/ca_ES.utf8@valencia/LC_TIME", "usr/share/zoneinfo/UTC", "var/lib/dpkg/status.d/libc6",
	})
	if want := []string{"ip", "sed"}; !slices.Equal(programs, want) {
		t.Errorf("programs %q, want %q", programs, want)
	}
	if want := []string{"ca_ES.UTF-8@valencia", "de_DE.UTF-8"}; !slices.Equal(c.Locales, want) {
		t.Errorf("locales %q, want %q", c.Locales, want)
	}
	if !c.TimeZones || !c.PackageList {
		t.Errorf("time zones %v, package list %v", c.TimeZones, c.PackageList)
	}
	if programs, c := Asked([]string{"usr/lib/locale/C.utf8/LC_CTYPE", "etc/hosts"}); programs != nil || c.Locales != nil || c.TimeZones || c.PackageList {
		t.Errorf("of nothing: %q, %+v", programs, c)
	}
}

// A library of another version is no loss; what nothing replaces is.
func TestLost(t *testing.T) {
	d := &Draft{sys: &system{Files: []systemFile{{Path: "usr/bin/sed"}, {Path: "usr/lib/libz.so.1.3"}}}}
	lost := d.Lost([]string{"usr/bin/sed", "usr/lib/libz.so.1.2", "usr/lib/gconv/UTF-16.so", "usr/share/fonts/a.ttf", "var/lib/dpkg/status.d/zlib1g"})
	if want := []string{"usr/lib/gconv/UTF-16.so", "usr/share/fonts/a.ttf"}; !slices.Equal(lost, want) {
		t.Errorf("lost are %q, want %q", lost, want)
	}
}

// An image whose first layer is not the system, or that does not name each of its
// layers, is not one of dram's.
func TestLayered(t *testing.T) {
	own := v1.History{CreatedBy: "dram", Comment: "system"}
	one := []v1.Hash{{Algorithm: "sha256", Hex: "00"}}
	for name, c := range map[string]struct {
		history []v1.History
		layers  []v1.Hash
		want    bool
	}{
		"dram's":               {[]v1.History{own}, one, true},
		"no history":           {nil, one, false},
		"another program's":    {[]v1.History{{CreatedBy: "docker", Comment: "system"}}, one, false},
		"another layer first":  {[]v1.History{{CreatedBy: "dram", Comment: "runtime"}}, one, false},
		"a layer without name": {[]v1.History{own}, append(one, one...), false},
	} {
		if got := Layered(&v1.ConfigFile{History: c.history, RootFS: v1.RootFS{DiffIDs: c.layers}}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if at := ExtraLayer(&v1.ConfigFile{History: []v1.History{own, {Comment: "files"}}}); at != 1 {
		t.Errorf("the user's files are in layer %d", at)
	}
}
