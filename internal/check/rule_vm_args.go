package check

import (
	"cmp"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"dram/internal/beam"
	"dram/internal/rootfs"
)

var vmArgsRule = Rule{
	ID: "vm-args", Title: "the VM understands its arguments, and what they name is there", Worst: Fail, Run: vmArgs,
	Doc: Doc{
		Looks: "The arguments that the VM begins with: of the start script, vm.args, ERL_AFLAGS, ERL_FLAGS, ERL_ZFLAGS and ELIXIR_ERL_OPTIONS as env.sh sets them. " +
			"That the VM's Erlang/OTP knows each flag and takes its value, that the files they name (-config, -args_file, -boot, -ssl_dist_optfile) are there, and that modules which -s and -run call are loaded.",
		Seen: `erts-15.2.7/bin/beam.smp unknown flag -Zzzz`,
		Do:   "Mend the argument where the finding says: rel/vm.args.eex, rel/env.sh.eex. https://www.erlang.org/doc/apps/erts/erl_cmd tells which flags the newest version knows, and since when.",
	},
}

var (
	argUnknown = Cause{
		ID: "flag", Summary: "it gives the VM the flag #{flag}, which Erlang/OTP #{otp} does not know", Symptom: `"unknown flag", and the release does not start`,
		Remedy: "take #{flag} out of #{where}", Needs: "arguments that the VM knows",
	}
	argMaybe = argUnknown.with(Cause{
		ID: "flag-unknown", Summary: "it gives the VM the flag #{flag}, and whether Erlang/OTP #{otp} knows it is not known",
		Symptom: `"unknown flag", if it does not, and the release does not start`,
	})
	argMachine = argUnknown.with(Cause{
		ID: "machine", Summary: "it gives the VM #{flag} #{value}, which it refuses where it sees no topology of processors",
		Symptom: `"setting scheduler bind type '#{value}' failed: no cpu topology available"`,
	})
	argDoubt = argUnknown.with(Cause{
		ID: "doubt", Summary: "it gives the VM #{flag} #{value}, with which not every VM runs: it depends on processors, or on memory that processes need",
		Symptom: "the VM ends, where that does not suffice", Remedy: "start it once on the target, or give #{flag} another value in #{where}",
	})
	argValue = argUnknown.with(Cause{
		ID: "value", Summary: "it gives the VM #{flag} #{value}, which is no value of that flag", Symptom: `"bad …", and the release does not start`,
		Remedy: "give #{flag} another value in #{where}",
	})
	argFile = argUnknown.with(Cause{
		ID: "file", Summary: "it gives the VM #{flag} #{file}, and there is no such file", Symptom: "the release does not start",
		Remedy: "put #{file} there, or take #{flag} out of #{where}", Needs: "#{file}",
	})
	argKept = argUnknown.with(Cause{
		ID: "file-unread", Summary: "it gives the VM -args_file #{file}, which is not read: it is larger than 1 MiB, or no file",
		Symptom: "what the VM says of the arguments in it", Remedy: "start it once on the target", Needs: "a #{file} that can be read",
	})
	argModule = argUnknown.with(Cause{
		ID: "module", Summary: "it gives the VM #{flag} #{module}, a module that the start has not loaded", Symptom: `"Error! Failed to load module '#{module}'"`,
		Remedy: "add the application of #{module} to the release, or take #{flag} out of #{where}", Needs: "the module #{module}",
	})
	argAround = argUnknown.with(Cause{
		ID: "around", Summary: "it gives the VM #{flag} #{file}, and that file names itself, or one that does", Symptom: "the VM reads it until there is no memory",
		Remedy: "take #{flag} #{file} out of #{where}",
	})
	argVariable = argUnknown.with(Cause{
		ID: "boot-var", Summary: "it gives the VM -boot_var without a name and a value", Symptom: `"Runtime terminating during boot (invalid_boot_var_argument)"`,
		Remedy: "give -boot_var a name and a value in #{where}",
	})
	argOpen = argUnknown.with(Cause{
		ID: "open", Summary: "some of the arguments that it gives the VM are put together when it runs", Symptom: "what the VM says of them",
		Remedy: "see that these arguments are right where it runs",
	})
)

// vmArgs judges the arguments that a start gives the VM.
func vmArgs(s *Survey) (out []Finding) {
	vm := s.starting().vm
	if vm == nil {
		return nil
	}
	found := func(v Verdict, from string, cause *Cause, params Params) {
		out = append(out, Finding{
			Verdict: v, Subject: s.subjectAt(from), Cause: cause, Params: params, Facts: Params{"otp": strconv.Itoa(s.otp()), "where": from},
		})
	}
	for _, a := range vm.gone {
		if s.relative(a.Text) != path.Join("releases", s.rel.Version, "vm.args") || !s.known() { // see config
			found(max(s.gone(a.Text), Unknown), a.from, argFile, Params{"flag": "-args_file", "file": a.Text})
		}
	}
	for _, a := range vm.kept {
		found(Unknown, a.from, argKept, Params{"file": a.Text})
	}
	if vm.around != nil {
		found(Fail, vm.around.from, argAround, Params{"flag": "-args_file", "file": vm.around.Text})
	}
	flags, plain := knownFlags(), []vmArg{}
	for i := 0; i < len(vm.args); i++ {
		if a := vm.args[i]; a.Unknown || !strings.HasPrefix(a.Text, "+") {
			plain = append(plain, a)
			continue
		}
		i += s.emulatorFlag(vm, i, flags, found)
	}
	pollSets(vm, found)
	s.environFlags(vm, found)
	s.initFlags(vm, plain, found)
	if flags := vm.Env["ERL_FLAGS"]; vm.open && flags.Unknown {
		found(Unknown, s.startFile(vm.Position), argOpen, nil)
	}
	return out
}

