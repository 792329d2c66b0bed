package relx

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	"dram/internal/problem"
	"dram/internal/tool"
)

// Told is where relx is told of a release, for messages.
type Told struct {
	File    string // "rebar.config"
	Where   string // " in profile prod"
	Release string
	Instead string // what to do about settings that make no release that runs elsewhere
	Adds    bool   // where nothing says whether Erlang goes in, it does
	Git     bool   // the build sees the repository
	By      tool.Planner
}

// Check refuses settings that make no release that runs elsewhere, or that reach out
// of the project, and notes what the release will lack.
func (s Settings) Check(t Told) error {
	if s.Dev != "" {
		return problem.New(problem.Usage, t.Instead, "relx is told %s%s: the release would be links into the build's directory", s.Dev, t.Where)
	}
	if err := s.erts(t); err != nil {
		return err
	}
	if err := s.overlays(t); err != nil {
		return err
	}
	if s.brings("bin/" + t.Release) {
		t.By.Decide("start script", "bin/"+t.Release, "an overlay of "+t.File+" puts the project's own there; an image tells it foreground, if it has that command, or else start")
	} else if s.NoScript {
		t.By.Note("generate_start_script is false: the release has no start script, and an image starts by one")
	} else if s.Plain {
		t.By.Note("extended_start_script is false: bin/" + t.Release + " has none of the commands foreground, ping, rpc, eval or remote_console; an image tells it " + Plain)
	}
	return nil
}

// brings says whether an overlay puts a file there.
func (s Settings) brings(name string) bool {
	return slices.ContainsFunc(s.Overlays, func(o Overlay) bool { return path.Clean(o.To) == name })
}

func (s Settings) erts(t Told) error {
	switch {
	case s.ERTS == "true":
	case s.ERTS == "" && t.Adds:
		t.By.Decide("erts", "the toolchain's", t.File+" says nothing of include_erts: dram adds {include_erts, true}")
	case s.ERTS == "" || s.ERTS == "false":
		t.By.Note("include_erts is " + cmp.Or(s.ERTS, "not set") + ": the release brings no Erlang, and no image can be made of it")
	case path.IsAbs(s.ERTS) || Outside(s.ERTS):
		return problem.New(problem.Usage, "set {include_erts, true}: the toolchain's Erlang goes in, for which the release is compiled",
			"include_erts of release %q is %q: the build sees only the project and the toolchain", t.Release, s.ERTS)
	default:
		t.By.Note(fmt.Sprintf("include_erts is %q: the release brings that Erlang, and not the toolchain's", s.ERTS))
	}
	return nil
}

func (s Settings) overlays(t Told) error {
	for _, o := range s.Overlays {
		if Outside(o.From) {
			return problem.New(problem.Usage, "keep the file in the project, or leave the entry out",
				"overlay %s of %s takes from outside of the project: the build sees only the project", o.Text, t.File)
		}
		if Outside(o.To) || path.IsAbs(o.To) {
			return problem.New(problem.Usage, "name a place in the release", "overlay %s of %s leaves the release", o.Text, t.File)
		}
	}
	return nil
}

// Version decides a release's version, which is "" where it is known after the build
// alone.
func (t Told) Version(r Release) string {
	if r.Version != "" {
		t.By.Decide("version", r.Version, t.File)
		return r.Version
	}
	t.By.Decide("version", "known after the build", cmp.Or(r.From, "a script")+" tells it")
	if r.From == Git && !t.Git {
		t.By.Note("git tells the version of release " + r.Name + Unseen(`"0.0.0"`))
	}
	return ""
}

// Unseen says what becomes of a version that git would tell.
func Unseen(instead string) string {
	return ", and the build sees no .git, so that it would be " + instead + ": write the version down, or let .git in by a .dockerignore that does not exclude it"
}
