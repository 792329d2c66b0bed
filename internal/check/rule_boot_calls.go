package check

import (
	"slices"

	"dram/internal/beam"
)

var (
	bootOdd = unsoundBoot.with(Cause{
		ID: "odd", Summary: "it has an instruction that init does not know: #{instruction}", Symptom: `"Runtime terminating during boot ({'unexpected command in bootfile',…})"`,
	})
	bootModule = unsoundBoot.with(Cause{
		ID: "calls-module", Summary: "it calls #{call}, of a module that it has not loaded", Symptom: `"Runtime terminating during boot ({undef,…})"`,
	})
	bootFunction = bootModule.with(Cause{ID: "calls-function", Summary: "it calls #{call}, a function that is not exported"})
	bootEnds     = bootModule.with(Cause{ID: "ends", Summary: "it calls #{call}, over which the VM ends", Symptom: "the release ends while it starts"})
	bootNoApps   = bootModule.with(Cause{ID: "no-controller", Summary: "it starts applications, and not the process of kernel that does so (application_controller)"})
	bootApp      = unsoundBoot.with(Cause{
		ID: "application", Summary: "what it says of #{application} is no description of an application: #{wrong}", Symptom: "the release ends while it starts, or waits for ever",
	})
	bootWaits = unsoundBoot.with(Cause{
		ID: "waits", Summary: "#{application} needs #{needs} to run before it, which nothing starts", Symptom: "#{application} never starts: it waits",
		Remedy: "name #{needs} among the applications of the release, not as :load or :none, or take it out of those that #{application} needs", Needs: "a release that starts #{needs}",
	})
	bootStarts = unsoundBoot.with(Cause{
		ID: "starts", Summary: "#{application} is started by #{call}, a function that is not there", Symptom: `"application: #{application}, exited: {bad_return,…}", and the release ends`,
		Remedy: "see what the project file says by what #{application} is started (mod)", Needs: "#{call}",
	})
)

// bootCalls is what is wrong with what the boot script that a start takes has called,
// beside what it loads. What a function does is not followed.
func (s *Survey) bootCalls(b bootFile) (out []Finding) {
	found := func(cause *Cause, params Params) {
		out = append(out, Finding{Verdict: Fail, Subject: Subject{File: b.path, Origin: "metadata"}, Cause: cause, Params: params})
	}
	script := b.script
	if script.Odd != "" {
		found(bootOdd, Params{"instruction": script.Odd})
	}
	controlled, seen := false, map[beam.BootCall]bool{}
	for _, c := range script.Calls {
		call := c.Module + ":" + c.Function
		controlled = controlled || c.Process == "application_controller"
		c.Process = ""
		switch {
		case seen[c]:
			continue
		case ending(call) && c.Arity < 3:
			found(bootEnds, Params{"call": call})
		case s.rel.ERTS == "" || !s.known(): // the modules are not all at hand
		case !s.called(c.Module):
			found(bootModule, Params{"call": call})
		case !s.exported(c.Module, c.Function, c.Arity):
			found(bootFunction, Params{"call": call})
		}
		seen[c] = true
	}
	if !controlled && len(script.Starts) > 0 {
		found(bootNoApps, nil)
	}
	for _, app := range script.Apps {
		if slices.Contains(script.Starts, app.Name) {
			s.bootApp(script, app, found)
		}
	}
	return out
}

// called says whether a module is there when the boot script calls it.
func (s *Survey) called(module string) bool {
	return slices.Contains(preloaded(), module) || s.loads(s.starting().vm, module)
}

// bootApp judges the description of an application that is started.
func (s *Survey) bootApp(script *beam.BootScript, app beam.BootApp, found func(*Cause, Params)) {
	if app.Wrong != "" {
		found(bootApp, Params{"application": app.Name, "wrong": app.Wrong})
	}
	for _, need := range app.Needs {
		described := slices.ContainsFunc(script.Apps, func(a beam.BootApp) bool { return a.Name == need })
		if !described && !slices.Contains(script.Starts, need) { // one that is described, a function may start
			found(bootWaits, Params{"application": app.Name, "needs": need})
		}
	}
	if app.Module == "" || s.rel.ERTS == "" {
		return
	}
	wanted := []beam.Func{{Name: "start", Arity: 2}}
	if app.Phased {
		wanted = append(wanted, beam.Func{Name: "start_phase", Arity: 3})
	}
	for _, f := range wanted {
		if !s.called(app.Module) || !s.exported(app.Module, f.Name, f.Arity) {
			found(bootStarts, Params{"application": app.Name, "call": app.Module + ":" + f.Name})
		}
	}
}
