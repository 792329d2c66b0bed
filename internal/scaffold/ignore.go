package scaffold

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/patternmatcher/ignorefile"

	"dram/internal/problem"
	"dram/internal/source"
)

// bom is the mark that some editors begin a file with.
const bom = "\ufeff"

// IgnorePatterns is what a .dockerignore says so that Docker sees what dram's
// own build does: the built-in list, what never goes in, and the files that say
// how it is built. projects are directories of path dependencies and of an
// umbrella's applications, which may have a _build of their own.
func IgnorePatterns(projects ...string) []string {
	out := append(source.DefaultIgnore(), "_build", "deps")
	for _, dir := range projects {
		out = append(out, dir+"/_build", dir+"/deps")
	}
	out = append(out, storePatterns()...)
	return append(out, "docker/Dockerfile.*", "dram.toml", ".dram-cache", ".gitlab-ci.yml", ".woodpecker")
}

// unlisted is patterns, and what of more is not among them.
func unlisted(patterns, more []string) []string {
	for _, p := range more {
		if !slices.Contains(patterns, p) {
			patterns = append(patterns, p)
		}
	}
	return patterns
}

// MergeIgnore is old, the content of a .dockerignore or nil, with those of the
// patterns that it does not have. All its lines stay, in their order. The last
// pattern that matches decides, so the new ones stand before the first exception
// (a line with "!"), or at the end where there is none: what old excludes or
// brings back remains so. Merging again changes nothing.
func MergeIgnore(old []byte, patterns []string) ([]byte, error) {
	if err := source.CheckIgnore(old); err != nil {
		return nil, err
	}
	has, err := ignorefile.ReadAll(bytes.NewReader(old))
	if err != nil {
		return nil, problem.New(problem.Usage, "mend the file; see Docker's documentation for its syntax",
			"reading %s: %w", IgnoreFile, err)
	}
	missing := missing(has, patterns)
	if len(missing) == 0 {
		return old, nil
	}
	newline := "\n"
	if bytes.Contains(old, []byte("\r\n")) {
		newline = "\r\n"
	}
	at := firstException(old)
	var b strings.Builder
	b.Write(old[:at])
	if s := b.String(); s != "" && s != bom {
		if !strings.HasSuffix(s, "\n") {
			b.WriteString(newline)
		}
		b.WriteString(newline)
	}
	fmt.Fprintf(&b, "# What builds and tools leave behind, and what may hold secrets (dram init).%s", newline)
	for _, p := range missing {
		b.WriteString(p + newline)
	}
	if at < len(old) {
		b.WriteString(newline)
	}
	b.Write(old[at:])
	return []byte(b.String()), nil
}

// missing are the patterns that no line of the file says already.
func missing(has, patterns []string) []string {
	excluded := map[string]bool{} // before an exception: these hold for all that follows
	for _, p := range has {
		if strings.HasPrefix(p, "!") {
			break
		}
		excluded[p] = true
	}
	if excluded["*"] || excluded["**"] || excluded["**/*"] || excluded["."] {
		return nil // everything stays out but for exceptions
	}
	var out []string
	for _, p := range patterns {
		if !excluded[p] && !excluded["**/"+p] && !slices.Contains(has, p) {
			out = append(out, p)
		}
	}
	return out
}

// firstException is the offset of the first line that brings something back.
func firstException(text []byte) int {
	at := 0
	for line := range bytes.Lines(text) {
		content := bytes.TrimPrefix(line, []byte(bom))
		if at > 0 {
			content = line
		}
		if bytes.HasPrefix(bytes.TrimSpace(content), []byte("!")) && !bytes.HasPrefix(content, []byte("#")) {
			return at + len(line) - len(content)
		}
		at += len(line)
	}
	return len(text)
}
