package check

import (
	"errors"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"dram/internal/beam"
	"dram/internal/project"
	"dram/internal/project/elixir"
)

// What a runtime.exs comes to is not followed. What of it can be told by its text is: what
// is no Elixir, and which modules it calls that are not there. All but the first may stand
// where a start does not come. Of variables that it insists on, rule environment tells.

var (
	runtimeGrammar = badRuntime.with(Cause{
		ID: "grammar", Summary: "line #{line} is no Elixir: #{why}", Symptom: "ERROR! Config provider Config.Reader failed: SyntaxError or TokenMissingError",
		Remedy: "mend line #{line} of #{base}", Needs: "line #{line} of #{base}",
	})
	runtimeModule = badRuntime.with(Cause{
		ID: "no-called-module", Summary: "it uses the module #{module}, which is not in the release", Symptom: "ERROR! Config provider Config.Reader failed: UndefinedFunctionError",
		Remedy: "add what has #{module} to the release's applications, or do without it", Needs: "#{module}",
	})
	runtimeFunction = runtimeModule.with(Cause{
		ID: "no-called-function", Summary: "it calls #{function}, which #{module} does not have", Remedy: "call what #{module} has", Needs: "#{function}",
	})
	runtimeRaises = badRuntime.with(Cause{
		ID: "raises", Summary: "line #{line} raises, whatever is configured", Symptom: "ERROR! Config provider Config.Reader failed", Remedy: "mend line #{line} of #{base}", Needs: "line #{line} of #{base}",
	})
	runtimeImport = badRuntime.with(Cause{
		ID: "no-import", Summary: "it calls config, and does not import it", Symptom: "undefined function config/2 (there is no such import)",
		Remedy: "begin it with import Config", Needs: "import Config in #{base}",
	})
	noProvider = badRuntime.with(Cause{
		ID: "no-provider", Summary: "it has #{module} provide settings at the start, which is not in the release", Symptom: "{undef,[{'Elixir.#{module}',load,…}]}, and the release does not start",
		Remedy: "add what has #{module} to the release's applications", Needs: "#{module}",
	})
	runtimeFile = badRuntime.with(Cause{
		ID: "no-read-file", Summary: "it reads #{read}, which is not there", Symptom: "ERROR! Config provider Config.Reader failed: File.Error",
		Remedy: "see that #{read} is there", Needs: "#{read}",
	})
)

var (
	textBlock  = regexp.MustCompile(`(?s)""".*?"""|'''.*?'''`)
	codeLine   = regexp.MustCompile(`(?m)(^|[ \t])#[^{"\n][^\n]*$|^[ \t]*#[^\n]*$`)
	plainText  = regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"`)
	otherEnv   = regexp.MustCompile(`(?ms)^([ \t]*)if config_env\(\) (?:==|in) (?::dev|:test|\[:dev, :test\]|\[:test, :dev\]) do$.*?^([ \t]*)(?:end|else)$`)
	calledName = regexp.MustCompile(`(?:^|[^\w.:@"])((?:[A-Z]\w*\.)*[A-Z]\w*)\.([a-z_]\w*[!?]?)\(`)
	calledAtom = regexp.MustCompile(`(?:^|[^\w:])(:[a-z]\w*)\.([a-z]\w*)\(`)
	usedName   = regexp.MustCompile(`(?m)^[ \t]*(?:import|require|use)\s+((?:[A-Z]\w*\.)*[A-Z]\w*)`)
	aliased    = regexp.MustCompile(`(?m)^[ \t]*alias\s+((?:[A-Z]\w*\.)*)([A-Z]\w*)(?:,\s*as:\s*([A-Z]\w*))?[ \t]*$`)
	ownModule  = regexp.MustCompile(`(?m)^[ \t]*defmodule\s+((?:[A-Z]\w*\.)*[A-Z]\w*)`)
	callsIt    = regexp.MustCompile(`(?m)^[ \t]*config[ (]+:`)
	importsIt  = regexp.MustCompile(`(?m)^[ \t]*(?:import|use)\s+(?:Mix\.)?Config\b`)
	asNumber   = regexp.MustCompile(`String\.to_(?:integer|float|atom|existing_atom)\(\s*System\.get_env\(\s*"([A-Za-z_]\w*)"\s*\)\s*\)`)
	imports    = regexp.MustCompile(`(?m)^[ \t]*import_config[ (]+"([^"#]+)"`)
	raises     = regexp.MustCompile(`(?m)^raise[ (]`)
	readsFile  = regexp.MustCompile(`File\.(?:read!|open!|stream!)\(\s*"(/[^"#\n]+)"`)
)

