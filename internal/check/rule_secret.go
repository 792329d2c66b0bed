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

var secretRule = Rule{
	ID: "secret", Title: "no private key is in the release, and no credential", Worst: Fail, Run: secrets,
	Doc: Doc{
		Looks: "Private keys and credentials by their content: in every file of the release (of each the first 64 MiB), in the constants of your own modules and of dependencies, in the variables and labels of the image. " +
			"A private key fails whatever the file is called; other credentials, and names that promise one (.env, .netrc), are warned about. Nothing found is quoted.",
		Seen: "nothing, until somebody who has the release or its image uses the key",
		Do:   "Read it when the release starts, in config/runtime.exs, from the environment or a file that is mounted. Leave it out of the sources by .dockerignore.",
	},
}

var (
	holdsSecret = Cause{
		ID: "content", Summary: "it holds #{what}", Symptom: "whoever has the release or its image has it", Detail: "its content#{at}",
		Needs: "#{base} to be left out", Remedy: "leave it out of the sources (.dockerignore) and " + giveAtStart + "\nor allow the rule secret",
	}
	looksSecret  = Cause{ID: "name", Summary: "it looks like a secret", Detail: "its name"}
	unreadSecret = Cause{ID: "unknown", Summary: "whether it holds a private key cannot be told"}
	inSettings   = Cause{
		ID: "setting", Summary: "#{setting} in the image's configuration holds #{what}", Symptom: "whoever has the image has it", Detail: "its value",
		Remedy: "give it when the container starts\nor allow the rule secret", Needs: "#{setting} to be left out",
	}
	secretInModule     = Cause{Remedy: "read it when the release starts, not when it is compiled\nor allow the rule secret"}
	secretInMetadata   = Cause{Remedy: "read it in config/runtime.exs from the environment or from a file that is mounted\nor allow the rule secret"}
	secretInDependency = Cause{Remedy: "have a step of the release remove it, or " + giveAtStart + "\nor allow the rule secret"}
)

const giveAtStart = "give it when the release starts (a file that is mounted, a variable)"

// secretNames are names of files that hold what is nobody's business, whatever
// it looks like.
var secretNames = regexp.MustCompile(`^(\.env(\..+)?|.*\.secret\.exs|id_(rsa|dsa|ecdsa|ed25519)|\.npmrc|\.netrc|\.pgpass|\.erlang\.cookie|credentials\.json)$`)

// secrets: whoever has the release has what is in it. A private key, by its
// content, stops the release; of what else looks like a secret it is told. No
// finding quotes what was found.
func secrets(s *Survey) []Finding {
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
	out := s.secretSettings()
	for _, f := range found {
		if f != nil {
			out = append(out, *f)
		}
	}
	return out
}

// secretSettings looks into what the image's configuration says.
func (s *Survey) secretSettings() (out []Finding) {
	for _, kv := range s.says {
		name, value, _ := strings.Cut(kv, "=")
		holds := secret.Detect("", []byte(value))
		if holds.Kind == secret.None {
			continue
		}
		f := Finding{
			Verdict: Warn, Subject: Subject{Origin: release.Metadata.String()}, Cause: &inSettings, Params: Params{"setting": name}, Facts: Params{"what": holds.What},
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
func (s *Survey) mayTell(f release.File) bool {
	if f.Origin == release.Own || f.Origin == release.Dependency || f.Origin == release.Metadata {
		return true
	}
	return s.native(f.Path) == nil && !slices.Contains([]string{".beam", ".app", ".appup", ".hrl", ".boot"}, path.Ext(f.Path))
}

// tells is the finding about one file; nil if it keeps no secret.
func (s *Survey) tells(f release.File) *Finding {
	holds, err := s.holds(f)
	base := path.Base(f.Path)
	cause := holdsSecret.with(withoutSecret(f))
	out := &Finding{Verdict: Warn, Subject: subject(f), Cause: cause, Facts: Params{"what": holds.What, "at": at(holds)}}
	switch {
	case err != nil:
		unread := *cause.with(unreadSecret)
		unread.Detail = ""
		out.Verdict, out.Cause, out.Evidence.Detail = Unknown, &unread, err.Error()
	case holds.Kind == secret.Key:
		out.Verdict = Fail
	case holds.Kind == secret.Credential:
	case secretNames.MatchString(base) && !strings.Contains(base, "example") && !strings.Contains(base, "sample"):
		out.Cause = cause.with(looksSecret)
	default:
		return nil
	}
	return out
}

// at is where in a file a secret is, past its beginning.
func at(f secret.Finding) string {
	if f.At == 0 {
		return ""
	}
	return fmt.Sprintf(", at byte %d", f.At)
}

// withoutSecret is how a release comes to be without the secret of a file.
func withoutSecret(f release.File) Cause {
	switch {
	case path.Ext(f.Path) == ".beam":
		return secretInModule
	case f.Origin == release.Metadata:
		return secretInMetadata
	case f.Origin == release.Dependency:
		return secretInDependency
	}
	return Cause{}
}

// holds is what a file of the release holds.
func (s *Survey) holds(f release.File) (secret.Finding, error) {
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
