package git

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"dram/internal/fsutil"
)

const maxTags = 10_000

// tagForm is a name that git gives a reference (git-check-ref-format), of which nothing
// steers a terminal or ends a variable.
var tagForm = regexp.MustCompile(`^[^\x00-\x20\x7f~^:?*\[\\]{1,250}$`)

// Tags are the tags of a commit, in order: those that name it, and those that are
// objects of their own (annotated).
func (c *Checkout) Tags(commit ID) ([]string, error) {
	tags, err := c.packedTags()
	if err == nil {
		err = c.looseTags(tags)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the tags: %w", err)
	}
	var out []string
	for name, id := range tags {
		if tagForm.MatchString(name) && utf8.ValidString(name) && (id == commit || c.tagged(id, commit)) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

// packedTags are those of the list of packed references.
func (c *Checkout) packedTags() (map[string]ID, error) {
	packed, err := fsutil.Read(filepath.Join(c.common, "packed-refs"), maxText)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return parseTags(packed)
}

// parseTags reads that list. Below a tag that is an object of its own stands, behind "^",
// what that tags.
func parseTags(packed []byte) (map[string]ID, error) {
	tags, last := map[string]ID{}, ""
	for l := range bytes.Lines(packed) {
		text := strings.TrimSpace(string(l))
		if peeled, is := strings.CutPrefix(text, "^"); is && last != "" && idForm.MatchString(peeled) {
			tags[last] = ID(peeled)
			continue
		}
		id, ref, _ := strings.Cut(text, " ")
		name, is := strings.CutPrefix(ref, "refs/tags/")
		if last = ""; is && idForm.MatchString(id) {
			last, tags[name] = name, ID(id)
		}
		if len(tags) > maxTags {
			return nil, fmt.Errorf("there are more than %d", maxTags)
		}
	}
	return tags, nil
}

// looseTags adds those that have a file, which go before packed ones.
func (c *Checkout) looseTags(tags map[string]ID) error {
	top, seen := filepath.Join(c.common, "refs", "tags"), 0
	err := filepath.WalkDir(top, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if seen++; seen > maxTags {
			return fmt.Errorf("there are more than %d", maxTags)
		}
		text, err := line(at)
		if name, rerr := filepath.Rel(top, at); err == nil && rerr == nil && idForm.MatchString(text) {
			tags[filepath.ToSlash(name)] = ID(text)
		}
		return nil // what is none, such as a lock, is passed over
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// tagged says whether an object is a tag of the commit.
func (c *Checkout) tagged(tag, commit ID) bool {
	body, err := c.object(tag)
	return err == nil && bytes.HasPrefix(body, []byte("object "+string(commit)+"\ntype commit\n"))
}

// Time is when a commit was made, in seconds since 1970 began.
func (c *Checkout) Time(commit ID) (int64, error) {
	body, err := c.commit(commit)
	if err != nil {
		return 0, err
	}
	head, _, _ := strings.Cut(body, "\n\n")
	for l := range strings.Lines(head) {
		if who, is := strings.CutPrefix(l, "committer "); is {
			if words := strings.Fields(who[strings.LastIndexByte(who, '>')+1:]); len(words) > 0 {
				if n, err := strconv.ParseInt(words[0], 10, 64); err == nil {
					return n, nil
				}
			}
		}
	}
	return 0, fmt.Errorf("commit %s has no time", commit)
}
