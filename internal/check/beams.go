package check

import (
	"fmt"
	"io"
	"path"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"dram/internal/beam"
	"dram/internal/release"
	"dram/internal/secret"
)

// maxBeam bounds a BEAM file, in bytes; OTP's largest has 300,000.
const maxBeam = 32 << 20

// beams: the VM that runs the release takes each of its modules. An embedded
// release loads all of them at boot, so that one is enough to stop it. One
// finding stands for all modules of an application with the same cause.
func beams(s *survey) []Finding {
	read := s.readModules()
	var found []*Finding
	for _, f := range s.modules() {
		found = append(found, read[f.Path].judgement)
	}
	return byCause(found)
}

// aboutModule is what is known of a BEAM file once it was read.
type aboutModule struct {
	judgement *Finding       // nil if the VM loads it, or if it is not known which VM
	constant  secret.Finding // what its constants hold
}

// readModules reads each module once, for all rules that look into them.
func (s *survey) readModules() map[string]aboutModule {
	if s.aboutModules != nil {
		return s.aboutModules
	}
	otp, known := beam.OTPOf(s.erts) // if not, rule otp says so
	files := s.modules()
	about := make([]aboutModule, len(files))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		g.Go(func() error {
			m, err := s.module(f)
			if known {
				about[i].judgement = aside(f, s.judge(f, m, err, otp))
			}
			about[i].constant = constant(f, m)
			return nil
		})
	}
	_ = g.Wait() // no judgement fails
	s.aboutModules = make(map[string]aboutModule, len(files))
	for i, f := range files {
		s.aboutModules[f.Path] = about[i]
	}
	return s.aboutModules
}

// aside makes milder what is found about a BEAM file that no code path leads
// to, as in priv: only who names the file itself loads it.
func aside(f release.File, found *Finding) *Finding {
	dir := path.Base(path.Dir(f.Path))
	if found != nil && found.Verdict == Fail && dir != "ebin" && dir != "consolidated" {
		found.Verdict, found.Symptom = Warn, "none while nothing loads it by its file's name"
	}
	return found
}

// modules is the BEAM files that the release loads.
func (s *survey) modules() (out []release.File) {
	for _, f := range s.rel.Files {
		if f.Mode.IsRegular() && path.Ext(f.Path) == ".beam" {
			out = append(out, f)
		}
	}
	return out
}

// judge is the finding about one module, which was read or not, nil if it loads.
func (s *survey) judge(f release.File, m *beam.Module, err error, otp int) *Finding {
	if err != nil {
		return &Finding{
			Verdict: Fail, Subject: subject(f), Summary: "it is no sound BEAM file",
			Evidence: Evidence{Detail: err.Error()},
			Symptom:  `the VM stops at boot: "Loading of ` + f.Path + ` failed: badfile"`,
			Remedy:   "build the release again",
			Needs:    "a sound " + f.Path,
		}
	}
	a := m.RunsOn(otp)
	if a.Loads {
		return misnamed(f, m)
	}
	out := &Finding{
		Verdict: Fail, Subject: subject(f),
		Summary:  fmt.Sprintf("Erlang/OTP %d, which runs the release, does not load it: %s", otp, a.Detail),
		Evidence: Evidence{Wants: []string{m.Name}, Newest: fmt.Sprintf("OTP %d", otp), Detail: fmt.Sprintf("highest opcode %d", m.MaxOpcode)},
		Symptom:  `the VM stops at boot, with "badfile" or "please re-compile this module" for module ` + m.Name,
		Needs:    fmt.Sprintf("modules compiled for Erlang/OTP %d", otp),
		Remedy:   fmt.Sprintf("compile it with the Erlang/OTP %d that runs it: build in a toolchain that has it, and let nothing compiled before into the build", otp),
	}
	if older := beam.OldestFor(m.MaxOpcode); older > otp {
		out.Needs = fmt.Sprintf("Erlang/OTP %d or newer", older)
	}
	switch {
	case a.Reason == beam.FeatureOff: // only what is loaded later asks for the feature
		out.Verdict = Warn
		out.Symptom = "an embedded release starts; loading the module by hand fails"
	case !a.Known:
		out.Verdict = Unknown
		out.Summary = fmt.Sprintf("whether Erlang/OTP %d loads it is not known: %s", otp, a.Detail)
	}
	return out
}

// misnamed: the VM looks for a module by the name of its file, and refuses a
// file that holds another.
func misnamed(f release.File, m *beam.Module) *Finding {
	name := strings.TrimSuffix(path.Base(f.Path), ".beam")
	if m.Name == name {
		return nil
	}
	return &Finding{
		Verdict: Fail, Subject: subject(f), Summary: fmt.Sprintf("it holds another module than its name says: %s, not %s", m.Name, name),
		Evidence: Evidence{Wants: []string{name}, Detail: "it holds " + m.Name},
		Symptom:  fmt.Sprintf(`"Loading of %s failed: badfile"`, f.Path), Remedy: "build the release again; do not rename BEAM files", Needs: "the module " + name,
	}
}

func (s *survey) module(f release.File) (*beam.Module, error) {
	file, err := s.rel.FS.Open(f.Path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	raw, err := io.ReadAll(io.LimitReader(file, maxBeam+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxBeam {
		return nil, fmt.Errorf("it is larger than %d bytes", maxBeam)
	}
	return beam.Read(raw)
}

// byCause keeps the first of the findings of one application with one summary,
// and names the other modules in it.
func byCause(found []*Finding) (out []Finding) {
	first := map[string]int{}
	more := map[int]int{}
	for _, f := range found {
		if f == nil {
			continue
		}
		// The detail names opcodes and functions, which differ by module.
		cause, _, _ := strings.Cut(f.Summary, ": ")
		key := fmt.Sprint(f.Subject.App, f.Verdict, cause)
		at, ok := first[key]
		if !ok {
			first[key] = len(out)
			out = append(out, *f)
			continue
		}
		out[at].Evidence.Wants = append(out[at].Evidence.Wants, f.Evidence.Wants...)
		more[at]++
	}
	for at, n := range more {
		out[at].Evidence.Wants = few(out[at].Evidence.Wants)
		out[at].Summary += fmt.Sprintf(" (and %d more modules)", n)
	}
	return out
}
