package plan

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dram/internal/config"
	"dram/internal/project"
	"dram/internal/project/dockerfile"
)

// laidIn is a project of these files with a Dockerfile that lays this into its image.
func laidIn(t *testing.T, l dockerfile.Laid, first []string, files map[string]string) project.Project {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := own(dockerfile.Recipe{Laid: l, First: first, Run: []string{"postgresql-client"}, RunBy: "apt-get"})
	p.Dir = dir
	return p
}

const waiting = "#!/bin/sh\nuntil pg_isready; do sleep 1; done\nbin/shop eval Shop.migrate\nexec bin/shop start\n"

// Files, directories and the start of the Dockerfile's image are those of dram's.
func TestFollowsWhatIsLaid(t *testing.T) {
	l := dockerfile.Laid{
		Place: "/opt/shop", WorkDir: "/opt/shop", Entrypoint: []string{"tini", "--", "/opt/shop/run.sh"}, Cmd: []string{"./bin/shop"},
		Files: []dockerfile.File{
			{From: "docker/run.sh", To: "/opt/shop/"},
			{From: "config/x.exs", To: "/etc/shop/config.exs"},
			{From: "fonts", To: "/usr/share/fonts/"},
			{From: "rel/server", To: "/opt/shop/bin/server"},
			{From: "gone", To: "/x"},
			{From: "key.pem", To: "/etc/"},
			{From: "a", To: "/app/a"},
		},
		Dirs: []string{"/opt/shop/uploads", "/opt/shop", "/etc/shop", "/var/lib/shop", "/var/lib/apt/lists", "/opt/shop/lib/x"}, Volumes: []string{"/data", "/opt/shop/uploads"},
		Also: []string{"npm install -g svgo"}, Taken: []string{"/litefs of flyio"},
	}
	files := map[string]string{
		"docker/run.sh": waiting, "config/x.exs": "", "fonts/a.ttf": "", "rel/overlays/bin/server": "", "rel/server": "", "a": "",
		"key.pem": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n-----END PRIVATE KEY-----\n",
	}
	p := make1(t, inputs(laidIn(t, l, nil, files)))
	want := []config.ImageFile{
		{Source: "docker/run.sh", Destination: "/app/run.sh", Mode: "0755"},
		{Source: "config/x.exs", Destination: "/etc/shop/config.exs"},
		{Source: "fonts", Destination: "/usr/share/fonts"},
	}
	if diff := cmp.Diff(want, p.Image.Files); diff != "" {
		t.Error(diff)
	}
	dirs := []config.ImageDirectory{{Path: "/data", Volume: true}, {Path: "/app/uploads", Volume: true}, {Path: "/var/lib/shop"}}
	if diff := cmp.Diff(dirs, p.Image.Directories); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][]string{{"/app/run.sh"}, {"/app/bin/shop"}}, [][]string{p.Image.Entrypoint, p.Image.Command}); diff != "" {
		t.Error(diff)
	}
	notes := strings.Join(p.Notes, "\n")
	for _, text := range []string{"copies gone, key.pem, a into its image", "takes /litefs of flyio into", "also runs, to make its image: npm install -g svgo"} {
		if !strings.Contains(notes, text) {
			t.Errorf("no note %q in\n%s", text, notes)
		}
	}
	if strings.Contains(notes, "run.sh") || strings.Contains(notes, "volumes") {
		t.Errorf("noted although it is done:\n%s", notes)
	}
	file := Decision{"file", "docker/run.sh at /app/run.sh, mode 0755", "Dockerfile copies it into its image: so does dram"}
	if !slices.Contains(p.Decisions, file) || !slices.Contains(p.Decisions, Decision{"command", "/app/bin/shop", "set by Dockerfile"}) {
		t.Errorf("%+v", p.Decisions)
	}
	for _, set := range []string{"dockerfile ignore", "entrypoint /app/bin/shop"} {
		p = make1(t, flags(t, inputs(laidIn(t, l, nil, files)), set))
		if slices.Contains(p.Image.Entrypoint, "/app/run.sh") {
			t.Errorf("%s: it starts %q", set, p.Image.Entrypoint)
		}
	}
}

