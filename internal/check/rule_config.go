package check

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"dram/internal/beam"
	"dram/internal/rootfs"
)

var configRule = Rule{
	ID: "config", Title: "the files that a start reads are there and sound", Worst: Fail, Run: config,
	Doc: Doc{
		Looks: "The files that the start script of a Mix release reads (elixir, vm.args, sys.config, env.sh in releases/VSN), and config/runtime.exs where sys.config has the release read one: " +
			"what its text tells of its grammar, of modules that it calls and of files that it reads.",
		Seen: `{"could not start kernel pid",application_controller,"error in config file \"/app/releases/0.1.0/sys.config\" (1): syntax error"}`,
		Do:   "Assemble the release anew.",
	},
}

var (
	noFile = Cause{
		ID: "no-file", Summary: "it is not there, and a start reads it", Symptom: `"#{base}: not found", and the release does not start`,
		Remedy: "assemble the release anew", Needs: "#{base}",
	}
	noElixir   = noFile.with(Cause{Symptom: `"#{file}: not found", and the release does not start`})
	noVMArgs   = noFile.with(Cause{Symptom: "the VM prints how it is to be called, and ends"})
	noConfig   = noFile.with(Cause{Symptom: `"error in config file … configuration file not found"`})
	badConfig  = noFile.with(Cause{ID: "unsound", Summary: "it is no sound configuration", Symptom: `"error in config file", and the release does not start`})
	noIncluded = noFile.with(Cause{
		ID: "no-included-file", Summary: "it includes #{read}, which is not there", Symptom: `"error in config file … configuration file not found"`,
	})
	unread = noFile.with(Cause{
		ID: "unread", Summary: "it is larger than 1 MiB, and is not read", Symptom: "what the VM says of it, if it is no sound configuration",
		Remedy: "start it once on the target", Needs: "a #{base} that can be read",
	})
	unreadText = unread.with(Cause{ID: "later-text", Summary: "it has texts as Erlang/OTP 27 came to write them (~ or three quotes), and is not read", Needs: "a #{base} without such texts"})
	badRuntime = noFile.with(Cause{
		ID: "unsound-text", Summary: "the release reads it at its start, and it is no text for Elixir", Symptom: "the release ends while it boots: UnicodeConversionError or SyntaxError",
		Remedy: "save it as UTF-8 without a byte order mark", Needs: "a #{base} that is UTF-8",
	})
	configEnding = noFile.with(Cause{
		ID: "ending", Summary: "RELEASE_SYS_CONFIG is #{name}, and the release reads #{name}.config", Symptom: `"Could not read runtime configuration due to reason: :enoent"`,
		Remedy: "leave .config out of RELEASE_SYS_CONFIG", Needs: "RELEASE_SYS_CONFIG without .config",
	})
	noProvided = noFile.with(Cause{
		ID: "no-provided-file", Summary: "it has the release read #{read} at its start, which is not there",
		Symptom: "the release ends while it boots: Config.Reader finds no file",
	})
)

// config: the files that the tool's own start script reads, each of which stops
// the start (of Mix: measured with OTP 27). Some tools' scripts make theirs when
// they run.
func config(s *Survey) (out []Finding) {
	if !s.known() {
		return nil
	}
	dir := path.Join("releases", s.rel.Version)
	fault := func(name string, cause *Cause, params Params, detail string) {
		out = append(out, Finding{
			Verdict: Fail, Subject: s.subjectAt(path.Join(dir, name)), Cause: cause, Params: params, Evidence: Evidence{Detail: detail},
		})
	}
	causes := map[string]*Cause{"elixir": noElixir, "vm.args": noVMArgs, "sys.config": noConfig}
	for _, name := range s.boot.Reads {
		at := path.Join(dir, name)
		byShell := path.Ext(name) == "" || path.Ext(name) == ".sh" // of a folder there, see start
		info, err := s.root.Stat(s.real(s.on(at)))
		if s.files[at] == nil || !byShell && err == nil && info.IsDir() {
			fault(name, cmp.Or(causes[name], &noFile), nil, "")
		}
	}
	for _, name := range s.configs() {
		out = append(out, s.configFindings(name, true)...)
	}
	return slices.Concat(out, s.kernelFindings(), s.runtimeTexts(), s.providers(), s.otherConfig())
}

// laterText is how Erlang/OTP writes texts since sinceSigils: """x""" and ~"x".
var laterText = regexp.MustCompile(`"""|~[A-Za-z]*["'({\[<|/]`)

const sinceSigils = 27

// latin1 is how a file says in its first lines that it is no UTF-8.
var latin1 = regexp.MustCompile(`(?i)^([^\n]*\n)?[^\n]*%[^\n]*coding[:= \t]+latin-1`)

