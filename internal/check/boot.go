package check

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/beam"
	"dram/internal/rootfs"
)

const (
	maxBoot     = 16 << 20 // bytes of a boot script; one of 5,000 modules has 300,000
	bootSymptom = `"Runtime terminating during boot (%s)"`
)

// bootFile is a boot script of the release.
type bootFile struct {
	path   string
	script *beam.BootScript // nil if it could not be read
	err    error
}

// mix says whether the release's own script is one of `mix release`: it says
// which files it reads.
func (s *survey) mix() bool {
	return strings.Contains(s.text("bin/"+s.rel.Name), "RELEASE_BOOT_SCRIPT")
}

// mainBoot is the boot script that a start takes.
func (s *survey) mainBoot() (bootFile, bool) {
	for _, base := range []string{"start", s.rel.Name} {
		name := path.Join("releases", s.rel.Version, base+".boot")
		if s.files[name] != nil {
			return s.readBoot(name), true
		}
		if s.mix() {
			break
		}
	}
	return bootFile{path: path.Join("releases", s.rel.Version, "start.boot")}, false
}

func (s *survey) readBoot(name string) bootFile {
	out := bootFile{path: name}
	b, err := rootfs.ReadFile(s.rel.FS, name, maxBoot)
	if err != nil {
		out.err = err
		return out
	}
	out.script, out.err = beam.ReadBoot(b)
	return out
}

// boot: the VM reads a boot script before anything else, and an embedded one
// loads every module that it names.
func boot(s *survey) (out []Finding) {
	main, there := s.mainBoot()
	switch {
	case !there && s.mix():
		out = append(out, s.noBoot(main.path, Fail, "the release does not start"))
	case !there:
		return nil // what starts it is not known
	}
	others := []string{}
	if clean := path.Join("releases", s.rel.Version, "start_clean.boot"); s.files[clean] != nil {
		others = append(others, clean)
	} else if s.mix() {
		out = append(out, s.noBoot(clean, Warn, "eval, rpc and remote do not work"))
	}
	if there {
		out = append(out, s.bootFindings(main, Fail)...)
	}
	for _, name := range others {
		out = append(out, s.bootFindings(s.readBoot(name), Warn)...)
	}
	return out
}

func (s *survey) noBoot(name string, v Verdict, fails string) Finding {
	return Finding{
		Verdict: v, Subject: Subject{File: name, Origin: "metadata"}, Summary: "it is not there: " + fails,
		Evidence: Evidence{Wants: []string{name}}, Symptom: fmt.Sprintf(bootSymptom, "{'cannot get bootfile',…}"),
		Remedy: "assemble the release anew", Needs: path.Base(name),
	}
}

// bootFindings is what is wrong with one boot script; verdict is how bad it is
// if the VM stops over it.
func (s *survey) bootFindings(b bootFile, verdict Verdict) []Finding {
	base := Finding{
		Verdict: verdict, Subject: Subject{File: b.path, Origin: "metadata"},
		Remedy: "assemble the release anew; do not change it by hand", Needs: "a release assembled anew",
	}
	if b.err != nil {
		base.Summary, base.Evidence.Detail = "it is no sound boot script", b.err.Error()
		base.Symptom = fmt.Sprintf(bootSymptom, "{badarg,…}")
		return []Finding{base}
	}
	base.Symptom = fmt.Sprintf(bootSymptom, "{load_failed,…}")
	var out []Finding
	groups := map[string]int{}
	for _, l := range b.script.Loads {
		if verdict != Fail && !l.Always {
			continue // eval, rpc and remote, which take start_clean, load when they call
		}
		for _, m := range l.Modules {
			f, ok := s.loadFinding(base, l, m)
			if !ok {
				continue
			}
			if at, seen := groups[f.Subject.App]; seen {
				out[at].Evidence.Wants = append(out[at].Evidence.Wants, m)
				continue
			}
			groups[f.Subject.App] = len(out)
			out = append(out, f)
		}
	}
	for i := range out {
		f := &out[i]
		if n := len(f.Evidence.Wants); n > 1 {
			f.Summary += fmt.Sprintf(" (and %d more)", n-1)
		}
		f.Evidence.Wants = few(f.Evidence.Wants)
	}
	return out
}

