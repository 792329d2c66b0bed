package fsutil

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

// tree is names, with the targets of those that are links; "" are not.
type tree map[string]string

func (t tree) step(at string, _ bool) (string, bool, error) {
	target, there := t[at]
	if !there {
		return "", false, fs.ErrNotExist
	}
	return target, target != "", nil
}

func TestResolve(t *testing.T) {
	loop := tree{"a": "b", "b": "a"}
	chain := tree{"l0": "."}
	for i := range 50 {
		chain[fmt.Sprintf("l%d", i+1)] = fmt.Sprintf("l%d", i)
	}
	usr := tree{
		"usr": "", "usr/lib": "", "usr/lib/x": "", "lib": "usr/lib", "abs": "/usr/lib", "up": "../../usr",
		"usr/back": "../lib/x", "usr/slash": "lib//./", "etc": "",
	}
	for name, tt := range map[string]struct {
		tree tree
		name string
		want string // "" fails
		err  error
	}{
		"the top":                     {usr, ".", ".", nil},
		"nothing":                     {usr, "", ".", nil},
		"absolute":                    {usr, "/usr//lib/./x", "usr/lib/x", nil},
		"up at the top":               {usr, "../../etc", "etc", nil},
		"up and down":                 {usr, "usr/lib/../lib/x", "usr/lib/x", nil},
		"a link on the way":           {usr, "lib/x", "usr/lib/x", nil},
		"up behind a link":            {usr, "lib/../lib", "usr/lib", nil}, // the real parent's, as the kernel has it
		"an absolute link":            {usr, "abs/x", "usr/lib/x", nil},
		"a link above the top":        {usr, "up/lib/x", "usr/lib/x", nil},
		"a link to a link":            {usr, "usr/back", "usr/lib/x", nil},
		"a link that ends in a slash": {usr, "usr/slash/x", "usr/lib/x", nil},
		"what is not there":           {usr, "usr/gone/x", "", fs.ErrNotExist},
		"a loop":                      {loop, "a/x", "", ErrLinks},
		"40 links":                    {chain, "l39", ".", nil},
		"41 links":                    {chain, "l40", "", ErrLinks},
		"a target without end":        {tree{"a": strings.Repeat("x", maxName+1)}, "a", "", ErrLinks},
		"targets that grow":           {tree{"a": strings.Repeat("./b/", 1000) + "a", "b": "a"}, "a", "", ErrLinks},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Resolve(tt.name, tt.tree.step)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("%q, %v; want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

// Who resolves decides about the last element, which a link's target is not.
func TestResolveTellsTheLast(t *testing.T) {
	links := tree{"a": "b/c", "b": "", "b/c": "", "b/c/d": "x"}
	var last []string
	got, err := Resolve("a/d", func(at string, isLast bool) (string, bool, error) {
		if isLast {
			last = append(last, at)
			return "", false, nil
		}
		return links.step(at, isLast)
	})
	if got != "b/c/d" || err != nil || fmt.Sprint(last) != "[b/c/d]" {
		t.Errorf("%q, %v; last were %q", got, err, last)
	}
}

func TestLocal(t *testing.T) {
	for _, tt := range []struct {
		dir, name string
		want      bool
	}{
		{".", "a", true},
		{".", "a/../b", true},
		{".", ".", true},
		{".", "..", false},
		{".", "../a", false},
		{".", "a/../../b", false},
		{"d", "../a", true},
		{"d", "..", true},
		{"d", "../..", false},
		{"d/e", "../../../x", false},
		{"d", "/d/a", false},
		{".", "..a", true},
		{"/", "a", false},
	} {
		if got := Local(tt.dir, tt.name); got != tt.want {
			t.Errorf("Local(%q, %q) = %v", tt.dir, tt.name, got)
		}
	}
}

func TestLinkStays(t *testing.T) {
	for _, tt := range []struct {
		name, target string
		want         bool
	}{
		{"l", "a", true},
		{"l", "a/b", true},
		{"l", "..", false},
		{"l", "../a", false},
		{"d/l", "../a", true},
		{"d/l", "..", true},
		{"d/l", "../../a", false},
		{"d/l", "/d/a", false},
		{"d/l", "a/../b", false},
		{"d/l", "..//../x", false},
		{"d/e/l", "../../x", true},
		{"l", "..a", true},
		{"d/l", "../a/../..", false},
	} {
		if got := LinkStays(tt.name, tt.target); got != tt.want {
			t.Errorf("LinkStays(%q, %q) = %v", tt.name, tt.target, got)
		}
	}
}

// Whatever the links, what Resolve gives lies inside and has no link on its way.
func FuzzResolve(f *testing.F) {
	f.Add("a/../b", "../x", "/b/..")
	f.Add("a/a/a", "b/a", ".")
	f.Fuzz(func(t *testing.T, name, a, b string) {
		links := map[string]string{"a": a, "b": b, "b/a": a}
		real, err := Resolve(name, func(at string, _ bool) (string, bool, error) {
			target, link := links[at]
			return target, link, nil
		})
		if err != nil {
			return
		}
		if !Local(".", real) || strings.Contains("/"+real+"/", "/../") {
			t.Errorf("%q leads to %q", name, real)
		}
		for at := real; at != "."; {
			if _, link := links[at]; link {
				t.Errorf("%q leads to %q, through the link %q", name, real, at)
			}
			i := strings.LastIndex(at, "/")
			if i < 0 {
				break
			}
			at = at[:i]
		}
	})
}
