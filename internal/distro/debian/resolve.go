package debian

import (
	"fmt"
	"slices"
	"strings"

	"dram/internal/distro"
	"dram/internal/grammar"
	"dram/internal/problem"
)

// resolver chooses packages. It follows Pre-Depends and Depends; where there
// is a choice it takes, as apt does, what is chosen already, else the first
// alternative that can be had. Dependencies without a choice go first, so that
// they decide the others.
type resolver struct {
	u        *universe
	out      map[string]bool // left out even if something depends on it
	chosen   map[string]*entry
	provided map[string][]relation // virtual packages of the chosen ones
	viable   map[string]bool       // memo of installable
	single   []need
	multiple []need
}

// need is one group of alternatives and who needs it.
type need struct {
	by    *entry
	group []relation
}

// choose resolves the packages wanted. Names in
// optional may be missing.
func (u *universe) choose(wanted []string, optional map[string]bool, out map[string]bool) ([]*entry, error) {
	r := &resolver{
		u: u, out: out,
		chosen: map[string]*entry{}, provided: map[string][]relation{}, viable: map[string]bool{},
	}
	r.begin()
	for _, name := range wanted {
		if out[name] || r.chosen[name] != nil {
			continue
		}
		if err := r.want(name, optional[name]); err != nil {
			return nil, err
		}
	}
	if err := r.run(); err != nil {
		return nil, err
	}
	if err := r.settle(); err != nil {
		return nil, err
	}
	return r.consistent()
}

func (r *resolver) want(name string, optional bool) error {
	e := r.u.byName[name]
	switch {
	case e != nil && r.installable(e, nil):
		r.take(e)
	case optional:
	case e == nil && len(r.u.candidates(relation{name: name})) > 0:
		r.multiple = append(r.multiple, need{nil, []relation{{name: name}}})
	case e == nil:
		return r.u.missing(name)
	default:
		return r.unsatisfiable(e)
	}
	return nil
}

func (r *resolver) take(e *entry) {
	if old := r.chosen[e.Name]; old == e || old != nil && !old.installed {
		return
	}
	r.put(e)
	if e.installed {
		return
	}
	for _, group := range r.needs(e) {
		if len(group) == 1 {
			r.single = append(r.single, need{e, group})
		} else {
			r.multiple = append(r.multiple, need{e, group})
		}
	}
}

func (r *resolver) needs(e *entry) [][]relation {
	return append(parseRelations(e.preDepends, r.u.arch), parseRelations(e.depends, r.u.arch)...)
}

func (r *resolver) run() error {
	for {
		var n need
		switch {
		case len(r.single) > 0:
			n, r.single = r.single[0], r.single[1:]
		case len(r.multiple) > 0:
			n, r.multiple = r.multiple[0], r.multiple[1:]
		default:
			return nil
		}
		if r.met(n.group) {
			continue
		}
		e := r.pick(n.group)
		if e == nil {
			return r.unsatisfiable(n.by)
		}
		r.take(e)
	}
}

// met says whether the group holds with what is chosen. One with an
// alternative that is left out, and no other that can be had, counts as met.
func (r *resolver) met(group []relation) bool {
	return r.holds(group) || r.waived(group) && r.pick(group) == nil
}

func (r *resolver) waived(group []relation) bool {
	return slices.ContainsFunc(group, func(alt relation) bool { return r.out[alt.name] })
}

// pick is the first package that would meet the group and go with the chosen
// ones.
func (r *resolver) pick(group []relation) *entry {
	for _, alt := range group {
		cands := r.u.candidates(alt)
		slices.SortStableFunc(cands, func(a, b *entry) int {
			return rank(a, alt) - rank(b, alt)
		})
		for _, e := range cands {
			if !r.out[e.Name] && r.installable(e, nil) && r.bars(e) == nil {
				return e
			}
		}
	}
	return nil
}

// rank puts the package of that name first, then providers by priority.
func rank(e *entry, alt relation) int {
	if e.Name == alt.name {
		return -1
	}
	order := []string{"required", "important", "standard", "optional"}
	if i := slices.Index(order, e.priority); i >= 0 {
		return i
	}
	return len(order)
}

// installable says whether all that e needs exists, all the way down. A cycle
// counts as there.
func (r *resolver) installable(e *entry, above []*entry) bool {
	if ok, known := r.viable[e.Name]; known || e.installed {
		return ok || e.installed
	}
	r.viable[e.Name] = true // for cycles
	above = append(above, e)
	for _, group := range r.needs(e) {
		if !r.waived(group) && !r.anyInstallable(group, above) {
			r.viable[e.Name] = false
			return false
		}
	}
	return true
}