// loadFinding says of a module that a script loads why it cannot; ok is false
// if it can.
func (s *survey) loadFinding(base Finding, l beam.BootLoad, module string) (f Finding, bad bool) {
	f = base
	f.Evidence = Evidence{Wants: []string{module}, Detail: "named by " + base.Subject.File}
	for _, dir := range l.Path {
		if path.Base(dir) == "ebin" {
			f.Subject.App = path.Base(path.Dir(dir))
		}
	}
	for _, dir := range l.Path {
		at, where := s.bootDir(dir)
		switch where {
		case bootUnknown:
			return f, false
		case bootVariable:
			f.Verdict, f.Summary = min(f.Verdict, Unknown), fmt.Sprintf("it names folders by $%s, and what that is on the target is not known", at)
			f.Remedy, f.Needs = "see with what -boot_var the release is started", "$"+at
			f.Subject.App = "" // once
			return f, true
		case bootAt:
		}
		name := path.Join(at, module+".beam")
		f.Evidence.Considered = append(f.Evidence.Considered, name)
		if s.isFile(name) || s.addedPath() && s.isFile(path.Join(s.on("lib"), path.Base(path.Dir(dir)), "ebin", module+".beam")) {
			return f, false
		}
	}
	f.Summary = fmt.Sprintf("the boot script loads the module %s, which is not where it looks", module)
	if !l.Always && s.interactive() {
		f.Verdict, f.Symptom = Warn, fmt.Sprintf("the release starts, in interactive mode; calling %s fails: undef", module)
	}
	return f, true
}

// addedPath says whether the start script adds the folders of the release's own
// lib/ to the boot script's: some do so with the machine's Erlang.
func (s *survey) addedPath() bool { return s.boot.AddsLib && s.rel.ERTS == "" }

// isFile says whether there is a regular file in root; the release's own are
// at hand.
func (s *survey) isFile(name string) bool {
	if own, ok := s.inRelease(name); ok {
		if f := s.files[own]; f != nil && f.Mode.IsRegular() {
			return true
		}
	}
	info, err := s.root.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// place is how well a folder of a boot script is known.
type place int

const (
	bootAt       place = iota
	bootUnknown        // in the target's Erlang/OTP, whose files cannot be seen; see otp
	bootVariable       // by a variable that dram does not know
)

// bootDir is where a folder of a boot script lies in root. $ROOT is where the
// VM's lib/ is; the other variables are set by the start scripts.
func (s *survey) bootDir(dir string) (at string, where place) {
	variable, rest, ok := strings.Cut(strings.TrimPrefix(dir, "$"), "/")
	if !strings.HasPrefix(dir, "$") || !ok {
		return rootfs.Clean(dir), bootAt
	}
	top, lib := s.on(""), s.on("lib")
	if s.rel.ERTS == "" {
		o := s.target.Facts.OTP
		if o == nil {
			return "", bootUnknown
		}
		top = o.Root
		if variable == "ROOT" || variable == "ERTS_LIB_DIR" {
			if _, err := s.root.ReadDir(path.Join(top, "lib")); err != nil {
				return "", bootUnknown // captured: its folders have no files
			}
		}
	}
	switch variable {
	case "ROOT":
		return path.Join(top, rest), bootAt
	case "ERTS_LIB_DIR":
		return path.Join(top, "lib", rest), bootAt
	case "RELEASE_LIB":
		return path.Join(lib, rest), bootAt
	}
	return variable, bootVariable
}

var interactiveMode = regexp.MustCompile(`(?m)^\s*(export\s+)?RELEASE_MODE=["']?interactive`)

// interactive says whether the release loads modules when they are called.
func (s *survey) interactive() bool {
	return interactiveMode.MatchString(s.text(path.Join("releases", s.rel.Version, "env.sh")))
}

// folders is the folders under lib/ of which a boot script loads something,
// "kernel-10.2", by the name of their application.
func (b bootFile) folders() map[string]string {
	if b.script == nil {
		return nil
	}
	out := map[string]string{}
	for _, l := range b.script.Loads {
		for _, dir := range l.Path {
			parts := strings.Split(dir, "/")
			if i := slices.Index(parts, "ebin"); i > 0 {
				if name, version, ok := strings.Cut(parts[i-1], "-"); ok {
					out[name] = version
				}
			}
		}
	}
	return out
}
