package check_test

import (
	"strconv"
	"strings"
	"testing"

	"dram/internal/check"
	"dram/internal/report"
)

// A remedy names a package where it was verified, else a command that finds it
// by the library's name, else none.
func TestRemedyNamesPackages(t *testing.T) {
	debian := func(version string) string {
		return "644 ID=debian\nVERSION_ID=" + version + "\nPRETTY_NAME=\"Debian GNU/Linux " + version + "\"\n"
	}
	for i, tt := range []struct{ soname, release, want string }{
		{"libodbc.so.2", debian("11"), "install libodbc1 on the target"},
		{"libodbc.so.2", debian("13"), "install libodbc2 on the target"},
		{"libssl.so.3", debian("13"), "install libssl3t64 on the target"},
		{"libtinfo.so.5", debian("12"), "install libtinfo5 on the target"},
		{"libtinfo.so.5", debian("13"), "build the release with --toolchain distro:debian/13; "},
		{"libxml2.so.16", "644 ID=debian\nPRETTY_NAME=\"Debian GNU/Linux forky/sid\"\n", "install libxml2-16 on the target"},
		{"libxml2.so.16", debian("12"), "Debian GNU/Linux 12 has no package of libxml2.so.16"},
		{"libodbc.so.2", "644 ID=alpine\nVERSION_ID=3.20.1\n", "apk add so:libodbc.so.2"},
		{"libodbc.so.2", "644 ID=fedora\nVERSION_ID=42\n", "dnf install 'libodbc.so.2()(64bit)'"},
		{"libodbc.so.2", "644 ID=ubuntu\nVERSION_ID=24.04\n", "install the package that has libodbc.so.2"},
		{"libown.so.1", debian("12"), "install the package that has libown.so.1"},
	} {
		t.Run(tt.soname+" "+strconv.Itoa(i), func(t *testing.T) {
			library := changed(func(l *lib) { l.Needed = append(l.Needed, tt.soname) })
			got, err := check.Run(t.Context(), open(t, hello().with(nif, library), bookworm().with("etc/os-release", tt.release)))
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Findings) != 1 || !strings.Contains(report.Say(got, got.Findings[0]).Remedy, tt.want) {
				t.Errorf("%s on %.30q: got %+v, want %q", tt.soname, tt.release, got.Findings, tt.want)
			}
			kept(t, got)
		})
	}
}
