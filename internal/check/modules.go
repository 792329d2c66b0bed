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
	name      string         // of the module, "" if the file is none
	nifLoad   beam.NIFLoad   // what it does about a NIF library when it is loaded
	judgement *Finding       // nil if the VM loads it, or if it is not known which VM
	constant  secret.Finding // what its constants hold
}

// readModules reads each module once, for all rules that look into them.
func (s *Survey) readModules() map[string]aboutModule {
	if s.aboutModules != nil {
		return s.aboutModules
	}
	otp, known := beam.OTPOf(s.erts) // if not, rule otp says so
	files := s.modules()
	s.bootModules() // before several ask at once
	about := make([]aboutModule, len(files))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		g.Go(func() error {
			m, err := s.module(f)
			if known {
				about[i].judgement = s.unlessUnreachable(f, s.judge(f, m, err, otp))
			}
			if err == nil {
				about[i].name = m.Name
				about[i].nifLoad, _ = m.NIFLoad() // a broken import is found by the VM alone
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
