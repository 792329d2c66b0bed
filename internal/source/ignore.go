package source

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"dram/internal/fsutil"
	"dram/internal/problem"
)

const (
	ignoreFile  = ".dockerignore"
	maxIgnore   = 1 << 20 // bytes
	maxPatterns = 5_000
)

// DefaultIgnore is what is left out where a project has no .dockerignore:
// what builds and tools leave behind, and what may hold secrets. Objects and
// NIFs that were compiled here stay out because make would take them for up to
// date, although they belong to another system. (_build and deps need no
// pattern: they never go in. A pattern for them would also hit sources that
// happen to lie in a lib/…/deps.)
func DefaultIgnore() []string {
	return []string{
		".git", ".github", ".gitlab", ".hg", ".svn", ".jj",
		"releases", "**/node_modules",
		"**/.elixir_ls", "**/.lexical", "**/.expert", "**/.nix-mix", "**/.nix-hex", "**/.idea", "**/.vscode", "**/.DS_Store",
		"cover", "doc", "**/erl_crash.dump", "*.ez", "**/priv/plts",
		"**/*.o", "**/*.beam", "**/priv/**/*.so", "**/native/*/target",
		"**/.env", "**/.env.*", ".direnv", ".envrc",
		"Dockerfile*", "docker-compose*.yml", "compose*.yaml", ".dockerignore",
	}
}

// rules say what is left out.
type rules struct {
	matcher  *matcher
	patterns string // what they are, for people
	// tracked, where the built-in patterns serve, says which files git has; nil
	// where there is no repository.
	tracked map[string]bool
	builtin bool
}

// ignored reads the project's .dockerignore, or takes the default.
func ignored(root *os.Root) (r rules, err error) {
	text, err := fsutil.ReadIn(root, ignoreFile, maxIgnore) // half of it would let in what the rest keeps out
	if errors.Is(err, fs.ErrNotExist) {
		r.patterns, r.builtin, r.tracked = "the built-in patterns, for there is no "+ignoreFile, true, tracked(root.Name())
		r.matcher, err = newMatcher(DefaultIgnore())
		return r, err
	}
	if errors.Is(err, fsutil.ErrNotRegular) || fsutil.Leaves(err) {
		return r, problem.New(problem.Usage, "make it a file of the project's own, or remove it", "reading %s: %w", ignoreFile, err)
	}
	if err != nil {
		return r, badIgnore(err)
	}
	r.patterns = ignoreFile
	r.matcher, err = parseIgnore(text)
	return r, err
}

// compiledRules leave out of a directory of compiled code what is no part of it.
func compiledRules() (r rules, err error) {
	r.patterns = "the built-in patterns for compiled code"
	r.matcher, err = newMatcher([]string{".git", "**/erl_crash.dump", "**/.env", "**/.env.*", "Dockerfile*", ".dockerignore"})
	return r, err
}

func badIgnore(err error) error {
	return problem.New(problem.Usage, "mend the file; see Docker's documentation for its syntax", "reading %s: %w", ignoreFile, err)
}

// CheckIgnore says whether the content of a .dockerignore can be read, by dram and
// by Docker.
func CheckIgnore(text []byte) error {
	_, err := parseIgnore(text)
	return err
}

// parseIgnore reads the content of a .dockerignore.
func parseIgnore(text []byte) (*matcher, error) {
	patterns, err := ignorefile.ReadAll(bytes.NewReader(text))
	if err != nil {
		return nil, badIgnore(err)
	}
	if len(patterns) > maxPatterns {
		return nil, badIgnore(fmt.Errorf("%d patterns, at most %d are read", len(patterns), maxPatterns))
	}
	for _, p := range patterns { // one that is malformed shows only when it is used
		if _, err := patternmatcher.Matches("x", []string{strings.TrimPrefix(p, "!")}); p != "!" && err != nil {
			return nil, badIgnore(fmt.Errorf("pattern %q: %w", p, err))
		}
	}
	m, err := newMatcher(patterns)
	if err != nil {
		return nil, badIgnore(err)
	}
	return m, nil
}
