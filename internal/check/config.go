package check

import (
	"fmt"
	"path"
	"strings"

	"dram/internal/beam"
)

// config: the files that the start script of a Mix release reads, each of
// which stops the start (measured with OTP 27). Other tools' scripts make
// theirs when they run.
func config(s *survey) (out []Finding) {
	if !s.mix() {
		return nil
	}
	dir := path.Join("releases", s.rel.Version)
	fault := func(v Verdict, name, summary, detail, symptom string) {
		out = append(out, Finding{
			Verdict: v, Subject: s.subjectAt(path.Join(dir, name)), Summary: summary, Evidence: Evidence{Detail: detail},
			Symptom: symptom, Remedy: "assemble the release anew", Needs: name,
		})
	}
	for _, f := range []struct{ name, symptom string }{
		{"elixir", `"releases/` + s.rel.Version + `/elixir: not found", and the release does not start`},
		{"vm.args", "the VM prints how it is to be called, and ends"},
		{"sys.config", `"error in config file … configuration file not found"`},
		{"env.sh", `"env.sh: not found", and the release does not start`},
	} {
		if s.files[path.Join(dir, f.name)] == nil {
			fault(Fail, f.name, "it is not there, and a start reads it", "", f.symptom)
		}
	}
	sys := path.Join(dir, "sys.config")
	if f := s.files[sys]; f == nil || f.Size > maxScript {
		return out
	}
	term, err := beam.ConsultOne([]byte(s.text(sys)))
	if err != nil {
		fault(Fail, "sys.config", "it is no sound configuration", err.Error(), `"error in config file", and the release does not start`)
		return out
	}
	for _, at := range readerFiles(term, 0) {
		if s.files[at] == nil {
			fault(Fail, "sys.config", fmt.Sprintf("it has the release read %s at its start, which is not there", at), "",
				"the release ends while it boots: Config.Reader finds no file")
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
