package check

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/beam"
	"dram/internal/rootfs"
)

var bootRule = Rule{
	ID: "boot", Title: "each module that the boot scripts load is where they look", Worst: Fail, Run: boot,
	Doc: Doc{
		Looks: "The boot scripts (releases/VSN/start.boot, start_clean.boot): that they are there and sound, that each module which they load is in a folder that they name, that the functions which a start has called are there, and that the applications which it starts find those that they need. In embedded mode, which is the default of releases, a start loads all of them.",
		Seen:  `{"init terminating in do_boot",{load_failed,[my_module]}}`,
		Do:    "Assemble the release anew, and do not remove files from it afterwards.",
	},
}

var (
	noBootScript = Cause{
		ID: "no-script", Summary: "it is not there: the release does not start", Symptom: `"Runtime terminating during boot ({'cannot get bootfile',…})"`,
		Remedy: "assemble the release anew", Needs: "#{base}",
	}
	noCleanScript = noBootScript.with(Cause{Summary: "it is not there: eval, rpc and remote do not work"})
	unsoundBoot   = Cause{
		ID: "unsound", Summary: "it is no sound boot script", Symptom: `"Runtime terminating during boot ({badarg,…})"`,
		Remedy: "assemble the release anew\ndo not change it by hand", Needs: "a release assembled anew",
	}
	moduleMissing = unsoundBoot.with(Cause{
		ID: "no-module", Summary: "the boot script loads the module #{module}, which is not where it looks", Detail: "named by #{script}",
		Symptom: `"Runtime terminating during boot ({load_failed,…})"`,
	})
	moduleMissingLater = moduleMissing.with(Cause{Symptom: "the release starts, in interactive mode; calling #{module} fails: undef"})
	bootWithoutOwn     = unsoundBoot.with(Cause{
		ID: "without-own", Summary: "a start takes this boot script, which does not start #{app}", Symptom: "the VM runs, and #{app} does not",
		Remedy: "see what -boot names", Needs: "a boot script that starts #{app}",
	})
	unknownVariable = moduleMissing.with(Cause{
		ID: "variable", Summary: "it names folders by $#{variable}, and what that is on the target is not known",
		Remedy: "see with what -boot_var the release is started", Needs: "$#{variable}",
	})
)

const (
	moreLoads = " (and #{more} more)"
	maxBoot   = 16 << 20 // bytes of a boot script; one of 5,000 modules has 300,000
)

// bootFile is a boot script of the release.
type bootFile struct {
	path   string
	script *beam.BootScript // nil if it could not be read
	err    error
}

// known says whether the release's own script is its tool's, of which it is known
// what it reads.
func (s *Survey) known() bool {
	return s.boot.Mark != "" && strings.Contains(s.text("bin/"+s.rel.Name), s.boot.Mark)
}

// mainBoot is the boot script that a start takes.
func (s *Survey) mainBoot() (bootFile, bool) {
	if vm := s.starting().vm; vm != nil {
		if boot, ok := vm.first("-boot"); ok && !boot.Unknown {
			if name := s.relative(boot.Text + ".boot"); s.files[name] != nil {
				return s.readBoot(name), true
			}
		}
	}
	bases := []string{"start", s.rel.Name}
	if s.known() {
		bases = s.boot.Scripts
		if len(bases) == 0 {
			bases = []string{"start"}
		}
	}
	for _, base := range bases {
		name := path.Join("releases", s.rel.Version, base+".boot")
		if s.files[name] != nil {
			return s.readBoot(name), true
		}
	}
	return bootFile{path: path.Join("releases", s.rel.Version, "start.boot")}, false
}

