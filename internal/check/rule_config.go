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
		Looks: "The files that the start script of a Mix release reads (elixir, vm.args, sys.config, env.sh in releases/VSN), and config/runtime.exs where sys.config has the release read one.",
		Seen:  `{"could not start kernel pid",application_controller,"error in config file \"/app/releases/0.1.0/sys.config\" (1): syntax error"}`,
		Do:    "Assemble the release anew.",
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
		if s.files[path.Join(dir, name)] == nil {
			fault(name, cmp.Or(causes[name], &noFile), nil, "")
		}
	}
	for _, name := range s.configs() {
		out = append(out, s.configFindings(name, 0)...)
	}
	return out
}

// latin1 is how a file says in its first lines that it is no UTF-8.
var latin1 = regexp.MustCompile(`(?i)^([^\n]*\n)?[^\n]*%[^\n]*coding[:= \t]+latin-1`)

// configs are the configurations in the release that the VM is given.
func (s *Survey) configs() []string {
	out := []string{path.Join("releases", s.rel.Version, "sys.config")}
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

// configFindings is what is wrong with a configuration and those that it
// includes, as kernel's application_controller reads them.
func (s *Survey) configFindings(name string, depth int) (out []Finding) {
	f := s.files[name]
	if f == nil || f.Size > maxScript || depth > maxConfigDepth {
		return nil
	}
	fault := func(cause *Cause, params Params, detail string) {
		out = append(out, Finding{Verdict: Fail, Subject: s.subjectAt(name), Cause: cause, Params: params, Evidence: Evidence{Detail: detail}})
	}
	raw, err := rootfs.ReadFile(s.rel.FS, name, maxScript)
	if err != nil {
		return nil // see access
	}
	term, err := beam.ConsultOne(raw)
	switch {
	case bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")):
		fault(badConfig, nil, "it begins with a byte order mark")
		return out
	case err != nil:
		fault(badConfig, nil, err.Error())
		return out
	case !utf8.Valid(raw) && !latin1.Match(raw):
		fault(badConfig, nil, "it is not UTF-8")
		return out
	}
	for _, at := range readerFiles(term, 0) {
		if s.files[at] == nil {
			fault(noProvided, Params{"read": at}, "")
		}
	}
	included, wrong := configParts(term)
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
		out = append(out, s.configFindings(file, depth+1)...)
	}
	return out
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
	var parts []beam.Term
	switch t := t.(type) {
	case beam.List:
		parts = t
	case beam.Map:
		for _, p := range t {
			parts = append(parts, p.Value)
		}
	case beam.Tuple:
		if reader, ok := beam.AsTuple(t, "Elixir.Config.Reader", 2); ok {
			return inRoot(reader[1])
		}
		parts = t
	}
	for _, p := range parts {
		out = append(out, readerFiles(p, depth+1)...)
	}
	return out
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
