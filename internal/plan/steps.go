package plan

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dram/internal/config"
	"dram/internal/engine"
	"dram/internal/source"
	"dram/internal/store"
	"dram/internal/tool"
)

// Steps of the user's own are run by sh in the project's directory, each beside the
// part of the build that it names. What one leaves in the source is there for those
// that follow.

// ownSteps says which there are.
func (m *maker) ownSteps() {
	m.plan.Steps = slices.Clone(m.in.Config.Steps)
	for _, s := range m.plan.Steps {
		m.saysStep(s, "set by "+config.FileName)
	}
	m.plan.Steps = append(m.plan.Steps, m.steps...)
}

// saysStep says of a step where it is run, and with what.
func (m *maker) saysStep(s config.Step, why string) {
	where := "before " + s.Before
	if s.After != "" {
		where = "after " + s.After
	}
	with := "without the network"
	if s.Network {
		with = m.online()
		m.plan.Notes = append(m.plan.Notes, fmt.Sprintf("the step %q has the network: what it downloads is not checked by dram, and builds may differ", s.Run))
	}
	if len(s.Secrets) > 0 {
		with += fmt.Sprintf(", and %s (of %s%s)", strings.Join(s.Secrets, ", "), secretPrefix, strings.Join(s.Secrets, ", "+secretPrefix))
	}
	m.decide("step", s.Run+", "+where+", "+with, why)
}

// withOwn is a tool's steps with those of the user's own among them.
func (p *Plan) withOwn(part tool.Job, src *source.Tree, environ []string) []engine.Step {
	all := slices.Clone(part.Steps)
	for _, anchor := range config.Anchors() {
		for n, s := range slices.Backward(p.Steps) { // of those at one place, the first comes first
			if s.Before == anchor {
				all = slices.Insert(all, place(all, anchor), p.own(n, s, part, src, environ))
			}
		}
	}
	for _, anchor := range []string{"compile", "assets"} {
		for n, s := range slices.Backward(p.Steps) {
			if s.After == anchor {
				all = compiling(all, anchor, part)
				all = slices.Insert(all, behind(all, anchor), p.own(n, s, part, src, environ))
			}
		}
	}
	for n, s := range p.Steps {
		if s.After == engine.StepRelease {
			all = append(all, p.own(n, s, part, src, environ))
		}
	}
	return all
}

// compiling is the steps with one that compiles, where something is to follow it and
// the release's own step does that beside.
func compiling(all []engine.Step, anchor string, part tool.Job) []engine.Step {
	i := slices.IndexFunc(all, named(engine.StepRelease))
	if anchor != "compile" || part.Compile == nil || i < 0 || slices.ContainsFunc(all, named(anchor)) {
		return all
	}
	compile := all[i]
	compile.Name, compile.Argv, compile.Packing = anchor, part.Compile, nil
	return slices.Insert(slices.Clone(all), i, compile)
}

// behind is where what follows a part of the build begins.
func behind(all []engine.Step, part string) int {
	if i := slices.IndexFunc(all, named(part)); i >= 0 {
		return i + 1
	}
	return place(all, part)
}

func named(name string) func(engine.Step) bool {
	return func(s engine.Step) bool { return s.Name == name }
}

// place is where the first step of a part of the build is, or else of the part that
// follows it. Steps of the user's own that are put before it are part of it.
func place(all []engine.Step, part string) int {
	parts := config.Anchors()
	for _, name := range parts[slices.Index(parts, part):] {
		i := slices.IndexFunc(all, named(name))
		for i > 0 && strings.HasPrefix(all[i-1].Name, engine.StepOwn) && strings.HasSuffix(all[i-1].Name, " before "+part) {
			i--
		}
		if i >= 0 {
			return i
		}
	}
	return len(all)
}

// own is a step of the user's own: the nth of dram.toml.
func (p *Plan) own(n int, s config.Step, part tool.Job, src *source.Tree, environ []string) engine.Step {
	where := "after " + s.After
	if s.Before != "" {
		where = "before " + s.Before
	}
	step := engine.Step{
		Name: fmt.Sprintf("%s%d %s", engine.StepOwn, n+1, where), Argv: []string{"sh", "-euc", s.Run + made(s.Outputs)},
		Network: s.Network || p.Network, Volatile: len(s.Inputs) == 0,
	}
	if s.Network {
		step.Secrets = append(secretsOf(s, environ), tool.Proxies(environ)...)
	} else if i := slices.IndexFunc(part.Steps, named(engine.StepRelease)); i >= 0 {
		step.Env, step.Secrets = part.Steps[i].Env, part.Steps[i].Secrets
	}
	if len(s.Inputs) > 0 {
		step.InputDigest = madeOf(src, s)
	}
	return step
}

// secretPrefix begins the names of variables that hold secrets for steps: whoever
// clones a project gives its dram.toml no other variable of their environment.
const secretPrefix = "DRAM_SECRET_"

// secretsOf are the secrets that a step asks for, by the names it knows them by.
func secretsOf(s config.Step, environ []string) (secrets []string) {
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if meant, is := strings.CutPrefix(name, secretPrefix); is && slices.Contains(s.Secrets, meant) {
			secrets = append(secrets, meant+"="+value)
		}
	}
	return secrets
}

// made ends a command with a look at what it had to make.
func made(outputs []string) string {
	var b strings.Builder
	for _, name := range outputs {
		word := "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
		_, _ = fmt.Fprintf(&b, "; [ -e %s ] || { echo the step made no %s >&2; exit 1; }", word, word)
	}
	return b.String()
}

// madeOf names what a step is made of.
func madeOf(src *source.Tree, s config.Step) string {
	lines := []string{s.Run}
	for _, f := range src.Files {
		if slices.ContainsFunc(s.Inputs, func(in string) bool { return f.Path == in || strings.HasPrefix(f.Path, in+"/") }) {
			lines = append(lines, fmt.Sprintf("%s %t %q", f.Digest, f.Exec, f.Path))
		}
	}
	return store.DigestOf([]byte(strings.Join(lines, "\n"))).Hex()
}

// stepsLine is the user's own steps as a part of what names a result; "" for none.
func (p *Plan) stepsLine() string {
	if len(p.Steps) == 0 {
		return p.upgradeLine()
	}
	raw, err := json.Marshal(p.Steps)
	if err != nil {
		panic(err) // strings and booleans always encode
	}
	return "steps " + string(raw) + "\n" + p.upgradeLine()
}

// upgradeLine is what a relup adds to the key of a result.
func (p *Plan) upgradeLine() string {
	if p.UpgradeFrom == "" {
		return ""
	}
	return "upgrade from " + strconv.Quote(p.UpgradeFrom) + "\n"
}