func (r *resolver) anyInstallable(group []relation, above []*entry) bool {
	for _, alt := range group {
		if e := r.u.installed[alt.name]; e != nil && !alt.foreign && alt.admits(e.Version) {
			return true
		}
		for _, e := range r.u.candidates(alt) {
			if slices.Contains(above, e) || r.installable(e, above) {
				return true
			}
		}
	}
	return false
}

// clash is a chosen package that cannot be beside e, or nil.
func (r *resolver) clash(e *entry) *entry {
	for _, other := range r.chosen {
		if other.Name != e.Name && (excludes(e, other, r.u.arch) || excludes(other, e, r.u.arch)) {
			return other
		}
	}
	return nil
}

// excludes says whether a's Conflicts or Breaks name b or what b provides.
func excludes(a, b *entry, arch string) bool {
	if a.conflicts == "" && a.breaks == "" {
		return false
	}
	for _, field := range []string{a.conflicts, a.breaks} {
		for _, group := range parseRelations(field, arch) {
			for _, rel := range group {
				if rel.name == b.Name && !rel.foreign && rel.admits(b.Version) {
					return true
				}
				if b.provides != "" && strings.Contains(b.provides, rel.name) && providesAny(b, rel, arch) {
					return true
				}
			}
		}
	}
	return false
}

func providesAny(b *entry, rel relation, arch string) bool {
	for _, group := range parseRelations(b.provides, arch) {
		for _, p := range group {
			if p.name == rel.name && rel.provided(p) {
				return true
			}
		}
	}
	return false
}

// consistent checks the whole choice and returns it by name.
func (r *resolver) consistent() ([]*entry, error) {
	out := make([]*entry, 0, len(r.chosen))
	for _, e := range r.chosen {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b *entry) int { return strings.Compare(a.Name, b.Name) })
	for _, e := range out {
		if other := r.clash(e); other != nil && (!e.installed || !other.installed) {
			return nil, problem.New(problem.Usage, "remove one of them from the packages asked for",
				"packages %s %s and %s %s exclude each other", e.Name, e.Version, other.Name, other.Version)
		}
	}
	return out, nil
}

// unsatisfiable explains why e cannot be had, by the chain of dependencies
// down to the one that is missing.
func (r *resolver) unsatisfiable(e *entry) error {
	const hint = "the archive may be in the middle of a transition: try again later, another suite, or fewer packages"
	var chain []string
	for seen := map[*entry]bool{}; e != nil && !seen[e]; {
		seen[e] = true
		group, next := r.broken(e)
		if group == nil {
			break
		}
		alts := make([]string, len(group))
		for i, alt := range group {
			alts[i] = alt.String()
		}
		chain = append(chain, e.Name+" "+e.Version+" depends on "+strings.Join(alts, " | "))
		if e = next; e == nil {
			chain = append(chain, r.available(group))
		}
	}
	if len(r.u.installed) > 0 {
		return problem.New(problem.Usage, "take an image that is as new as the archive, or leave that package out", "resolving dependencies: %s", strings.Join(chain, ", "))
	}
	return problem.New(problem.Failure, hint, "resolving dependencies: %s", strings.Join(chain, ", "))
}

// broken is e's first group that cannot be met, and the package to blame next.
func (r *resolver) broken(e *entry) ([]relation, *entry) {
	for _, group := range r.needs(e) {
		if r.met(group) || r.waived(group) || r.pick(group) != nil {
			continue
		}
		for _, alt := range group {
			for _, c := range r.u.candidates(alt) {
				if !r.installable(c, nil) {
					return group, c
				}
			}
		}
		return group, nil
	}
	return nil, nil
}

func (r *resolver) available(group []relation) string {
	for _, alt := range group {
		if e := r.u.byName[alt.name]; e != nil {
			if other := r.clash(e); other != nil && alt.admits(e.Version) {
				return "and " + e.Name + " conflicts with " + other.Name
			}
			return "and the suite has " + e.Name + " " + e.Version
		}
	}
	return "which the suite does not have"
}

// missing says that there is no package of that name, and which is the nearest.
func (u *universe) missing(name string) error {
	best, nearest := 3, "" // what is further away is something else
	for other := range u.byName {
		if max(len(other), len(name))-min(len(other), len(name)) >= best+1 {
			continue
		}
		if d := grammar.Distance(name, other); d < best || d == best && nearest != "" && other < nearest {
			best, nearest = d, other
		}
	}
	hint := "check the name; only packages of the section main can be had"
	if len(u.installed) > 0 {
		hint = "check the name; packages can be had of the archives that the image's sources name"
	}
	if nearest != "" {
		hint = "did you mean " + nearest + "? Or " + hint
	}
	return problem.New(problem.Usage, hint, "%w", &distro.AbsentError{Package: name, Says: fmt.Sprintf("the suite has no package %q", name)})
}
