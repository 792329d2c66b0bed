package check

import (
	"path"
	"regexp"

	"dram/internal/beam"
	"dram/internal/release"
)

// startERTS is the ERTS that releases/start_erl.data names. Some tools write a
// word there for a release that runs with any Erlang; the .rel file names the one
// that it was made with.
func (s *Survey) startERTS() string {
	erts, _, _ := release.ParseStartErl([]byte(s.text("releases/start_erl.data")))
	if erts != "" && erts == s.boot.AnyERTS {
		if rel := s.relFile(); rel.path != "" && rel.err == nil {
			return rel.ERTS
		}
	}
	return erts
}

// scriptERTS is the ERTS that the script of a Mix release calls.
var scriptERTS = regexp.MustCompile(`erts-[0-9][0-9.]*`)

// relFile is the release's own .rel file. The path is "" if there is none.
type relFile struct {
	beam.Rel
	path string
	err  error // it could not be read
}

func (s *Survey) relFile() (out relFile) {
	dir := path.Join("releases", s.rel.Version)
	for _, base := range []string{s.rel.Name, "start"} {
		if out.path = path.Join(dir, base+".rel"); s.files[out.path] == nil {
			continue
		}
		out.Rel, out.err = beam.ParseRel([]byte(s.text(out.path)))
		return out
	}
	return relFile{}
}

// applications is the versions, by name, of the applications that the boot
// script loads, or else that the .rel file names.
func (s *Survey) applications() map[string]string {
	if b, ok := s.mainBoot(); ok && b.script != nil {
		if apps := b.folders(); len(apps) > 0 {
			return apps
		}
	}
	apps := map[string]string{}
	for name, app := range s.relFile().Apps {
		apps[name] = app.Version
	}
	return apps
}

func (s *Survey) subjectAt(file string) Subject {
	if f := s.files[file]; f != nil {
		return subject(*f)
	}
	return Subject{File: file, Origin: "metadata"}
}
