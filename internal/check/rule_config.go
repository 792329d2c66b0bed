package check

import (
	"cmp"
	"path"
	"strings"

	"dram/internal/beam"
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
	sys := path.Join(dir, "sys.config")
	if f := s.files[sys]; f == nil || f.Size > maxScript {
		return out
	}
	term, err := beam.ConsultOne([]byte(s.text(sys)))
	if err != nil {
		fault("sys.config", badConfig, nil, err.Error())
		return out
	}
	for _, at := range readerFiles(term, 0) {
		if s.files[at] == nil {
			fault("sys.config", noProvided, Params{"read": at}, "")
		}
	}
	return out
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
