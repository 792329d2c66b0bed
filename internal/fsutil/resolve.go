package fsutil

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Bounds of a name that is being resolved, as in Linux.
const (
	MaxLinks = 40   // symbolic links that it may go through
	maxName  = 4096 // bytes of a link's target, and elements that are still to do
)

// ErrLinks is what a name that goes through too many symbolic links ends in.
var ErrLinks = errors.New("too many symbolic links")

// Step says what stands at a name whose parents are no links: a link to follow, with
// its target, or something to stay at. last says that nothing comes behind it in the
// name that is resolved.
type Step func(at string, last bool) (target string, follow bool, err error)

// Resolve is the real name of what a name with slashes leads to, asking step for
// every element. It stays inside the root that the name is of, as the kernel does
// under chroot: ".." at the top is the top, and absolute targets begin there. The
// top itself is ".".
func Resolve(name string, step Step) (real string, err error) {
	todo, links := elements(name), 0
	real = "."
	for len(todo) > 0 {
		elem := todo[0]
		todo = todo[1:]
		if elem == ".." {
			real = path.Dir(real)
			continue
		}
		at := path.Join(real, elem)
		target, follow, err := step(at, len(todo) == 0)
		if err != nil {
			return "", err
		}
		if !follow {
			real = at
			continue
		}
		if strings.HasPrefix(target, "/") {
			real = "."
		}
		more := elements(target)
		if links++; links > MaxLinks || len(target) > maxName || len(more)+len(todo) > maxName {
			return "", fmt.Errorf("%.200q: %w", name, ErrLinks)
		}
		todo = append(more, todo...)
	}
	return real, nil
}

// elements are a name's elements but for those that lead nowhere, "" and ".".
func elements(name string) []string {
	all := strings.Split(name, "/")
	return slices.DeleteFunc(all, func(e string) bool { return e == "" || e == "." })
}

// Local says whether a name in the directory dir, both relative to a root, lies in
// that root, by what it says alone. Only for what no link is followed in: a/../b
// leads elsewhere where a is one.
func Local(dir, name string) bool {
	to := path.Join(dir, name)
	return !path.IsAbs(name) && !path.IsAbs(to) && to != ".." && !strings.HasPrefix(to, "../")
}

// LinkStays says whether the link name, by what it says alone, leads to somewhere
// inside the root that it lies in, whatever other links there are: ".." may only
// come first, where it goes up real directories. Behind a name that is a link
// itself, it could lead anywhere.
func LinkStays(name, target string) bool {
	rest, up := target, 0
	for ; rest == ".." || strings.HasPrefix(rest, "../"); up++ {
		rest = strings.TrimPrefix(rest[2:], "/")
	}
	return !path.IsAbs(target) && up <= strings.Count(name, "/") && !slices.Contains(strings.Split(rest, "/"), "..")
}
