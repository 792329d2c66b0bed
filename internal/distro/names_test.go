package distro

import (
	"slices"
	"strings"
	"testing"
)

// Packages by what each family calls them; one that nobody knows has no name elsewhere.
func TestTranslate(t *testing.T) {
	for _, tt := range []struct {
		name     string
		from, to Family
		want     string
	}{
		{"ffmpeg", Apk, Deb, "ffmpeg"},
		{"gmp-dev", Apk, Deb, "libgmp-dev"},
		{"expat-dev", Apk, Deb, "libexpat1-dev"},
		{"libgmp-dev", Deb, Apk, "gmp-dev"},
		{"openssl-devel", RPM, Deb, "libssl-dev"},
		{"git-core", SUSE, Deb, "git"},
		{"cmake3", RPM, Deb, "cmake"},
		{"whatever-7", Deb, Deb, "whatever-7"},
		{"libgcc1", Deb, Deb, ""},
		{"mysql-client", Deb, Deb, "default-mysql-client"},
		{"whatever", Apk, Deb, ""},
		{"whatever", Deb, NoFamily, ""},
		{"", Apk, Deb, ""},
	} {
		if got := Translate(tt.name, tt.from, tt.to); got != tt.want {
			t.Errorf("%q of %q is %q in %q, want %q", tt.name, tt.from, got, tt.to, tt.want)
		}
	}
}

// The table is whole, and says each thing once.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for row := range strings.Lines(strings.TrimSpace(renamed)) {
		if n := len(strings.Fields(row)); n != 4 || seen[row] {
			t.Errorf("a row of %d names, or one that is there twice: %q", n, row)
		}
		seen[row] = true
	}
	for _, name := range alike() {
		if n := slices.Index(alike(), name); alike()[n+1:] != nil && slices.Contains(alike()[n+1:], name) {
			t.Errorf("%q is there twice", name)
		}
	}
	if InstalledBy("apk") != Apk || InstalledBy("yum") != RPM || InstalledBy("") != NoFamily || InstalledBy("make") != NoFamily {
		t.Error("who installs what")
	}
}
