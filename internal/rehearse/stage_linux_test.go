package rehearse

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dram/internal/check"
	"dram/internal/sandbox"
	"dram/internal/tool"
)

func TestMain(m *testing.M) {
	sandbox.Main() // what runs in the sandbox begins as this program
	os.Exit(m.Run())
}

// system is a root with this machine's sh and sleep.
func system(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	programs := []string{"/bin/sh", "/bin/sleep"}
	said, err := exec.CommandContext(t.Context(), "ldd", programs...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(regexp.MustCompile(`/[^\s:]+`).FindAllString(string(said), -1), programs...) {
		raw, err := os.ReadFile(name)
		if err == nil {
			err = os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), raw, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// script is a release in a few lines: its node is up once /tmp/up is there.
func script(body string) string {
	return "#!/bin/sh\nif [ \"$1\" = ask ]; then [ -e /tmp/up ] && echo up; exit $?; fi\ntrap 'exit 0' TERM\n" + body + "\n: > /tmp/up\nwhile :; do sleep 0.05; done\n"
}

// subject is such a release, on a system.
func subject(t *testing.T, system, body string) *Subject {
	t.Helper()
	layer := t.TempDir()
	if err := os.MkdirAll(filepath.Join(layer, "app"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(layer, "app/run"), []byte(script(body)), 0o755); err != nil {
		t.Fatal(err)
	}
	return &Subject{
		Spec: sandbox.Spec{
			Lower: []string{layer, system}, Argv: []string{"/app/run"}, Dir: "/app", User: 7, Group: 7,
			Env: []string{"PATH=/bin:/usr/bin", "LANG=C.UTF-8", "TERM=xterm"},
		},
		Script: "/app/run", Asks: []tool.Question{{Args: []string{"ask"}, Answer: "up"}},
		Temp:     func() (string, func(), error) { dir := t.TempDir(); return dir, func() { _ = os.RemoveAll(dir) }, nil },
		Patience: 30 * time.Second, Grace: time.Second, glance: 20 * time.Millisecond,
	}
}

// What starts do is seen: each a release that does not run in one circumstance, for
// one reason.
func TestTry(t *testing.T) {
	const hostname = "read h < /proc/sys/kernel/hostname; "
	root := system(t)
	for _, tt := range []struct {
		name, body string
		only       []string
		want       string // CIRCUMSTANCE=VERDICT/CAUSE of all that are tried
		tells      string // somewhere in the text
	}{
		{
			"a sound one", "",
			[]string{"writable", "read-only", "other-user", "no-capabilities", "no-ipv6", "one-cpu", "memory", "dotted-host", "no-locale", "stop", "stop-early"},
			"plain=OK/none writable=OK/none read-only=OK/none other-user=OK/none no-capabilities=OK/none no-ipv6=OK/none one-cpu=OK/none memory=OK/none dotted-host=OK/none no-locale=OK/none stop=OK/none stop-early=OK/none",
			"runs in 12 circumstances",
		},
		{"it writes to its own folder", "set -e; echo x > /app/data", []string{"writable", "read-only", "other-user"}, "plain=OK/none writable=OK/none read-only=FAIL/ended other-user=FAIL/ended", "it writes /app/data"},
		{"it writes there if it may", "{ echo x > /app/data; } 2> /dev/null", []string{"writable", "read-only"}, "plain=OK/none writable=OK/none read-only=WARN/writes", "without /app/data, which"},
		{"it needs a locale", `[ -n "$LANG" ] || { echo "error: no LANG"; exit 1; }`, []string{"no-locale"}, "plain=OK/none no-locale=FAIL/ended", "error: no LANG"},
		{"it reports that it has none", `[ -n "$LANG" ] || echo "[error] no LANG"`, []string{"no-locale"}, "plain=OK/none no-locale=WARN/logged", "[error] no LANG"},
		{"it needs a terminal", `[ -n "$TERM" ] || { echo "TERM is not a terminal"; exit 5; }`, []string{"memory"}, "plain=FAIL/ended memory=UNKNOWN/untried", "TERM is not a terminal"},
		{"it needs a short name", hostname + "case $h in *.*) echo 'error: long'; exit 1; esac", []string{"dotted-host"}, "plain=OK/none dotted-host=FAIL/ended", "error: long"},
		{"it needs a variable", `: "${DATABASE_URL:?}"`, []string{"memory"}, "plain=FAIL/configuration memory=UNKNOWN/untried", "it lacks DATABASE_URL"},
		{"it crashes", "echo boom; exit 3", []string{"memory"}, "plain=FAIL/ended memory=UNKNOWN/untried", "exit code 3"},
		{"it is killed", "kill -9 $$; sleep 1; exit 9", nil, "plain=FAIL/ended", "exit code 9"},
		{"it is a task", "exit 0", []string{"memory", "stop"}, "plain=OK/task memory=OK/none stop=UNKNOWN/untried", "ends by itself"},
		{"it takes half a gigabyte", "a=0123456789abcdef0123; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24; do a=$a$a; done", []string{"memory"}, "plain=OK/none memory=FAIL/memory", "of memory"},
		{"it hears no SIGTERM", "trap '' TERM", []string{"memory", "stop", "stop-early"}, "plain=OK/none memory=OK/none stop=WARN/killed stop-early=WARN/killed", "it is killed 1."},
		{"SIGTERM is a failure", "trap 'exit 4' TERM", []string{"stop"}, "plain=OK/none stop=WARN/code", "exit code 4"},
		{"it floods its log", "while :; do echo 'x x x x x x x x x x x x x x x x'; done &", []string{"stop"}, "plain=OK/none stop=OK/none", ""},
		{"it forks", "i=0; while [ $i -lt 200 ]; do sleep 31337 & i=$((i+1)); done", []string{"stop"}, "plain=OK/none stop=OK/none", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if testing.Short() && slices.Contains([]string{"a sound one", "it takes half a gigabyte", "it floods its log", "it forks"}, tt.name) {
				t.Skip("what takes seconds of a processor")
			}
			t.Parallel()
			begun := time.Now()
			list, err := Choose(append(tt.only, Plain), nil)
			if err != nil {
				t.Fatal(err)
			}
			rows, err := All(t.Context(), subject(t, root, tt.body), list, func(int, int) {})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range rows {
				got = append(got, r.Circumstance.Name+"="+r.Verdict.String()+"/"+string(r.Cause))
			}
			var text strings.Builder
			r := &Report{Release: tt.name, Place: "here", Rows: rows}
			if err := r.Text(&text); err != nil {
				t.Fatal(err)
			}
			if s := strings.Join(got, " "); s != tt.want || !strings.Contains(text.String(), tt.tells) {
				t.Errorf("%s\nwant %s, and %q in\n%s", s, tt.want, tt.tells, text.String())
			}
			t.Logf("%s\n%s", time.Since(begun), text.String())
		})
	}
}

// Nothing is left behind: no process, no mount, no file.
func TestNothingIsLeft(t *testing.T) {
	s := subject(t, system(t), "sleep 31338 & sleep 31338 & echo x > /app/data; trap '' TERM")
	s.Grace = 100 * time.Millisecond
	var dirs []string
	temp := s.Temp
	s.Temp = func() (string, func(), error) {
		dir, done, err := temp()
		dirs = append(dirs, dir)
		return dir, done, err
	}
	seen, err := s.Try(t.Context(), Circumstances()[1], Seen{})
	if err != nil || !slices.Contains(seen.Written, "/app/data") || seen.State != Answered {
		t.Fatalf("%+v, %v", seen, err)
	}
	left, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range left {
		if raw, err := os.ReadFile(name); err == nil && strings.Contains(string(raw), "31338") {
			t.Errorf("a process is left: %s %q", name, raw)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		if strings.Contains(string(mounts), dir) {
			t.Errorf("%s is mounted", dir)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s is left", dir)
		}
	}
}

// A rehearsal that is cancelled ends at once, and says so.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	begun := time.Now()
	_, err := All(ctx, subject(t, system(t), "trap '' TERM; sleep 60"), Circumstances(), func(int, int) {})
	if err == nil || ctx.Err() == nil || time.Since(begun) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(begun))
	}
}

// What runs and answers nobody is not taken for started.
func TestSilent(t *testing.T) {
	s := subject(t, system(t), "while :; do sleep 0.05; done")
	s.Patience = 1500 * time.Millisecond
	seen, err := s.Try(t.Context(), Circumstances()[0], Seen{})
	if err != nil || seen.State != Lived || judge(Circumstances()[0], seen, Seen{}).Verdict != check.Unknown {
		t.Errorf("%+v, %v", seen, err)
	}
}
