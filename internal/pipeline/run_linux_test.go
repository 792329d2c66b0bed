package pipeline

import (
	"bytes"
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/sandbox"
	"dram/internal/tool"
)

func TestMain(m *testing.M) {
	sandbox.Main() // what runs in the sandbox begins as this program
	os.Exit(m.Run())
}

// shell is this machine's sh, with the libraries that it names.
func shell(t *testing.T) tree {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("the toolchains of these tests are for amd64")
	}
	said, err := exec.CommandContext(t.Context(), "ldd", "/bin/sh").Output()
	if err != nil {
		t.Fatal(err)
	}
	tr := tree{}
	for _, name := range append(regexp.MustCompile(`/\S+`).FindAllString(string(said), -1), "/bin/sh") {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, usr := range []string{"/lib", "/lib64", "/bin"} { // links in bookworm's tree
			if strings.HasPrefix(name, usr+"/") {
				name = "/usr" + name
			}
		}
		tr[name[1:]] = string(raw)
	}
	return tr
}

// runnable is a toolchain whose shell is a real one.
func runnable(t *testing.T) tree {
	tr := bookworm().without("usr/lib64/ld-linux-x86-64.so.2")
	maps.Copy(tr, shell(t))
	return tr
}

// imageWith is one with the shell, in a layout.
func imageWith(t *testing.T, config v1.Config, more tree, history ...v1.History) ref.Ref {
	t.Helper()
	tr := runnable(t)
	maps.Copy(tr, more)
	img := imageOf(t, tr)
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.Config, file.History = config, history
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	writeLayout(t, dir, img)
	return ref.Ref{Kind: ref.Layout, Value: dir}
}

// An image runs as its configuration and the options say: what it prints, and
// the code that it ends with.
func TestRunImage(t *testing.T) {
	const needy = "import Config\nconfig :a, b: System.fetch_env!(\"SECRET_KEY\")\n"
	w := newWorld(t)
	from := imageWith(t, v1.Config{
		Entrypoint: []string{"/bin/sh", "/app/start"}, Cmd: []string{"start"}, Env: []string{"PATH=/usr/bin:/bin", "GREETING=hi"}, User: "7:8", WorkingDir: "/app",
	}, tree{
		"app/start":                      "644 echo \"$GREETING $1 $2 in $PWD\"; cat /app/none 2>/dev/null; exit ${CODE:-0}\n",
		"app/releases/0.1.0/runtime.exs": "644 " + needy,
	})
	for _, tt := range []struct {
		name    string
		opts    RunOptions
		out     string
		code    int
		explain bool // what the release would need is told
	}{
		{"as it is", RunOptions{}, "hi start  in /app\n", 0, false},
		{"with another command", RunOptions{Command: []string{"eval", "1"}}, "hi eval 1 in /app\n", 0, false},
		{"with a variable", RunOptions{Env: []string{"GREETING=ho"}}, "ho start  in /app\n", 0, false},
		{"one that fails", RunOptions{Env: []string{"CODE=7"}}, "hi start  in /app\n", 7, true},
		{"one that fails with what it needs", RunOptions{Env: []string{"CODE=7", "SECRET_KEY=x"}}, "hi start  in /app\n", 7, false},
		{"a program", RunOptions{Command: []string{"/bin/sh", "-c", "echo $0; exit 3"}}, "/bin/sh\n", 3, false},
		{"who it is", RunOptions{Command: []string{"/bin/sh", "-c", "read a b < /proc/self/uid_map; echo $a $HOME"}}, "7 /\n", 0, false},
		{"a port mapper of its own", RunOptions{Command: []string{"/bin/sh", "-c", "[ $ERL_EPMD_PORT -gt 1023 ]"}}, "", 0, false},
		{"the host's port mapper", RunOptions{Command: []string{"/bin/sh", "-c", "echo $ERL_EPMD_PORT"}, Env: []string{"ERL_EPMD_PORT=4369"}}, "4369\n", 0, false},
		{"a program that is not there", RunOptions{Command: []string{"/bin/gone"}}, "", 127, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			tt.opts.Stdout, tt.opts.Stderr = &out, &out
			before := len(w.said.String())
			err := w.RunImage(t.Context(), from, tt.opts)
			code, _, _ := Ended(err)
			if out.String() != tt.out || code != tt.code || err != nil && code == 0 {
				t.Errorf("it printed %q and ended with %d, %v; want %q and %d", out.String(), code, err, tt.out, tt.code)
			}
			if said := w.said.String()[before:]; strings.Contains(said, "needs SECRET_KEY") != tt.explain {
				t.Errorf("said %q", said)
			}
		})
	}
}

