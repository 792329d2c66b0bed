package shell_test

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"dram/internal/shell"
)

// Lines over which a script with "set -e" ends, by both shells.
func endsBoth() []string {
	return []string{
		"false",
		"(exit 3)",
		"A=$(false)",
		"false; A=x",
		"true && false",
		"f() { false; }; f",
		"f() { return 2; }; f",
		"{ false; }",
		"if true; then false; fi",
		"for i in a; do false; done",
		"case a in a) false;; esac",
		"true | false",
		"[ a = b ]",
		"test -d /gone/x",
		"exit 1",
		"f() { exit 3; }; f",
		"eval false",
		"set -e; false",
		"A=$(exit 4)",
		"set +e; set -e; false",
		"echo $(exit 3) >/dev/null; false",
		"! true; false",
		"cd /gone/x 2>/dev/null",
		". /gone/x 2>/dev/null",
		"command false",
		"exit",
		"(false; true)",
		"f() { true; }; f && false",
		"while true; do false; done",
		"B=x false",
	}
}

// Lines over which none ends.
func goesOnBoth() []string {
	return []string{
		"! true",
		"! false",
		"false || true",
		"false && true",
		"if false; then :; fi",
		"while false; do :; done",
		"until true; do :; done",
		"f() { false; true; }; if f; then :; fi",
		"f() { false; }; f || :",
		"false | true",
		"export A=$(false)",
		"set +e; false",
		"(false) || :",
		"true || false",
		"if (false; true); then :; fi",
		"f() { return 0; }; f",
		"A=$(false; true) || :",
		"case a in b) false;; esac",
		"for i in; do false; done",
		"[ a = b ] || [ b = b ]",
		"! { false; }",
		"if f; then :; fi 2>/dev/null",
		"(exit 0)",
		"B=$(echo) true",
		"false && false",
		"! (false)",
		"echo $(false) >/dev/null",
		"test a = b && false",
		": $(false)",
	}
}

// ran is what a shell of this machine makes of scripts, each in a shell of its
// own: "<" and what A is in the end, "" where it does not come there.
func ran(t *testing.T, sh string, scripts []string) []string {
	t.Helper()
	var all strings.Builder
	for _, lines := range scripts {
		fmt.Fprintf(&all, "(set -e\n%s\nprintf '<%%s' \"$A\")\nprintf '\\0'\n", lines)
	}
	cmd := exec.CommandContext(t.Context(), sh)
	cmd.Stdin, cmd.Env, cmd.Dir = strings.NewReader(all.String()), []string{"PATH=/usr/bin:/bin"}, "/"
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	results := strings.Split(string(out), "\x00")
	if len(results) != len(scripts)+1 {
		t.Fatalf("%d results of %d scripts", len(results), len(scripts))
	}
	return results
}

// followed is the same of Follow; unknown says that it knows that the end is
// come to, and not what A is; maybe, that it does not know whether.
func followed(sh, lines string) (a string, whole, maybe, unknown bool) {
	m := plain().with("bin/dash", "\x7fELF").with("bin/"+sh, "\x7fELF").with("bin/sh", "-> "+sh).
		with("usr/x", "").with("dev/null", "").with("app/vm", "\x7fELF").
		with("app/run", "#!/bin/"+sh+"\nset -e\n"+lines+"\nexec /app/vm \"$A\"\n").with("etc/passwd", "644 x")
	for p := range strings.FieldsSeq("true false tr head tail wc expr sleep uname seq cp mv rm rmdir chmod touch ls find sort mkdir tee ln timeout nice xargs setsid echo printf") {
		m["bin/"+p] = "\x7fELF"
	}
	tr := shell.Follow(m.world(), "app/run")
	i := slices.IndexFunc(tr.Runs, func(r shell.Run) bool { return r.Path == "app/vm" })
	if i < 0 {
		return "", false, false, false
	}
	v := tr.Runs[i].Argv[1]
	return v.Text, true, !tr.Runs[i].Sure, v.Unknown
}

func shells(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, sh := range []string{"dash", "bash"} { // not busybox: where it is built with them it runs programs of its own
		if _, err := exec.LookPath(sh); err == nil {
			found = append(found, sh)
		}
	}
	if len(found) == 0 {
		t.Skip("this machine has neither dash nor bash")
	}
	return found
}

