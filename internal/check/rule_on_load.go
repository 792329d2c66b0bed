package check

import (
	"debug/elf"
	"path"
	"slices"
	"strings"

	"dram/internal/beam"
	"dram/internal/binary"
	"dram/internal/release"
)

var onLoadRule = Rule{
	ID: "on-load", Title: "a module that loads a NIF library when it is loaded has one", Worst: Fail, Run: onLoad,
	Doc: Doc{
		Looks: "Modules whose -on_load calls erlang:load_nif/2, and that nothing in the release is a NIF library for. A start loads all modules of the boot script, " +
			"and ends where an -on_load does not give ok. A file for macOS or Windows in the library's place is none.",
		Seen: `Runtime terminating during boot ({on_load_function_failed,my_nif,{error,{load_failed,"Failed to load NIF library …"}}})`,
		Do:   "Have the build compile the library: see that its compiler (make, cargo, zig) ran and where it writes, and that priv/ is not kept out.",
	},
}

var (
	noLibraryFor = Cause{
		ID: "none", Summary: "the module #{module} loads a NIF library when it is loaded, and the release has none for it", Detail: "#{beside}",
		Symptom: `the VM stops at boot: "on_load_function_failed,#{module}"`,
		Remedy:  "have the build compile the library of #{application} into its priv/", Needs: "the NIF library of #{module}",
	}
	noLibraryPerhaps = noLibraryFor.with(Cause{
		ID: "none-looked", Summary: "the module #{module} loads a NIF library when it is loaded, and the release has none for it; what the module does then is not known",
		Symptom: `"on_load_function_failed,#{module}" at boot, unless the module does with it`,
	})
	noLibraryLater = noLibraryFor.with(Cause{ID: "none-later", Symptom: "the release starts; loading #{module} fails"})
)

// ownLoaders are the modules of Erlang/OTP that end a boot without their library;
// dyntrace does without.
func ownLoaders() []string { return []string{"crypto", "asn1rt_nif"} }

// onLoad: a NIF that was never built leaves nothing behind that other rules look at.
func onLoad(s *Survey) (out []Finding) {
	if s.erts == "" {
		return nil // see otp
	}
	read := s.readModules()
	served, unclear := s.libraryOwners()
	for _, f := range s.modules() {
		m := read[f.Path]
		if m.nifLoad == beam.NoNIFLoad || served[moduleOf(f.Path)] || unclear[f.App] || s.standIn(f.App) {
			continue
		}
		if f.Origin != release.Own && f.Origin != release.Dependency && !slices.Contains(ownLoaders(), moduleOf(f.Path)) {
			continue
		}
		out = append(out, s.withoutLibrary(f, m))
	}
	return out
}

// moduleOf is the module that a BEAM file is called for.
func moduleOf(file string) string { return strings.TrimSuffix(path.Base(file), ".beam") }

func (s *Survey) withoutLibrary(f release.File, m aboutModule) Finding {
	out := Finding{
		Verdict: Fail, Subject: subject(f), Cause: &noLibraryFor, Params: Params{"module": moduleOf(f.Path)}, Facts: Params{"application": appName(f)},
		Evidence: Evidence{Wants: []string{"a NIF library for " + moduleOf(f.Path)}},
	}
	if at := s.foreignIn(f.App); at != "" {
		out.Facts["beside"] = at + " is none for Linux"
	}
	ours := f.Origin == release.Own || f.Origin == release.Dependency
	loads, known := s.bootModules()
	switch {
	case known && !loads[moduleOf(f.Path)]:
		out.Verdict, out.Cause = Warn, noLibraryLater
	case ours && m.nifLoad == beam.NIFLoadLooked:
		out.Verdict, out.Cause = Unknown, noLibraryPerhaps
	}
	return out
}

// libraryOwners is the modules that a NIF library says it is for, and the applications
// with a library that says nothing: it fills its entry when it runs.
func (s *Survey) libraryOwners() (served, unclear map[string]bool) {
	served, unclear = map[string]bool{}, map[string]bool{}
	there := map[string]bool{}
	for _, f := range s.modules() {
		there[moduleOf(f.Path)] = true
	}
	for _, n := range s.natives {
		switch {
		case n.role == plugin && n.nif != nil && there[n.nif.Module]:
			served[n.nif.Module] = true
		case n.role == plugin, isLibrary(n.Path) && n.elf == nil, s.misbuilt(n): // see nif-functions, format and arch
			unclear[n.App] = true
		}
	}
	return served, unclear
}

// misbuilt says whether a library is for another processor, and not by its name: it
// stands where the right one should.
func (s *Survey) misbuilt(n *native) bool {
	want := s.target.Machine()
	return want != elf.EM_NONE && n.elf != nil && isLibrary(n.Path) && !machineOK(n.elf, want) && !namedFor(n)
}

// standIn says whether an application takes its libraries from elsewhere: by a link.
func (s *Survey) standIn(app string) bool {
	return slices.ContainsFunc(s.rel.Files, func(f release.File) bool { return f.App == app && f.Link != "" })
}

// foreignIn is a file for another system in an application, "" if there is none.
func (s *Survey) foreignIn(app string) string {
	for _, n := range s.natives {
		if n.App == app && (n.format == binary.MachO || n.format == binary.PE) {
			return path.Base(n.Path)
		}
	}
	return ""
}

// bootModules is what a start loads before anything runs; known is false where there
// is no boot script to tell, or the release loads modules when they are called.
func (s *Survey) bootModules() (loads map[string]bool, known bool) {
	if s.bootLoads == nil {
		s.bootLoads = map[string]bool{}
		if b, ok := s.mainBoot(); ok && b.script != nil {
			for _, l := range b.script.Loads {
				for _, m := range l.Modules {
					s.bootLoads[m] = true
				}
			}
		}
	}
	return s.bootLoads, len(s.bootLoads) > 0 && !s.interactive()
}

// idle says whether a file belongs to an application with modules of which the boot
// script knows none: no code path leads into it.
func (s *Survey) idle(f release.File) bool { return f.App != "" && s.idleApplications()[f.App] }

func (s *Survey) idleApplications() map[string]bool {
	if s.idleApps == nil {
		s.idleApps = map[string]bool{}
		if b, ok := s.mainBoot(); ok && len(b.folders()) > 0 {
			known := b.folders()
			for _, m := range s.modules() {
				s.idleApps[m.App] = known[appName(m)] == ""
			}
		}
	}
	return s.idleApps
}
