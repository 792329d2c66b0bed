package check

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"dram/internal/beam"
	"dram/internal/rootfs"
	"dram/internal/shell"
)

var (
	argShort = argUnknown.with(Cause{
		ID: "short", Summary: "it gives the VM #{flag} without what belongs to it", Symptom: `"Missing argument(s) for '#{flag}'", and the release does not start`,
		Remedy: "give #{flag} what belongs to it in #{where}",
	})
	argEnds = argUnknown.with(Cause{
		ID: "ends", Summary: "it gives the VM #{flag} #{value}, over which it ends", Symptom: "the release starts and ends at once",
		Remedy: "take #{flag} out of #{where}", Needs: "arguments without #{flag}",
	})
	argTerm = argUnknown.with(Cause{
		ID: "term", Summary: "it gives the VM #{flag} #{value}, which is no term of Erlang", Symptom: `"bad_environment_value", and the release does not start`,
		Remedy: "write a term for #{value} in #{where}, in quotes where it has blanks; nothing puts variables in there", Needs: "terms for arguments",
	})
	argFunction = argUnknown.with(Cause{
		ID: "function", Summary: "it gives the VM #{flag} #{function}, a function that is not exported", Symptom: `"Error! #{function} is not exported."`,
		Remedy: "name one that is, or take #{flag} out of #{where}", Needs: "the function #{function}",
	})
	argEval = argOpen.with(Cause{
		ID: "eval", Summary: "it gives the VM -eval #{value}, and what comes of that is known when it runs", Symptom: `"Error! Failed to eval: …", if it fails`,
	})
	argEmulator = argFile.with(Cause{
		ID: "emulator", Summary: "it gives the VM #{flag} #{value}, and there is no #{file}", Symptom: `"erlexec: Invalid emulator type or flavor", and the release does not start`,
		Remedy: "take #{flag} out of #{where}",
	})
	argNodeLate = argUnknown.with(Cause{
		ID: "node-late", Summary: "it gives the VM #{flag} #{value}, a name that is known only when it starts", Symptom: `"Can't set short node name" or "Can't set long node name", if it is none`,
		Remedy: "see that what puts the name together prints one address or name on the target", Needs: "a name for the node",
	})
	argMade = argFile.with(Cause{
		ID: "made", Summary: "it gives the VM #{flag} #{file}, which the start makes, and which is no sound configuration",
		Remedy: "mend what #{where} writes to #{file}", Needs: "another #{file}",
	})
	argBoot = argFile.with(Cause{
		ID: "no-boot", Summary: "it gives the VM no -boot, and there is no #{file}", Symptom: `"Runtime terminating during boot ({'cannot get bootfile',…})"`,
		Remedy: "see that RELEASE_NODE and what else the scripts put into the arguments has no blanks",
	})
)

// initFlags judges the arguments that init and applications read: those that are no
// flags of the emulator.
func (s *Survey) initFlags(vm *vmStart, args []vmArg, found foundArg) {
	boot := false
	for i, a := range args {
		if a.Unknown || !strings.HasPrefix(a.Text, "-") {
			continue
		}
		if boot && a.Text == "-boot" {
			continue // init takes the first
		}
		boot = boot || a.Text == "-boot"
		s.initFlag(vm, a, wordsOf(args[i+1:]), found)
	}
	s.epmdFlags(vm, found)
	if at := path.Join(path.Dir(path.Dir(vm.bin)), "bin/start.boot"); !boot && vm.late && s.known() && s.rel.ERTS != "" && !s.isFile(at) {
		found(Fail, s.startFile(vm.Position), argBoot, Params{"file": at})
	}
}

// wordsOf are those up to the next flag.
func wordsOf(args []vmArg) []vmArg {
	i := slices.IndexFunc(args, func(a vmArg) bool { return !a.Unknown && strings.HasPrefix(a.Text, "-") })
	if i < 0 {
		return args
	}
	return args[:i]
}

// firstOf is the first of a flag's words, empty where it has none.
func firstOf(words []vmArg) vmArg {
	if len(words) == 0 {
		return vmArg{}
	}
	return words[0]
}

