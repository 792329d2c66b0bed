package shell_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/shell"
)

// refusals are lines that give the shell's own commands what some shell refuses, or
// what looks as if: what comes of each, the machine's shells say.
func refusals() []string {
	return []string{
		// Names.
		"export A-B=1", "export 1A=x", "unset A-B; A=x", "export A; A=x", "readonly B=1; A=$B", "readonly B=1; B=2; A=x",
		"readonly B=1; (B=2); A=x", "readonly B=1; (B=2) || A=x", "f() { local B=1; }; f; A=x", "local B=1; A=x", "local B=1 || A=x", "export -p >/dev/null; A=x",
		// Options.
		"set -o errexit; A=x", "set -o nounset; A=x", "set -Z || A=x", "set -eu; A=x", "set +u; A=$B", "set -x 2>/dev/null; set +x; A=x",
		"read -r B </dev/null || A=x", "read -r B </dev/null", "while read -r B; do A=n; done </dev/null", "printf -v B x || A=x", "printf '%q' x >/dev/null || A=x",
		"A=$(printf '%s' x)", "printf '%d' 3 >/dev/null; A=x", "printf -- x >/dev/null; A=x", "ulimit -Z 1", "ulimit -n 99999999999 || A=x", "ulimit -n 99999999999", "ulimit -c 0; A=x",
		"umask abc || A=x", "umask abc", "umask u=rwx,go-w; A=x", "umask 0027; A=x", "trap : ERR || A=x", "trap : ERR", "trap : SIGTERM || A=x", "trap : TERM INT EXIT; A=x", "trap - INT; A=x", "trap : NOSIG || A=x", "trap : 15; A=x",
		"shift 9 || A=x", "set -- a; shift; A=$#",
		// What is not set.
		"set -u; A=${B-x}", "set -u; A=${B:+x}y", "set -u; A=$1", "set -u; A=$#", `set -u; A="$*x"`, "set -u; B=1; A=$B", "set -u; set +u; A=$B", "(set -u); A=$B",
		// Numbers.
		"A=$((2**3)) || A=x", "A=$((1/0))", "B=0; A=$((1/B))", "A=$((1%0)) || A=x", "B='1 x'; A=$((B+1))", "A=$((7/2))", "A=$(echo $((1/0))) || A=x", "if false; then A=$((1/0)); fi; A=x",
		// Tests.
		"[ a == a ] && A=x", "[ a == b ] || A=x", "[ a b = a ] || A=$?", "[ a foo b ] || A=$?", "[ -Q a ] || A=$?", "[ x -gt 1 ] || A=$?", "[ –d / ] || A=$?", "[ / -nt /gone9 ] || :; A=x", `[ a "<" b ] && A=x`, `[ b ">" a ] && A=x`,
		"[ a = a -a b = b ] && A=x", "[ ! a = b ] && A=x", "[ ! -d /gone9 ] && A=x", "B='a b'; [ $B = a ] || A=$?",
		// Files.
		"echo x >/gone9/x || A=x", "echo x >/gone9/x", "exec 3>/gone9/x", "exec 3>/gone9/x || A=x", ": >/gone9/x || A=x", "{ echo; } >/gone9/x || A=x", "echo x >/dev/null; A=x", "cat /usr || A=x",
		"B=$(cat /usr) || A=x", "mkdir /gone9/x/y || A=x",
		// Text.
		"A=\xe9x; A=x", "# \xe9\nA=x", "kill -0 $$; A=x", "cat <<X >/dev/null\na\nX\nA=x",
	}
}

// dashRefuses are lines of which dash makes something else than bash.
func dashRefuses() []string {
	return []string{
		"export A-B=1 || true; A=x", "export A=1 B-", "f() { local B-C=1; }; f || A=x", "export -f f 2>/dev/null || A=x", "set -o nowhere9 || A=x",
		"ulimit -Z 1 || A=x", "ulimit -u 4096 || A=x", "unset A-B || A=x", "A=$((2**3)) || A=x",
	}
}

