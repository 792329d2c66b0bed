package check

import (
	"fmt"
	"path"
	"strconv"

	"dram/internal/beam"
	"dram/internal/release"
)

var beamRule = Rule{
	ID: "beam", Title: "the VM that runs the release loads each of its modules", Worst: Fail, Run: beams,
	Doc: Doc{
		Looks: "Each .beam file of the release: that it is sound, holds the module that its name says, and that the Erlang/OTP which runs the release knows its opcodes, literals and BIFs. " +
			"An embedded release loads all modules at its start, so that one is enough to stop it.",
		Seen: `{"init terminating in do_boot",{load_failed,[my_module]}}`,
		Do:   "Compile with the Erlang/OTP that runs the release: build in a toolchain that has it, and let nothing compiled before into the build.",
	},
}

var (
	notLoaded = Cause{
		ID: "not-loaded", Summary: "Erlang/OTP #{otp}, which runs the release, does not load it: #{why}", Detail: "highest opcode #{opcode}",
		Symptom: `the VM stops at boot, with "badfile" or "please re-compile this module" for module #{module}`,
		Remedy:  "compile it with the Erlang/OTP #{otp} that runs it: build in a toolchain that has it, and let nothing compiled before into the build",
		Needs:   "modules compiled for Erlang/OTP #{otp}",
	}
	needsNewerOTP   = Cause{Needs: "Erlang/OTP #{older} or newer"}
	featureOff      = Cause{Symptom: "an embedded release starts; loading the module by hand fails"} // only what is loaded later asks for the feature
	loadingUnknown  = Cause{ID: "unknown", Summary: "whether Erlang/OTP #{otp} loads it is not known: #{why}"}
	outsideCodePath = Cause{Symptom: "none while nothing loads it by its file's name"}
	unsoundModule   = Cause{
		ID: "unsound", Summary: "it is no sound BEAM file", Symptom: `the VM stops at boot: "Loading of #{file} failed: badfile"`,
		Remedy: "build the release again", Needs: "a sound #{file}",
	}
	otherName = Cause{
		ID: "other-module", Summary: "it holds another module than its name says: #{module}, not #{name}", Detail: "it holds #{module}",
		Symptom: `"Loading of #{file} failed: badfile"`, Remedy: "build the release again\ndo not rename BEAM files", Needs: "the module #{name}",
	}
	moreModules = " (and #{more} more modules)"
)

// beams: the VM that runs the release takes each of its modules. An embedded
// release loads all of them at boot, so that one is enough to stop it. One
// finding stands for all modules of an application with the same cause.
func beams(s *Survey) []Finding {
	read := s.readModules()
	var found []*Finding
	for _, f := range s.modules() {
		found = append(found, read[f.Path].judgement)
	}
	return byCause(found)
}

// unlessUnreachable makes milder what is found about a BEAM file that no code
// path leads to, as in priv or in an application that the boot script does not have:
// only who names the file itself loads it. What a start has not loaded it does not
// load later either, in embedded mode.
func (s *Survey) unlessUnreachable(f release.File, found *Finding) *Finding {
	if found == nil || found.Verdict != Fail {
		return found
	}
	dir := path.Base(path.Dir(f.Path))
	loads, known := s.bootModules()
	if dir != "ebin" && dir != "consolidated" || s.idle(f) || known && !loads[moduleOf(f.Path)] {
		found.Verdict, found.Cause = Warn, found.Cause.with(outsideCodePath)
	}
	return found
}

// judge is the finding about one module, which was read or not, nil if it loads.
func (s *Survey) judge(f release.File, m *beam.Module, err error, otp int) *Finding {
	if err != nil {
		return &Finding{Verdict: Fail, Subject: subject(f), Cause: &unsoundModule, Evidence: Evidence{Detail: err.Error()}}
	}
	a := m.RunsOn(otp)
	if a.Loads {
		return misnamed(f, m)
	}
	out := &Finding{
		Verdict: Fail, Subject: subject(f), Cause: &notLoaded,
		Params:   Params{"module": m.Name},
		Facts:    Params{"otp": strconv.Itoa(otp), "why": a.Detail, "opcode": fmt.Sprint(m.MaxOpcode)},
		Evidence: Evidence{Wants: []string{m.Name}, Newest: fmt.Sprintf("OTP %d", otp)},
	}
	if older := beam.OldestFor(m.MaxOpcode); older > otp {
		out.Cause, out.Facts["older"] = out.Cause.with(needsNewerOTP), strconv.Itoa(older)
	}
	switch {
	case a.Reason == beam.FeatureOff:
		out.Verdict, out.Cause = Warn, out.Cause.with(featureOff)
	case !a.Known:
		out.Verdict, out.Cause = Unknown, out.Cause.with(loadingUnknown)
	}
	return out
}

// misnamed: the VM looks for a module by the name of its file, and refuses a
// file that holds another.
func misnamed(f release.File, m *beam.Module) *Finding {
	name := moduleOf(f.Path)
	if m.Name == name {
		return nil
	}
	return &Finding{
		Verdict: Fail, Subject: subject(f), Cause: &otherName, Params: Params{"module": m.Name, "name": name}, Evidence: Evidence{Wants: []string{name}},
	}
}

// byCause keeps the first of the findings of one application with one cause,
// and names the other modules in it.
func byCause(found []*Finding) (out []Finding) {
	type key struct {
		app, cause string
		verdict    Verdict
	}
	first := map[key]int{}
	more := map[int]int{}
	for _, f := range found {
		if f == nil {
			continue
		}
		k := key{f.Subject.App, f.Cause.ID, f.Verdict}
		at, ok := first[k]
		if !ok {
			first[k] = len(out)
			out = append(out, *f)
			continue
		}
		out[at].Evidence.Wants = append(out[at].Evidence.Wants, f.Evidence.Wants...)
		more[at]++
	}
	for at, n := range more {
		out[at].more(n, moreModules)
	}
	return out
}