// runtimeCode judges the code of what Config.Reader evaluates.
func (s *Survey) runtimeCode(at, text string) (out []Finding) {
	warn := func(cause *Cause, params, facts Params) {
		out = append(out, Finding{Verdict: Warn, Subject: s.subjectAt(at), Cause: cause, Params: params, Facts: facts})
	}
	var wrong *elixir.Error
	if _, err := elixir.ReadScript(path.Base(at), text); errors.As(err, &wrong) {
		warn(runtimeGrammar, Params{"why": wrong.Reason}, Params{"line": strconv.Itoa(wrong.Line)})
		return out
	}
	code := codeOf(text)
	if last := strings.TrimSpace(code); strings.HasSuffix(last, ",") || strings.HasSuffix(last, "|>") {
		warn(runtimeGrammar, Params{"why": "it ends where more has to follow"}, Params{"line": strconv.Itoa(strings.Count(strings.TrimSpace(text), "\n") + 1)})
	}
	calls := plainText.ReplaceAllString(code, `""`)
	for _, name := range s.missingModules(calls) {
		warn(runtimeModule, Params{"module": name}, nil)
	}
	for _, m := range calledName.FindAllStringSubmatch(calls, -1) {
		if !s.hasFunction("Elixir."+m[1], m[2]) {
			warn(runtimeFunction, Params{"module": m[1], "function": m[1] + "." + m[2]}, nil)
		}
	}
	for _, m := range imports.FindAllStringSubmatch(code, -1) {
		if name := path.Join(path.Dir(at), m[1]); s.files[name] == nil {
			warn(runtimeFile, Params{"read": name}, nil)
		}
	}
	if i := raises.FindStringIndex(code); i != nil {
		warn(runtimeRaises, nil, Params{"line": strconv.Itoa(strings.Count(text[:strings.Index(text, code[i[0]:i[1]])], "\n") + 1)})
	}
	for _, m := range readsFile.FindAllStringSubmatch(code, -1) {
		if s.gone(m[1]) == Fail {
			warn(runtimeFile, Params{"read": m[1]}, nil)
		}
	}
	if callsIt.MatchString(code) && !importsIt.MatchString(code) {
		warn(runtimeImport, nil, nil)
		out[len(out)-1].Verdict = Fail
	}
	return out
}

// codeOf is text without longer strings, comments, and what other environments have.
func codeOf(text string) string {
	return otherEnv.ReplaceAllString(codeLine.ReplaceAllString(textBlock.ReplaceAllString(text, `""`), ""), "")
}

// unset are the variables that code insists on, and that nothing sets which is known.
func (s *Survey) unset(code string) (out []string) {
	_, required := project.ReadsAtStart(code)
	for _, m := range asNumber.FindAllStringSubmatch(code, -1) {
		required = append(required, m[1])
	}
	vm := s.starting().vm
	for _, name := range required {
		if name == "HOME" || name == "PATH" || slices.Contains(out, name) {
			continue
		}
		if vm != nil {
			if _, set := vm.Env[name]; set {
				continue
			}
		}
		out = append(out, name)
	}
	return out
}

// missingModules are those that code calls, and that the release has not.
func (s *Survey) missingModules(code string) (out []string) {
	names := map[string]string{}
	for _, m := range aliased.FindAllStringSubmatch(code, -1) {
		short := m[2]
		if m[3] != "" {
			short = m[3]
		}
		names[short] = m[1] + m[2]
	}
	var own []string
	for _, m := range ownModule.FindAllStringSubmatch(code, -1) {
		own = append(own, m[1])
	}
	add := func(name string) {
		first, rest, _ := strings.Cut(name, ".")
		if whole, ok := names[first]; ok {
			name = strings.TrimSuffix(whole+"."+rest, ".")
		}
		if !slices.Contains(own, name) && !slices.Contains(out, name) && !s.hasModule("Elixir."+name) {
			out = append(out, name)
		}
	}
	for _, m := range usedName.FindAllStringSubmatch(code, -1) {
		add(m[1])
	}
	for _, m := range calledName.FindAllStringSubmatch(code, -1) {
		add(m[1])
	}
	for _, m := range calledAtom.FindAllStringSubmatch(code, -1) {
		if name := m[1][1:]; !slices.Contains(out, m[1]) && !s.hasModule(name) && !slices.Contains(preloaded(), name) {
			out = append(out, m[1])
		}
	}
	return out
}

// hasModule says whether some application of the release has a module.
func (s *Survey) hasModule(name string) bool {
	if s.moduleNames == nil {
		s.moduleNames = map[string]bool{}
		for _, f := range s.modules() {
			s.moduleNames[strings.TrimSuffix(path.Base(f.Path), ".beam")] = true
		}
	}
	base := "lists"
	if strings.HasPrefix(name, "Elixir.") {
		base = "Elixir.Kernel"
	}
	return s.moduleNames[name] || !s.moduleNames[base] // which the target may have
}

// hasFunction says whether a module of the release has a function, or a macro, of a name; of
// one that it has not nothing is known.
func (s *Survey) hasFunction(module, name string) bool {
	return s.hasExport(module, func(f beam.Func) bool { return f.Name == name || f.Name == "MACRO-"+name })
}

// providers are those of sys.config that the release has not.
func (s *Survey) providers() (out []Finding) {
	for _, name := range providersIn(s.sysConfig().term, 0) {
		if !s.hasModule(name) {
			out = append(out, Finding{
				Verdict: Fail, Subject: s.subjectAt(s.sysConfigAt()), Cause: noProvider, Params: Params{"module": strings.TrimPrefix(name, "Elixir.")},
			})
		}
	}
	return out
}

// providersIn are the modules that provide settings, by the structure in which Elixir has
// them.
func providersIn(t beam.Term, depth int) (out []string) {
	if depth > maxConfigDepth {
		return nil
	}
	settings, isMap := t.(beam.Map)
	for i, part := range valuesIn(t) {
		list, isList := part.(beam.List)
		if !isMap || !isList || settings[i].Key != beam.Atom("providers") {
			out = append(out, providersIn(part, depth+1)...)
			continue
		}
		for _, one := range list {
			if pair, ok := one.(beam.Tuple); ok && len(pair) == 2 {
				if module, isAtom := pair[0].(beam.Atom); isAtom {
					out = append(out, string(module))
				}
			}
		}
	}
	return out
}
