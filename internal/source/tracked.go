package source

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"dram/internal/fsutil"
)

const (
	maxGitIndex  = 256 << 20 // bytes; 500,000 files have 60 MB
	maxGitParent = 16        // directories above the project
)

// compiledLibrary matches what the built-in patterns leave out since it was hardly
// written, but compiled here: unless git has it.
var compiledLibrary = regexp.MustCompile(`(^|/)priv/(.*/)?[^/]*\.so$`)

// isCommitted says whether a file that the built-in patterns leave out is the
// project's own: a library below priv that git has.
func (r rules) isCommitted(name string) bool {
	return r.builtin && compiledLibrary.MatchString(name) && r.tracked[name]
}

// committed is isCommitted of a file that was met; what is not is noted.
func (w *walker) committed(name string) bool {
	if !w.builtin || !compiledLibrary.MatchString(name) {
		return false
	}
	if w.tracked[name] {
		return true
	}
	w.untracked = append(w.untracked, name)
	return false
}

// Compiled are the libraries below priv that the build sees: a .dockerignore with the
// built-in patterns has to let them in.
func (t *Tree) Compiled() []string {
	var out []string
	for _, f := range t.Files {
		if compiledLibrary.MatchString(f.Path) {
			out = append(out, f.Path)
		}
	}
	return out
}

// noteUntracked says which libraries are left out.
func (w *walker) noteUntracked() {
	if len(w.untracked) == 0 {
		return
	}
	const shown = 5
	slices.Sort(w.untracked)
	names, more := strings.Join(w.untracked[:min(shown, len(w.untracked))], ", "), ""
	if n := len(w.untracked) - shown; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	why := "git does not have them, so they are taken for compiled here"
	if w.tracked == nil {
		why = "no git repository says that they are the project's, so they are taken for compiled here"
	}
	w.tree.Notes = append(w.tree.Notes, fmt.Sprintf("left out: %s%s (%s); if a build needs them, commit them, or write a %s", names, more, why, ignoreFile))
}

// tracked are the files of the project in dir that git has, by the index of the
// repository that dir lies in; nil where there is none that can be read.
func tracked(dir string) map[string]bool {
	below := "" // dir, as the repository has it
	for range maxGitParent {
		if index := gitIndex(dir); index != nil {
			names, err := indexNames(index)
			if err != nil {
				return nil
			}
			out := map[string]bool{}
			for _, n := range names {
				if rest, ok := strings.CutPrefix(n, below); ok {
					out[rest] = true
				}
			}
			return out
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return nil
		}
		dir, below = parent, filepath.Base(dir)+"/"+below
	}
	return nil
}

// gitIndex is the content of the index of the repository whose top dir is. In a work
// tree or a submodule, .git is a file that says where it is.
func gitIndex(dir string) []byte {
	at := filepath.Join(dir, ".git")
	info, err := os.Lstat(at)
	if err != nil {
		return nil
	}
	if info.Mode().IsRegular() {
		text, err := fsutil.Read(at, 4096)
		if err != nil {
			return nil
		}
		to, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: ")
		if !ok {
			return nil
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(dir, to)
		}
		at = to
	}
	index, err := fsutil.Read(filepath.Join(at, "index"), maxGitIndex)
	if err != nil {
		return nil
	}
	return index
}

// indexNames reads the names of git's index, versions 2 to 4 (gitformat-index).
func indexNames(index []byte) ([]string, error) {
	const header, fixed = 12, 62
	if len(index) < header || string(index[:4]) != "DIRC" {
		return nil, fmt.Errorf("it is no index of git")
	}
	version, n := binary.BigEndian.Uint32(index[4:]), binary.BigEndian.Uint32(index[8:])
	if version < 2 || version > 4 {
		return nil, fmt.Errorf("version %d of the index is not known", version)
	}
	rest, last := index[header:], ""
	var names []string
	for range n {
		size := fixed
		if len(rest) < fixed {
			return nil, fmt.Errorf("the index ends early")
		}
		if binary.BigEndian.Uint16(rest[60:])&0x4000 != 0 { // extended flags
			size += 2
		}
		if len(rest) < size {
			return nil, fmt.Errorf("the index ends early")
		}
		name, used, err := indexName(rest[size:], last, version)
		if err != nil {
			return nil, err
		}
		if version < 4 { // entries are multiples of eight bytes, with one to eight of zero
			used = (size+used+8)&^7 - size
		}
		if len(rest) < size+used {
			return nil, fmt.Errorf("the index ends early")
		}
		rest, last = rest[size+used:], name
		names = append(names, path.Clean(name))
	}
	return names, nil
}

// indexName reads a name, and how many bytes it has (with version 4, its end too).
func indexName(text []byte, last string, version uint32) (name string, used int, err error) {
	keep := ""
	if version == 4 { // how much of the last name's end goes, then what comes
		drop, n := offset(text)
		if n == 0 || drop > uint64(len(last)) {
			return "", 0, fmt.Errorf("the index has a name that cannot be")
		}
		keep, used, text = last[:len(last)-int(drop)], n, text[n:]
	}
	end := bytes.IndexByte(text, 0)
	if end < 0 {
		return "", 0, fmt.Errorf("the index ends early")
	}
	if version == 4 {
		return keep + string(text[:end]), used + end + 1, nil
	}
	return string(text[:end]), end, nil
}

// offset reads git's variable-width number, and how many bytes it has; 0 where there
// is none.
func offset(b []byte) (v uint64, n int) {
	const most = 9
	for i, c := range b {
		if i == most {
			break
		}
		if i > 0 {
			v++
		}
		v = v<<7 | uint64(c&0x7f)
		if c&0x80 == 0 {
			return v, i + 1
		}
	}
	return 0, 0
}
