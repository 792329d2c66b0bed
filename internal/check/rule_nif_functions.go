package check

import (
	"fmt"
	"path"
	"slices"

	"dram/internal/beam"
	"dram/internal/binary"
	"dram/internal/release"
)

var nifFunctionsRule = Rule{
	ID: "nif-functions", Title: "a NIF library has the functions that its module defines", Worst: Fail, Run: nifFunctions,
	Doc: Doc{
		Looks: "The functions in the entry of a NIF library, against those that its module defines (and declares with -nifs, where it declares any). " +
			"erlang:load_nif/2 refuses a library with one that is not there: mostly it is of another version than its module.",
		Seen: `{bad_lib,"Function not found 'Elixir.Exqlite.NIF':open/2"}`,
		Do:   "Compile the library and its module together: mix deps.clean DEPENDENCY --build. Keep priv/*.so out of the sources (.dockerignore).",
	},
}

var (
	otherFunctions = Cause{
		ID: "other-functions", Summary: "its functions are not those of its module #{module}: #{refusal}", Prints: `{bad_lib,"#{refusal}"}`,
		Remedy: "compile the library and its module together: mix deps.clean #{application} --build, and keep priv/*.so out of the sources (.dockerignore)",
		Needs:  "#{module} and its library of one version",
	}
	unknownFunctions = Cause{
		ID: "unknown", Summary: "whether the VM takes its functions is not known", Detail: "the functions of #{module} could not be told",
		Remedy: otherFunctions.Remedy, Needs: otherFunctions.Needs,
	}
	unknownERTS = unknownFunctions.with(Cause{Detail: "ERTS #{erts} is none that dram knows"})
	noModule    = Cause{
		ID: "no-module", Summary: "it is for the module #{module}, which the release does not have",
		Symptom: `none while nothing loads it; any other module that does gets "Library module name '#{module}' does not match calling module"`,
		Remedy:  "remove it, or compile it for the module that loads it now", Needs: "the module #{module}",
	}
	otherModule = noModule.with(Cause{
		ID: "other-module", Detail: "#{by} loads a NIF library, and none is for it",
		Prints: `{bad_lib,"Library module name '#{module}' does not match calling module '#{by}'"}`,
	})
)

// nifFunctions: erlang:load_nif/2 refuses a library whose functions are not
// those of its module, all of them: a library of another version than its
// beams, mostly. What the module defines beyond them keeps its Erlang body.
func nifFunctions(s *Survey) (out []Finding) {
	if s.erts == "" {
		return nil // see otp
	}
	modules := map[string]release.File{}
	for _, f := range s.modules() {
		modules[path.Base(f.Path)] = f
	}
	for _, n := range s.natives {
		if n.role != plugin || n.nif == nil {
			continue
		}
		f, ok := modules[n.nif.Module+".beam"]
		if !ok && n.Origin == release.OTP {
			continue // crypto_callback.so, which crypto.so opens, says it is for "dummy"
		}
		if !ok {
			out = append(out, s.withoutModule(n))
			continue
		}
		m, err := s.module(f)
		if err != nil {
			continue // see beam
		}
		if found, bad := s.compareNIF(n, m); bad {
			out = append(out, found)
		}
	}
	return out
}

// withoutModule: nothing can load a library for a module that is not there. It
// is left over, unless its application has a module that loads a library and
// for which there is none: that module loads this one, and is refused.
func (s *Survey) withoutModule(n *native) Finding {
	f := Finding{
		Verdict: Warn, Subject: n.subject(), Cause: &noModule, Params: Params{"module": n.nif.Module}, Evidence: Evidence{Wants: []string{n.nif.Module}},
	}
	if by := s.loadersWithoutLibrary(n.App); len(by) > 0 {
		f.Verdict, f.Cause, f.Facts = n.worst(), otherModule, Params{"by": by[0]}
	}
	return f
}

// loadersWithoutLibrary is the modules of an application that call
// erlang:load_nif/2 and have no library that says it is for them.
func (s *Survey) loadersWithoutLibrary(app string) (out []string) {
	served := map[string]bool{}
	for _, n := range s.natives {
		switch {
		case n.App != app || n.role != plugin:
		case n.nif == nil:
			return nil // which module it is for is only known at run time
		default:
			served[n.nif.Module] = true
		}
	}
	for _, f := range s.modules() {
		if f.App != app {
			continue
		}
		m, err := s.module(f)
		if err != nil || served[m.Name] {
			continue
		}
		imports, err := m.Imports()
		if err == nil && slices.Contains(imports, beam.Func{Module: "erlang", Name: "load_nif", Arity: 2}) {
			out = append(out, m.Name)
		}
	}
	return out
}

// compareNIF says what the VM that runs the release has against a library and
// its module.
func (s *Survey) compareNIF(n *native, m *beam.Module) (f Finding, bad bool) {
	f = Finding{
		Verdict: n.worst(), Subject: n.subject(), Cause: &otherFunctions, Params: Params{"module": m.Name},
		Facts: Params{"application": appName(n.File), "erts": fmt.Sprintf("%q", s.erts)},
	}
	functions, err := m.Functions()
	otp, known := beam.OTPOf(s.erts)
	switch {
	case err != nil:
		f.Verdict, f.Cause = Unknown, &unknownFunctions
		return f, true
	case !known:
		f.Verdict, f.Cause = Unknown, unknownERTS
		return f, true
	}
	refusals := nifRefusals(n.nif, functions, otp)
	if len(refusals) == 0 {
		return f, false
	}
	f.Params["refusal"], f.Evidence.Wants = refusals[0], refusals
	return f, true
}

// nifRefusals are the VM's own words about functions that it does not take.
func nifRefusals(nif *binary.NIF, functions []beam.Function, otp int) (out []string) {
	seen := map[binary.NIFFunction]bool{}
	for _, fn := range nif.Functions {
		f := beam.Func{Module: nif.Module, Name: fn.Name, Arity: fn.Arity}
		key := binary.NIFFunction{Name: fn.Name, Arity: fn.Arity}
		refusal := beam.Defines(functions, f, otp)
		switch {
		case refusal != "":
		case !slices.Contains([]int{0, 1, 2}, fn.Flags): // ERL_NIF_DIRTY_JOB_CPU_BOUND, …_IO_BOUND
			refusal = fmt.Sprintf("Illegal flags field value %d for NIF %s", fn.Flags, f)
		case seen[key]:
			refusal = fmt.Sprintf("Duplicate NIF entry for %s", f)
		default:
			seen[key] = true
			continue
		}
		out = append(out, refusal)
	}
	return out
}
