// Package tool is the door for what makes releases: Mix, Distillery and those to
// come. A tool is one package below this one and one row in the table of package
// tools; nothing else in dram knows any of them by name (words_test.go looks).
package tool

import (
	"regexp"
	"slices"
	"strings"

	"dram/internal/project"
	"dram/internal/release"
	"dram/internal/rootfs"
)

// Tool makes releases of a kind of project.
type Tool interface {
	About() About
	// Read is the project in d, nil if the tool makes none of its releases.
	Read(d *project.Dir) (Project, error)
	// Made says whether the tool assembled a release, by what no other tool writes.
	Made(rel *release.Release) bool
	// Boot is how the tool's releases start. Of one that is yet to be made, name and
	// version are known, and no files.
	Boot(rel *release.Release) Boot
}

// About is what people are told of a tool.
type About struct {
	// Name is what plans call it: "mix". It is part of what names a result.
	Name string
	// Title is what sentences call it: "`mix release`".
	Title string
	// Files, at the top of a directory, give a project of the tool away; the first
	// is the one that people know it by.
	Files []string
	// Built are the directories at a project's top that the tool builds in: none of
	// them is source. Mix's, which may lie anywhere in a project, never are.
	Built []string
	// Compiled says that its projects are compiled code, which is their source.
	Compiled bool
	// Declared is where a project says what is in its releases: "mix.exs".
	Declared string
	// NoLinks is the setting that keeps links out of a release, "" if there never
	// are any.
	NoLinks string
	// Init says what dram init adds to the tool's own file, "" for nothing.
	Init string
}

// Table is the tools that there are, those that are more special first.
type Table []Tool

// Of is the tool that assembled a release, nil if it is none of the table.
func (t Table) Of(rel *release.Release) Tool {
	i := slices.IndexFunc(t, func(tool Tool) bool { return tool.Made(rel) })
	if i < 0 {
		return nil
	}
	return t[i]
}

// Boot is how a release starts: as its tool has it, or, if that is not known,
// as most do: by a start script of the project's own with the command foreground,
// where it has that, for start may leave a release in the background.
func (t Table) Boot(rel *release.Release) Boot {
	if tool := t.Of(rel); tool != nil {
		return tool.Boot(rel)
	}
	if name := "bin/" + rel.Name; rel.FS != nil && rel.Has(name) {
		if script, err := rootfs.ReadFile(rel.FS, name, maxScript); err == nil && inForeground.Match(script) {
			return Boot{Command: "foreground"}
		}
	}
	return Boot{Command: "start"}
}

// inForeground is where a script that takes commands does what foreground is.
var inForeground = regexp.MustCompile(`(?m)^[ \t]*(?:[a-z_-]+ ?\| ?)*foreground(?: ?\| ?[a-z_-]+)*\)`)

// maxScript bounds a start script, in bytes.
const maxScript = 1 << 20

// Declared says where projects of any tool say what is in a release, the most
// special last.
func (t Table) Declared() string {
	usual := slices.Clone(t)
	slices.Reverse(usual)
	return usual.each(", or ", func(a About) string { return a.Declared })
}

// NoLinks says how each tool keeps links out of its releases.
func (t Table) NoLinks() string {
	return t.each("; ", func(a About) string { return a.NoLinks })
}

func (t Table) each(between string, what func(About) string) string {
	var all []string
	for _, tool := range t {
		if s := what(tool.About()); s != "" {
			all = append(all, s)
		}
	}
	return strings.Join(all, between)
}

// Init says what dram init adds to tools' own files, a sentence each.
func (t Table) Init() []string {
	var all []string
	for _, tool := range t {
		if s := tool.About().Init; s != "" {
			all = append(all, s)
		}
	}
	return all
}
