package check

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"dram/internal/beam"
)

// What arguments of the VM come to together.

var (
	argPolls = argUnknown.with(Cause{
		ID: "polls", Summary: "it gives the VM +IOp #{sets}, which is more than +IOt #{threads}", Symptom: `"Number of poll-threads has to be greater or equal to number of poll-sets", and the release does not start`,
		Remedy: "give +IOt as much, or +IOp less, in #{where}",
	})
	argPorts = argUnknown.with(Cause{
		ID: "ports", Summary: "kernel's inet_dist_listen_min #{least} is more than inet_dist_listen_max #{most}", Symptom: `"register/listen error", and the release does not start`,
		Remedy: "turn them around in #{where}", Needs: "ports in order",
	})
	argInterface = argUnknown.with(Cause{
		ID: "interface", Summary: "kernel's inet_dist_use_interface is #{address}, and whether the machine has that is not known",
		Symptom: `"register/listen error: eaddrnotavail", where it has not`, Remedy: "see that the machine has that address", Needs: "a machine with #{address}",
	})
	argEpmd = argUnknown.with(Cause{
		ID: "epmd", Summary: "it gives the VM -start_epmd false, and whether an epmd runs on the machine is not known", Symptom: `"register/listen error: econnrefused", where none does`,
		Remedy: "start epmd before the release, or give -erl_epmd_port in #{where}", Needs: "an epmd on the machine",
	})
	argNoEpmd = argUnknown.with(Cause{
		ID: "no-epmd", Summary: "it gives the VM -no_epmd without -proto_dist", Symptom: `"erlexec: Missing -proto_dist option, expected when using -no_epmd."`,
		Remedy: "give -proto_dist in #{where}",
	})
	argEnvironment = argUnknown.with(Cause{
		ID: "environment", Summary: "it gives the VM the variable #{variable} with #{value}", Symptom: "the release does not start", Remedy: "take #{variable} out of #{where}", Needs: "another #{variable}",
	})
	argPlain = argUnknown.with(Cause{
		ID: "plain", Summary: "it gives the VM the word #{value}, which belongs to no flag: Elixir takes it for a file to be run", Symptom: `"No file named #{value}", and the release does not start`,
		Remedy: "take #{value} out of #{where}, or put the flag before it", Needs: "arguments that belong to flags",
	})
	argBytes = argUnknown.with(Cause{
		ID: "bytes", Summary: "it gives the VM an argument that is not UTF-8", Symptom: "what the VM makes of it, which is no text where files are named in UTF-8",
		Remedy: "save #{where} as UTF-8", Needs: "arguments in UTF-8",
	})
	argLong = argUnknown.with(Cause{
		ID: "long", Summary: "what it gives #{flag} has #{size} characters, more than the 255 that an atom may have", Symptom: `"a system limit has been reached", and the release does not start`,
		Remedy: "shorten it", Needs: "a shorter #{flag}",
	})
)

// pollSets: erl_check_io.c has no more sets than threads, which are one unless it is told
// otherwise.
func pollSets(vm *vmStart, found foundArg) {
	number := func(flag, usual string) (text string, a vmArg, ok bool) {
		text, ok = usual, true
		for i, arg := range vm.args {
			rest, is := strings.CutPrefix(arg.Text, flag)
			if !is || arg.Unknown {
				continue
			}
			if rest == "" && i+1 < len(vm.args) {
				rest = vm.args[i+1].Text
				ok = ok && !vm.args[i+1].Unknown
			}
			text, a = rest, arg
		}
		return text, a, ok
	}
	sets, at, known := number("+IOp", "1")
	threads, _, known2 := number("+IOt", "1")
	n, err := strconv.Atoi(sets)
	m, err2 := strconv.Atoi(threads)
	percent := slices.ContainsFunc(vm.args, func(a vmArg) bool { return strings.HasPrefix(a.Text, "+IOPt") })
	if known && known2 && err == nil && err2 == nil && n > m && !percent {
		found(Fail, at.from, argPolls, Params{"sets": sets, "threads": threads})
	}
}

