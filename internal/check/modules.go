package check

import (
	"fmt"
	"io"
	"path"
	"runtime"

	"golang.org/x/sync/errgroup"

	"dram/internal/beam"
	"dram/internal/release"
	"dram/internal/secret"
)

// maxBeam bounds a BEAM file, in bytes; OTP's largest has 300,000.
const maxBeam = 32 << 20

// aboutModule is what is known of a BEAM file once it was read.
type aboutModule struct {
	nifLoad   beam.NIFLoad   // what it does about a NIF library when it is loaded
	judgement *Finding       // nil if the VM loads it, or if it is not known which VM
	constant  secret.Finding // what its constants hold
}

// readModules reads each module once, for all rules that look into them.
func (s *Survey) readModules() map[string]aboutModule {
	if s.aboutModules != nil {
		return s.aboutModules
	}
	files, look := s.modules(), s.looking()
	s.bootModules() // both before several ask at once
	s.idleApplications()
	about := make([]aboutModule, len(files))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		g.Go(func() error {
			about[i] = look(f)
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

// looking gives what looks at a module, unless memory knows that nothing comes of it.
func (s *Survey) looking() func(f release.File) aboutModule {
	otp, known := beam.OTPOf(s.erts) // if not, rule otp says so
	return func(f release.File) (about aboutModule) {
		raw, err := s.moduleBytes(f)
		key := s.memory.key(f, raw, otp)
		if err == nil && s.memory.harmless(key) {
			return about
		}
		var m *beam.Module
		if err == nil {
			m, err = beam.Read(raw)
		}
		if known {
			about.judgement = s.unlessUnreachable(f, s.judge(f, m, err, otp))
		}
		if err == nil {
			about.nifLoad, _ = m.NIFLoad() // a broken import is found by the VM alone
		}
		about.constant = constant(f, m)
		s.memory.found(key, about, err)
		return about
	}
}

// modules is the BEAM files that the release loads.
func (s *Survey) modules() (out []release.File) {
	for _, f := range s.rel.Files {
		if f.Mode.IsRegular() && path.Ext(f.Path) == ".beam" {
			out = append(out, f)
		}
	}
	return out
}

func (s *Survey) module(f release.File) (*beam.Module, error) {
	raw, err := s.moduleBytes(f)
	if err != nil {
		return nil, err
	}
	return beam.Read(raw)
}

func (s *Survey) moduleBytes(f release.File) ([]byte, error) {
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
	return raw, nil
}