// configs are the configurations in the release that the VM is given.
func (s *Survey) configs() []string {
	out := []string{s.sysConfigAt()}
	vm := s.starting().vm
	if vm == nil {
		return out
	}
	for i, a := range vm.args[:max(len(vm.args)-1, 0)] {
		if a.Text != "-config" || vm.args[i+1].Unknown {
			continue
		}
		if name := s.relative(strings.TrimSuffix(vm.args[i+1].Text, ".config") + ".config"); s.files[name] != nil && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// byteOrderMark is what some editors begin UTF-8 with.
var byteOrderMark = []byte("\xef\xbb\xbf")

// consulted is a configuration of the release, which several rules look at.
type consulted struct {
	raw    []byte
	unread bool      // it is not there, or cannot be read, or is too large
	term   beam.Term // nil where it is no sound one
	err    error     // why not
}

// consult reads a configuration of the release, once.
func (s *Survey) consult(name string) consulted {
	c, ok := s.consultations[name]
	if ok {
		return c
	}
	raw, err := rootfs.ReadFile(s.rel.FS, name, maxScript)
	c = consulted{raw: raw, unread: err != nil}
	if term, wrong := beam.ConsultOne(raw); wrong == nil {
		c.term = term
	} else {
		c.err = wrong
	}
	if s.consultations == nil {
		s.consultations = map[string]consulted{}
	}
	s.consultations[name] = c
	return c
}

// sysConfigAt is where the VM's configuration lies.
func (s *Survey) sysConfigAt() string { return path.Join("releases", s.rel.Version, "sys.config") }

// sysConfig is the VM's configuration.
func (s *Survey) sysConfig() consulted { return s.consult(s.sysConfigAt()) }

// configFindings is what is wrong with a configuration and those that it
// includes, as kernel's application_controller reads them: what is included may not
// include. first is that the VM is given it.
func (s *Survey) configFindings(name string, first bool) (out []Finding) {
	f := s.files[name]
	if f == nil {
		return nil
	}
	if f.Size > maxScript {
		return []Finding{{Verdict: Unknown, Subject: s.subjectAt(name), Cause: unread}}
	}
	fault := func(cause *Cause, params Params, detail string) {
		out = append(out, Finding{Verdict: Fail, Subject: s.subjectAt(name), Cause: cause, Params: params, Evidence: Evidence{Detail: detail}})
	}
	c := s.consult(name)
	if c.unread {
		return nil // see access
	}
	raw, term, err := c.raw, c.term, c.err
	switch {
	case bytes.HasPrefix(raw, byteOrderMark):
		fault(badConfig, nil, "it begins with a byte order mark")
		return out
	case err != nil && s.otp() >= sinceSigils && laterText.Match(raw):
		return []Finding{{Verdict: Unknown, Subject: s.subjectAt(name), Cause: unreadText}}
	case err != nil:
		fault(badConfig, nil, err.Error())
		return out
	case !utf8.Valid(raw) && !latin1.Match(raw):
		fault(badConfig, nil, "it is not UTF-8")
		return out
	}
	for _, at := range readerFiles(term, 0) {
		if f := s.files[at]; f == nil || f.Mode.IsDir() {
			fault(noProvided, Params{"read": at}, "")
		}
	}
	included, wrong := configParts(term)
	if !first && len(included) > 0 {
		included, wrong = nil, cmp.Or(wrong, "another configuration includes it, and it includes one itself")
	}
	if wrong != "" {
		fault(badConfig, nil, wrong)
	}
	for _, at := range included {
		file, v := s.included(name, at)
		if v != OK {
			fault(noIncluded, Params{"read": at}, "")
			out[len(out)-1].Verdict = v
			continue
		}
		out = append(out, s.configFindings(file, false)...)
	}
	return out
}

// otherConfig: where env.sh names another configuration, the release writes and reads
// that name with ".config" behind it, whatever the VM makes of it.
func (s *Survey) otherConfig() []Finding {
	vm := s.starting().vm
	if vm == nil || vm.Env["RELEASE_SYS_CONFIG"].Unknown || !strings.HasSuffix(vm.Env["RELEASE_SYS_CONFIG"].Text, ".config") {
		return nil
	}
	if len(readerFiles(s.sysConfig().term, 0)) == 0 {
		return nil
	}
	from := s.saying("RELEASE_SYS_CONFIG", s.starting().Scripts)
	return []Finding{{Verdict: Fail, Subject: s.subjectAt(from), Cause: configEnding, Params: Params{"name": vm.Env["RELEASE_SYS_CONFIG"].Text}}}
}

// runtimeTexts judges what Config.Reader reads when the release boots.
func (s *Survey) runtimeTexts() (out []Finding) {
	s.eachRuntime(func(at, text, why string) {
		if why != "" {
			out = append(out, Finding{Verdict: Fail, Subject: s.subjectAt(at), Cause: badRuntime, Evidence: Evidence{Detail: why}})
			return
		}
		out = append(out, s.runtimeCode(at, text)...)
	})
	return out
}

// eachRuntime calls do with each file that Config.Reader reads when the release boots, and
// with why it is no text for Elixir, "" of one that is.
func (s *Survey) eachRuntime(do func(at, text, why string)) {
	for _, at := range readerFiles(s.sysConfig().term, 0) {
		text, err := rootfs.ReadFile(s.rel.FS, at, maxScript)
		why := ""
		switch {
		case err != nil || s.files[at] == nil:
			continue
		case bytes.HasPrefix(text, byteOrderMark):
			why = "it begins with a byte order mark"
		case !utf8.Valid(text):
			why = "it is not UTF-8"
		case bytes.IndexByte(text, 0) >= 0:
			why = "it has a byte that is 0"
		}
		do(at, string(text), why)
	}
}

// included is the release's path of a configuration that another one includes:
// by its path, or beside it. OTP looks in the working directory too.
func (s *Survey) included(by, name string) (file string, v Verdict) {
	if path.Ext(name) == "" {
		name += ".config"
	}
	if path.IsAbs(name) {
		return s.relative(name), s.gone(name)
	}
	beside := path.Join(path.Dir(by), name)
	if s.files[beside] != nil {
		return beside, OK
	}
	for _, dir := range []string{s.at, "."} {
		if _, err := s.root.Stat(path.Join(dir, path.Clean(name))); err == nil {
			return "", Unknown
		}
	}
	return "", Fail
}

// configParts are the files that a configuration includes, and what of it is no
// configuration.
func configParts(t beam.Term) (included []string, wrong string) {
	list, ok := t.(beam.List)
	if !ok {
		if text, isText := t.(beam.String); !isText || string(text) != "" {
			return nil, "it is no list"
		}
	}
	for _, part := range list {
		app, ok := part.(beam.Tuple)
		if !ok {
			if name, isText := beam.Text(part); isText && name != "" {
				included = append(included, name)
				continue
			}
			return included, "it holds what is neither an application nor a file"
		}
		if len(app) != 2 {
			return included, "it holds a tuple that is no application with its settings"
		}
		if _, ok := app[0].(beam.Atom); !ok {
			return included, "it names an application by what is no atom"
		}
		settings, ok := app[1].(beam.List)
		if text, isText := app[1].(beam.String); !ok && (!isText || string(text) != "") {
			return included, fmt.Sprintf("the settings of %s are no list", app[0])
		}
		for _, kv := range settings {
			if pair, ok := kv.(beam.Tuple); !ok || len(pair) != 2 {
				return included, fmt.Sprintf("%s has a setting that is no pair", app[0])
			} else if _, isAtom := pair[0].(beam.Atom); !isAtom {
				return included, fmt.Sprintf("%s has a setting whose name is no atom", app[0])
			}
		}
	}
	return included, ""
}

const maxConfigDepth = 16

// readerFiles are the files of the release that Config.Reader reads when it
// boots: {'Elixir.Config.Reader', …{system, "RELEASE_ROOT", "/releases/…"}…},
// or with that tuple as {system, Var}, Path apart.
func readerFiles(t beam.Term, depth int) (out []string) {
	if depth > maxConfigDepth {
		return nil
	}
	if reader, ok := beam.AsTuple(t, "Elixir.Config.Reader", 2); ok {
		return inRoot(reader[1])
	}
	for _, p := range valuesIn(t) {
		out = append(out, readerFiles(p, depth+1)...)
	}
	return out
}

// valuesIn are what a list, a tuple or a map is made of, without a map's keys.
func valuesIn(t beam.Term) (parts []beam.Term) {
	switch t := t.(type) {
	case beam.List:
		return t
	case beam.Tuple:
		return t
	case beam.Map:
		for _, p := range t {
			parts = append(parts, p.Value)
		}
	}
	return parts
}

// inRoot is the path in the release that a provider's argument names, if it
// does: {system, "RELEASE_ROOT", Path}, alone or before options.
func inRoot(arg beam.Term) []string {
	t, ok := arg.(beam.Tuple)
	if !ok || len(t) == 0 {
		return nil
	}
	if where, ok := beam.AsTuple(arg, "system", 3); ok {
		variable, _ := beam.Text(where[1])
		name, isText := beam.Text(where[2])
		if variable == "RELEASE_ROOT" && isText {
			return []string{strings.TrimPrefix(path.Clean(name), "/")}
		}
		return nil
	}
	if len(t) == 2 {
		return inRoot(t[0])
	}
	return nil
}
