package image

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dram/internal/layer"
	"dram/internal/release"
)

func modules(app string, origin release.Origin, n int) (out []File) {
	for i := range n {
		path := fmt.Sprintf("lib/%s/ebin/Elixir.M%04d.beam", app, i)
		out = append(out, File{Entry: layer.Entry{Path: path, Mode: 0o644}, Origin: origin, App: app})
	}
	return out
}

// names lists each group by its members.
func names(groups []layer.Group) (out []string) {
	for _, g := range groups {
		var paths []string
		for _, e := range g.Entries {
			paths = append(paths, e.Path)
		}
		out = append(out, strings.Join(paths, " "))
	}
	return out
}

func app(f File) string { return f.App }

func TestGroups(t *testing.T) {
	for _, tt := range []struct {
		name     string
		files    []File
		min, max int
	}{
		{"nothing", nil, 0, 0},
		{"a small own application", modules("a", release.Own, large), 1, 1},
		{"a large own application", modules("a", release.Own, 1000), 15, 60},
		{"a large dependency", modules("a", release.Dependency, 1000), 1, 1},
		{"OTP", modules("a", release.OTP, 1000), 1, 1},
		{"two small ones", slices.Concat(modules("a", release.Own, 9), modules("b", release.Own, 9)), 2, 2},
		{"one name, two origins", slices.Concat(modules("a", release.Own, 9), modules("a", release.Dependency, 9)), 2, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			groups := byApp(tt.files, app)
			if len(groups) < tt.min || len(groups) > tt.max {
				t.Errorf("%d groups, want %d to %d", len(groups), tt.min, tt.max)
			}
			var got []string
			for _, g := range groups {
				for _, e := range g.Entries {
					got = append(got, e.Path)
				}
			}
			var want []string
			for _, f := range tt.files {
				want = append(want, f.Path)
			}
			if !slices.Equal(got, want) { // pieces of an application follow each other in order
				t.Error("the groups together are not the files in order")
			}
		})
	}
}

// A module more or less leaves the pieces that it is not in as they are.
func TestPiecesStayWhenFilesComeAndGo(t *testing.T) {
	files := modules("a", release.Own, 1000)
	before := names(byApp(files, app))
	for _, at := range []int{0, 1, 333, 998, 999} {
		after := names(byApp(slices.Delete(slices.Clone(files), at, at+1), app))
		same := 0
		for _, g := range after {
			if slices.Contains(before, g) {
				same++
			}
		}
		if same < len(before)-2 {
			t.Errorf("without file %d, %d of %d pieces are as before", at, same, len(before))
		}
	}
}
