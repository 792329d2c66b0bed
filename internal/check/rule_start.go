package check

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"dram/internal/rootfs"
	"dram/internal/shell"
)

var startRule = Rule{
	ID: "start", Title: "the scripts that start the release lead to the VM", Worst: Fail, Run: startScripts,
	Doc: Doc{
		Looks: "What happens when the release is started: bin/NAME, env.sh and every script that these call, followed with the values that are known. " +
			"That the files of the release which they run or read are there, and that the target's shell understands them. What cannot be followed is UNKNOWN, with its line.",
		Seen: `/app/releases/0.1.0/env.sh: 12: source: not found`,
		Do:   "Mend the line that the finding names; sh is dash on Debian and Ubuntu, and BusyBox on Alpine.",
	},
}

var (
	startStops = Cause{
		Symptom: "the release does not start: it ends at line #{line} of #{base}", Remedy: "mend line #{line} of #{base}", Needs: "line #{line} of #{base}",
	}
	startCalls = startStops.with(Cause{
		ID: "not-found", Summary: "line #{line} starts #{name}, which is not in the release", Remedy: "assemble the release anew, with #{name}", Needs: "#{name}",
	})
	startRefused = startStops.with(Cause{
		ID: "not-executable", Summary: "line #{line} starts #{name}, which may not be started", Symptom: `"#{name}: Permission denied"`,
		Remedy: "chmod +x #{name}, or unpack the release with what keeps modes (tar, not zip)", Needs: "the executable bit of #{name}",
	})
	startSource      = startStops.with(Cause{ID: "no-source", Summary: "line #{line} reads #{name}, which is not there"})
	startInput       = startStops.with(Cause{ID: "no-input", Summary: "line #{line} reads #{name}, which is not there"})
	startInterpreter = startStops.with(Cause{
		ID: "interpreter", Summary: "its first line has #{name} run, which is not there, or is no script",
		Remedy: "begin it with #!/bin/sh", Needs: "another first line of #{base}",
	})
	startFolder = startStops.with(Cause{ID: "no-folder", Summary: "line #{line} goes to the folder #{name}, which is not there"})
	startOutput = startStops.with(Cause{
		ID: "no-output", Summary: "line #{line} writes #{name}, and there is no such folder",
		Remedy: "make the folder of #{name} before line #{line}", Needs: "the folder of #{name}",
	})
	startRefusal = startStops.with(Cause{
		ID: "refused", Summary: "#{shell} refuses what line #{line} has it do: #{name}",
		Remedy: "write it for sh as POSIX has it, or begin the script with #!/bin/bash and install bash on the target",
	})
	startMisuse = startStops.with(Cause{
		ID: "misused", Summary: "line #{line} has a program do what it refuses: #{name}", Remedy: "mend what line #{line} gives it",
	})
	startDepends = startStops.with(Cause{
		ID: "depends", Summary: "line #{line} ends the start if #{name} fails", Symptom: "the release does not start where #{name} fails",
		Remedy: "write what is to be done then (#{name} … || …), or see that it does not fail", Needs: "a #{name} that does not fail",
	})
	startWrites = startStops.with(Cause{
		ID: "writes-own", Summary: "line #{line} writes #{name} in the release", Symptom: "the release does not start where it is read-only, or another user's",
		Remedy: "write it to a folder for such files (RELEASE_TMP)", Needs: "a release that may be written",
	})
	startSyntax = startStops.with(Cause{
		ID: "syntax", Summary: "#{shell} does not understand line #{line}: #{name}",
		Remedy: "write it for sh as POSIX has it, or begin the script with #!/bin/bash and install bash on the target",
	})
	startUnset = startStops.with(Cause{
		ID: "unset", Summary: "line #{line} ends the start unless #{name} is set", Symptom: "the release does not start without #{name}",
		Remedy: "set #{name} where the release is started", Needs: "#{name}",
	})
	startExits = startStops.with(Cause{ID: "exits", Summary: "line #{line} ends the start with status #{status}"})
	startAside = startStops.with(Cause{Symptom: "none where the script does not come to line #{line}"})
	noCookie   = startStops.with(Cause{
		ID: "cookie", Summary: "it reads releases/COOKIE, which is not there, unless RELEASE_COOKIE is set", Symptom: "the release does not start without RELEASE_COOKIE",
		Remedy: "set RELEASE_COOKIE where the release is started", Needs: "RELEASE_COOKIE",
	})
	noScript = Cause{
		ID: "no-script", Summary: "it is not there: nothing starts the release", Symptom: `"bin/#{base}: not found"`,
		Remedy: "assemble the release anew", Needs: "bin/#{base}",
	}
	noRuntimeProgram = Cause{
		ID: "no-program", Summary: "it is not there, and the VM starts it", Remedy: "assemble the release anew", Needs: "#{base}",
	}
	otherProgram = noRuntimeProgram.with(Cause{
		ID: "other-program", Summary: "something else is in its place, and what that does is not known", Symptom: "what the VM says, if it is not what it needs",
		Remedy: "start it once on the target, or assemble the release anew", Needs: "the program itself",
	})
	noProgramFile = noRuntimeProgram.with(Cause{ID: "no-program-file", Summary: "it is no program, and the VM starts it", Symptom: `"Exec format error", and the release does not start`})
	noStartLine   = Cause{
		ID: "no-first-line", Summary: "it has no first line #!", Symptom: `"exec format error", unless a shell starts it`,
		Remedy: "begin it with #!/bin/sh", Needs: "a first line #! in #{base}",
	}
	startUnknown = Cause{
		ID: "unknown", Summary: "what a start does from line #{line} on is not known: #{why}", Symptom: "what it does, if it stops there",
		Remedy: "start it once on the target", Needs: "a start that can be followed",
	}
	noVM = startUnknown.with(Cause{ID: "no-vm", Summary: "that it starts a VM is not known: its script ends without, as far as it can be followed"})
)