// Commands of the shell's own refuse what those of the machine's shells refuse.
func TestFollowRefusesAsShellsDo(t *testing.T) {
	t.Parallel()
	for _, sh := range shells(t) {
		agrees(t, sh, refusals(), 9)
		if sh == "dash" {
			agrees(t, sh, dashRefuses(), 0)
		}
	}
}

// What ends a start over such a command says what it was.
func TestFollowSaysWhatIsRefused(t *testing.T) {
	t.Parallel()
	for lines, want := range map[string]string{
		"export A-B=1":             "refused export: A-B: bad variable name at app/run:3, ends",
		"local A=1":                "refused local: not in a function at app/run:3, ends",
		"readonly A=1\nA=2":        "refused A: is read only at app/run:4, ends",
		"set -u\necho $1":          "refused 1: parameter not set at app/run:4, ends",
		"A=$((1/0))":               "refused arithmetic: division by zero at app/run:3, ends",
		"ulimit -n 9999999999":     "refused ulimit: 9999999999: Operation not permitted at app/run:3, ends",
		"ulimit -n 2000000":        "refused ulimit: 2000000: Operation not permitted at app/run:3, perhaps",
		"ulimit -u 5":              "refused ulimit: Illegal option -u at app/run:3, ends",
		"umask abc":                "refused umask: Illegal mode: abc at app/run:3, ends",
		"trap : ERR":               "refused trap: ERR: bad trap at app/run:3, ends",
		"read -n 1 B </app/run":    "refused read: Illegal option -n at app/run:3, ends",
		"printf -v B x":            "refused printf: Illegal option -v at app/run:3, ends",
		"echo x >/gone/log":        "no-output /gone/log at app/run:3, ends",
		"exec >>/gone/log || true": "no-output /gone/log at app/run:3, ends",
		"kill $$":                  "exit 143 at app/run:3",
		"mkdir /gone/x":            "no-folder /gone at app/run:3, ends",
		"mkdir -p /app/run/x":      "no-folder /app/run at app/run:3, ends",
		"A=$(mktemp /gone/XXXXXX)": "no-folder /gone at app/run:3, ends",
		"cat /bin":                 "no-input /bin at app/run:3, ends",
	} {
		if d := cmp.Diff([]string{want}, faultsAlone(shell.Follow(script(lines).with("bin/mkdir", "\x7fELF").with("bin/mktemp", "\x7fELF").world(), "app/run"))); d != "" {
			t.Errorf("%q (-want +got):\n%s", lines, d)
		}
	}
}

func faultsAlone(t shell.Trace) []string {
	t.Runs = nil
	return told(t)
}

// What a start makes may be there when it comes to it.
func TestFollowKnowsThatFoldersAreMade(t *testing.T) {
	t.Parallel()
	m := func(lines string) machine {
		return script(lines).with("app/env", "cat <<EOF\nx").with("bin/mkdir", "\x7fELF").with("bin/cp", "\x7fELF")
	}
	for _, lines := range []string{
		"mkdir -p /gone/a\necho x >/gone/a/log", "mkdir /gone\nmkdir /gone/a", "cp -r /app /gone\n. /gone/run.sh", "mkdir -p /gone/a\ncd /gone", "mkdir /gone; cp /app/run /gone/x\ncat /gone/x",
		"set -u\necho $HOME", ". /app/env", "echo x &> /gone/x", `PATH="/app/bin:$PATH"` + "\ncat /app/run",
	} {
		tr := shell.Follow(m(lines).world(), "app/run")
		if !slices.ContainsFunc(tr.Runs, func(r shell.Run) bool { return r.Path == "app/vm" }) {
			t.Errorf("%q does not come to its end: %s", lines, strings.Join(told(tr), "; "))
		}
	}
}
