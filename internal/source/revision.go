package source

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dram/internal/fsutil"
	"dram/internal/git"
)

// Revision is which commit a source is.
type Revision struct {
	Commit string // in hex
	Origin string // the address of the repository that it is of, "" where none is known
	// Changed are files that differ from what the commit has, by their paths in the
	// source, or what else differs.
	Changed []string
}

// Revision tells which commit is checked out, and what of the source is not as it is
// there: files that were changed, that are gone, that git does not have.
func (t *Tree) Revision() (Revision, error) {
	c, err := git.Find(t.Dir)
	if err != nil {
		return Revision{}, err
	}
	head, err := c.Head()
	if err != nil {
		return Revision{}, err
	}
	index, err := c.Index()
	if err != nil {
		return Revision{}, fmt.Errorf("reading the index: %w", err)
	}
	r := Revision{Commit: string(head), Origin: c.Origin()}
	staged, err := differs(c, head, index)
	if err != nil {
		return Revision{}, err
	}
	if staged {
		r.Changed = append(r.Changed, "what is staged for the next commit")
	}
	more, err := t.changed(c.Top, index)
	r.Changed = append(r.Changed, more...)
	return r, err
}

// differs says whether the index differs from the commit.
func differs(c *git.Checkout, head git.ID, index []git.Entry) (bool, error) {
	want, err := c.Tree(head)
	if err != nil {
		return false, err
	}
	got, err := git.Written(index)
	return err != nil || got != want, nil //nolint:nilerr // what cannot be written is under way
}

// changed are the files of the source that are not as the index has them.
func (t *Tree) changed(top string, index []git.Entry) ([]string, error) {
	below, err := filepath.Rel(top, t.Dir)
	if err != nil {
		return nil, err
	}
	prefix := ""
	if below != "." {
		prefix = filepath.ToSlash(below) + "/"
	}
	root, err := fsutil.OpenRoot(t.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // only read from
	known := map[string]git.Entry{}
	for _, e := range index {
		if rest, in := strings.CutPrefix(e.Path, prefix); in {
			known[rest] = e
		}
	}
	var out []string
	for _, f := range t.Files {
		e, is := known[f.Path]
		delete(known, f.Path)
		if is {
			if is, err = f.is(root, e); err != nil {
				return nil, err
			}
		}
		if !is {
			out = append(out, f.Path)
		}
	}
	for name := range known { // the build does not see them, or they are gone
		if _, err := root.Lstat(filepath.FromSlash(name)); errors.Is(err, os.ErrNotExist) && known[name].Mode != submodule {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Modes of the index.
const (
	executable = 0o100755
	symlink    = 0o120000
	submodule  = 0o160000
)

// is says whether a file is the one that the index has.
func (f File) is(root *os.Root, e git.Entry) (bool, error) {
	if (e.Mode == symlink) != (f.Link != "") || (e.Mode == executable) != f.Exec {
		return false, nil
	}
	if f.Link != "" {
		return git.Sum("blob", []byte(f.Link)) == e.ID, nil
	}
	r, err := fsutil.OpenIn(root, f.Path)
	if err != nil {
		return false, unreadable(f.Path, err)
	}
	defer func() { _ = r.Close() }()
	h := git.NewHash("blob", f.Size)
	if _, err := io.Copy(h, io.LimitReader(r, f.Size+1)); err != nil {
		return false, unreadable(f.Path, err)
	}
	return git.Named(h) == e.ID, nil
}

// Address is where people look at the repository: by HTTPS where git goes by ssh, and
// without a login; "" where it is a directory of this machine, which is nobody's business.
func (r Revision) Address() string {
	host, name, ok := strings.Cut(r.Origin, ":")
	if u, err := url.Parse(r.Origin); err == nil && u.Host != "" {
		switch u.Scheme {
		case "https", "http":
			u.User, u.RawQuery, u.Fragment = nil, "", ""
			return strings.TrimSuffix(u.String(), ".git")
		case "ssh", "git", "git+ssh":
			host, name, ok = u.Hostname(), u.Path, true
		default:
			return ""
		}
	} else if strings.Contains(r.Origin, "://") {
		return ""
	}
	if _, after, login := strings.Cut(host, "@"); login { // git@host:owner/name
		host = after
	}
	if !ok || len(host) < 2 || strings.ContainsAny(host, `/\`) || name == "" {
		return ""
	}
	at := url.URL{Scheme: "https", Host: host, Path: "/" + strings.Trim(strings.TrimSuffix(name, ".git"), "/")}
	return at.String()
}