// initFlag judges one flag with its words.
func (s *Survey) initFlag(vm *vmStart, a vmArg, words []vmArg, found foundArg) {
	next := firstOf(words)
	switch {
	case next.Unknown && (a.Text == "-sname" || a.Text == "-name"):
		shape := strings.ReplaceAll(cmp.Or(next.Shape, shell.Hole), shell.Hole, "…")
		found(Unknown, a.from, argNodeLate, Params{"flag": a.Text, "value": shape})
		return
	case next.Unknown:
		return
	}
	if i := slices.IndexFunc(words, func(w vmArg) bool { return w.Unset != "" }); i >= 0 {
		found = found.unless(words[i].Unset)
	}
	params := Params{"flag": a.Text, "value": next.Text}
	if len(words) == 0 && slices.Contains([]string{"-config", "-args_file", "-configfd"}, a.Text) {
		found(Fail, a.from, argShort, params)
		return
	}
	switch a.Text {
	case "-config", "-boot", "-ssl_dist_optfile", "-configfd", "-mode":
		s.startFlag(vm, a, words, found)
	case "-env", "-start_epmd", "-smp", "-loader", "-emu_type", "-emu_flavor":
		s.choiceFlag(vm, a, words, found)
	case "-version", "-man", "-emu_args_exit", "-emu_name_exit", "-root", "-bindir", "-path": // of -root and -bindir erlexec gives one
		found(Fail, a.from, argEnds, params)
	case "-detached", "-oldshell":
		found(Warn, a.from, argEnds, params)
	case "-user":
		s.userModule(vm, next, found)
	case "-proto_dist":
		if m := next.Text + "_dist"; (vm.has("-sname") || vm.has("-name")) && !s.loads(vm, m) {
			found(Fail, a.from, argModule, Params{"flag": a.Text, "module": m})
		}
	case "-boot_var":
		if len(words)%2 != 0 || len(words) == 0 || len(words) > 2 && words[2].inFile && !a.inFile {
			found(Fail, a.from, argVariable, nil)
		}
	case "-s", "-run":
		s.callFlag(vm, a, words, found)
	case "-eval":
		found(Unknown, a.from, argEval, params)
	case "-sname", "-name":
		nodeName(a, next, found)
		tooLong(a, next, found)
	case "-setcookie": // of several the first counts
		if first, _ := vm.first(a.Text); len(words) > 0 && first == words[0] {
			tooLong(a, words[len(words)-1], found)
		}
	default:
		s.applicationFlag(a, words, found)
	}
}

// startFlag judges flags that name what a start reads, and how modules are loaded.
func (s *Survey) startFlag(vm *vmStart, a vmArg, words []vmArg, found foundArg) {
	next := firstOf(words)
	switch a.Text {
	case "-config":
		for _, w := range words {
			s.fileFlag(a, w, found)
		}
	case "-configfd":
		verdict := Unknown
		if _, err := strconv.Atoi(next.Text); err != nil {
			verdict = Fail
		}
		found(verdict, a.from, argValue, Params{"flag": a.Text, "value": next.Text})
	case "-mode":
		if at := slices.Index(vm.args, a); len(words) > 1 && at+2 < len(vm.args) && vm.args[at+2] == words[1] { // no flag is between
			found(Fail, a.from, argValue, Params{"flag": a.Text, "value": next.Text + " " + words[1].Text})
		}
	default:
		s.fileFlag(a, next, found)
	}
}

// choiceFlag judges flags that choose among some.
func (s *Survey) choiceFlag(vm *vmStart, a vmArg, words []vmArg, found foundArg) {
	next := firstOf(words)
	params := Params{"flag": a.Text, "value": next.Text}
	switch a.Text {
	case "-env":
		if len(words) < 2 { // it takes the next flag for what is missing, if there is one
			found(Unknown, a.from, argShort, params)
		}
	case "-start_epmd":
		if next.Text != "true" && next.Text != "false" {
			found(Fail, a.from, argValue, params)
		}
	case "-smp":
		if next.Text == "disable" {
			found(Fail, a.from, argValue, params)
		}
	case "-loader":
		loaderFlag(a, next, found)
	case "-emu_type", "-emu_flavor":
		s.emulatorProgram(vm, a, next, found)
	}
}

// userModule judges what takes the place of the shell's own process.
func (s *Survey) userModule(vm *vmStart, module vmArg, found foundArg) {
	switch {
	case module.Text == "":
	case !s.loads(vm, module.Text):
		found(Fail, module.from, argModule, Params{"flag": "-user", "module": module.Text})
	case !s.exported(module.Text, "start", 0):
		found(Fail, module.from, argFunction, Params{"flag": "-user", "function": module.Text + ":start"})
	}
}