// startScripts is what the model of a start says of the scripts themselves.
func startScripts(s *Survey) (out []Finding) {
	script := "bin/" + s.rel.Name
	if s.files[script] == nil {
		return []Finding{{Verdict: Fail, Subject: Subject{File: script, Origin: "metadata"}, Cause: &noScript, Evidence: Evidence{Wants: []string{script}}}}
	}
	st := s.starting()
	real := s.startFile(shell.Position{File: s.on(script)})
	if _, ours := s.inRelease(s.real(s.on(script))); ours && !s.begins(real, "#!") && s.native(real) == nil {
		out = append(out, Finding{Verdict: Fail, Subject: s.subjectAt(script), Cause: &noStartLine})
	}
	for _, f := range st.Faults {
		if found, bad := s.startFault(f, false); bad {
			out = append(out, found)
		}
	}
	faults, by := s.otherFaults()
	for i, f := range faults {
		if found, bad := s.startFault(f, true); bad {
			found.Facts["fails"] = by[i]
			out = append(out, found)
		}
	}
	if st.cookie {
		out = append(out, Finding{Verdict: Warn, Subject: s.subjectAt(script), Cause: noCookie, Facts: Params{}})
	}
	out = append(out, s.writesOwn(st)...)
	out = append(out, s.tooLow(st)...)
	out = append(out, s.tasks(st)...)
	out = append(out, s.missingPrograms(st)...)
	return append(out, s.unfollowed(st)...)
}

// writesOwn is what a start writes into the release itself.
func (s *Survey) writesOwn(st *start) (out []Finding) {
	for _, w := range st.Writes {
		if own, ours := s.inRelease(w.Name); ours && w.Sure {
			out = append(out, Finding{
				Verdict: Warn, Subject: s.subjectAt(s.startFile(w.Position)), Cause: startWrites, Params: Params{"name": own}, Facts: Params{"line": line(w.Position)},
			})
		}
	}
	return out
}