// Patterns are the files that they match; what they match nothing of, or too much, is
// said.
func TestFollowsPatterns(t *testing.T) {
	files := map[string]string{"docker/run.sh": waiting, "docker/wait.sh": "#!/bin/sh\n", "docker/notes.md": "", "fonts/a/x.ttf": "", "one.pem.pub": ""}
	for i := range 101 {
		files[fmt.Sprintf("many/%d.txt", i)] = ""
	}
	l := dockerfile.Laid{
		Place: "/app", WorkDir: "/app", Entrypoint: []string{"/app/run.sh"}, Cmd: []string{"bin/shop", "start"},
		Files: []dockerfile.File{
			{From: "docker/*.sh", To: "/app/"},
			{From: "*.pub", To: "/etc/key.pub"},
			{From: "fonts/*", To: "/usr/share/fonts/"},
			{From: "*/x", To: "/x/"},
			{From: "none*", To: "/y/"},
			{From: "../*.sh", To: "/z/"},
			{From: "many/*", To: "/many/"},
			{From: "[", To: "/w/"},
		},
	}
	p := make1(t, inputs(laidIn(t, l, nil, files)))
	want := []config.ImageFile{
		{Source: "docker/run.sh", Destination: "/app/run.sh", Mode: "0755"},
		{Source: "docker/wait.sh", Destination: "/app/wait.sh"},
		{Source: "one.pem.pub", Destination: "/etc/key.pub"},
	}
	if diff := cmp.Diff(want, p.Image.Files); diff != "" {
		t.Error(diff)
	}
	if got := p.Image.Entrypoint; !slices.Equal(got, []string{"/app/run.sh"}) {
		t.Errorf("it starts %q", got)
	}
	const note = "copies fonts/*, */x, none*, ../*.sh, many/*, [ into its image"
	if notes := strings.Join(p.Notes, "\n"); !strings.Contains(notes, note) {
		t.Errorf("no note %q in\n%s", note, notes)
	}
}

