package debian

import (
	"fmt"
	"slices"
	"strings"

	"dram/internal/distro"
	"dram/internal/problem"
)

// readInstalled reads what a system has installed, by name, of the files that dpkg
// keeps. A package of another architecture is none that anything here depends on. It
// is a problem if one was not installed whole: what is added may need it.
func readInstalled(s *distro.Snapshot, arch string) (map[string]*entry, error) {
	out := map[string]*entry{}
	var broken []string
	for _, file := range installedFiles(s) {
		n := 0
		for par := range paragraphs(string(s.Files[file])) {
			if n++; n > maxPackages || len(par) > maxStanza {
				return nil, databaseProblem(file, fmt.Errorf("paragraph %d is past the limit of %d packages of %d bytes", n, maxPackages, maxStanza))
			}
			e, state, err := parseInstalled(par)
			if err != nil {
				return nil, databaseProblem(file, fmt.Errorf("paragraph %d: %w", n, err))
			}
			switch {
			case state == "config-files" || state == "not-installed" || e.Arch != arch && e.Arch != "all":
			case state == "installed" || state == "triggers-awaited" || state == "triggers-pending":
				out[e.Name] = e
			default:
				broken = append(broken, e.Name+" ("+state+")")
			}
		}
	}
	if len(broken) > 0 {
		return nil, problem.New(problem.Usage, "finish them where the image is made (dpkg --configure -a, apt-get install -f), or choose another image",
			"its packages are not installed whole: %s", strings.Join(broken[:min(len(broken), 8)], ", "))
	}
	if len(out) == 0 {
		return nil, problem.New(problem.Usage, "choose another image: packages are added to what has them listed", "its list of packages is empty")
	}
	return out, nil
}

func databaseProblem(file string, err error) error {
	return problem.New(problem.Usage, "the image is damaged: choose another one", "reading its list of packages %q: %w", "/"+file, err)
}

// parseInstalled reads one package of dpkg's database and its state; one that says
// none is installed.
func parseInstalled(par string) (e *entry, state string, err error) {
	e, state = &entry{installed: true}, "installed"
	for name, value := range fields(par) {
		switch name {
		case "Status":
			f := strings.Fields(value)
			if len(f) != 3 {
				return nil, "", fmt.Errorf("the status %q is none", value)
			}
			if state = f[2]; f[1] != "ok" {
				state = f[1]
			}
		case "Filename", "Size", "SHA256", "Installed-Size":
		default:
			if err := e.set(name, value); err != nil {
				return nil, "", err
			}
		}
	}
	if !validName(e.Name) || e.Version == "" && state == "installed" {
		return nil, "", fmt.Errorf("package %q has no name or version", e.Name)
	}
	return e, state, nil
}

// onto lays what is installed under the packages that can be chosen: what is there
// stays, unless something newer is needed.
func (u *universe) onto(installed map[string]*entry) {
	u.installed = installed
	for name, e := range installed {
		if there := u.byName[name]; there == nil || compareVersions(there.Version, e.Version) <= 0 {
			u.byName[name] = e
		}
	}
	u.index()
}

// begin has a resolver begin with what is installed.
func (r *resolver) begin() {
	for _, e := range r.u.installed {
		r.put(e)
	}
}

// put has a package chosen, in the place of an older one.
func (r *resolver) put(e *entry) {
	if old := r.chosen[e.Name]; old != nil {
		for _, group := range parseRelations(old.provides, r.u.arch) {
			for _, p := range group {
				r.provided[p.name] = without(r.provided[p.name], p)
			}
		}
	}
	r.chosen[e.Name] = e
	for _, group := range parseRelations(e.provides, r.u.arch) {
		for _, p := range group {
			r.provided[p.name] = append(r.provided[p.name], p)
		}
	}
}

// without is the list less one of those that equal it.
func without(list []relation, one relation) []relation {
	if i := slices.Index(list, one); i >= 0 {
		return slices.Delete(slices.Clone(list), i, i+1)
	}
	return list
}

// newerOf is the package that an installed one can be replaced by, nil if there is
// none.
func (r *resolver) newerOf(e *entry) *entry {
	if there := r.u.byName[e.Name]; e.installed && there != e && r.chosen[e.Name] == e {
		return there
	}
	return nil
}

// settle brings up to date what is installed and would not go with what was chosen,
// until all of it does.
func (r *resolver) settle() error {
	if len(r.u.installed) == 0 {
		return nil
	}
	whole := map[string][]bool{} // of what is installed: which needs were met before
	before := &resolver{u: r.u, out: r.out, chosen: r.u.installed, provided: map[string][]relation{}, viable: r.viable}
	for _, e := range r.u.installed {
		for _, group := range parseRelations(e.provides, r.u.arch) {
			before.provided[group[0].name] = append(before.provided[group[0].name], group...)
		}
	}
	for _, name := range sorted(r.u.installed) {
		for _, group := range r.needs(r.u.installed[name]) {
			whole[name] = append(whole[name], before.holds(group))
		}
	}
	for {
		e, why := r.disturbed(whole)
		if e == nil {
			return nil
		}
		there := r.newerOf(e)
		if there == nil {
			return problem.New(problem.Usage, "take an image that is as new as the archive, or leave out what needs it",
				"%s %s, which the image has, %s, and the archive has no other", e.Name, e.Version, why)
		}
		r.take(there)
		if err := r.run(); err != nil {
			return err
		}
	}
}

// disturbed is an installed package that does not go with what was chosen, and how.
func (r *resolver) disturbed(whole map[string][]bool) (*entry, string) {
	for _, name := range sorted(r.u.installed) {
		e := r.u.installed[name]
		if r.chosen[name] != e {
			continue
		}
		for i, group := range r.needs(e) {
			if whole[name][i] && !r.holds(group) {
				return e, "depends on " + group[0].String()
			}
		}
	}
	for _, name := range sorted(r.chosen) {
		if e := r.chosen[name]; !e.installed {
			if other := r.clash(e); other != nil && other.installed {
				return other, "does not go with " + e.Name + " " + e.Version
			}
		}
	}
	return nil, ""
}

// holds says whether a group is met by what is chosen, without more.
func (r *resolver) holds(group []relation) bool {
	for _, alt := range group {
		if e := r.chosen[alt.name]; e != nil && !alt.foreign && alt.admits(e.Version) || slices.ContainsFunc(r.provided[alt.name], alt.provided) {
			return true
		}
	}
	return false
}

// bars is a chosen package that cannot be beside e, and cannot be brought up to date
// so that it can.
func (r *resolver) bars(e *entry) *entry {
	for _, other := range r.chosen {
		if other.Name == e.Name || !excludes(e, other, r.u.arch) && !excludes(other, e, r.u.arch) {
			continue
		}
		if there := r.newerOf(other); there != nil && !excludes(e, there, r.u.arch) && !excludes(there, e, r.u.arch) {
			continue
		}
		return other
	}
	return nil
}
