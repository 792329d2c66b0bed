package check

import (
	"fmt"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"dram/internal/beam"
	"dram/internal/release"
	"dram/internal/secret"
)

// secretNames are names of files that hold what is nobody's business, whatever
// it looks like.
var secretNames = regexp.MustCompile(`^(\.env(\..+)?|.*\.secret\.exs|id_(rsa|dsa|ecdsa|ed25519)|\.npmrc|\.netrc|\.pgpass|\.erlang\.cookie|credentials\.json)$`)

// secrets: whoever has the release has what is in it. A private key, by its
// content, stops the release; of what else looks like a secret it is told. No
// finding quotes what was found.
func secrets(s *survey) []Finding {
	var files []release.File
	for _, f := range s.rel.Files {
		if f.Mode.IsRegular() && f.Size > 0 && s.mayTell(f) {
			files = append(files, f)
		}
	}
	s.readModules()
	found := make([]*Finding, len(files))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	const batch = 16 // most files are small
	for from := 0; from < len(files); from += batch {
		g.Go(func() error {
			for i := from; i < min(from+batch, len(files)); i++ {
				found[i] = s.tells(files[i])
			}
			return nil
		})
	}
	_ = g.Wait() // no file fails it
	out := s.inSettings()
	for _, f := range found {
		if f != nil {
			out = append(out, *f)
		}
	}
	return out
}

// inSettings looks into what the image's configuration says.
func (s *survey) inSettings() (out []Finding) {
	for _, kv := range s.says {
		name, value, _ := strings.Cut(kv, "=")
		holds := secret.Detect("", []byte(value))
		if holds.Kind == secret.None {
			continue
		}
		f := Finding{
			Verdict: Warn, Subject: Subject{Origin: release.Metadata.String()}, Summary: fmt.Sprintf("%s in the image's configuration holds %s", name, holds.What), Symptom: "whoever has the image has it",
			Remedy: "give it when the container starts; or allow the rule secret", Needs: name + " to be left out", Evidence: Evidence{Detail: "its value"},
		}
		if holds.Kind == secret.Key {
			f.Verdict = Fail
		}
		out = append(out, f)
	}
	return out
}

// mayTell leaves out what Erlang/OTP and Elixir have in every release: programs,
// modules and what describes them.
func (s *survey) mayTell(f release.File) bool {
	if f.Origin == release.Own || f.Origin == release.Dependency || f.Origin == release.Metadata {
		return true
	}
	return s.native(f.Path) == nil && !slices.Contains([]string{".beam", ".app", ".appup", ".hrl", ".boot"}, path.Ext(f.Path))
}

// tells is the finding about one file; nil if it keeps no secret.
func (s *survey) tells(f release.File) *Finding {
	holds, err := s.holds(f)
	base := path.Base(f.Path)
	out := &Finding{
		Verdict: Warn, Subject: subject(f), Needs: base + " to be left out", Remedy: withoutSecret(f),
		Symptom: "whoever has the release or its image has it",
	}
	switch {
	case err != nil:
		out.Verdict, out.Summary, out.Evidence.Detail = Unknown, "whether it holds a private key cannot be told", err.Error()
	case holds.Kind == secret.Key:
		out.Verdict, out.Summary, out.Evidence.Detail = Fail, "it holds "+holds.What, whereIn(holds)
	case holds.Kind == secret.Credential:
		out.Summary, out.Evidence.Detail = "it holds "+holds.What, whereIn(holds)
	case secretNames.MatchString(base) && !strings.Contains(base, "example") && !strings.Contains(base, "sample"):
		out.Summary, out.Evidence.Detail = "it looks like a secret", "its name"
	default:
		return nil
	}
	return out
}

func whereIn(f secret.Finding) string {
	if f.At == 0 {
		return "its content"
	}
	return fmt.Sprintf("its content, at byte %d", f.At)
}

// withoutSecret is how a release comes to be without the secret of a file.
func withoutSecret(f release.File) string {
	const give = "give it when the release starts (a file that is mounted, a variable)"
	switch {
	case path.Ext(f.Path) == ".beam":
		return "read it when the release starts, not when it is compiled; or allow the rule secret"
	case f.Origin == release.Metadata:
		return "read it in config/runtime.exs from the environment or from a file that is mounted; or allow the rule secret"
	case f.Origin == release.Dependency:
		return "have a step of the release remove it, or " + give + "; or allow the rule secret"
	}
	return "leave it out of the sources (.dockerignore) and " + give + "; or allow the rule secret"
}

// holds is what a file of the release holds.
func (s *survey) holds(f release.File) (secret.Finding, error) {
	if path.Ext(f.Path) == ".beam" {
		return s.readModules()[f.Path].constant, nil
	}
	r, err := s.rel.FS.Open(f.Path)
	if err != nil {
		return secret.Finding{}, err
	}
	defer func() { _ = r.Close() }() // only read
	found, err := secret.Read(f.Path, r, f.Size)
	if err == nil && found.Kind != secret.Key && path.Base(f.Path) == "sys.config" {
		if inTerm := inBinaries(s.text(f.Path)); inTerm.Kind > found.Kind {
			return inTerm, nil
		}
	}
	return found, err
}

// constant looks into the constants of a module: a file that was read when it
// was compiled is one. What is no sound module is what rule beam speaks of.
func constant(f release.File, m *beam.Module) (worst secret.Finding) {
	if m == nil || f.Origin != release.Own && f.Origin != release.Dependency {
		return worst
	}
	parts, err := m.Constants()
	if err != nil {
		return worst // it is no sound module either
	}
	for _, part := range parts {
		if found := secret.Detect(f.Path, part); found.Kind > worst.Kind {
			worst = found
		}
	}
	return worst
}

// inBinaries looks for a key among the binaries of a configuration, which are
// numbers there: <<48,130,…>>.
func inBinaries(config string) (worst secret.Finding) {
	term, err := beam.ConsultOne([]byte(config))
	if err != nil {
		return worst // see config
	}
	eachBinary(term, 0, func(b []byte) {
		if found := secret.Detect("", b); found.Kind > worst.Kind {
			worst = found
		}
	})
	return worst
}

// eachBinary calls do for the binaries in a term.
func eachBinary(t beam.Term, depth int, do func([]byte)) {
	var parts []beam.Term
	switch t := t.(type) {
	case beam.Binary:
		do([]byte(t))
	case beam.List:
		parts = t
	case beam.Tuple:
		parts = t
	case beam.Map:
		for _, p := range t {
			parts = append(parts, p.Key, p.Value)
		}
	}
	if depth > maxConfigDepth {
		return
	}
	for _, p := range parts {
		eachBinary(p, depth+1, do)
	}
}