type foundArg func(v Verdict, from string, cause *Cause, params Params)

// unless is of what is so only where a variable is not set, which was taken for unset:
// whoever starts the release may set it.
func (f foundArg) unless(variable string) foundArg {
	return func(v Verdict, from string, cause *Cause, params Params) {
		with := Params{"variable": variable}
		maps.Copy(with, params)
		f(min(v, Warn), from, cause.with(Cause{
			ID: cause.ID + "-unset", Summary: cause.Summary + ", unless #{variable} is set", Remedy: "set #{variable} where the release is started", Needs: "#{variable}",
		}), with)
	}
}

// otp is the Erlang/OTP of the VM that runs the release; 0 if it is not known.
func (s *Survey) otp() int {
	otp, _ := beam.OTPOf(s.erts)
	return otp
}

// newestTried is the newest Erlang/OTP of which the flags are known, oldestTried
// the oldest.
const (
	newestTried = 29
	oldestTried = 23
)

// emulatorFlag judges a flag with "+", and says how many words it takes besides.
func (s *Survey) emulatorFlag(vm *vmStart, i int, known []vmFlag, found foundArg) int {
	a, next, unknown := vm.args[i], "", false
	if a.Text == "+" {
		found(Fail, a.from, &argUnknown, Params{"flag": a.Text})
		return 0
	}
	if i+1 < len(vm.args) {
		next, unknown = vm.args[i+1].Text, vm.args[i+1].Unknown
	}
	otp := s.otp()
	state, used := judgeFlag(known, a.Text[1:], next, cmp.Or(otp, newestTried))
	words := map[bool]int{true: 1}[used]
	if used && unknown {
		return words
	}
	if unset := cmp.Or(a.Unset, vm.args[min(i+1, len(vm.args)-1)].Unset); unset != "" {
		found = found.unless(unset)
	}
	params := Params{"flag": a.Text, "value": next}
	if !used {
		params["value"] = ""
	}
	switch {
	case used && a.last && a.Text == "+ssrct": // which OTP 27 takes alone
		return 0
	case used && a.last && a.Text != "+c":
		found(Fail, a.from, argShort, Params{"flag": a.Text})
		return 0
	case a.Text == "+V":
		found(Fail, a.from, argEnds, params)
	case state == flagFine:
	case state == flagDoubt:
		found(Unknown, a.from, argDoubt, params)
	case state == flagMachine:
		found(Unknown, a.from, argMachine, params)
	case otp > newestTried || otp < oldestTried, state == flagMaybe:
		found(Unknown, a.from, argMaybe, params)
	case state == flagUnknown:
		found(Fail, a.from, &argUnknown, params)
	default:
		found(Fail, a.from, argValue, params)
	}
	return words
}

func (s *Survey) relative(name string) string {
	own, _ := s.inRelease(path.Clean(rootfs.Clean(name)))
	return own
}

// gone is OK of a file that is there, and Unknown of one that may come to be: in
// places where people mount things.
func (s *Survey) gone(name string) Verdict {
	name = path.Clean(rootfs.Clean(name))
	info, err := s.root.Stat(s.real(name))
	if err == nil && info.Mode()&fs.ModeType == 0 {
		return OK
	}
	_, own := s.inRelease(name)
	top, _, _ := strings.Cut(name, "/")
	if !own && (s.target.Profile() != nil || slices.Contains([]string{"tmp", "var", "run", "proc", "dev", "etc", "home", "root", "mnt", "data"}, top)) {
		return Unknown
	}
	return Fail
}

// preloaded are modules that every VM has.
func preloaded() []string {
	return []string{"erlang", "init", "erts_internal", "erl_prim_loader", "prim_file", "prim_inet", "zlib", "prim_zip", "atomics", "counters", "persistent_term", "erl_tracer", "erl_init", "prim_eval", "prim_buffer", "prim_net", "prim_socket", "socket_registry"}
}

// loads says whether a module is loaded when init calls it: in embedded mode, by
// the boot script; else from anywhere.
func (s *Survey) loads(vm *vmStart, module string) bool {
	if slices.Contains(preloaded(), module) {
		return true
	}
	b, ok := s.mainBoot()
	if !ok || b.script == nil {
		return true // see boot
	}
	for _, l := range b.script.Loads {
		if slices.Contains(l.Modules, module) {
			return true
		}
	}
	if vm == nil {
		return true // not known
	}
	if mode, set := vm.value("-mode"); set && mode.Text == "embedded" {
		return false
	}
	for name := range s.files {
		if path.Base(name) == module+".beam" {
			return true
		}
	}
	return s.rel.ERTS == "" // perhaps the target's
}
