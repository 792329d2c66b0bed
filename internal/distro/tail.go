package distro

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Tail keeps the last bytes of a program's output.
type Tail struct {
	Max int // bytes that are kept
	buf bytes.Buffer
}

func (t *Tail) Write(p []byte) (int, error) {
	t.buf.Write(p)
	if over := t.buf.Len() - t.Max; over > 0 {
		t.buf.Next(over)
	}
	return len(p), nil
}

// String is all that is kept.
func (t *Tail) String() string { return t.buf.String() }

// Last is the last n lines.
func (t *Tail) Last(n int) string {
	lines := strings.Split(strings.TrimSpace(t.buf.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// ChangedSince calls do with all below dir that was changed since, links themselves
// and not what they lead to.
func ChangedSince(dir string, since time.Time, do func(path string, info fs.FileInfo) error) error {
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || info.ModTime().Before(since) {
			return err
		}
		return do(p, info)
	})
}

// RemoveLitter removes the files that package managers and packages' scripts leave and
// that differ from one run to the next: those changed since, in these directories.
func RemoveLitter(root *os.Root, dir string, since time.Time) error {
	places := []string{"var/log", "var/cache", "var/tmp", "tmp", "run"}
	err := ChangedSince(dir, since, func(p string, info fs.FileInfo) error {
		rel, err := filepath.Rel(dir, p)
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		if slices.ContainsFunc(places, func(place string) bool { return strings.HasPrefix(filepath.ToSlash(rel), place+"/") }) {
			return root.Remove(rel)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("tidying root: %w", err)
	}
	return nil
}
