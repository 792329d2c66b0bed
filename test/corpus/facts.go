// Package corpus holds plans against what public projects really need: a table of
// facts (facts.toml: what a project's own Dockerfile, CI and version files do, and
// no line of its code), and a score of the plan that dram makes of a checkout.
//
// A need is met if the plan says that it does it, told if a note or a refusal of the
// plan names it, silent if neither, and wrong if the plan does something else. A
// project is as good as its worst need.
package corpus

import (
	_ "embed"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

//go:embed facts.toml
var table string

// Facts is what is known of a project beside its plan. What is empty is not needed.
type Facts struct {
	Repo, Commit string
	Dir          string // where in the repository the project lies, "" at its top
	// Kind is what the project makes: "" a release, else what it is in place of one:
	// "library", "escript", "nerves", "burrito", "archive".
	Kind string
	// Refused is a word of the refusal where the plan cannot choose by itself: "--release".
	Refused string
	// Elixir and OTP are the versions that it is built with, in part: "1.18", "27".
	Elixir, OTP string
	Node        string   // its major version
	Packages    []string // installed to build, beside git, a compiler for C and curl
	Steps       []string // run beside mix compile, assets.deploy and release: a word of each
	Start       string   // the command of its image: "bin/server"
	Programs    []string // installed to run, beside libraries and a shell
	Args        []string // build arguments that mix.exs or config/ read
	Private     []string // repositories and organisations that want a key
	Git         bool     // what is built reads .git, or a commit's name
	Context     []string // directories beside the project
}

// Read reads the table.
func Read() ([]Facts, error) { return parse(table) }

func parse(text string) ([]Facts, error) {
	var doc struct{ Project []Facts }
	d := toml.NewDecoder(strings.NewReader(text))
	if err := d.DisallowUnknownFields().Decode(&doc); err != nil {
		return nil, fmt.Errorf("reading the table of facts: %w", err)
	}
	seen := map[string]bool{}
	for _, f := range doc.Project {
		if strings.Count(f.Repo, "/") != 1 || len(f.Commit) != 40 || seen[f.Name()] {
			return nil, fmt.Errorf("the facts of %q need a repository, a commit, and to stand once", f.Name())
		}
		seen[f.Name()] = true
	}
	return doc.Project, nil
}

// Name is the repository, and where in it the project lies.
func (f Facts) Name() string {
	if f.Dir == "" {
		return f.Repo
	}
	return f.Repo + ":" + f.Dir
}

// Checkout is where the project lies below a directory of checkouts, each called
// OWNER+NAME.
func (f Facts) Checkout(dir string) string {
	return filepath.Join(dir, strings.ReplaceAll(f.Repo, "/", "+"), filepath.FromSlash(f.Dir))
}
