package pipeline

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"dram/internal/engine"
	"dram/internal/problem"
	"dram/internal/sandbox"
)

// EngineOption is an engine that dram has, and what it needs.
type EngineOption struct {
	Name   string
	Engine engine.Engine
	// Needs tries what the engine needs of this machine.
	Needs func(ctx context.Context) []sandbox.Precondition
	// Why says, in a few words, why auto chooses it.
	Why string
	// Asked, if set, says who asked for this engine in particular: auto then
	// chooses it, untried.
	Asked string
	// ByName says that auto never chooses this engine, and why: what a cloned
	// project does must not depend on what a machine lacks.
	ByName string
}

// lack is the first thing that an engine needs and this machine does not have.
// That it has all is believed for a day, so that trying costs nothing; should
// it no longer be true, the build says so.
func (p *Pipeline) lack(ctx context.Context, o EngineOption) *sandbox.Precondition {
	key := fmt.Sprintf("%s of %d", o.Name, os.Geteuid())
	if age, ok := p.Store.Age("engine", key); ok && age < 24*time.Hour {
		return nil
	}
	for _, need := range o.Needs(ctx) {
		if !need.OK {
			return &need
		}
	}
	_ = p.Store.Put("engine", key, true) // only tried again
	return nil
}

// chooseEngine is as plan.Inputs.Engine has it. An engine that was asked for
// is not tried: the build itself says what is missing.
func (p *Pipeline) chooseEngine(ctx context.Context, asked string) (name, reason string, err error) {
	if asked != "auto" {
		if p.option(asked) == nil {
			return "", "", problem.New(problem.Usage, "use auto or one of: "+strings.Join(p.engineNames(), ", "), "unknown engine %q", asked)
		}
		return asked, "asked for", nil
	}
	if i := slices.IndexFunc(p.Engines, func(o EngineOption) bool { return o.Asked != "" }); i >= 0 {
		return p.Engines[i].Name, p.Engines[i].Asked, nil
	}
	var lacking []string
	hints := []string{"run `dram doctor`: it names the remedies"}
	for _, o := range p.Engines {
		if o.ByName != "" {
			hints = append(hints, fmt.Sprintf("or, if you trust the project: --engine %s, or DRAM_ENGINE=%s (%s)", o.Name, o.Name, o.ByName))
			continue
		}
		lack := p.lack(ctx, o)
		if lack == nil {
			reason := o.Why
			if len(lacking) > 0 {
				reason += "; not " + strings.Join(lacking, ", not ")
			}
			return o.Name, reason, nil
		}
		lacking = append(lacking, fmt.Sprintf("%s (%s: %s)", o.Name, lack.Name, lack.Detail))
	}
	return "", "", problem.New(problem.Environment, strings.Join(hints, "\n"),
		"no engine works on this machine: %s", strings.Join(lacking, ", "))
}

func (p *Pipeline) engineNames() []string {
	var names []string
	for _, o := range p.Engines {
		names = append(names, o.Name)
	}
	return names
}

func (p *Pipeline) option(name string) *EngineOption {
	if i := slices.IndexFunc(p.Engines, func(o EngineOption) bool { return o.Name == name }); i >= 0 {
		return &p.Engines[i]
	}
	return nil
}

// engine is the one that a plan decided for.
func (p *Pipeline) engine(name string) (engine.Engine, error) {
	if o := p.option(name); o != nil {
		return o.Engine, nil
	}
	return nil, problem.New(problem.Usage, "use one of: "+strings.Join(p.engineNames(), ", "), "unknown engine %q", name)
}
