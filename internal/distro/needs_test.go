package distro

import (
	"slices"
	"testing"
)

// Systems are of the family of their own name, else of what they say they are like.
func TestFamily(t *testing.T) {
	for _, tt := range []struct {
		release string
		want    Family
	}{
		{"ID=debian\nVERSION_ID=\"13\"\nVERSION_CODENAME=trixie\n", Deb},
		{"ID=ubuntu\nID_LIKE=debian\n", Deb},
		{"ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", Deb},
		{"ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", RPM},
		{"ID=somebody\nID_LIKE=\"nobody fedora\"\n", RPM},
		{"ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n", SUSE},
		{"ID=alpine\n", Apk},
		{"ID=manjaro\nID_LIKE=arch\n", Pacman},
		{"ID=nixos\n", NoFamily},
		{"", NoFamily},
	} {
		if got := parseRelease(tt.release).Family(); got != tt.want {
			t.Errorf("%q is of %q, want %q", tt.release, got, tt.want)
		}
	}
}

func TestPackages(t *testing.T) {
	for _, tt := range []struct {
		need   Need
		family Family
		want   []string
	}{
		{Git, Deb, []string{"git"}},
		{SSH, Deb, []string{"openssh-client"}},
		{SSH, RPM, []string{"openssh-clients"}},
		{C, Apk, []string{"build-base"}},
		{C, Deb, []string{"gcc", "g++", "make", "libc6-dev"}},
		{Cargo, Pacman, []string{"rust"}},
		{Zig, Deb, nil},
		{Git, NoFamily, nil},
		{"nothing that is known", Deb, nil},
	} {
		if got := tt.need.Packages(tt.family); !slices.Equal(got, tt.want) {
			t.Errorf("%s in %s: %q, want %q", tt.need, tt.family, got, tt.want)
		}
	}
	for _, row := range needs() {
		if len(row.of.Programs())+len(row.files) == 0 {
			t.Errorf("what shows that there is %s?", row.of)
		}
	}
}
