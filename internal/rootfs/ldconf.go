package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Limits of the loader's configuration.
const (
	maxConfBytes = 1 << 20 // of one file
	maxConfFiles = 512
	maxConfDirs  = 1024
	maxConfDepth = 8 // of include in include
)

// ldConf is the directories of /etc/ld.so.conf, in order, as ldconfig(8) reads
// them. A root without the file has none.
func ldConf(fsys FS) ([]string, error) {
	c := &confReader{fsys: fsys}
	if err := c.file("etc/ld.so.conf", 0); err != nil {
		return nil, fmt.Errorf("reading the loader's configuration: %w", err)
	}
	return c.dirs, nil
}

type confReader struct {
	fsys  FS
	dirs  []string
	files int
}

func (c *confReader) file(name string, depth int) error {
	if c.files++; c.files > maxConfFiles || depth > maxConfDepth {
		return fmt.Errorf("%q: more than %d files, or includes more than %d deep", name, maxConfFiles, maxConfDepth)
	}
	b, err := ReadFile(c.fsys, name, maxConfBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b)) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\r\n,:", r) })
		switch {
		case len(words) == 0, words[0] == "hwcap":
			continue
		case words[0] == "include":
			err = c.include(path.Dir(name), words[1:], depth)
		default:
			err = c.add(words)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *confReader) add(dirs []string) error {
	for _, d := range dirs {
		d, _, _ = strings.Cut(d, "=") // "dir=libc5", of old
		if d = Clean(d); !slices.Contains(c.dirs, d) {
			c.dirs = append(c.dirs, d)
		}
	}
	if len(c.dirs) > maxConfDirs {
		return fmt.Errorf("more than %d directories", maxConfDirs)
	}
	return nil
}

// include reads the files that patterns name. glibc allows wildcards in any
// element; every configuration seen has them in the last one only.
func (c *confReader) include(from string, patterns []string, depth int) error {
	for _, p := range patterns {
		if !strings.HasPrefix(p, "/") {
			p = from + "/" + p
		}
		p = Clean(p)
		entries, err := c.fsys.ReadDir(path.Dir(p))
		if err != nil {
			continue // no such directory: nothing to include
		}
		for _, e := range entries {
			if ok, _ := path.Match(path.Base(p), e.Name()); !ok {
				continue
			}
			if err := c.file(path.Join(path.Dir(p), e.Name()), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
