package check

import (
	"fmt"
	"slices"

	"dram/internal/beam"
)

// What kernel makes of its own settings when it starts. Those of other applications are
// theirs to judge.

var (
	kernelSetting = badConfig.with(Cause{
		ID: "kernel-setting", Summary: "kernel's #{setting} is what kernel refuses: #{wrong}", Symptom: `"could not start kernel pid" or "bad_config", and the release does not start`,
		Remedy: "give #{setting} another value", Needs: "a #{setting} that kernel takes",
	})
	kernelNodes = badConfig.with(Cause{
		ID: "nodes", Summary: "kernel's sync_nodes_mandatory has it wait for other nodes, and whether these run is not known",
		Symptom: `"mandatory_nodes_down", and the release does not start, where they do not`, Remedy: "start those nodes first, or at the same time", Needs: "the other nodes",
	})
	kernelSpread = kernelNodes.with(Cause{
		ID: "spread", Summary: "kernel's distributed has applications run on some nodes alone, and whether this is one of them is not known", Symptom: "the VM runs, and those applications do not, where it is not",
	})
	kernelHandler = badConfig.with(Cause{
		ID: "log-handler", Summary: "kernel's logger has a handler #{module}, a module that is not there, or has no log/2", Symptom: `"Invalid logger handler config", and the release does not start`,
		Remedy: "add the application of #{module} to the release, or take the handler out", Needs: "the module #{module}",
	})
)

// kernelValue is one setting of kernel's, with where it stands.
type kernelValue struct {
	term beam.Term
	from string
}

// kernelSettings are those of sys.config, and of the arguments, which count more.
func (s *Survey) kernelSettings() map[string]kernelValue {
	out := map[string]kernelValue{}
	settings, _ := beam.Property(s.sysConfig().term, "kernel")
	list, _ := settings.(beam.List)
	for _, pair := range list {
		if kv, ok := pair.(beam.Tuple); ok && len(kv) == 2 {
			key, _ := kv[0].(beam.Atom)
			out[string(key)] = kernelValue{kv[1], s.sysConfigAt()}
		}
	}
	if vm := s.starting().vm; vm != nil {
		vm.kernelSettings(out)
	}
	return out
}

// kernelSettings takes in those of "-kernel KEY VALUE".
func (v *vmStart) kernelSettings(out map[string]kernelValue) {
	for i, a := range v.args {
		if a.Unknown || a.Text != "-kernel" {
			continue
		}
		words := wordsOf(v.args[i+1:])
		for j := 0; j+1 < len(words); j += 2 {
			if term, err := beam.ConsultOne([]byte(words[j+1].Text + " .")); err == nil && !words[j+1].Unknown {
				out[words[j].Text] = kernelValue{term, a.from}
			}
		}
	}
}

// kernelFindings is what of these kernel refuses.
func (s *Survey) kernelFindings() (out []Finding) {
	settings := s.kernelSettings()
	refuse := func(name, wrong string) {
		out = append(out, Finding{
			Verdict: Fail, Subject: s.subjectAt(settings[name].from), Cause: kernelSetting, Params: Params{"setting": name}, Facts: Params{"wrong": wrong},
		})
	}
	if level, ok := settings["logger_level"]; ok && level.from == s.sysConfigAt() { // of arguments, see vm-args
		if a, isAtom := level.term.(beam.Atom); !isAtom || !slices.Contains(logLevels(), string(a)) {
			refuse("logger_level", "it is no level")
		}
	}
	if log, ok := settings["error_logger"]; ok && !errorLog(log.term) {
		refuse("error_logger", "it is none of tty, false, silent and {file,Name}")
	}
	if logger, ok := settings["logger"]; ok {
		list, _ := logger.term.(beam.List)
		if !aList(logger.term) {
			refuse("logger", "it is no list")
		}
		for _, entry := range list {
			out = append(out, s.logEntry(entry, logger.from, refuse)...)
		}
	}
	for _, name := range []string{"distributed", "global_groups", "boot_server_slaves"} {
		if v, ok := settings[name]; ok && !aList(v.term) {
			refuse(name, "it is no list")
		}
	}
	if held, ok := settings["permissions"]; ok {
		list, _ := held.term.(beam.List)
		for _, entry := range list {
			if app, isPair := entry.(beam.Tuple); isPair && len(app) == 2 && app[1] == beam.Atom("false") {
				refuse("permissions", fmt.Sprintf("%v is not permitted to run, and does not start", app[0]))
			}
		}
	}
	out = append(out, s.otherNodes(settings)...)
	s.listening(settings, refuse, func(f Finding) { out = append(out, f) })
	return out
}

// aList says whether a term is a list; an empty one is an empty text, too.
func aList(t beam.Term) bool {
	text, isText := t.(beam.String)
	_, isList := t.(beam.List)
	return isList || isText && text == ""
}

// errorLog says whether kernel knows a value of error_logger.
func errorLog(t beam.Term) bool {
	if a, ok := t.(beam.Atom); ok {
		return slices.Contains([]beam.Atom{"tty", "false", "silent", "true"}, a)
	}
	_, ok := beam.AsTuple(t, "file", 2)
	return ok
}

