package source

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"dram/internal/git"
)

// compiledFile matches what the built-in patterns leave out since it was hardly
// written, but compiled here: unless git has it.
var compiledFile = regexp.MustCompile(`(^|/)priv/(.*/)?[^/]*\.so$|\.(beam|o|ez)$`)

// isCommitted says whether a file that the built-in patterns leave out is the
// project's own: compiled code that git has.
func (r rules) isCommitted(name string) bool {
	return r.builtin && compiledFile.MatchString(name) && r.tracked[name]
}

// committed is isCommitted of a file that was met; a library that is not is noted. (Of
// modules and objects every directory that was built in has many.)
func (w *walker) committed(name string) bool {
	if !w.builtin || !compiledFile.MatchString(name) {
		return false
	}
	if w.tracked[name] {
		return true
	}
	if strings.HasSuffix(name, ".so") {
		w.untracked = append(w.untracked, name)
	}
	return false
}

// Compiled are the files of that kind that the build sees: a .dockerignore with the
// built-in patterns has to let them in.
func (t *Tree) Compiled() []string {
	var out []string
	for _, f := range t.Files {
		if compiledFile.MatchString(f.Path) {
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
	c, err := git.Find(dir)
	if err != nil {
		return nil
	}
	index, err := c.Index()
	if err != nil {
		return nil
	}
	below, err := filepath.Rel(c.Top, dir)
	if err != nil {
		return nil
	}
	prefix := ""
	if below != "." {
		prefix = filepath.ToSlash(below) + "/"
	}
	out := map[string]bool{}
	for _, e := range index {
		if rest, ok := strings.CutPrefix(e.Path, prefix); ok {
			out[rest] = true
		}
	}
	return out
}
