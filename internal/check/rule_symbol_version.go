package check

import (
	"slices"

	"dram/internal/binary"
	"dram/internal/rootfs"
	"dram/internal/target"
)

var symbolVersionRule = Rule{
	ID: "symbol-version", Title: "every library offers the symbol versions that are wanted of it", Worst: Fail, Run: symbolVersion,
	Doc: Doc{
		Looks: "The versions that native files want of libraries (GLIBC_2.38, GLIBCXX_3.4.31, OPENSSL_3.4.0), against those that the target's libraries define. " +
			"A file that was compiled on a newer system wants newer ones, whether or not it needs what is new.",
		Seen: "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /app/lib/exqlite-0.27.0/priv/sqlite3_nif.so)",
		Do:   "Build the release in a toolchain of the target's own system, or an older one. A dependency that ships its file compiled has to be compiled in your build.",
	},
}

var (
	olderVersion = Cause{
		ID: "too-old", Summary: "it needs #{version} of #{library}, the target's has #{newest} at most", Item: "#{version} of #{library}, the target's has #{newest} at most",
		Many:   "it needs newer versions of #{libraries} than the target has",
		Prints: "\"/#{object}: version `#{lacks}' not found (required by #{path})\"", Remedy: "#{build}", Needs: "#{version} in #{library}",
	}
	noFamily = olderVersion.with(Cause{
		ID: "no-family", Summary: "it needs #{version} of #{library}, the target's has none of that family", Item: "#{version} of #{library}, the target's has none of that family",
	})
	noVersion = olderVersion.with(Cause{
		ID: "lacks", Summary: "it needs #{version} of #{library}, the target's lacks it", Item: "#{version} of #{library}, the target's lacks it",
	})
	noVersions = olderVersion.with(Cause{ // the loader only warns, and takes symbols by name
		ID: "versionless", Summary: "the target's #{library} has no symbol versions at all, and #{version} is wanted of it",
		Item:    "the target's #{library} has no symbol versions at all, and #{version} is wanted of it",
		Symptom: `on stderr: "/#{object}: no version information available (required by #{path})"`,
	})
	noTable = noVersions.with(Cause{
		ID: "no-table", Prints: "\"Inconsistency detected by ld.so: … check_match: Assertion … failed!\", and the process ends with status 127",
	})
	noTableUnknown = noTable.with(Cause{
		ID: "no-table-unknown", Summary: noTable.Summary + "; whether #{libc} bears that is not known", Item: noTable.Item + "; whether #{libc} bears that is not known",
	})
	unknownVersion = Cause{
		ID: "unknown", Summary: "it needs #{version} of #{library}, and whether #{system} has it is not known", Item: "#{version} of #{library}, and whether #{system} has it is not known",
	}
	laterVersion = Cause{
		ID: "point-release", Summary: "it needs #{version} of #{library}: the first point release of #{system} has #{newest} at most, the latest has it",
		Item:   "#{version} of #{library}: the first point release of #{system} has #{newest} at most, the latest has it",
		Remedy: "name the point release, as in #{target}@first or #{target}@latest\nor #{build}",
	}
)

// symbolVersion: the loader compares labels before it looks for any symbol.
func symbolVersion(s *Survey) (out []Finding) {
	for _, n := range s.natives {
		if !n.loaded || n.process.Musl {
			continue
		}
		for _, need := range n.elf.VersionNeeds {
			if o, ok := provider(n.process, need.Library); ok {
				out = append(out, s.labels(n, need, o)...)
			}
		}
	}
	return out
}

func (s *Survey) labels(n *native, need binary.VersionNeed, o rootfs.Object) []Finding {
	var lacks []string
	for _, v := range need.Versions {
		offered := slices.ContainsFunc(o.File.VersionDefs, func(d binary.VersionDef) bool { return d.Name == v.Name })
		relr := v.Name == relrLabel && n.elf.RelR // the rule relr says it better
		if !v.Weak && !offered && !relr {
			lacks = append(lacks, v.Name)
		}
	}
	if len(lacks) == 0 {
		return nil
	}
	sure := s.surelyLacking(o.Real, lacks, func(family string) string { return target.Newest(o.File.VersionDefs, family) })
	if len(sure) > 0 {
		lacks = sure
	}
	newest := newestOf(lacks)
	f := Finding{
		Verdict: n.verdict(), Subject: n.subject(),
		Params: Params{"library": need.Library, "version": newest}, Facts: Params{"object": o.Path, "lacks": lacks[0]},
		Evidence: Evidence{
			Wants: n.wanting(need.Library, lacks), Label: newest, Library: need.Library, Provider: o.Real,
			Newest: target.Newest(o.File.VersionDefs, Family(newest)),
		},
	}
	s.judgeVersions(o, &f)
	if len(sure) == 0 && len(o.File.VersionDefs) > 0 { // one without versions is one, whatever else it has
		unknown := unknownVersion
		if slices.Contains(s.target.Gaps(o.Real).Later, newest) {
			unknown = laterVersion
		}
		f.Verdict, f.Cause = Unknown, f.Cause.with(unknown)
	}
	return []Finding{f}
}

// judgeVersions says how bad it is that a library lacks versions.
func (s *Survey) judgeVersions(o rootfs.Object, f *Finding) {
	has := f.Evidence.Newest
	_, ours := s.inRelease(o.Real)
	c := s.target.Facts.Libc
	switch {
	// With a library that has no table of versions at all, not even of what it
	// needs itself, an older glibc ends the process. Measured: 2.31 and 2.36 do,
	// 2.41 does not.
	case ours && len(o.File.VersionDefs)+len(o.File.VersionNeeds) == 0 && c.Kind == "glibc" && target.CompareVersions(c.Version, "2.41") < 0:
		f.Cause = noTable
		if target.CompareVersions(c.Version, "2.36") > 0 {
			f.Verdict, f.Cause = Unknown, noTableUnknown
		}
	case len(o.File.VersionDefs) == 0:
		f.Verdict, f.Cause = Warn, noVersions
	case has == "":
		f.Cause = noFamily
	case target.CompareVersions(has, f.Evidence.Label) >= 0:
		f.Cause = noVersion
	default:
		f.Cause = &olderVersion
	}
}

// surelyLacking leaves, of the versions that a library does not list, those
// that it is known not to have.
func (s *Survey) surelyLacking(real string, versions []string, newest func(family string) string) (out []string) {
	gaps := s.target.Gaps(real)
	for _, v := range versions {
		if gaps.Lacks(v, Family(v), newest(Family(v))) {
			out = append(out, v)
		}
	}
	return out
}

// wanting is the symbols that a file wants of a library's versions, or the
// versions themselves where no symbol has them.
func (n *native) wanting(library string, versions []string) []string {
	var out []string
	for _, v := range versions {
		count := 0
		for _, sym := range n.wanted() {
			if sym.Version == v && sym.Library == library {
				out = append(out, sym.String())
				count++
			}
		}
		if count == 0 {
			out = append(out, v)
		}
	}
	return out
}

func newestOf(labels []string) string {
	return slices.MaxFunc(labels, func(a, b string) int { return target.CompareVersions(a, b) })
}
