// Package git reads what a checkout says of itself: the commit that is checked out, the
// tree of that commit, the index, where it came from. It runs nothing, neither git nor
// what a repository's configuration names, since a repository comes with whatever was
// unpacked; it reads repositories of SHA-1 whose references are files, which nearly all
// are, and says of others that it cannot.
//
// Formats: gitrepository-layout, gitformat-index (versions 2 to 4), gitformat-pack
// (index version 2).
package git

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"dram/internal/fsutil"
)

const (
	maxParents = 16       // directories above the one that was asked for
	maxText    = 16 << 20 // bytes of a file of references, or of a configuration
	maxLinks   = 8        // references that lead to references
)

// ErrNone is that a directory lies in no checkout.
var ErrNone = errors.New("it lies in no checkout of git")

// Checkout is a work tree and its repository.
type Checkout struct {
	Top    string // of the work tree
	own    string // what is this work tree's alone: HEAD, the index
	common string // what all work trees have: references, objects, configuration
}

// Find finds the checkout that dir lies in.
func Find(dir string) (*Checkout, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for range maxParents {
		c, err := at(dir)
		if !errors.Is(err, fs.ErrNotExist) {
			return c, err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return nil, ErrNone
}

// at is the checkout whose top dir is. In a further work tree or a submodule, .git is a
// file that says where it is.
func at(dir string) (*Checkout, error) {
	own := filepath.Join(dir, ".git")
	info, err := os.Lstat(own)
	if err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() {
		text, err := line(own)
		if err != nil {
			return nil, err
		}
		to, ok := strings.CutPrefix(text, "gitdir: ")
		if !ok {
			return nil, fmt.Errorf("%q names no repository", own)
		}
		own = relative(dir, to)
	}
	c := &Checkout{Top: dir, own: own, common: own}
	if text, err := line(filepath.Join(own, "commondir")); err == nil {
		c.common = relative(own, text)
	}
	return c, nil
}

func relative(to, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(to, name)
}

// line is the only line of a small file.
func line(at string) (string, error) {
	const most = 4096
	text, err := fsutil.Read(at, most)
	return strings.TrimSpace(string(text)), err
}

// ID is an object's name, in hex.
type ID string

var idForm = regexp.MustCompile(`^[0-9a-f]{40}$`)

// Head is the commit that is checked out.
func (c *Checkout) Head() (ID, error) {
	text, err := line(filepath.Join(c.own, "HEAD"))
	if err != nil {
		return "", fmt.Errorf("reading HEAD: %w", err)
	}
	for range maxLinks {
		ref, is := strings.CutPrefix(text, "ref: ")
		if !is {
			if !idForm.MatchString(text) {
				return "", fmt.Errorf("HEAD leads to %.60q, which is no commit's SHA-1", text)
			}
			return ID(text), nil
		}
		if text, err = c.reference(ref); err != nil {
			return "", err
		}
	}
	return "", errors.New("HEAD leads from reference to reference")
}

// reference is what a file of its name holds, or the list of packed ones.
func (c *Checkout) reference(ref string) (string, error) {
	if !fs.ValidPath(ref) {
		return "", fmt.Errorf("HEAD names %.60q, which is no reference", ref)
	}
	for _, dir := range []string{c.own, c.common} {
		if text, err := line(filepath.Join(dir, filepath.FromSlash(ref))); err == nil {
			return text, nil
		}
	}
	packed, err := fsutil.Read(filepath.Join(c.common, "packed-refs"), maxText)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	for l := range bytes.Lines(packed) {
		if id, name, ok := strings.Cut(strings.TrimSpace(string(l)), " "); ok && name == ref {
			return id, nil
		}
	}
	return "", fmt.Errorf("there is no commit yet on %s", ref)
}

// Origin is the address of the remote repository "origin", or of the only one; "" if
// there is none.
func (c *Checkout) Origin() string {
	text, err := fsutil.Read(filepath.Join(c.common, "config"), maxText)
	if err != nil {
		return ""
	}
	remotes := addresses(string(text))
	if at, ok := remotes["origin"]; ok || len(remotes) != 1 {
		return at
	}
	for _, at := range remotes {
		return at
	}
	return ""
}

var section = regexp.MustCompile(`^\[remote "([^"]*)"\]$`)

// addresses are those of a configuration's remotes, by their names.
func addresses(config string) map[string]string {
	out := map[string]string{}
	remote := ""
	for l := range strings.Lines(config) {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "[") {
			remote = ""
			if m := section.FindStringSubmatch(l); m != nil {
				remote = m[1]
			}
			continue
		}
		key, value, ok := strings.Cut(l, "=")
		if _, has := out[remote]; ok && remote != "" && !has && strings.EqualFold(strings.TrimSpace(key), "url") {
			out[remote] = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return out
}