// What is mounted at one of the image's volumes, otherwise empty and in memory, is seen
// there.
func TestRunImageWithAVolume(t *testing.T) {
	w := newWorld(t)
	from := imageWith(t, v1.Config{
		Entrypoint: []string{"/bin/sh", "-c", "read a < /data/x; echo $a; echo more >/data/y"}, Env: []string{"PATH=/usr/bin:/bin"}, User: "7:8",
		Volumes: map[string]struct{}{"/data": {}, "/other": {}},
	}, nil, v1.History{CreatedBy: "dram"})
	at := t.TempDir()
	if err := os.WriteFile(filepath.Join(at, "x"), []byte("of the host\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	opts := RunOptions{Volumes: []sandbox.Mount{{Source: at, Target: "/data"}}, Stdout: &out, Stderr: &out}
	if err := w.RunImage(t.Context(), from, opts); err != nil || out.String() != "of the host\n" {
		t.Errorf("%v, %q", err, out.String())
	}
	if more, err := os.ReadFile(filepath.Join(at, "y")); err != nil || string(more) != "more\n" {
		t.Errorf("%v, %q", err, more)
	}
}

// Images that cannot be run say why before anything starts.
func TestRunImageRefuses(t *testing.T) {
	w := newWorld(t)
	for says, config := range map[string]v1.Config{
		"the image has no command":                            {Env: []string{"A=b"}},
		`the image's user "nobody" is not in its /etc/passwd`: {Cmd: []string{"/bin/sh"}, User: "nobody"},
		`the image's group "staff" is not in its /etc/group`:  {Cmd: []string{"/bin/sh"}, User: "0:staff"},
	} {
		err := w.RunImage(t.Context(), imageWith(t, config, nil), RunOptions{})
		if problem.Code(err) != int(problem.Usage) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want a wrong usage that says %q", err, says)
		}
	}
	if err := w.RunImage(t.Context(), ref.Ref{Kind: ref.Layout, Value: filepath.Join(t.TempDir(), "gone")}, RunOptions{}); err == nil {
		t.Error("an image that is not there was run")
	}
}

// Cancelling ends a run as docker stop does: the program is told, and ends as
// it likes.
func TestRunImageIsCancelled(t *testing.T) {
	w := newWorld(t)
	from := imageWith(t, v1.Config{Cmd: []string{"/bin/sh", "-c", "trap 'echo bye; exit 9' TERM; echo ready; while :; do :; done"}, Env: []string{"PATH=/bin"}}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	out := &lines{}
	stop := writerFunc(func(p []byte) (int, error) {
		n, err := out.Write(p)
		if strings.Contains(out.String(), "ready\n") {
			cancel()
		}
		return n, err
	})
	err := w.RunImage(ctx, from, RunOptions{Stdout: stop, Stderr: stop})
	if code, _, ok := Ended(err); !ok || code != 9 || out.String() != "ready\nbye\n" {
		t.Errorf("it printed %q and ended with %v", out, err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// byHand runs a command in the world's toolchain, over the project.
func (w *world) byHand(t *testing.T, hands []tool.Hand, command ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := w.ByHand(t.Context(), w.dir, w.cfg, hands, RunOptions{Command: command, Stdin: strings.NewReader("echo $-\n"), Stdout: &out, Stderr: &out})
	return out.String(), err
}

// A command by hand sees the working copy and may change it, but not what Git
// runs commands of; what a tool keeps lives on, for each toolchain by itself.
func TestByHand(t *testing.T) {
	w := newWorld(t)
	toolchains := t.TempDir()
	writeLayout(t, toolchains, imageOf(t, runnable(t)))
	w.cfg.Toolchain = "oci:" + toolchains
	writeTree(t, w.dir, tree{".git/config": "644 [core]\n"})
	sh := func(script string, hands ...tool.Hand) (string, error) { return w.byHand(t, hands, "sh", "-c", script) }

	out, err := sh("pwd; echo x > /app/made; read l < mix.exs; echo $l; [ -z \"$DRAM_TEST_OWN\" ]; echo $HOME $LANG")
	if want := "/app\ndefmodule Hello.MixProject do\n/root C.UTF-8\n"; err != nil || out != want {
		t.Errorf("it printed %q, %v; want %q", out, err, want)
	}
	if raw, err := os.ReadFile(filepath.Join(w.dir, "made")); err != nil || string(raw) != "x\n" {
		t.Errorf("what it made is %q, %v", raw, err)
	}
	if out, err := sh("echo x >> .git/config"); err == nil {
		t.Errorf("it wrote to what Git reads, and said %q", out)
	}
	if code, _, _ := Ended(second(sh("exit 5"))); code != 5 {
		t.Errorf("it ended with %d", code)
	}
	if out, err := w.byHand(t, nil); err != nil || strings.Contains(out, "not found") {
		t.Errorf("the shell says %q, %v", out, err)
	}

	kept := tool.Hand{Program: "mix", Kept: []string{"/root/.kept"}, Env: func(tc tool.Toolchain, _, args []string) []string {
		return []string{"CALLED=" + strings.Join(args, ","), "OTP=" + tc.OTP}
	}}
	if out, err := sh("echo x > /root/.kept/file; echo \"<$CALLED> $OTP\"", kept); err != nil || out != "<> 25.2.3\n" {
		t.Errorf("with what a tool keeps it printed %q, %v", out, err)
	}
	if out, err := sh("read l < /root/.kept/file; echo $l", kept); err != nil || out != "x\n" {
		t.Errorf("what a tool kept is %q, %v", out, err)
	}
	if out, err := sh("[ -e /root/.kept ] || echo none"); err != nil || out != "none\n" {
		t.Errorf("without the tool it printed %q, %v", out, err)
	}
	if out, err := sh("read l < /root/.kept/file; echo $l", tool.Hand{Program: "other", Kept: kept.Kept, Env: kept.Env}); err == nil && out == "x\n" {
		t.Error("another tool sees what the first kept")
	}
}

func second[A, B any](_ A, b B) B { return b }

// Where there is no project yet there is a toolchain all the same; one that is
// wrong is refused, and so is a place that holds too much.
func TestByHandWithoutAProject(t *testing.T) {
	w := newWorld(t)
	toolchains, bare := t.TempDir(), t.TempDir()
	writeLayout(t, toolchains, imageOf(t, runnable(t)))
	tr := runnable(t)
	for name := range tr {
		if strings.Contains(name, "elixir") {
			delete(tr, name)
		}
	}
	writeLayout(t, bare, imageOf(t, tr))
	w.dir, w.cfg.Toolchain = t.TempDir(), "oci:"+toolchains
	if out, err := w.byHand(t, nil, "sh", "-c", "echo > made; echo *"); err != nil || out != "made\n" {
		t.Errorf("it printed %q, %v", out, err)
	}
	for at, says := range map[string]string{
		"oci:" + bare: "has no Erlang or no Elixir", "oci:" + t.TempDir(): "", "nonsense:x": "",
	} {
		w.cfg.Toolchain = at
		if _, err := w.byHand(t, nil, "sh"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("in %s: %v, want %q", at, err, says)
		}
	}
	w.cfg.Toolchain, w.dir = "oci:"+toolchains, filepath.Join(w.dir, "gone")
	if _, err := w.byHand(t, nil, "sh"); problem.Code(err) != int(problem.Usage) {
		t.Errorf("in a directory that is not there: %v", err)
	}
}

// A project of several releases has one toolchain: which of them is meant
// need not be said. One that cannot be read says why.
func TestByHandReadsTheProject(t *testing.T) {
	w := newWorld(t)
	toolchains := t.TempDir()
	writeLayout(t, toolchains, imageOf(t, runnable(t)))
	w.cfg.Toolchain = "oci:" + toolchains
	two := strings.Replace(mixExs, "deps: []", "deps: [], releases: [one: [], two: []]", 1)
	writeTree(t, w.dir, tree{"mix.exs": two})
	if out, err := w.byHand(t, nil, "sh", "-c", "echo there"); err != nil || out != "there\n" {
		t.Errorf("it printed %q, %v", out, err)
	}
	writeTree(t, w.dir, tree{"mix.exs": "defmodule A do\n"})
	if _, err := w.byHand(t, nil, "sh"); err == nil || !strings.Contains(err.Error(), "mix.exs") {
		t.Errorf("with a mix.exs that is none: %v", err)
	}
}

// A command in a toolchain sees what it is bound, and nothing else of the host.
func TestExec(t *testing.T) {
	w := newWorld(t)
	toolchains, bound := t.TempDir(), t.TempDir()
	writeLayout(t, toolchains, imageOf(t, runnable(t)))
	writeTree(t, bound, tree{"file": "644 bound\n"})
	tc, err := w.OpenToolchain(t.Context(), "oci:"+toolchains, w.planned(t).Additions)
	if err != nil {
		t.Fatal(err)
	}
	run := func(binds []string, script string) (string, error) {
		var out bytes.Buffer
		err := w.Exec(t.Context(), tc, ExecOptions{
			RunOptions: RunOptions{Command: []string{"sh", "-c", script}, Env: []string{"A=b"}, Stdout: &out, Stderr: &out}, Binds: binds,
		})
		return out.String(), err
	}
	out, err := run([]string{bound + ":/mnt/x"}, "read l < /mnt/x/file; echo $l $A; echo y > /mnt/x/made; echo z > /etc/made")
	if err != nil || out != "bound b\n" {
		t.Errorf("it printed %q, %v", out, err)
	}
	if raw, _ := os.ReadFile(filepath.Join(bound, "made")); string(raw) != "y\n" {
		t.Errorf("what it made where it was bound is %q", raw)
	}
	if out, err := run(nil, "[ -e /etc/made ] || echo gone"); err != nil || out != "gone\n" {
		t.Errorf("what one run wrote another sees: %q, %v", out, err)
	}
	if _, err := run([]string{"x"}, ":"); problem.Code(err) != int(problem.Usage) {
		t.Errorf("a bind that is none: %v", err)
	}
}

// What is written down of a job is the steps and no secret of this environment.
func TestJob(t *testing.T) {
	w := newWorld(t)
	w.Environ = []string{"HEX_API_KEY=secret-of-mine"}
	job, err := w.Job(t.Context(), w.planned(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(job.Steps) == 0 || job.Steps[len(job.Steps)-1].Name == "" || !slices.ContainsFunc(job.Env, func(e string) bool { return strings.HasPrefix(e, "PATH=") }) {
		t.Errorf("the job is %+v", job)
	}
	if slices.ContainsFunc(job.Env, func(e string) bool { return strings.Contains(e, "secret-of-mine") }) {
		t.Errorf("the job's environment is %q", job.Env)
	}
	pl := w.planned(t)
	pl.Toolchain = "oci:" + filepath.Join(t.TempDir(), "gone")
	if _, err := w.Job(t.Context(), pl); err == nil {
		t.Error("there is a job with a toolchain that is not there")
	}
}

// A user of an image of dram's writes where the image has directories of the user's own
// or of everybody's, and nowhere else.
func TestRunImageAsItsUser(t *testing.T) {
	w := newWorld(t)
	w.set(t, "[[image.directories]]\npath = \"/srv/own\"\n[[image.directories]]\npath = \"/srv/all\"\nmode = \"1777\"\nowner = \"0\"\n")
	w.on(t, runnable(t))
	w.engine.release = hello().with("bin/hello", "#!/bin/sh\nfor d in /srv/own /srv/all /app /srv /tmp; do echo >$d/x && echo $d; done 2>/dev/null\nexit 0\n")
	from := w.asLayout(t, w.built(t))
	var out bytes.Buffer
	if err := w.RunImage(t.Context(), from, RunOptions{Stdout: &out, Stderr: &out}); err != nil || out.String() != "/srv/own\n/srv/all\n/tmp\n" {
		t.Errorf("%v, it could write to %q", err, out.String())
	}
}
