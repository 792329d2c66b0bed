package scaffold

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"dram/internal/problem"
	"dram/internal/source"
)

// storePatterns are names under which tools keep passwords and keys. Docker
// knows no better than to go by names; dram's own build goes by content.
func storePatterns() []string {
	return []string{
		"**/.ssh", "**/.aws", "**/.gnupg", "**/.netrc", "**/.git-credentials", "**/.pypirc", "**/.pgpass", "**/.erlang.cookie", "**/id_rsa", "**/id_ed25519",
	}
}

// withhold is the content of a .dockerignore with a line for each file that
// dram's own build leaves out for what it holds, unless a line does so already.
// They stand at the end: an exception that lets all of a directory in does not
// speak of them.
func withhold(text []byte, withheld []source.Withheld) ([]byte, error) {
	m, err := matcher(text)
	if err != nil {
		return nil, err
	}
	var lines strings.Builder
	for _, w := range withheld {
		out, err := m.MatchesOrParentMatches(w.Path)
		if err != nil {
			return nil, badIgnore(err)
		}
		if !out && !strings.ContainsAny(w.Path, "\r\n") {
			fmt.Fprintf(&lines, "%s\n", literalPattern(w.Path))
		}
	}
	if lines.Len() == 0 {
		return text, nil
	}
	return section(text, "Private keys and credentials (dram init).", lines.String()), nil
}

// letIn is the content of a .dockerignore with an exception for each file that
// Docker is to copy and that a line keeps out.
func letIn(text []byte, why string, names ...string) ([]byte, error) {
	m, err := matcher(text)
	if err != nil {
		return nil, err
	}
	var lines strings.Builder
	for _, name := range names {
		out, err := m.MatchesOrParentMatches(name)
		if err != nil {
			return nil, badIgnore(err)
		}
		if out {
			fmt.Fprintf(&lines, "!%s\n", name)
		}
	}
	if lines.Len() == 0 {
		return text, nil
	}
	return section(text, why+" (dram init).", lines.String()), nil
}

func matcher(text []byte) (*patternmatcher.PatternMatcher, error) {
	patterns, err := ignorefile.ReadAll(bytes.NewReader(text))
	if err != nil {
		return nil, badIgnore(err)
	}
	m, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, badIgnore(err)
	}
	return m, nil
}

// section is text with lines more at its end, under a comment.
func section(text []byte, comment, lines string) []byte {
	more := "\n# " + comment + "\n" + lines
	if bytes.Contains(text, []byte("\r\n")) {
		more = strings.ReplaceAll(more, "\n", "\r\n")
	}
	return append(text, more...)
}

func badIgnore(err error) error {
	return problem.New(problem.Usage, "mend the file; see Docker's documentation for its syntax", "reading %s: %w", IgnoreFile, err)
}

// literalPattern matches one path, whatever characters are in it.
func literalPattern(name string) string {
	var b strings.Builder
	for i, c := range name {
		if strings.ContainsRune(`*?[\`, c) || i == 0 && strings.ContainsRune("#! ", c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}
