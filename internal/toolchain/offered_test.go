package toolchain

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dram/internal/distro"
)

// What was only offered is left out where the archive lacks it, and said; what was asked
// for is not.
func TestLeavingOut(t *testing.T) {
	lacks := func(names ...string) func(packages []string) error {
		return func(packages []string) error {
			for _, name := range names {
				if slices.Contains(packages, name) {
					return fmt.Errorf("resolving: %w", &distro.AbsentError{Package: name, Says: "the suite has no package " + name})
				}
			}
			return nil
		}
	}
	var said []string
	p := (&Provider{Warn: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }}).call(nil)
	if err := p.leavingOut([]string{"a", "b", "c"}, []string{"b", "c"}, lacks("b", "c")); err != nil {
		t.Error(err)
	}
	if got := strings.Join(said, "\n"); strings.Count(got, "it is left out") != 2 || !strings.Contains(got, "package b") || !strings.Contains(got, "package c") {
		t.Errorf("said %q", got)
	}
	absent, is := errors.AsType[*distro.AbsentError](p.leavingOut([]string{"a", "b"}, []string{"b"}, lacks("a")))
	if !is || absent.Package != "a" {
		t.Errorf("one that was asked for: %v", absent)
	}
	opts := Options{Packages: []string{"ffmpeg"}, Needs: []distro.Want{
		{Package: "gmp-dev", Family: distro.Apk}, {Package: "nobody", Family: distro.Apk}, {Package: "ffmpeg", Family: distro.Apk}, {Need: distro.Git},
	}}
	if got := offered(distro.Deb, opts); !slices.Equal(got, []string{"libgmp-dev"}) {
		t.Errorf("offered are %q", got)
	}
}
