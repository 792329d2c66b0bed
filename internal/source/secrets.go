package source

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"dram/internal/problem"
	"dram/internal/secret"
)

// Withheld is a file that the build does not see for what it holds.
type Withheld struct {
	Path string
	Why  string // "it holds an RSA private key"
}

// withhold takes out of the tree what holds a private key or a credential, by
// its content, and what belongs to a tool's store of them. What a compiler
// reads stays whatever it holds: without it the project would not compile. A
// file comes back by one of the patterns of allow, or by a line of
// .dockerignore that names it with "!".
func (t *Tree) withhold(ignore *matcher, allow []string) error {
	let, err := letIn(ignore, allow)
	if err != nil {
		return err
	}
	var told []Withheld
	keep := t.Files[:0]
	for _, f := range t.Files {
		why, code := f.closed()
		if why == "" {
			keep = append(keep, f)
			continue
		}
		in, err := let(f.Path)
		if err != nil {
			return err
		}
		switch {
		case in:
			keep = append(keep, f)
		case code:
			keep = append(keep, f)
			if !isTest(f.Path) {
				told = append(told, Withheld{f.Path, why})
			}
		default:
			t.Withheld = append(t.Withheld, Withheld{f.Path, why})
		}
	}
	t.Files = keep
	if len(t.Withheld) > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("left out of the build: %s; what it needs comes in by --include-secret PATH, "+
			"include_secrets under [build] in dram.toml, or !PATH in %s", some(t.Withheld), ignoreFile))
	}
	if len(told) > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("the build sees a secret, since it is in code: %s; read it from the environment when the release starts", some(told)))
	}
	return nil
}

// closed says why a file is nobody's business, "" if it is not, and whether it
// is code that has the secret in it.
func (f *File) closed() (why string, code bool) {
	if why := secret.Store(f.Path); why != "" {
		return why, false
	}
	if f.secret.Kind == secret.None {
		return "", false
	}
	whole := f.secret.Kind == secret.Key && f.secret.At == 0
	return "it holds " + f.secret.What, secret.IsCode(f.Path) && !whole
}

// isTest says whether a file belongs to tests, which no release has and no
// build compiles.
func isTest(name string) bool {
	return slices.ContainsFunc(strings.Split(path.Dir(name), "/"), func(dir string) bool {
		return dir == "test" || dir == "tests" || dir == "spec"
	})
}

// letIn says which files may come in whatever they hold.
func letIn(ignore *matcher, allow []string) (func(string) (bool, error), error) {
	named := ignore.names()
	m, err := newMatcher(allow)
	if err != nil {
		return nil, badSecrets(err)
	}
	return func(name string) (bool, error) {
		if named[name] {
			return true, nil
		}
		in, err := m.matches(name)
		if err != nil {
			return false, badSecrets(err)
		}
		return in, nil
	}, nil
}

func badSecrets(err error) error {
	return problem.New(problem.Usage, "name files, or patterns as in .dockerignore", "build.include_secrets: %w", err)
}

// some names the first files of a list that may be long.
func some(list []Withheld) string {
	const shown = 8
	var parts []string
	for _, w := range list[:min(len(list), shown)] {
		parts = append(parts, fmt.Sprintf("%s (%s)", w.Path, w.Why))
	}
	if n := len(list) - shown; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(parts, ", "), n)
	}
	return strings.Join(parts, ", ")
}
