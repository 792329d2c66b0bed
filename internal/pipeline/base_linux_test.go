package pipeline

import (
	"archive/tar"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/output"
	"dram/internal/ref"
)

// dram run shows an image on a base as its user has it: read-only but for what the base
// gives, unless something lies in that.
func TestRunOnBase(t *testing.T) {
	w := newWorld(t)
	given := func(h *tar.Header) { h.Mode, h.Uid, h.Gid = 0o700, 65532, 65532 }
	closed := func(h *tar.Header) { h.Mode, h.Uid, h.Gid = 0o755, 0, 0 }
	for _, tt := range []struct {
		name     string
		base     v1.Image
		readOnly bool
		tmpfs    []string
	}{
		{"nothing given", imageOf(t, slim()), true, nil},
		{"an empty directory", withDirectory(t, imageOf(t, slim()), "srv/data", given), true, []string{"/srv/data"}},
		{"one that is taken back", withDirectory(t, withDirectory(t, imageOf(t, slim()), "srv/data", given), "srv/data", closed), true, nil},
		{"one with files", withDirectory(t, imageOf(t, slim().with("srv/data/x", "644 x")), "srv/data", given), false, nil},
	} {
		w.onBase(t, tt.base)
		dir := t.TempDir() + "/layout"
		w.write(t, w.built(t), output.Layout{Dir: dir})
		spec, _, err := w.imageSpec(t.Context(), ref.Ref{Kind: ref.Layout, Value: dir}, RunOptions{As: ReleaseUse()})
		if err != nil {
			t.Fatal(err)
		}
		if spec.ReadOnly != tt.readOnly || tt.readOnly && !slices.Equal(spec.Tmpfs, tt.tmpfs) {
			t.Errorf("%s: read-only %v, but for %q", tt.name, spec.ReadOnly, spec.Tmpfs)
		}
	}
}
