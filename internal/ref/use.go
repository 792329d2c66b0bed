package ref

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dram/internal/problem"
)

// Use is a place that takes references: a setting, an argument of a command.
type Use struct {
	Noun  string // what a reference names there: "toolchain"
	Kinds []Kind // that it takes; with Path, a path may stand alone
	Hint  string // what may be written there
	// Has says whether there is a distribution or a profile of that name; nil
	// knows none.
	Has func(k Kind, name string) bool
	// Instead is what to do rather than name a kind that is not taken.
	Instead map[Kind]string
	// Otherwise is what else can be done where a registry has no answer.
	Otherwise string
}

// Takes says whether references of the kind may stand there.
func (u Use) Takes(k Kind) bool { return slices.Contains(u.Kinds, k) }

// Parse reads a reference of one of the kinds that the place takes. The hint of
// its error names the nearest one.
func (u Use) Parse(s string) (Ref, error) {
	r, err := Parse(s)
	switch {
	case err == nil && u.Takes(r.Kind):
		return r, nil
	case err == nil:
		return Ref{}, u.refuse(s, errors.New(r.Kind.Noun()+" cannot be used here"), u.Instead[r.Kind])
	case u.Takes(Path) && s != "" && !known(s):
		return Ref{Path, s}, nil
	}
	return Ref{}, u.refuse(s, err, "")
}

// Find reads a reference as Parse does, and takes a path that stands alone for the
// image that lies there, in a layout or a tar, if one does. A path where nothing
// is and that was hardly meant as one is refused.
func (u Use) Find(s string) (Ref, error) {
	if known(s) {
		return u.Parse(s)
	}
	if _, err := os.Stat(s); errors.Is(err, fs.ErrNotExist) && otherwise(s) {
		return Ref{}, u.refuse(s, errNothing, "")
	}
	if at, ok := lying(s); ok && u.Takes(at.Kind) {
		return at, nil
	}
	return u.Parse(s)
}

var errNothing = errors.New("there is no such file or directory")

func (u Use) refuse(s string, why error, instead string) error {
	hint := u.Hint
	if near, ok := u.nearest(s); ok {
		hint = "write " + near.String()
	}
	if instead != "" {
		hint = instead
	}
	return problem.New(problem.Usage, hint, "%s %q: %w", u.Noun, s, why)
}

// known says whether s begins with a kind, whatever follows.
func known(s string) bool {
	kind, _, ok := strings.Cut(s, ":")
	return ok && slices.Contains(Kinds(), Kind(kind))
}

// lying is the image that lies at a path: a layout by its oci-layout, a tar by its
// name, also where nothing is: so a missing one is missed as what it was to be.
func lying(at string) (Ref, bool) {
	info, err := os.Stat(at)
	switch {
	case err == nil && info.IsDir():
		if _, err := os.Stat(filepath.Join(at, "oci-layout")); err == nil {
			return Ref{Layout, at}, true
		}
		return Ref{}, false
	case err != nil || info.Mode().IsRegular():
		return Ref{Tar, at}, filepath.Ext(at) == ".tar"
	}
	return Ref{}, false
}