func (s *Survey) readBoot(name string) bootFile {
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
func boot(s *Survey) (out []Finding) {
	main, there := s.mainBoot()
	switch {
	case !there && s.known():
		out = append(out, bootMissing(main.path, Fail, &noBootScript))
	case !there:
		return nil // what starts it is not known
	}
	others := []string{}
	if clean := path.Join("releases", s.rel.Version, "start_clean.boot"); s.files[clean] != nil {
		others = append(others, clean)
	} else if s.known() {
		out = append(out, bootMissing(clean, Warn, noCleanScript))
	}
	if there {
		out = append(out, s.bootFindings(main, Fail)...)
		out = append(out, s.withoutOwn(main)...)
		if main.script != nil {
			out = append(out, s.bootCalls(main)...)
		}
	}
	for _, name := range others {
		out = append(out, s.bootFindings(s.readBoot(name), Warn)...)
	}
	return out
}

// withoutOwn is what is said of a boot script that starts a VM, and not the
// application that the release is named for.
func (s *Survey) withoutOwn(main bootFile) []Finding {
	app, listed := s.relFile().Apps[s.rel.Name]
	if !listed || app.Type == "load" || app.Type == "none" || main.script == nil || len(main.script.Starts) == 0 || slices.Contains(main.script.Starts, s.rel.Name) {
		return nil
	}
	return []Finding{{Verdict: Warn, Subject: Subject{File: main.path, Origin: "metadata"}, Cause: bootWithoutOwn, Params: Params{"app": s.rel.Name}}}
}

func bootMissing(name string, v Verdict, cause *Cause) Finding {
	return Finding{Verdict: v, Subject: Subject{File: name, Origin: "metadata"}, Cause: cause, Evidence: Evidence{Wants: []string{name}}}
}

// bootFindings is what is wrong with one boot script; verdict is how bad it is
// if the VM stops over it.
func (s *Survey) bootFindings(b bootFile, verdict Verdict) (out []Finding) {
	base := Finding{Verdict: verdict, Subject: Subject{File: b.path, Origin: "metadata"}}
	if b.err != nil {
		base.Cause, base.Evidence.Detail = &unsoundBoot, b.err.Error()
		return []Finding{base}
	}
	groups := map[string]int{}
	for _, l := range b.script.Loads {
		if verdict != Fail && !l.Always {
			continue // eval, rpc and remote, which take start_clean, load when they call
		}
		for _, m := range l.Modules {
			f, bad := s.loadFinding(base, l, m)
			if !bad {
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
		if n := len(out[i].Evidence.Wants); n > 1 {
			out[i].more(n-1, moreLoads)
		}
	}
	return out
}

// loadFinding says of a module that a script loads why it cannot; bad is false
// if it can.
func (s *Survey) loadFinding(base Finding, l beam.BootLoad, module string) (f Finding, bad bool) {
	f = base
	f.Params, f.Facts, f.Evidence = Params{}, Params{"module": module, "script": base.Subject.File}, Evidence{Wants: []string{module}}
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
			f.Verdict, f.Cause, f.Params["variable"] = min(f.Verdict, Unknown), unknownVariable, at
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
	f.Cause = moduleMissing
	if !l.Always && s.interactive() {
		f.Verdict, f.Cause = Warn, moduleMissingLater
	}
	return f, true
}

// addedPath says whether the start script adds the folders of the release's own
// lib/ to the boot script's: some do so with the machine's Erlang.
func (s *Survey) addedPath() bool { return s.boot.AddsLib && s.rel.ERTS == "" }

// isFile says whether there is a regular file in root; the release's own are
// at hand.
func (s *Survey) isFile(name string) bool {
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
func (s *Survey) bootDir(dir string) (at string, where place) {
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
	if at, ok := s.bootVariable(variable); ok {
		return path.Join(at, rest), bootAt
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

// bootVariable is a folder that a start with the release's own ERTS names: what
// ROOTDIR is for erlexec, and what -boot_var gives.
func (s *Survey) bootVariable(name string) (at string, ok bool) {
	vm := s.starting().vm
	if vm == nil || s.rel.ERTS == "" {
		return "", false
	}
	if root := vm.Env["ROOTDIR"]; name == "ROOT" && !root.Unknown && strings.HasPrefix(root.Text, "/") {
		return s.real(rootfs.Clean(root.Text)), true
	}
	for i := 0; i+2 < len(vm.args); i++ {
		if dir := vm.args[i+2]; vm.args[i].Text == "-boot_var" && vm.args[i+1].Text == name && !dir.Unknown && strings.HasPrefix(dir.Text, "/") {
			return s.real(rootfs.Clean(dir.Text)), true
		}
	}
	return "", false
}

var interactiveMode = regexp.MustCompile(`(?m)^\s*(export\s+)?RELEASE_MODE=["']?interactive`)

// interactive says whether the release loads modules when they are called.
func (s *Survey) interactive() bool {
	if vm := s.starting().vm; vm != nil {
		if mode, ok := vm.value("-mode"); ok {
			return mode.Text == "interactive"
		}
	}
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
