package check

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"dram/internal/target"
)

// What a profile leaves open (package target) is unknown, not missing.

// unknown is a finding whose deciding fact the target does not tell.
func unknown(f Finding, summary string) Finding {
	f.Verdict, f.Summary = Unknown, summary
	return f
}

// ofOpen makes a finding about what is missing one about what is not known,
// where the target may have more of its kind than is listed.
func (s *survey) ofOpen(k target.Kind, f Finding, summary string) Finding {
	if s.target.Open(k) {
		return unknown(f, summary)
	}
	return f
}

// system is the target's name for people: "Debian GNU/Linux 12 (bookworm)".
func (s *survey) system() string {
	if name := s.target.Facts.OS.Name; name != "" {
		return name
	}
	return "the target"
}

// uninstalled is the libraries that are found because the system has a package
// of them, which a bare system has not installed.
func (s *survey) uninstalled() (out []Finding) {
	seen := map[string]bool{}
	for _, n := range s.natives {
		if !n.loaded {
			continue
		}
		for _, o := range n.process.Objects {
			gaps := s.target.Gaps(o.Real)
			soname := o.File.Soname
			if !gaps.Optional || seen[soname] || !s.asks(n, soname) {
				continue
			}
			seen[soname] = true
			f := Finding{
				Subject: subject(n.File), Evidence: Evidence{Wants: []string{soname}, Provider: o.Real},
				Symptom: n.symptom(fmt.Sprintf(`if it is not, "%s: cannot open shared object file: No such file or directory"`, soname)),
				Remedy:  s.libraryRemedy(soname, n), Needs: soname + " on the target",
			}
			summary := fmt.Sprintf("it needs %s, of which %s has a package; whether it is installed is not known", soname, s.system())
			if gaps.Package != "" {
				summary = fmt.Sprintf("it needs %s of the package %s, which a bare %s has not installed", soname, gaps.Package, s.system())
				f.Remedy = fmt.Sprintf("install %s on the target", gaps.Package)
				f.Needs = gaps.Package + " on the target"
			}
			out = append(out, unknown(f, summary))
		}
	}
	return out
}

// openLibraries puts into one finding what an application needs of which
// nothing is known but its name.
func openLibraries(list []Finding) (out []Finding) {
	at := map[string]int{}
	for _, f := range list {
		i, ok := at[f.Subject.App]
		switch {
		case f.Verdict != Unknown || strings.Contains(f.Summary, " of the package "):
			out = append(out, f)
		case !ok:
			at[f.Subject.App] = len(out)
			out = append(out, f)
		case !slices.Contains(out[i].Evidence.Wants, f.Evidence.Wants[0]):
			wants := append(slices.Clone(out[i].Evidence.Wants), f.Evidence.Wants...)
			out[i].Evidence = Evidence{Wants: wants}
			out[i].Summary = fmt.Sprintf("it needs %s, and whether the target has them is not known", strings.Join(wants, ", "))
			out[i].Remedy = "install the packages that have them on the target, or check against the real thing (dir:, image:, ssh:, a capture)"
			out[i].Needs = strings.Join(wants, ", ") + " on the target"
		}
	}
	return out
}

// asks says whether a file of the release names a library itself; what the
// system's own libraries need, their packages bring.
func (s *survey) asks(n *native, soname string) bool {
	return slices.Contains(n.elf.Needed, soname)
}

// surely leaves, of the versions that a library does not list, those that it
// is known not to have.
func (s *survey) surely(real string, versions []string, newest func(family string) string) (out []string) {
	gaps := s.target.Gaps(real)
	for _, v := range versions {
		if gaps.Lacks(v, family(v), newest(family(v))) {
			out = append(out, v)
		}
	}
	return out
}

// openLabels is what is said of versions of which nothing is known.
func (s *survey) openLabels(f Finding, library, version, newest string, gaps target.Gaps) Finding {
	summary := fmt.Sprintf("it needs %s of %s, and whether %s has it is not known", version, library, s.system())
	if slices.Contains(gaps.Later, version) {
		summary = fmt.Sprintf("it needs %s of %s: the first point release of %s has %s at most, the latest has it", version, library, s.system(), newest)
		f.Remedy = fmt.Sprintf("name the point release, as in %s@first or %s@latest; or %s", s.target.Name, s.target.Name, f.Remedy)
	}
	return unknown(f, summary)
}

// openSymbols parts symbols that were not found into those that are known to
// be nowhere, and those that a library may have of which not all is known.
func (s *survey) openSymbols(n *native, lacks []string) (sure, open []string) {
	partial := func(real string) bool { return s.target.Gaps(real).Partial }
	anywhere := false
	for _, o := range n.process.Objects {
		anywhere = anywhere || partial(o.Real)
	}
	if !anywhere {
		return lacks, nil
	}
	libraries := map[string]string{}
	for _, sym := range n.wanted() {
		libraries[sym.String()] = sym.Library
	}
	for _, name := range lacks {
		o, versioned := provider(n.process, libraries[name])
		switch {
		case isVMFunction(name), versioned && libraries[name] != "" && !partial(o.Real):
			sure = append(sure, name)
		default:
			open = append(open, name)
		}
	}
	return sure, open
}

// isVMFunction says whether only the VM can have a symbol.
func isVMFunction(sym string) bool {
	return isNIFFunction(sym) || strings.HasPrefix(sym, "erl_drv_") || strings.HasPrefix(sym, "driver_")
}

// openPrograms puts into one finding the programs that are not known to be
// there.
func openPrograms(list []Finding) []Finding {
	if len(list) == 0 {
		return nil
	}
	f := list[0]
	for _, o := range list[1:] {
		f.Evidence.Wants = append(f.Evidence.Wants, o.Evidence.Wants...)
	}
	names := strings.Join(f.Evidence.Wants, ", ")
	f.Symptom = fmt.Sprintf(`"%s: not found", if it is not there`, path.Base(f.Evidence.Wants[0]))
	f.Remedy, f.Needs = "see to it that the target has "+names, names+" on the target"
	return []Finding{unknown(f, fmt.Sprintf("it calls %s, and which programs the target has is not known", names))}
}
