package tooltest

import (
	"fmt"
	"strings"
	"testing"

	"dram/internal/config"
	"dram/internal/project"
	"dram/internal/tool"
)

// Plan is a plan that remembers what it is told, a line each.
type Plan struct {
	Set   config.Config
	From  string // why settings have their values
	Lines []string
}

// Read reads the project in a tree of files as a tool does, and makes a plan with
// settings as flags, "release=web". The project is nil where it is none of the tool's.
func Read(t *testing.T, by tool.Tool, tree string, flags ...string) (*Plan, tool.Project, error) {
	t.Helper()
	d, err := project.Open(Tree(t, tree))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	n := &Plan{From: "default"}
	for _, f := range flags {
		name, value, _ := strings.Cut(f, "=")
		if n.Set, err = n.Set.WithFlag(name, []string{value}); err != nil {
			t.Fatal(err)
		}
	}
	p, err := by.Read(d)
	return n, p, err
}

// Settings are Set.
func (p *Plan) Settings() config.Config { return p.Set }

// Origin is From.
func (p *Plan) Origin(string) string { return p.From }

// Decide is remembered as "name: value: reason".
func (p *Plan) Decide(name, value, reason string) {
	p.Lines = append(p.Lines, fmt.Sprintf("%s: %s: %s", name, value, reason))
}

// Note is remembered as "note: text".
func (p *Plan) Note(text string) { p.Lines = append(p.Lines, "note: "+text) }

// Need is remembered as "needs what: why".
func (p *Plan) Need(n tool.Need) {
	p.Lines = append(p.Lines, fmt.Sprintf("needs %s: %s", n.What, n.Why))
}

// Follow is remembered as "follows run: before".
func (p *Plan) Follow(s config.Step) bool {
	p.Lines = append(p.Lines, fmt.Sprintf("follows %s: %s", s.Run, s.Before))
	return true
}
