package scaffold

import (
	"bytes"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dram/internal/config"
	"dram/internal/engine"
	"dram/internal/engine/dockerfile"
	"dram/internal/plan"
	"dram/internal/project"
	"dram/internal/tool"
	"dram/internal/toolchain"
)

// Project is what files are made from.
type Project struct {
	Project *project.Project
	Plan    *plan.Plan
	Job     engine.Job
	// Settings are settings that dram.toml is to have, beside its own.
	Settings []Setting
	// Edit is what the tool's own file is to have more, nil for nothing.
	Edit *tool.Edit
	// BuildKit has the build's Dockerfile use what Docker's classic builder does
	// not know: cache mounts, secrets, steps without the network.
	BuildKit bool
	CI       []string // services to write a pipeline for
	// Below is where in its repository the project lies, with slashes, "" at the top.
	Below  string
	Loaded bool // the toolchain is in the Docker daemon
}

// Files are the files that the project is to have.
func Files(p Project) ([]File, error) {
	ref, err := toolchain.ParseRef(p.Plan.Toolchain)
	if err != nil {
		return nil, err
	}
	builder := dockerfile.Classic
	if p.BuildKit {
		builder = dockerfile.Current
	}
	o := dockerfile.Options{Toolchain: Toolchain(ref, p.Plan.Additions), Path: BuildFile, Script: BuildScript, Builder: builder}
	build, err := dockerfile.Render(p.Job, o)
	if err != nil {
		return nil, err
	}
	run, script, err := bottled(p.Plan, p.Job)
	if err != nil {
		return nil, err
	}
	files := []File{
		{Path: IgnoreFile, Adds: true, Text: func(old []byte) ([]byte, error) {
			text, err := MergeIgnore(old, unlisted(IgnorePatterns(projects(p.Project)...), p.Plan.Built()))
			if err != nil {
				return nil, err
			}
			if p.Job.Source != nil {
				if text, err = withhold(text, p.Job.Source.Withheld); err != nil {
					return nil, err
				}
			}
			if p.Job.Source != nil {
				if text, err = letIn(text, "Compiled files that git has", p.Job.Source.Compiled()...); err != nil {
					return nil, err
				}
			}
			return letIn(text, "The scripts that the Dockerfiles copy", BuildScript, RunScript)
		}},
		Whole(BuildFile, build), Whole(RunFile, run), Whole(BuildScript, dockerfile.Script(p.Job, o)), Whole(RunScript, script),
	}
	if len(p.Settings) > 0 {
		files = append(files, File{Path: config.FileName, Text: func(old []byte) ([]byte, error) { return settings(old, p.Settings) }})
	}
	if p.Edit != nil {
		files = append(files, File{Path: p.Edit.Path, Adds: true, Text: p.Edit.Apply})
	}
	return p.pipelines(files)
}

// pipelines are the files with those for CI, which are read at the top of a repository:
// where the project lies elsewhere, all are relative to that.
func (p Project) pipelines(files []File) ([]File, error) {
	if len(p.CI) == 0 {
		return files, nil
	}
	for i := range files {
		files[i].Path = path.Join(p.Below, files[i].Path)
	}
	for _, name := range p.CI {
		f, err := Pipeline(name, p.Plan, p.Below)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// Root is the directory that files are relative to.
func (p Project) Root() string {
	if len(p.CI) == 0 || p.Below == "" {
		return p.Plan.Dir
	}
	return strings.TrimSuffix(filepath.ToSlash(p.Plan.Dir), "/"+p.Below)
}

// Named is a path of a file as one relative to the project.
func (p Project) Named(name string) string {
	if p.Root() == p.Plan.Dir {
		return name
	}
	if inside, ok := strings.CutPrefix(name, p.Below+"/"); ok {
		return inside
	}
	return strings.Repeat("../", strings.Count(p.Below, "/")+1) + name
}

// Setting is a setting by the name of its flag.
type Setting struct {
	Flag   string
	Values []string
}

// settings is a dram.toml with some settings more; old, if it has them. Comments
// do not survive, so that this counts as another file.
func settings(old []byte, more []Setting) ([]byte, error) {
	has, err := config.Parse(old)
	if err != nil {
		return nil, err
	}
	want := has
	for _, s := range more {
		if want, err = want.WithFlag(s.Flag, s.Values); err != nil {
			return nil, err
		}
	}
	if text := want.Encode(); !bytes.Equal(text, has.Encode()) {
		return text, nil
	}
	return old, nil
}

// projects are the directories below the project's that may be built on their
// own: an umbrella's applications and path dependencies.
func projects(p *project.Project) []string {
	var out []string
	if p.Umbrella {
		out = append(out, "apps/*")
	}
	for _, d := range p.Deps {
		dir := path.Clean(d.Where)
		plain := !strings.ContainsAny(dir, "*?[\\\n\r!#") // else no pattern can say it plainly
		if d.Source == project.Path && plain && !strings.HasPrefix(dir, "..") && !path.IsAbs(dir) && dir != "." {
			out = append(out, dir)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ReleaseCommand is what the image that the build ends with is told to do. The
// tool makes its own tarball then.
func ReleaseCommand(job engine.Job) string {
	return dockerfile.Last(job)
}

// Commands are what makes tarball and image of what was written, one a line.
func Commands(p Project) []string {
	var out []string
	if from, err := toolchain.ParseRef(p.Plan.Toolchain); err == nil && Made(from, p.Plan.Additions) && !p.Loaded {
		out = append(out, "dram toolchain load")
	}
	out = append(out, fmt.Sprintf("docker build --tag=%s -f %s .", dockerfile.LastStage, BuildFile))
	out = append(out, fmt.Sprintf(`docker run --rm -v "$PWD/releases:%s/releases" %s %s`, engine.SourceDir, dockerfile.LastStage, ReleaseCommand(p.Job)))
	return append(out, fmt.Sprintf("docker build --tag=%s -f %s .", p.Plan.Release, RunFile))
}