// missingPrograms are those that the VM starts when it starts, and that are not
// there. Measured with OTP 27.
func (s *Survey) missingPrograms(st *start) (out []Finding) {
	if st.vm == nil {
		return nil
	}
	for _, p := range []struct {
		name   string
		needed bool
		worst  Verdict
		seen   string
	}{
		{"beam.smp", true, Fail, `"erlexec: Error 2 executing beam.smp", and the release does not start`},
		{"erl_child_setup", true, Fail, `"Failed to write to erl_child_setup", and the release does not start`},
		{"inet_gethost", true, Fail, `"Can not execute …/inet_gethost : enoent", and the release does not start`},
		{"epmd", s.distributed(st.vm), Fail, `"epmd: not found" or "Protocol 'inet_tcp': register/listen error: econnrefused", and the release does not start`},
		{"heart", st.vm.has("-heart"), Fail, "the release does not start"},
	} {
		at := path.Join(st.vm.bin, p.name)
		own, ours := s.inRelease(s.real(at))
		if !p.needed {
			continue
		}
		if _, err := s.root.Stat(s.real(at)); err == nil || !ours {
			out = append(out, s.otherProgram(at, own, p.name)...)
			continue
		}
		out = append(out, Finding{
			Verdict: p.worst, Subject: s.subjectAt(own), Cause: noRuntimeProgram.with(Cause{Symptom: p.seen}), Evidence: Evidence{Wants: []string{own}},
		})
	}
	return out
}

// otherProgram is what is said of something else in the place of a program of the VM's
// own: what that does is not followed.
func (s *Survey) otherProgram(at, own, name string) []Finding {
	real, ours := s.inRelease(s.real(at))
	f := Finding{Verdict: Unknown, Subject: s.subjectAt(own), Cause: otherProgram}
	n := s.native(real)
	switch {
	case !ours && path.Base(s.real(at)) == name, n != nil:
		return nil
	case !ours:
		f.Subject = s.subjectAt(s.startFile(shell.Position{File: path.Clean(at)}))
		return []Finding{f}
	case !s.begins(real, "#!") && name != "inet_gethost": // which a shell starts
		f.Verdict, f.Cause = Fail, noProgramFile
	}
	return []Finding{f}
}

// distributed says whether the VM starts epmd.
func (s *Survey) distributed(vm *vmStart) bool {
	if vm.has("-no_epmd") {
		return false
	}
	if v, ok := vm.value("-start_epmd"); ok && v.Text == "false" {
		return false
	}
	if v, ok := vm.value("-epmd_module"); ok && v.Text != "erl_epmd" {
		return false
	}
	return vm.has("-sname") || vm.has("-name")
}

// unfollowed is what is not known of a start.
func (s *Survey) unfollowed(st *start) (out []Finding) {
	if st.vm != nil || st.stops(func(shell.Fault) bool { return true }) {
		return nil // whatever could not be followed, it came to the VM, or did not
	}
	for _, e := range st.Exits {
		return []Finding{{
			Verdict: Fail, Subject: s.subjectAt(s.startFile(e.Position)), Cause: startExits,
			Facts: Params{"line": line(e.Position), "status": strconv.Itoa(e.Status)},
		}}
	}
	for _, p := range st.Stops {
		return []Finding{{
			Verdict: Unknown, Subject: s.subjectAt(s.startFile(p.Position)), Cause: &startUnknown, Params: Params{"why": p.Why},
			Facts: Params{"line": line(p.Position)},
		}}
	}
	if slices.ContainsFunc(st.Faults, func(f shell.Fault) bool { return f.Ends && f.Open }) {
		return nil // see program
	}
	return []Finding{{Verdict: Unknown, Subject: s.subjectAt(st.script), Cause: noVM, Facts: Params{}}}
}

