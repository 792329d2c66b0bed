package distillery

import (
	"fmt"
	"path"
	"strings"
	"unicode"

	"dram/internal/problem"
)

// SetOutputDir is src, the text of a rel/config.exs, with `set output_dir:` of
// the release named saying dir. Where the release says another directory, that
// literal alone is replaced; where it says none, one line is added behind
// `set version:`, or as the block's first, indented as its neighbour and with
// its line end. Every other byte stays. Where the release says dir already, the
// result is src.
//
// What it cannot do soundly is a problem: a release that is not there, a
// directory that is computed, or one that an environment overrides.
func SetOutputDir(src []byte, release, dir string) ([]byte, error) {
	if strings.ContainsAny(dir, "\"\\#") || strings.ContainsFunc(dir, unicode.IsControl) || dir == "" {
		return nil, problem.New(problem.Usage, "choose another directory", "%q is not a directory to write into %s", dir, File)
	}
	text := string(src)
	c, err := Read(text)
	if err != nil {
		return nil, problem.New(problem.Build, "mend the file there; Distillery would fail on it too", "reading the project's releases: %w", err)
	}
	b := c.Release(release)
	if b == nil {
		return nil, byHand(release, dir, "it has no block `release :%s do`", release)
	}
	for _, e := range c.Environments {
		if s, ok := e.Get("output_dir"); ok && !says(s, dir) {
			return nil, byHand(release, dir, "environment %q sets output_dir, which wins over the release's", e.Name)
		}
	}
	if s, ok := b.Get("output_dir"); ok {
		if says(s, dir) {
			return src, nil
		}
		if _, literal := s.Text(); !literal {
			return nil, byHand(release, dir, "release %q computes output_dir", release)
		}
		text = text[:s.start] + `"` + dir + `"` + text[s.end:]
	} else {
		text = insert(text, b, dir)
	}
	return verified(text, release, dir)
}

// verified reads the edited text again: better no edit than a wrong one.
func verified(text, release, dir string) ([]byte, error) {
	c, err := Read(text)
	if err != nil {
		return nil, byHand(release, dir, "its lines are laid out in a way that cannot be added to")
	}
	if s, ok := c.Release(release).Get("output_dir"); !ok || !says(s, dir) {
		return nil, byHand(release, dir, "its lines are laid out in a way that cannot be added to")
	}
	return []byte(text), nil
}

func byHand(release, dir, format string, args ...any) error {
	return problem.New(problem.Usage, fmt.Sprintf("write it yourself, in `release :%s do`: set output_dir: %q", release, dir),
		"cannot set output_dir in %s: %s", File, fmt.Sprintf(format, args...))
}

func says(s Setting, dir string) bool {
	text, ok := s.Text()
	return ok && path.Clean(text) == path.Clean(dir)
}

// insert adds the line to a block that has none.
func insert(text string, b *Block, dir string) string {
	at, indent := b.insert, indentation(text, b.head)+"  "
	if len(b.Settings) > 0 {
		indent = indentation(text, b.Settings[0].line)
	}
	if v, ok := b.Get("version"); ok {
		at, indent = v.lineEnd, indentation(text, v.line)
	}
	newline := lineEnd(text, at)
	line := indent + `set output_dir: "` + dir + `"`
	rest, _, whole := strings.Cut(text[at:], "\n")
	if blank := strings.TrimSpace(rest); whole && (blank == "" || blank[0] == '#') {
		at += len(rest) // behind a comment, before the line end
		at -= len(rest) - len(strings.TrimRight(rest, "\r"))
		return text[:at] + newline + line + text[at:]
	}
	return text[:at] + newline + line + newline + indentation(text, at) + strings.TrimLeft(text[at:], " \t;")
}

// indentation is the blanks that the line of a byte offset begins with.
func indentation(text string, at int) string {
	line := text[strings.LastIndexByte(text[:at], '\n')+1:]
	return line[:len(line)-len(strings.TrimLeft(line, " \t"))]
}

// lineEnd is how the text ends its lines, there or else before.
func lineEnd(text string, at int) string {
	i := strings.IndexByte(text[at:], '\n') + at
	if i < at {
		i = strings.LastIndexByte(text, '\n')
	}
	if i > 0 && text[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}
