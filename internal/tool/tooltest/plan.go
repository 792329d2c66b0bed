package tooltest

import (
	"fmt"

	"dram/internal/config"
	"dram/internal/tool"
)

// Plan is a plan that remembers what it is told, a line each.
type Plan struct {
	Set   config.Config
	From  string // why settings have their values
	Lines []string
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