// How an image starts is followed where dram's can do the same, and said where not.
func TestFollowsStarts(t *testing.T) {
	shell := func(text string) dockerfile.Laid {
		return dockerfile.Laid{Place: "/srv/shop", WorkDir: "/srv/shop", Cmd: []string{"sh", "-c", text}}
	}
	script := func(words ...string) dockerfile.Laid {
		return dockerfile.Laid{Place: "/app", WorkDir: "/app", Entrypoint: words, Files: []dockerfile.File{{From: "run.sh", To: "/app/run.sh"}}}
	}
	moved := func(words ...string) dockerfile.Laid {
		return dockerfile.Laid{Place: "/opt/shop", WorkDir: "/opt/shop", Entrypoint: words, Files: []dockerfile.File{{From: "run.sh", To: "/opt/shop/"}}}
	}
	for _, c := range []struct {
		name  string
		l     dockerfile.Laid
		first []string
		text  string
		want  []string
		note  string
	}{
		{
			"migrations before the start", shell("/srv/shop/bin/shop eval M.m && /srv/shop/bin/shop start"),
			[]string{"/srv/shop/bin/shop eval M.m"},
			"",
			[]string{"sh", "-c", "/app/bin/shop eval M.m && exec /app/bin/shop start"},
			"",
		},
		{"what is not there, before the start", shell("dockerize && bin/shop start"), []string{"dockerize"}, "", nil, "runs dockerize before it starts"},
		{"a variable of the container", shell("bin/shop eval $X && bin/shop start"), []string{"bin/shop eval $X"}, "", nil, "runs bin/shop eval $X before"},
		{"the release alone", shell("bin/shop start"), nil, "", nil, ""},
		{"a script", script("./run.sh"), nil, waiting, []string{"/app/run.sh"}, ""},
		{"a script by a shell", script("bash", "run.sh", "start"), nil, waiting, []string{"bash", "/app/run.sh", "start"}, ""},
		{"a script for root", script("./run.sh"), nil, "chown x y\n", nil, "starts ./run.sh, which calls chown, as root"},
		{"a script that is given what is not there", script("./run.sh", "/bin/x"), nil, waiting, nil, ""},
		{
			"a script that names where its release lies", moved("/opt/shop/run.sh", "start"), nil,
			"#!/bin/sh\nset -e\n/opt/shop/bin/shop eval M.m\nexec /opt/shop/bin/shop \"$@\"\n",
			[]string{"sh", "-c", "set -e\n/app/bin/shop eval M.m\nexec /app/bin/shop \"$@\"", "run.sh", "start"},
			"",
		},
		{
			"a script that goes there", moved("./run.sh"), nil, "#!/usr/bin/env bash\ncd /opt/shop\nbin/shop start\n",
			[]string{"bash", "-c", "cd /app\nexec bin/shop start", "run.sh"},
			"",
		},
		{"one that another of its places begins like", moved("./run.sh"), nil, "#!/bin/sh\n/opt/shop-tools/x\n", nil, "which calls /opt/shop-tools/x, which the release has not"},
		{"one with options for its shell", moved("./run.sh"), nil, "#!/bin/sh -x\n/opt/shop/bin/shop start\n", nil, "which names /opt/shop"},
		{"one of Python", moved("./run.sh"), nil, "#!/usr/bin/python3\nrun('/opt/shop/bin/shop')\n", nil, "which is no script of sh or bash"},
		{
			"a script of the overlays",
			dockerfile.Laid{Place: "/srv/shop", WorkDir: "/srv/shop", Cmd: []string{"/srv/shop/bin/go", "x"}},
			nil, "",
			[]string{"/app/bin/go", "x"},
			"",
		},
		{"the script of the overlays that is started anyway", dockerfile.Laid{Place: "/app", WorkDir: "/app", Cmd: []string{"/app/bin/server"}}, nil, "", nil, ""},
		{"a script of the image", script("/entrypoint.sh"), nil, waiting, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := make1(t, inputs(laidIn(t, c.l, c.first, map[string]string{"run.sh": c.text, "rel/overlays/bin/go": ""})))
			if diff := cmp.Diff(c.want, p.Image.Entrypoint, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			if notes := strings.Join(p.Notes, "\n"); !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
				t.Errorf("notes:\n%s", notes)
			}
		})
	}
}

// A Dockerfile above the project copies by paths from there; one that builds for another
// environment than prod is followed in that, too.
func TestFollowsAbove(t *testing.T) {
	l := dockerfile.Laid{Place: "/app", WorkDir: "/app", Files: []dockerfile.File{{From: "svc/a.txt", To: "/etc/a.txt"}, {From: "b.txt", To: "/etc/b.txt"}}}
	facts := laidIn(t, l, nil, map[string]string{"svc/a.txt": ""})
	facts.Dir, facts.DockerFile, facts.Docker.MixEnv = filepath.Join(facts.Dir, "svc"), "../Dockerfile", "staging"
	p := make1(t, inputs(facts))
	if diff := cmp.Diff([]config.ImageFile{{Source: "a.txt", Destination: "/etc/a.txt"}}, p.Image.Files); diff != "" {
		t.Error(diff)
	}
	if p.MixEnv != "staging" || !slices.Contains(p.Decisions, Decision{"mix env", "staging", "set by ../Dockerfile"}) || !strings.Contains(strings.Join(p.Notes, "\n"), "copies b.txt into its image") {
		t.Errorf("%q %+v %q", p.MixEnv, p.Decisions, p.Notes)
	}
	if p = make1(t, flags(t, inputs(facts), "mix-env prod")); p.MixEnv != "prod" {
		t.Errorf("made for %q", p.MixEnv)
	}
}
