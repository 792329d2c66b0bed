package corpus

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/plan"
	"dram/internal/problem"
)

// Verdict is how a plan does a need.
type Verdict int

// The verdicts, from good to bad.
const (
	Met    Verdict = iota // without a setting
	Told                  // the plan says what is to be set or done
	Silent                // not done, and not said
	Wrong                 // something else is done
)

func (v Verdict) String() string { return [...]string{"met", "told", "silent", "wrong"}[v] }

// Need is one thing that a project needs, judged.
type Need struct {
	What    string
	Verdict Verdict
}

// Score is how a plan does for a project.
type Score struct {
	Name  string
	Needs []Need
	Error error // the plan's refusal
}

// Verdict is that of the worst need.
func (s Score) Verdict() Verdict {
	worst := Met
	for _, n := range s.Needs {
		worst = max(worst, n.Verdict)
	}
	return worst
}

// Judge scores a plan, or the refusal of one, or both: a plan of which the toolchain
// could not be chosen. elixir and otp are the versions in its toolchain.
func Judge(f Facts, p *plan.Plan, refusal error, elixir, otp string) Score {
	s := Score{Name: f.Name(), Error: refusal}
	if refusal != nil {
		s.Needs = append(s.Needs, refused(f, refusal))
	}
	if p == nil {
		return s
	}
	j := judge{plan: p}
	s.Needs = append(s.Needs, j.kind(f))
	if refusal == nil {
		s.Needs = append(s.Needs, j.version("Elixir", f.Elixir, elixir), j.version("OTP", f.OTP, otp))
	}
	if f.Node != "" {
		s.Needs = append(s.Needs, j.need("Node "+f.Node, `(?i)\bnode(js|\.js)? ?v?`+f.Node+`\b`, `(?i)\bnode(js|\.js)?\b`))
	}
	if f.Git {
		s.Needs = append(s.Needs, j.need("git metadata", `build git|\.git\b`, `(?i)\.git\b|\bcommit\b|GIT_`))
	}
	if f.Start != "" {
		s.Needs = append(s.Needs, j.need("start "+f.Start, `(?s)^(start|entrypoint) .*`+regexp.QuoteMeta(f.Start)+`\b|PHX_SERVER=true in the image|^image env .*\bPHX_SERVER=`, `PHX_SERVER|`+regexp.QuoteMeta(f.Start)))
	}
	for _, list := range []struct {
		what  string
		words []string
	}{
		{"package", f.Packages},
		{"step", f.Steps},
		{"program", f.Programs},
		{"argument", f.Args},
		{"key", f.Private},
		{"context", f.Context},
	} {
		for _, word := range list.words {
			s.Needs = append(s.Needs, j.list(list.what, word))
		}
	}
	s.Needs = slices.DeleteFunc(s.Needs, func(n Need) bool { return n.What == "" })
	return s
}

// refused judges a plan that is none.
func refused(f Facts, refusal error) Need {
	text := refusal.Error() + "\n" + problem.Hint(refusal)
	n := Need{What: "plan", Verdict: Wrong}
	for _, word := range append([]string{f.Refused, f.Kind, f.Elixir, f.OTP}, f.Context...) {
		if word != "" && strings.Contains(strings.ToLower(text), strings.ToLower(word)) {
			n.Verdict = Told
		}
	}
	return n
}

type judge struct{ plan *plan.Plan }

func (j judge) decided(pattern string) bool {
	re := regexp.MustCompile(pattern)
	return slices.ContainsFunc(j.plan.Decisions, func(d plan.Decision) bool { return re.MatchString(d.Name + " " + d.Value) })
}

func (j judge) noted(pattern string) bool {
	re := regexp.MustCompile(pattern)
	return slices.ContainsFunc(j.plan.Notes, re.MatchString)
}

// kind judges a project that makes no release: a plan of one must say so, and then
// nothing is to be set.
func (j judge) kind(f Facts) Need {
	if f.Kind == "" {
		return Need{}
	}
	n := j.need("is a "+f.Kind, `^project .*\b`+f.Kind, `(?i)\b`+f.Kind)
	if n.Verdict == Told {
		n.Verdict = Met
	}
	return n
}

func (j judge) need(what, decision, note string) Need {
	switch {
	case j.decided(decision):
		return Need{what, Met}
	case j.noted(note):
		return Need{what, Told}
	}
	return Need{what, Silent}
}

// list judges one of a list. A directory beside the project is there with one that holds
// it.
func (j judge) list(what, word string) Need {
	n := j.word(what, word)
	for dir := path.Dir(word); what == "context" && n.Verdict != Met && dir != "."; dir = path.Dir(dir) {
		if holder := j.word(what, dir); holder.Verdict < n.Verdict {
			n = Need{n.What, holder.Verdict}
		}
	}
	return n
}

// word judges a need by a word that a decision or a note has; "ENV=…" of a build
// argument, "mix phx.digest" within the commands of a step.
func (j judge) word(what, word string) Need {
	whole := `(^|[^\w.-])` + regexp.QuoteMeta(word) + `($|[^\w-])`
	return j.need(what+" "+word, whole, whole)
}

// version judges the version in the toolchain: another than the project is built with
// is wrong unless that is said.
func (j judge) version(of, wants, has string) Need {
	if wants == "" {
		return Need{}
	}
	n := Need{What: of + " " + wants + ", has " + has, Verdict: Wrong}
	switch {
	case has == wants || strings.HasPrefix(has, wants+"."):
		n.Verdict = Met
	case j.noted(`\b` + regexp.QuoteMeta(wants) + `\b`):
		n.Verdict = Told
	}
	return n
}
