package check

import (
	"slices"

	"dram/internal/rootfs"
)

var sonameRule = Rule{
	ID: "soname", Title: "every library that a native file needs is found", Worst: Fail, Run: soname,
	Doc: Doc{
		Looks: "Each library that native files name (DT_NEEDED), and those that these need in turn, where the target's loader looks: RPATH and RUNPATH, ld.so.conf, its built-in directories. " +
			"A NIF library is looked at in the process of the VM that opens it.",
		Seen: `Failed to load NIF library: 'libcrypto.so.1.1: cannot open shared object file: No such file or directory'`,
		Do:   "Install the package that has the library on the target, or build the release in a toolchain of the target's own system, whose libraries have the same names.",
	},
}

var (
	noLibrary = Cause{
		ID: "missing", Summary: "it needs #{library}, which is not on the target", Item: "#{library}, which is not on the target", Detail: "#{by} of the target needs it",
		Many:   "it needs #{count} libraries that are not on the target",
		Prints: `"#{library}: cannot open shared object file: No such file or directory"`, Remedy: "#{install}", Needs: "#{library} on the target",
	}
	noLibraryMusl = noLibrary.with(Cause{Prints: `"Error loading shared library #{library}: No such file or directory (needed by #{path})"`})
	// The loader stops at a file of that name.
	refusedLibrary = noLibrary.with(Cause{
		ID: "refused", Summary: "it needs #{library}, and the file of that name that the loader comes to first is none: /#{refused}",
		Item: "#{library}, and the file of that name that the loader comes to first is none: /#{refused}", Prints: `"/#{refused}: #{why}"`,
		Remedy: "replace or remove /#{refused}", Needs: "a library at /#{refused}", Detail: "#{why}",
	})
	// What is not known of it.
	unknownLibrary = Cause{
		ID: "unknown", Summary: "it needs #{library}, and whether the target has it is not known", Item: "#{library}, and whether the target has it is not known",
	}
	unpackaged = Cause{
		ID: "no-package", Summary: "it needs #{library}, of which #{system} has no package", Item: "#{library}, of which #{system} has no package",
	}
	optionalLibrary = noLibrary.with(Cause{
		ID: "optional", Summary: "it needs #{library}, of which #{system} has a package; whether it is installed is not known",
		Item:   "#{library}, of which #{system} has a package; whether it is installed is not known",
		Prints: `if it is not, "#{library}: cannot open shared object file: No such file or directory"`,
	})
	optionalPackage = optionalLibrary.with(Cause{
		ID: "optional-package", Summary: "it needs #{library} of the package #{package}, which a bare #{system} has not installed",
		Item:   "#{library} of the package #{package}, which a bare #{system} has not installed",
		Remedy: "install #{package} on the target", Needs: "#{package} on the target", Once: true,
	})
	unknownLibraries = Cause{
		ID: "unknown", Summary: "it needs #{wants}, and whether the target has them is not known", Item: "#{wants}, and whether the target has them is not known",
		Remedy: "install the packages that have them on the target, or check against the real thing (dir:, image:, ssh:, a capture)",
		Needs:  "#{wants} on the target", Whole: true,
	}
)

// soname: each missing library once, with who asks for it first.
func soname(s *Survey) (out []Finding) {
	seen := map[[2]string]bool{}
	for _, n := range s.natives {
		unstarted := func(m rootfs.Missing) bool { return m.Soname == n.elf.Interp && m.File == s.on(n.Path) }
		if slices.ContainsFunc(n.process.Missing, unstarted) {
			continue // without the loader, no library is looked for; see interpreter
		}
		for _, m := range n.process.Missing {
			key := [2]string{m.File, m.Soname}
			if seen[key] {
				continue
			}
			seen[key] = true
			out = append(out, s.missingLibrary(n, m))
		}
	}
	return joinUnknown(append(out, s.uninstalled()...))
}

func (s *Survey) missingLibrary(n *native, m rootfs.Missing) Finding {
	at := n
	facts := Params{}
	if name, ok := s.inRelease(m.File); !ok {
		facts["by"] = m.File
	} else if i := slices.IndexFunc(s.natives, func(o *native) bool { return o.Path == name }); i >= 0 {
		at = s.natives[i]
	}
	f := Finding{
		Verdict: at.verdict(), Subject: at.subject(), Cause: &noLibrary, Params: Params{"library": m.Soname}, Facts: facts,
		Supplier: s.supply(m.Soname), Evidence: Evidence{Wants: []string{m.Soname}, Considered: m.Considered},
	}
	if n.process.Musl {
		f.Cause = noLibraryMusl
	}
	switch {
	case m.Refused != "":
		f.Cause = f.Cause.with(*refusedLibrary)
		f.Facts["refused"], f.Facts["why"] = m.Refused, m.Why
	case !s.target.Absent(m.Soname):
		f.Verdict, f.Cause = Unknown, f.Cause.with(unknownLibrary)
	case s.target.Profile() != nil:
		f.Cause = f.Cause.with(unpackaged)
	}
	return f
}

// uninstalled is the libraries that are found because the system has a package
// of them, which a bare system has not installed.
func (s *Survey) uninstalled() (out []Finding) {
	seen := map[string]bool{}
	for _, n := range s.natives {
		if !n.loaded {
			continue
		}
		for _, o := range n.process.Objects {
			gaps := s.target.Gaps(o.Real)
			soname := o.File.Soname
			// What the system's own libraries need, their packages bring.
			if !gaps.Optional || seen[soname] || !slices.Contains(n.elf.Needed, soname) {
				continue
			}
			seen[soname] = true
			f := Finding{
				Verdict: Unknown, Subject: n.subject(), Cause: optionalLibrary, Params: Params{"library": soname}, Supplier: s.packaged(soname, gaps.Package),
				Evidence: Evidence{Wants: []string{soname}, Provider: o.Real},
			}
			if gaps.Package != "" {
				f.Verdict, f.Cause, f.Facts = Warn, optionalPackage, Params{"package": gaps.Package}
			}
			out = append(out, f)
		}
	}
	return out
}

// joinUnknown puts into one finding what an application needs of which nothing
// is known but its name.
func joinUnknown(list []Finding) (out []Finding) {
	at := map[string]int{}
	for _, f := range list {
		i, ok := at[f.Subject.App]
		switch {
		case f.Verdict != Unknown || f.Cause == optionalPackage:
			out = append(out, f)
		case !ok:
			at[f.Subject.App] = len(out)
			out = append(out, f)
		case !slices.Contains(out[i].Evidence.Wants, f.Evidence.Wants[0]):
			out[i].Evidence = Evidence{Wants: append(slices.Clone(out[i].Evidence.Wants), f.Evidence.Wants...)}
			out[i].Cause, out[i].Facts = out[i].Cause.with(unknownLibraries), nil
		}
	}
	return out
}
