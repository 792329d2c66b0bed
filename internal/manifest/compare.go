package manifest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// Kind is how a file differs from its entry.
type Kind string

// Touched alone says nothing of the content: the file may be a copy.
const (
	Missing Kind = "is missing"
	Extra   Kind = "does not belong there"
	Type    Kind = "is of another type"
	Mode    Kind = "has another mode"
	Size    Kind = "has another size"
	Link    Kind = "leads elsewhere"
	Content Kind = "has another content"
	Touched Kind = "was touched"
)

// Difference is one file that is not as the manifest has it.
type Difference struct {
	Path string
	Kind Kind
}

func (d Difference) String() string { return fmt.Sprintf("%s %s", d.Path, d.Kind) }

// Compare looks at the directory root without reading files, and gives what
// differs, by path.
func (m *Manifest) Compare(ctx context.Context, root string) ([]Difference, error) {
	diffs, err := m.look(ctx, root)
	if err != nil {
		return nil, fmt.Errorf("looking at %q: %w", root, err)
	}
	slices.SortFunc(diffs, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	return diffs, nil
}

// Settle reads the files that Compare found to be touched and nothing else. It
// gives what differs for sure. If that is nothing, now is the manifest of the
// directory as it looks today: if it is another than m, write it down, so that
// nobody need read those files again.
func (m *Manifest) Settle(ctx context.Context, root string, diffs []Difference) (bad []Difference, now *Manifest, err error) {
	for _, d := range diffs {
		if d.Kind != Touched {
			bad = append(bad, d)
		}
	}
	if len(bad) > 0 || len(diffs) == 0 {
		return bad, m, nil
	}
	return m.recheck(ctx, root, m)
}

// Verify reads every file of the directory root and gives what differs in more
// than times and inode. Now is as Settle has it.
func (m *Manifest) Verify(ctx context.Context, root string) (bad []Difference, now *Manifest, err error) {
	return m.recheck(ctx, root, nil)
}

// recheck takes stock anew, except of what looks as it did in before.
func (m *Manifest) recheck(ctx context.Context, root string, before *Manifest) ([]Difference, *Manifest, error) {
	info, err := os.Lstat(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []Difference{{".", Missing}}, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("reading %q again: %w", root, err)
	case !info.IsDir():
		return []Difference{{".", Type}}, nil, nil
	}
	now, err := update(ctx, root, before, func(error) error { return nil })
	if err != nil {
		return nil, nil, err
	}
	if now.digest == m.digest && slices.Equal(now.entries, m.entries) {
		return nil, m, nil
	}
	if now.digest == m.digest {
		return nil, now, nil
	}
	if bad := m.Against(now); len(bad) > 0 {
		return bad, nil, nil
	}
	return nil, m, nil // what one user may not read, another may
}

// Against gives what is otherwise in a later manifest, by path.
func (m *Manifest) Against(now *Manifest) []Difference {
	var diffs []Difference
	for _, e := range m.entries {
		got, ok := now.Lookup(e.Path)
		if kind := e.differs(got); !ok {
			diffs = append(diffs, Difference{e.Path, Missing})
		} else if kind != "" {
			diffs = append(diffs, Difference{e.Path, kind})
		}
	}
	for _, e := range now.entries {
		if _, ok := m.Lookup(e.Path); !ok {
			diffs = append(diffs, Difference{e.Path, Extra})
		}
	}
	slices.SortFunc(diffs, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	return diffs
}

// differs is how got is another file than e, "" if it is the same; times and
// inodes do not count.
func (e Entry) differs(got Entry) Kind {
	switch {
	case e.Mode.Type() != got.Mode.Type():
		return Type
	case e.Size != got.Size:
		return Size
	case e.Link != got.Link:
		return Link
	case e.Digest != got.Digest && e.read() && got.read():
		return Content
	case e.Mode != got.Mode:
		return Mode
	}
	return ""
}

// looks is how got, which was not read, seems to be another file than e.
func (e Entry) looks(got Entry) Kind {
	switch {
	case e.Mode.Type() != got.Mode.Type():
		return Type
	case e.Mode.IsRegular() && e.Size != got.Size:
		return Size
	case e.Mode != got.Mode:
		return Mode
	case e.Seen != got.Seen:
		return Touched
	}
	return ""
}
