package config

import (
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"dram/internal/grammar"
	"dram/internal/problem"
)

// Step is one [[step]] of dram.toml: a command that the build runs beside the tool's
// own.
type Step struct {
	Run string `json:"run"` // one line for sh
	// Before or After is the part of the build that it is run before or after: one of
	// Anchors; one of the two is "".
	Before  string   `json:"before,omitempty"`
	After   string   `json:"after,omitempty"`
	Network bool     `json:"network,omitempty"`
	Secrets []string `json:"secrets,omitempty"` // names of variables; DRAM_SECRET_NAME has what they hold
	Inputs  []string `json:"inputs,omitempty"`  // files and directories: it is left out while they are the same
	Outputs []string `json:"outputs,omitempty"` // files and directories that it has to make
}

// Anchors are the parts of a build that steps are put beside.
func Anchors() []string { return []string{"compile", "assets", "release"} }

const (
	maxOwnSteps = 50
	maxRun      = 4096 // bytes of a command
)

// stepHint says how a step is written.
const stepHint = `write [[step]] above each, and below it such as run = "./configure", before = "compile" and network = true`

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,99}$`)

// steps reads the [[step]] tables of a dram.toml.
func steps(v any) ([]Step, error) {
	if v == nil {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok || len(list) > maxOwnSteps {
		return nil, problem.New(problem.Usage, stepHint,
			"%s: step must be a list of at most %d tables: write [[step]] above each", FileName, maxOwnSteps)
	}
	var out []Step
	for i, e := range list {
		s, hint, err := step(e)
		if err != nil {
			return nil, problem.New(problem.Usage, hint, "%s: step %d: %w", FileName, i+1, err)
		}
		out = append(out, s)
	}
	return out, nil
}

// step reads one table; hint says how what is wrong is to be.
func step(v any) (s Step, hint string, err error) {
	table, ok := v.(map[string]any)
	if !ok {
		return s, "write [[step]] above each", fmt.Errorf("it is not a table")
	}
	to := map[string]any{
		"run": &s.Run, "before": &s.Before, "after": &s.After, "network": &s.Network,
		"secrets": &s.Secrets, "inputs": &s.Inputs, "outputs": &s.Outputs,
	}
	for _, key := range slices.Sorted(maps.Keys(table)) {
		field, known := to[key]
		if !known {
			return s, fmt.Sprintf("did you mean %q?", nearestOf(key, slices.Sorted(maps.Keys(to)))), fmt.Errorf("unknown key %s", grammar.Quote(key))
		}
		if err := take(field, table[key]); err != nil {
			return s, stepHint, fmt.Errorf("%s: %w", key, err)
		}
	}
	hint, err = s.check()
	return s, hint, err
}

// take sets a field to a value of its type.
func take(field, v any) error {
	switch to := field.(type) {
	case *string:
		if s, ok := v.(string); ok && s != "" {
			*to = s
			return nil
		}
		return fmt.Errorf("must be a string that is not empty, is %s", brief(v))
	case *bool:
		if is, ok := v.(bool); ok {
			*to = is
			return nil
		}
		return fmt.Errorf("must be true or false, is %s", brief(v))
	case *int:
		if n, ok := v.(int64); ok && n > 0 && n < 1<<31 {
			*to = int(n)
			return nil
		}
		return fmt.Errorf("must be a number above 0, is %s", brief(v))
	case *[]string:
		if l, ok := v.([]any); ok && len(l) > 0 {
			var err error
			*to, err = list(l)
			return err
		}
	}
	return fmt.Errorf("must be a list that is not empty, is %s", brief(v))
}

// check finds what does not fit together.
func (s Step) check() (hint string, err error) {
	switch {
	case s.Run == "":
		return `run = "…" is the command`, fmt.Errorf("it runs nothing")
	case !grammar.Printable(s.Run) || len(s.Run) > maxRun:
		return "put it into a script of the project, and run that", fmt.Errorf("run is not one line of at most %d bytes", maxRun)
	case (s.Before == "") == (s.After == ""):
		return `before = "release" or after = "compile", one of the two`, fmt.Errorf("it has no place, or two")
	case !slices.Contains(Anchors(), s.Before+s.After):
		return "the parts are " + strings.Join(Anchors(), ", "), fmt.Errorf("there is no part %s of a build", grammar.Quote(s.Before+s.After))
	case len(s.Secrets) > 0 && !s.Network:
		return "network = true, or give what is no secret by build.env", fmt.Errorf("secrets are for steps that have the network")
	}
	for _, name := range s.Secrets {
		if !variableName.MatchString(name) {
			return "a secret is the name of a variable of the environment", fmt.Errorf("no variable can be called %s", grammar.Quote(name))
		}
	}
	for _, name := range slices.Concat(s.Inputs, s.Outputs) {
		if !fs.ValidPath(name) || name == "." || !grammar.Printable(name) {
			return "inputs and outputs are paths inside the project, with slashes", fmt.Errorf("%s is none", grammar.Quote(name))
		}
	}
	return "", nil
}

// encoded is the step as a table of dram.toml.
func (s Step) encoded() map[string]any {
	table := map[string]any{"run": s.Run}
	for key, value := range map[string]string{"before": s.Before, "after": s.After} {
		if value != "" {
			table[key] = value
		}
	}
	for key, values := range map[string][]string{"secrets": s.Secrets, "inputs": s.Inputs, "outputs": s.Outputs} {
		if len(values) > 0 {
			table[key] = values
		}
	}
	if s.Network {
		table["network"] = true
	}
	return table
}
