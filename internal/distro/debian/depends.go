package debian

import "strings"

// relation is one package named in a dependency field, with its version
// constraint if it has one (deb-control(5)).
type relation struct {
	name, op, version string
	foreign           bool // asks for an architecture other than the root's
}

// parseRelations reads a dependency field: groups that must all hold, each of
// alternatives of which one must.
func parseRelations(value, arch string) [][]relation {
	var groups [][]relation
	for group := range strings.SplitSeq(value, ",") {
		var alts []relation
		for alt := range strings.SplitSeq(group, "|") {
			if r, ok := parseRelation(alt, arch); ok {
				alts = append(alts, r)
			}
		}
		if len(alts) > 0 {
			groups = append(groups, alts)
		}
	}
	return groups
}

func parseRelation(s, arch string) (relation, bool) {
	name, rest, _ := strings.Cut(strings.TrimSpace(s), "(")
	name, _, _ = strings.Cut(name, "[") // no architecture lists in binary packages
	name = strings.TrimSpace(name)
	if name == "" {
		return relation{}, false
	}
	r := relation{name: name}
	if n, qualifier, ok := strings.Cut(name, ":"); ok {
		r.name = n
		r.foreign = qualifier != "any" && qualifier != "native" && qualifier != arch
	}
	rest, _, _ = strings.Cut(rest, ")")
	rest = strings.TrimSpace(rest)
	n := len(rest) - len(strings.TrimLeft(rest, "<>="))
	r.op, r.version = rest[:n], strings.TrimSpace(rest[n:])
	return r, true
}

// admits says whether a version meets the constraint.
func (r relation) admits(version string) bool {
	c := compareVersions(version, r.version)
	switch r.op {
	case "":
		return true
	case "=":
		return c == 0
	case ">=", ">": // ">" is an old way to write ">="
		return c >= 0
	case "<=", "<":
		return c <= 0
	case ">>":
		return c > 0
	case "<<":
		return c < 0
	}
	return false
}

func (r relation) String() string {
	if r.op == "" {
		return r.name
	}
	return r.name + " (" + r.op + " " + r.version + ")"
}

// provided says whether what is provided, by name and perhaps version, meets
// the constraint: a constraint needs a versioned Provides.
func (r relation) provided(p relation) bool {
	return !r.foreign && (r.op == "" || (p.op == "=" && r.admits(p.version)))
}