// epmdFlags judges how a node comes to an epmd.
func (s *Survey) epmdFlags(vm *vmStart, found foundArg) {
	if !vm.has("-sname") && !vm.has("-name") {
		return
	}
	module, own := vm.value("-epmd_module")
	start, said := vm.value("-start_epmd")
	listens, quiet := vm.value("-dist_listen")
	port, _ := vm.value("-erl_epmd_port")
	_, err := strconv.Atoi(port.Text)
	switch {
	case vm.has("-no_epmd") && !vm.has("-proto_dist"):
		found(Fail, vm.at("-no_epmd").from, argNoEpmd, nil)
	case own && module.Text != "erl_epmd":
		s.epmdModule(vm, module, found)
	case !said || start.Text != "false" || port.Unknown || err == nil, quiet && listens.Text == "false", vm.has("-proto_dist"):
	default:
		found(Unknown, start.from, argEpmd, nil)
	}
}

// epmdModule judges what takes the place of erl_epmd.
func (s *Survey) epmdModule(vm *vmStart, module vmArg, found foundArg) {
	switch params := (Params{"flag": "-epmd_module"}); {
	case module.Unknown:
	case !s.loads(vm, module.Text):
		params["module"] = module.Text
		found(Fail, module.from, argModule, params)
	case !s.exported(module.Text, "start_link", 0):
		params["function"] = module.Text + ":start_link"
		found(Fail, module.from, argFunction, params)
	}
}

// at is where a flag stands.
func (v *vmStart) at(flag string) vmArg {
	i := slices.IndexFunc(v.args, func(a vmArg) bool { return a.Text == flag })
	return v.args[max(i, 0)]
}

// tooLong: names of nodes and cookies become atoms.
func tooLong(a, value vmArg, found foundArg) {
	if n := len([]rune(value.Text)); n > beam.LongestAtom {
		found(Fail, a.from, argLong, Params{"flag": a.Text, "size": strconv.Itoa(n)})
	}
}

// environFlags judges variables that the VM, epmd or the loader read.
func (s *Survey) environFlags(vm *vmStart, found foundArg) {
	refuse := func(v Verdict, name string) {
		found(v, s.saying(name, s.starting().Scripts), argEnvironment, Params{"variable": name, "value": vm.Env[name].Text})
	}
	for _, name := range []string{"LD_TRACE_LOADED_OBJECTS", "LD_SHOW_AUXV"} { // programs print, and the first of them ends
		if vm.Env[name].Text != "" {
			refuse(Fail, name)
		}
	}
	if s.distributed(vm) {
		port := vm.Env["ERL_EPMD_PORT"]
		if n, err := strconv.Atoi(port.Text); port.Text != "" && (err != nil || n < 1 || n > mostPort) {
			refuse(Fail, "ERL_EPMD_PORT")
		}
		for text := range strings.SplitSeq(vm.Env["ERL_EPMD_ADDRESS"].Text, ",") {
			address, err := netip.ParseAddr(text)
			switch {
			case text == "":
			case err != nil:
				refuse(Fail, "ERL_EPMD_ADDRESS")
			case !address.IsLoopback() && !address.IsUnspecified():
				refuse(Unknown, "ERL_EPMD_ADDRESS")
			}
		}
	}
	if i := slices.IndexFunc(vm.args, func(a vmArg) bool { return !a.Unknown && !utf8.ValidString(a.Text) }); i >= 0 {
		found(Unknown, vm.args[i].from, argBytes, nil)
	}
	s.plainWords(vm, found)
}

// plainWords: erlexec parts what comes from variables by "--", behind which a word is no
// flag's; Elixir runs such words as files.
func (s *Survey) plainWords(vm *vmStart, found foundArg) {
	if at, ok := vm.first("-s"); !ok || at.Text != "elixir" {
		return
	}
	for i := 1; i < len(vm.args); i++ {
		a := vm.args[i]
		if vm.args[i-1].Text == "--" && !a.Unknown && a.Text != "" && !strings.HasPrefix(a.Text, "-") && !strings.HasPrefix(a.Text, "+") {
			found(Fail, a.from, argPlain, Params{"value": a.Text})
		}
	}
}