func line(p shell.Position) string { return fmt.Sprint(p.Line) }

// firstLineJudged says whether rule shebang speaks of a script.
func (s *Survey) firstLineJudged(name string) bool {
	for _, sc := range s.scripts {
		if sc.Path == name {
			_, bad := s.scriptFinding(sc)
			return bad
		}
	}
	return false
}

// elsewhere says whether another rule speaks of a file that is not there: see
// config.
func (s *Survey) elsewhere(kind shell.FaultKind, name string) bool {
	dir := path.Join("releases", s.rel.Version) + "/"
	rest, ok := strings.CutPrefix(name, dir)
	return ok && s.known() && s.files[name] == nil && kind != shell.NotExecutable &&
		(slices.Contains(s.boot.Reads, rest) || slices.Contains(s.boot.Reads, strings.TrimSuffix(rest, ".config")))
}

// madeThere says whether a file lies in a folder that the release has not: what
// starts it has made the folder, and may have put the file into it.
func (s *Survey) madeThere(name string) bool {
	if strings.HasPrefix(name, "/") || !strings.Contains(name, "/") {
		return false
	}
	dir := path.Dir(name) + "/"
	for file := range s.files {
		if strings.HasPrefix(file, dir) {
			return false
		}
	}
	return true
}

// startFault is a finding about a fault; bad is false of those that other rules
// speak of.
func (s *Survey) startFault(f shell.Fault, other bool) (found Finding, bad bool) {
	name := f.Name
	if f.Kind != shell.Refused && f.Kind != shell.Misused && strings.HasPrefix(name, "/") { // which are words, no path
		name = "/" + path.Clean(rootfs.Clean(name))
	}
	if own, ok := s.inRelease(rootfs.Clean(name)); ok {
		name = own
	}
	found = Finding{
		Verdict: Fail, Subject: s.subjectAt(s.startFile(f.Position)), Params: Params{"name": name},
		Facts: Params{"line": line(f.Position), "shell": path.Base(s.target.Facts.Shell)},
	}
	causes := map[shell.FaultKind]*Cause{
		shell.NotFound: startCalls, shell.NotExecutable: startRefused, shell.NoSource: startSource, shell.NoInput: startInput, shell.NoFolder: startFolder,
		shell.Syntax: startSyntax, shell.Unset: startUnset, shell.Interpreter: startInterpreter,
		shell.NoOutput: startOutput, shell.Refused: startRefusal, shell.Misused: startMisuse, shell.Depends: startDepends,
	}
	if f.Kind == shell.Interpreter && s.firstLineJudged(found.Subject.File) {
		return found, false // see shebang
	}
	if f.Kind == shell.NoInput && s.madeThere(name) {
		return found, false
	}
	cause := causes[f.Kind]
	if f.Kind == shell.Depends && (other || slices.Contains(vmPrograms(), f.Name)) {
		return found, false // commands of the start script are no starts; that the VM's own programs run is not for scripts to see to
	}
	if cause == nil || f.Open || s.elsewhere(f.Kind, name) || f.Kind == shell.NotFound && !s.ofRelease(f) || f.Kind == shell.NotExecutable && s.files[name] != nil && s.started(*s.files[name]) != "" {
		return found, false
	}
	found.Cause = cause
	if f.On != "" {
		found.Verdict, found.Params["variable"] = Warn, f.On
		found.Cause = cause.with(Cause{ID: cause.ID + "-unset", Summary: cause.Summary + ", unless #{variable} is set", Symptom: "none where #{variable} is set to what has it"})
		return found, true
	}
	if f.Kind == shell.Unset || other || !f.Ends || !f.Sure {
		found.Verdict = Warn
	}
	if f.Kind != shell.Unset && f.Kind != shell.Depends && found.Verdict == Warn {
		found.Cause = cause.with(Cause{ID: cause.ID + "-aside", Symptom: startAside.Symptom})
	}
	return found, true
}
