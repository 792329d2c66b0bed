package check

import (
	"fmt"
	"path"
	"slices"

	"dram/internal/beam"
	"dram/internal/binary"
	"dram/internal/release"
)

// nifFunctions: erlang:load_nif/2 refuses a library whose functions are not
// those of its module, all of them: a library of another version than its
// beams, mostly. What the module defines beyond them keeps its Erlang body.
func nifFunctions(s *survey) (out []Finding) {
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
			out = append(out, s.homelessNIF(n))
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

// homelessNIF: nothing can load a library for a module that is not there. It
// is left over, unless its application has a module that loads a library and
// for which there is none: that module loads this one, and is refused.
func (s *survey) homelessNIF(n *native) Finding {
	f := Finding{
		Verdict: Warn, Subject: subject(n.File),
		Summary:  fmt.Sprintf("it is for the module %s, which the release does not have", n.nif.Module),
		Evidence: Evidence{Wants: []string{n.nif.Module}},
		Symptom:  fmt.Sprintf(`none while nothing loads it; any other module that does gets "Library module name '%s' does not match calling module"`, n.nif.Module),
		Remedy:   "remove it, or compile it for the module that loads it now", Needs: "the module " + n.nif.Module,
	}
	if by := s.unserved(n.App); len(by) > 0 {
		f.Verdict, f.Evidence.Detail = Fail, fmt.Sprintf("%s loads a NIF library, and none is for it", by[0])
		f.Symptom = n.symptom(fmt.Sprintf(`{bad_lib,"Library module name '%s' does not match calling module '%s'"}`, n.nif.Module, by[0]))
	}
	return f
}

// unserved is the modules of an application that call erlang:load_nif/2 and
// have no library that says it is for them.
func (s *survey) unserved(app string) (out []string) {
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
func (s *survey) compareNIF(n *native, m *beam.Module) (Finding, bool) {
	f := Finding{
		Verdict: Fail, Subject: subject(n.File), Needs: fmt.Sprintf("%s and its library of one version", m.Name),
		Remedy: "compile the library and its module together: mix deps.clean " + appName(n.File) + " --build, and keep priv/*.so out of the sources (.dockerignore)",
	}
	functions, err := m.Functions()
	otp, known := beam.OTPOf(s.erts)
	if err != nil || !known {
		f.Verdict, f.Summary = Unknown, "whether the VM takes its functions is not known"
		f.Evidence.Detail = fmt.Sprintf("the functions of %s could not be told", m.Name)
		if err == nil {
			f.Evidence.Detail = fmt.Sprintf("ERTS %q is none that dram knows", s.erts)
		}
		return f, true
	}
	refusals := nifRefusals(n.nif, functions, otp)
	if len(refusals) == 0 {
		return f, false
	}
	f.Summary = fmt.Sprintf("its functions are not those of its module %s: %s", m.Name, refusals[0])
	f.Evidence.Wants = few(refusals)
	f.Symptom = n.symptom(fmt.Sprintf(`{bad_lib,"%s"}`, refusals[0]))
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
