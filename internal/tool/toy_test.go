package tool_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/check"
	"dram/internal/config"
	"dram/internal/engine"
	"dram/internal/plan"
	"dram/internal/project"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/scaffold"
	"dram/internal/source"
	"dram/internal/target"
	"dram/internal/tool"
	"dram/internal/tool/tools"
	"dram/internal/tool/tooltest"
	"dram/internal/toolchain"
)

// toy is a tool in one file: "NAME VERSION" in toy.conf is a project of it.
type toy struct{}

func (toy) About() tool.About {
	return tool.About{Name: "toy", Title: "Toy", Files: []string{"toy.conf"}, Declared: "toy.conf"}
}

func (toy) Read(d *project.Dir) (tool.Project, error) {
	text, ok, err := d.Text("toy.conf", 1<<10)
	if err != nil || !ok {
		return nil, err
	}
	name, version, _ := strings.Cut(strings.TrimSpace(text), " ")
	return &toyProject{facts: &project.Project{Dir: d.Path, App: name, OwnApps: []string{name}}, release: tool.Release{Name: name, Version: version}}, nil
}

func (toy) Made(rel *release.Release) bool { return rel.Has(rel.Below("toy.sh")) }

func (toy) Boot(*release.Release) tool.Boot {
	return tool.Boot{Command: "play", Writes: "TOY_BOX", Env: []string{"TOY_BOX=/tmp"}, Programs: []string{"yes"}}
}

type toyProject struct {
	facts   *project.Project
	release tool.Release
	planner tool.Planner
}

func (p *toyProject) Tool() tool.Tool             { return toy{} }
func (p *toyProject) Facts() *project.Project     { return p.facts }
func (p *toyProject) Releases() ([]string, error) { return []string{p.release.Name}, nil }
func (p *toyProject) Elixir() tool.Elixir         { return tool.Elixir{} }

func (p *toyProject) Plan(pl tool.Planner) (tool.Build, error) {
	pl.Decide("project", "Toy", "toy.conf found")
	return &toyProject{p.facts, p.release, pl}, nil
}

func (p *toyProject) Release() (tool.Release, error) {
	p.planner.Decide("release", p.release.Name, "toy.conf")
	return p.release, nil
}

func (p *toyProject) Work(string) (tool.Work, error) {
	return tool.Work{Command: []string{"toy", "build"}, Does: "Toy builds"}, nil
}

func (p *toyProject) Job(tool.Circumstances) tool.Job {
	return tool.Job{
		CacheDirs: []string{"/app/box"}, Export: "/app/box/" + p.release.Name, Env: []string{"TOY=1"},
		Steps: []engine.Step{{Name: engine.StepRelease, Argv: []string{"toy", "build"}}},
	}
}

// toys is the table with one more row.
func toys() tool.Table { return append(tools.All(), toy{}) }

// A new tool is planned, written down and checked, and no other file knows of it.
func TestToyIsPlanned(t *testing.T) {
	p, err := toys().Read(tooltest.Tree(t, "-- toy.conf --\nbear 1.2.3\n"), project.Given{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Config{}.WithFlag("toolchain", []string{"image:toy/toy:1"})
	if err != nil {
		t.Fatal(err)
	}
	pl, err := plan.Make(t.Context(), plan.Inputs{
		Project: p, Config: c, Arch: "amd64",
		Engine: func(context.Context, string) (string, string, error) { return plan.NativeEngine, "for the test", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	var decided []string
	for _, d := range pl.Decisions {
		if slices.Contains([]string{"project", "release", "build"}, d.Name) {
			decided = append(decided, d.Name+": "+d.Value+": "+d.Reason)
		}
	}
	job := pl.Job(&toolchain.Toolchain{}, "/root", toolchain.Facts{}, &source.Tree{}, nil)
	want := []string{"project: Toy: toy.conf found", "release: bear: toy.conf", "build: toy build, without the network: Toy builds"}
	if diff := cmp.Diff(want, decided); diff != "" {
		t.Error(diff)
	}
	if pl.Tool != "toy" || pl.Version != "1.2.3" || job.Export != "/app/box/bear" || !slices.Contains(job.Env, "TOY=1") || len(job.Steps) != 1 {
		t.Errorf("%+v\n%+v", pl, job)
	}
	files, err := scaffold.Files(scaffold.Project{Project: p.Facts(), Plan: pl, Job: job})
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(files, func(f scaffold.File) bool { return f.Path == scaffold.RunFile })
	run, err := files[at].Text(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"toy build", `TOY_BOX="/tmp"`, `CMD ["play"]`} {
		if !strings.Contains(string(run), line) {
			t.Errorf("the Dockerfile lacks %s:\n%s", line, run)
		}
	}
}

func TestToyIsChecked(t *testing.T) {
	fsys, err := rootfs.Dir(tooltest.Tree(t, "-- bin/bear --\n#!/bin/sh\nmkdir -p $TOY_BOX\n-- releases/start_erl.data --\n15.2 1.2.3\n"+
		"-- releases/1.2.3/bear.rel --\n{release,{\"bear\",\"1.2.3\"},{erts,\"15.2\"},[]}.\n-- releases/1.2.3/toy.sh --\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = fsys.Close() }()
	rel, err := release.Read(t.Context(), fsys, release.Options{Survey: true})
	if err != nil {
		t.Fatal(err)
	}
	root, err := rootfs.Dir(tooltest.Tree(t, "-- etc/os-release --\nID=toys\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	on, err := target.New("the toy box", root)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		table tool.Table
		want  []string
	}{{toys(), []string{"TOY_BOX"}}, {tools.All(), nil}} {
		r, err := check.Run(t.Context(), check.Input{
			Release: rel, Target: on, Tools: c.table, Only: []string{"writable"}, Image: &check.Image{User: "1000", Env: []string{"ERL_CRASH_DUMP_SECONDS=0"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		var wants []string
		for _, f := range r.Findings {
			wants = append(wants, f.Evidence.Wants...)
		}
		if diff := cmp.Diff(c.want, wants); diff != "" {
			t.Error(diff)
		}
	}
}