// wrongEntry is what logger refuses of an entry's parts, "" if nothing is known.
func wrongEntry(kind beam.Atom, t beam.Tuple) string {
	level := func(t beam.Term) bool {
		a, ok := t.(beam.Atom)
		return t == nil || ok && slices.Contains(logLevels(), string(a))
	}
	switch {
	case kind == "module_level" && len(t) == 3 && !level(t[1]):
		return "a module's level is none"
	case kind == "filters" && len(t) == 3:
		list, _ := t[2].(beam.List)
		if slices.ContainsFunc(list, func(f beam.Term) bool { pair, ok := f.(beam.Tuple); return !ok || len(pair) != 2 }) {
			return "it has a filter that is none"
		}
	case kind == "handler" && len(t) == 4:
		set, isMap := t[3].(beam.Map)
		formatter, isPair := set.Get("formatter").(beam.Tuple)
		switch {
		case !isMap:
		case !level(set.Get("level")):
			return "a handler's level is none"
		case set.Get("formatter") != nil && (!isPair || len(formatter) != 2):
			return "a handler's formatter is none"
		}
	}
	return ""
}

// logEntry judges one of the logger's.
func (s *Survey) logEntry(entry beam.Term, from string, refuse func(name, wrong string)) []Finding {
	t, _ := entry.(beam.Tuple)
	kind := beam.Atom("")
	if len(t) > 0 {
		kind, _ = t[0].(beam.Atom)
	}
	if wrong := wrongEntry(kind, t); wrong != "" {
		refuse("logger", wrong)
		return nil
	}
	switch {
	case kind == "handler" && len(t) == 4:
		module, ok := t[2].(beam.Atom)
		if vm := s.starting().vm; ok && vm != nil && (!s.loads(vm, string(module)) || !s.exported(string(module), "log", 2)) {
			return []Finding{{Verdict: Fail, Subject: s.subjectAt(from), Cause: kernelHandler, Params: Params{"module": string(module)}}}
		}
	case kind == "handler" && len(t) == 3, kind == "filters" && len(t) == 3, kind == "module_level" && len(t) == 3, kind == "proxy" && len(t) == 2:
	default:
		refuse("logger", "it has an entry that is none")
	}
	return nil
}

// otherNodes is what a start waits for.
func (s *Survey) otherNodes(settings map[string]kernelValue) []Finding {
	if spread, ok := settings["distributed"]; ok {
		if list, isList := spread.term.(beam.List); isList && len(list) > 0 {
			return []Finding{{Verdict: Unknown, Subject: s.subjectAt(spread.from), Cause: kernelSpread}}
		}
	}
	nodes, ok := settings["sync_nodes_mandatory"]
	_, waits := settings["sync_nodes_timeout"]
	list, _ := nodes.term.(beam.List)
	if !ok || !waits || len(list) == 0 {
		return nil
	}
	return []Finding{{Verdict: Unknown, Subject: s.subjectAt(nodes.from), Cause: kernelNodes}}
}

// listening judges where a node listens.
func (s *Survey) listening(settings map[string]kernelValue, refuse func(name, wrong string), found func(Finding)) {
	vm := s.starting().vm
	if vm == nil || !vm.has("-sname") && !vm.has("-name") {
		return
	}
	least, lok := settings["inet_dist_listen_min"].term.(beam.Int)
	most, mok := settings["inet_dist_listen_max"].term.(beam.Int)
	if from := settings["inet_dist_listen_min"].from; lok && mok && least > most {
		found(Finding{
			Verdict: Fail, Subject: s.subjectAt(from), Cause: argPorts, Params: Params{"least": fmt.Sprint(int64(least)), "most": fmt.Sprint(int64(most))}, Facts: Params{"where": from},
		})
	}
	if lok && (least < 0 || least > mostPort) {
		refuse("inet_dist_listen_min", "it is no port")
	}
	if at, ok := settings["inet_dist_use_interface"]; ok {
		ip, isIP := at.term.(beam.Tuple)
		if !isIP || len(ip) != 4 && len(ip) != 8 {
			refuse("inet_dist_use_interface", "it is no address")
		}
		if address, plain := dotted(ip); isIP && plain && address != "0.0.0.0" && ip[0] != beam.Int(127) {
			found(Finding{Verdict: Unknown, Subject: s.subjectAt(at.from), Cause: argInterface, Params: Params{"address": address}, Facts: Params{"where": at.from}})
		}
	}
}

const mostPort = 65_535

// dotted is an address of four numbers.
func dotted(t beam.Tuple) (text string, ok bool) {
	if len(t) != 4 {
		return "", false
	}
	for i, part := range t {
		n, isInt := part.(beam.Int)
		if !isInt || n < 0 || n > 255 {
			return "", false
		}
		if i > 0 {
			text += "."
		}
		text += fmt.Sprint(int64(n))
	}
	return text, true
}