// fileFlag judges a flag that names a file.
func (s *Survey) fileFlag(a, next vmArg, found foundArg) {
	name := next.Text
	switch a.Text {
	case "-config":
		if name = strings.TrimSuffix(name, ".config") + ".config"; s.elsewhere("", s.relative(name)) {
			return
		}
	case "-boot":
		if name += ".boot"; path.Base(name) == "start.boot" { // see boot
			return
		}
	}
	if next.Unknown {
		return
	}
	if !strings.HasPrefix(name, "/") { // from a working directory that is not known
		if a.Text == "-config" {
			found(Unknown, a.from, argFile, Params{"flag": a.Text, "file": next.Text})
		}
		return
	}
	if made, ours := s.starting().vm.made[path.Clean(rootfs.Clean(name))]; ours { // by the start itself
		if _, err := beam.ConsultOne([]byte(made.Text)); err != nil && !made.Unknown && a.Text == "-config" {
			found(Fail, a.from, argMade, Params{"flag": a.Text, "file": next.Text})
		}
		return
	}
	if v := s.gone(name); v != OK {
		found(v, a.from, argFile, Params{"flag": a.Text, "file": next.Text})
	}
}

// loaderFlag judges where the VM is to load from: another machine may be there.
func loaderFlag(a, next vmArg, found foundArg) {
	verdict := Fail
	switch next.Text {
	case "efile":
		return
	case "inet":
		verdict = Unknown
	}
	found(verdict, a.from, argValue, Params{"flag": a.Text, "value": next.Text})
}

// callFlag judges a call of a function when the VM starts.
func (s *Survey) callFlag(vm *vmStart, a vmArg, words []vmArg, found foundArg) {
	if len(words) == 0 || slices.ContainsFunc(words, func(w vmArg) bool { return w.Unknown }) {
		return
	}
	module, function := words[0].Text, "start"
	if len(words) > 1 {
		function = words[1].Text
	}
	call := module + ":" + function
	switch {
	case ending(call):
		found(Fail, a.from, argEnds, Params{"flag": a.Text, "value": module + " " + function})
	case !s.loads(vm, module):
		found(Fail, a.from, argModule, Params{"flag": a.Text, "module": module})
	case !s.exported(module, function, min(max(len(words)-2, 0), 1)):
		found(Fail, a.from, argFunction, Params{"flag": a.Text, "function": call})
	}
}

// ending says whether a function is one over which the VM ends, or the process that boots
// it.
func ending(call string) bool {
	return slices.Contains([]string{"init:stop", "init:reboot", "init:restart", "erlang:halt", "erlang:exit", "erlang:error", "erlang:throw"}, call)
}

// exported says whether a module has a function for others, if that can be told.
func (s *Survey) exported(module, function string, arity int) bool {
	return s.hasExport(module, func(f beam.Func) bool { return f.Name == function && f.Arity == arity })
}

// hasExport says whether a module exports such a function, if that can be told.
func (s *Survey) hasExport(module string, such func(beam.Func) bool) bool {
	for _, f := range s.modules() {
		if path.Base(f.Path) != module+".beam" {
			continue
		}
		m, err := s.module(f)
		if err != nil {
			return true // see beam
		}
		list, err := m.Exports()
		return err != nil || len(list) == 0 || slices.ContainsFunc(list, such)
	}
	return true
}

// firstFlavors is the Erlang/OTP that came to have a JIT beside its interpreter.
const firstFlavors = 24

// emulatorProgram judges the choice of another program for the VM.
func (s *Survey) emulatorProgram(vm *vmStart, a, next vmArg, found foundArg) {
	name := "beam." + next.Text + ".smp"
	switch otp := s.otp(); {
	case next.Text == "opt" || next.Text == "smp" || a.Text == "-emu_flavor" && otp < firstFlavors:
		return // what beam.smp is
	case next.Text == "jit":
		found(Unknown, a.from, argEmulator, Params{"flag": a.Text, "value": next.Text, "file": name})
		return
	}
	if at := path.Join(vm.bin, name); !s.isFile(at) {
		found(Fail, a.from, argEmulator, Params{"flag": a.Text, "value": next.Text, "file": name})
	}
}

// applicationFlag judges settings of an application, in pairs of terms.
func (s *Survey) applicationFlag(a vmArg, words []vmArg, found foundArg) {
	app := strings.TrimPrefix(a.Text, "-")
	if _, ok := s.applications()[app]; !ok {
		return
	}
	for i := 0; i+1 < len(words); i += 2 {
		for _, w := range words[i : i+2] {
			if _, err := beam.ConsultOne([]byte(w.Text + " .")); err != nil && !w.Unknown {
				found(Fail, a.from, argTerm, Params{"flag": a.Text, "value": w.Text})
				return
			}
		}
		if app == "kernel" && words[i].Text == "logger_level" && !words[i+1].Unknown && !slices.Contains(logLevels(), words[i+1].Text) {
			found(Fail, a.from, argValue, Params{"flag": "-kernel logger_level", "value": words[i+1].Text})
		}
	}
}

func logLevels() []string {
	return strings.Fields("all none emergency alert critical error warning notice info debug")
}
