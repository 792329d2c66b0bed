package source

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"dram/internal/problem"
)

const (
	ignoreFile = ".dockerignore"
	maxIgnore  = 1 << 20 // bytes
)

// DefaultIgnore is what is left out where a project has no .dockerignore:
// what builds and tools leave behind, and what may hold secrets.
func DefaultIgnore() []string {
	return []string{
		".git", ".github", ".gitlab", ".hg", ".svn", ".jj",
		"**/_build", "**/deps", "releases", "**/node_modules",
		"**/.elixir_ls", "**/.lexical", "**/.expert", "**/.nix-mix", "**/.nix-hex", "**/.idea", "**/.vscode", "**/.DS_Store",
		"cover", "doc", "**/erl_crash.dump", "**/*.ez",
		"**/.env", "**/.env.*", ".direnv", ".envrc",
		"Dockerfile*", "docker-compose*.yml", "compose*.yaml", ".dockerignore",
	}
}

// ignored reads the project's .dockerignore, or takes the default.
func ignored(dir string) (*patternmatcher.PatternMatcher, error) {
	patterns, err := readIgnore(filepath.Join(dir, ignoreFile))
	if err != nil {
		return nil, problem.New(problem.Usage, "see Docker's documentation for its syntax", "reading %s: %w", ignoreFile, err)
	}
	m, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, problem.New(problem.Usage, "see Docker's documentation for its syntax", "%s: %w", ignoreFile, err)
	}
	return m, nil
}

func readIgnore(name string) ([]string, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return DefaultIgnore(), nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return ignorefile.ReadAll(io.LimitReader(f, maxIgnore))
}
