package image

import (
	"slices"
	"testing"
)

// A library that is opened by its name is known by that, with a version behind it too,
// and one whose name only begins alike is not.
func TestReasonOfWhatIsOpenedByName(t *testing.T) {
	const why = "opened by name at run time"
	for _, lib := range slices.Concat(outside.opened, outside.lookups) {
		for name, want := range map[string]string{lib: why, lib + ".1.2": why, lib + "x": "", "x" + lib: ""} {
			if got := ReasonOf("usr/lib/dir/" + name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
}