// What Follow says of a value is what the machine's shells make of it. It may
// not know some of them.
func TestFollowAsShellsRun(t *testing.T) {
	t.Parallel()
	for _, sh := range shells(t) {
		agrees(t, sh, knownToBoth(), len(knownToBoth())/20)
	}
}

// agrees compares Follow with a shell: of some scripts it may not know the end.
func agrees(t *testing.T, sh string, scripts []string, mayBeOpen int) {
	t.Helper()
	var open []string
	for i, want := range ran(t, sh, scripts)[:len(scripts)] {
		a, whole, maybe, unknown := followed(sh, scripts[i])
		got := ""
		if whole {
			got = "<" + a
		}
		if maybe || unknown {
			open = append(open, scripts[i])
		} else if got != want {
			t.Errorf("%s makes %q of %q, Follow %q", sh, want, scripts[i], got)
		}
	}
	if len(open) > mayBeOpen {
		t.Errorf("of %d scripts of %d Follow does not know the end by %s:\n%s", len(open), len(scripts), sh, strings.Join(open, "\n"))
	}
}

// Where "set -e" ends a script, and where it does not.
func TestFollowEndsWhereShellsEnd(t *testing.T) {
	t.Parallel()
	for _, sh := range shells(t) {
		scripts := slices.Concat(endsBoth(), goesOnBoth())
		agrees(t, sh, scripts, 2)
		for i, got := range ran(t, sh, scripts)[:len(scripts)] {
			if ends := i < len(endsBoth()); ends != (got == "") {
				t.Errorf("%s comes to the end of %q: %v", sh, scripts[i], !ends)
			}
		}
	}
}

// composed is a script made at random of what changes variables, and of what
// decides whether it does. No part of it does anything outside the shell.
func composed(r *rand.Rand, depth int) string {
	name := func() string { return string("ABC"[r.IntN(3)]) }
	word := func() string {
		return []string{"x", `"y z"`, "$" + name(), `"$` + name() + `"`, "${" + name() + ":-d}", "${" + name() + "#x}", "${#" + name() + "}", "$((${#" + name() + "}+1))", "$(echo $" + name() + ")", `''`}[r.IntN(10)]
	}
	test := func() string {
		return []string{"true", "false", `[ "$` + name() + `" = x ]`, `[ -n "$` + name() + `" ]`, "! false", "[ ${#" + name() + "} -gt 2 ]", `test -z "$` + name() + `"`}[r.IntN(7)]
	}
	if depth == 0 {
		return name() + "=" + word()
	}
	in := func() string { return composed(r, depth-1) }
	switch r.IntN(11) {
	case 0:
		return "if " + test() + "; then " + in() + "; else " + in() + "; fi"
	case 1:
		return test() + " && " + in() + " || " + in()
	case 2:
		return "for i in 1 " + word() + "; do " + in() + "; " + name() + "=$i; done"
	case 3:
		return "case " + word() + " in x*) " + in() + ";; '') " + in() + ";; *) " + in() + ";; esac"
	case 4:
		return fmt.Sprintf("f%d() { %s; %s=${1-}; }; f%d %s", depth, in(), name(), depth, word())
	case 5:
		return "( " + in() + ")"
	case 6:
		return name() + "=$( " + in() + "; echo \"$" + name() + "\")"
	case 7:
		return "set -- " + word() + " " + word() + "; " + name() + "=$#$1"
	case 8:
		return test() + " || " + in()
	case 9:
		return "I=0; while [ $I -lt 3 ]; do I=$((I+1)); " + in() + "; done"
	}
	return in() + "; " + in()
}

// Of scripts made at random Follow knows what A is in the end, as the machine's
// shells do, and where they end before.
func TestFollowComposedScripts(t *testing.T) {
	t.Parallel()
	for n, sh := range shells(t) {
		r := rand.New(rand.NewPCG(11, uint64(n))) //nolint:gosec // the same scripts each time
		var scripts []string
		for i := range 400 {
			scripts = append(scripts, "A=; B=; C=; set --\n"+composed(r, 1+i%4))
		}
		agrees(t, sh, scripts, len(scripts)/20)
	}
}
