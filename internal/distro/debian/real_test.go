package debian

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/distro"
	"dram/internal/store"
)

// TestRealArchive makes a real root of a few packages twice, from the host's mirror,
// and wants no difference.
func TestRealArchive(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a Debian mirror")
	}
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := New(s, nil, t.Logf)
	request := Request{Suite: suite(t, "13"), Arch: "amd64", Mirror: MirrorOf(os.DirFS("/etc"), distro.Mirror{}), Packages: []string{"make"}, content: alone}
	set, err := c.Resolve(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	var roots [2]map[string]string
	for i := range roots {
		dir := t.TempDir()
		if err := c.Unpack(t.Context(), set, dir, nil); err != nil {
			t.Fatal(err)
		}
		roots[i] = manifest(t, dir)
	}
	if diff := cmp.Diff(roots[0], roots[1]); diff != "" {
		t.Errorf("roots differ:\n%s", diff)
	}
	for _, name := range []string{"usr/bin/make", "usr/lib64/ld-linux-x86-64.so.2", "var/lib/dpkg/status"} {
		if roots[0][name] == "" {
			t.Errorf("%s is not there", name)
		}
	}
	again, err := c.Resolve(t.Context(), request)
	if err != nil || again.ID() != set.ID() {
		t.Errorf("the second answer is another: %v", err)
	}
}
