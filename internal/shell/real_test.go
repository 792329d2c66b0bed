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

// knownToBoth are lines that set A, of which both dash and bash make the same, and
// so has Follow.
func knownToBoth() []string {
	return []string{
		// Quoting.
		`A='a b'`,
		`A="a\$b"`,
		`A="a\b"`,
		`A=a\ b`,
		`A='a'"b"c`,
		`A="'x'"`,
		`A='"x"'`,
		"A=\"a\\\nb\"",
		"A=a\\\nb",
		`A="\"x\""`,
		"A='a\\\nb'",
		`A=\\`,
		`A="\\"`,
		`A='\'`,
		`A=~+x`,
		`A="~"`,
		`A=\$B`,
		`A="` + "\\`" + `"`,
		// Parameters.
		`A=${B-x}`,
		`A=${B:-x}`,
		`B=; A=${B:-x}`,
		`B=; A=${B-x}`,
		`B=y; A=${B+x}`,
		`B=; A=${B+x}`,
		`B=; A=${B:+x}`,
		`A=${B:=x}$B`,
		`B=y; A=${B:=x}$B`,
		`A=${B:-${C:-z}}`,
		`A="${B:-"a  b"}"`,
		`A="${B:-a  b}"`,
		`A=${B:-'a  b'}`,
		`B=abc; A=${#B}`,
		`A=${#B}`,
		`B=x; A=$B$B`,
		`B=x; A=${B}y`,
		`B=x; A="$B y"`,
		`B=aXbXc; A=${B#*X}`,
		`B=aXbXc; A=${B##*X}`,
		`B=aXbXc; A=${B%X*}`,
		`B=aXbXc; A=${B%%X*}`,
		`B=abc; A=${B#x}`,
		`B='a*c'; A=${B#a\*}`,
		`B='a*c'; A=${B#"a*"}`,
		`B=abc; C='*'; A=${B#$C}`,
		`B=abc; C='*'; A=${B##$C}`,
		`B='*bc'; C='*'; A=${B#"$C"}`,
		`B=abc; A=${B%?}`,
		`B=abc; A=${B#[ab]}`,
		`B=abc; A=${B#[!ab]}`,
		`B=/usr/lib/x; A=${B%/*}`,
		`B=x; A=${B%/*}`,
		`B=/x; A=${B%/*}`,
		`B=a.tar.gz; A=${B%%.*}${B#*.}`,
		`B=; A=${B#x}y`,
		`A=$#`,
		`set -- a b; A=$#`,
		`set -- a; A=${2-none}`,
		`set -- a b c d e f g h i j; A=${10}`,
		`set -- a b c d e f g h i j; A=$10`,
		`set -- 'a  b' c; A="$*"`,
		`set -- 'a  b' c; A="$1$2"`,
		`set -- a; A=${1:+yes}`,
		`set --; A=${1:+yes}`,
		`set -- a b; A=${*:-x}`,
		`set -- a b c; shift 2; A=$1`,
		`set -- a b; shift; shift; A=$#`,
		// What words split into.
		`B='a b'; set -- $B; A=$#`,
		`B='a b'; set -- "$B"; A=$#`,
		`B=' a  b '; set -- $B; A="$#$1$2"`,
		`B=; set -- $B; A=$#`,
		`B=; set -- "$B"; A=$#`,
		`B='a b'; set -- x$B; A=$1`,
		`B='a b'; set -- $B"c"; A=$2`,
		`B='a '; set -- ${B}c; A=$#`,
		`set -- "$@"; A=$#`,
		`set -- a 'b c'; set -- "$@" d; A=$#$2`,
		`set -- a 'b c'; set -- $@; A=$#`,
		`set -- a 'b c'; set -- $*; A=$#`,
		`set -- 'a b' c; set -- "x$@y"; A=$#$1`,
		`set --; set -- ""; A=$#`,
		`B=x; set -- ${B:+a b}; A=$#`,
		`B=x; set -- ${B:+"a b"}; A=$#`,
		`set -- ${B:-a b}; A=$#`,
		`set -- ${B:-"a b"}; A=$#`,
		`set -- $(echo a b); A=$#`,
		`set -- "$(echo a b)"; A=$#`,
		`set -- ${B-} ${C-}; A=$#`, `set -- "${B-}" "${C-}"; A=$#`,
		// Substitutions.
		`A=$(echo x)`,
		`A=$(echo 'x  y')`,
		`A=$(echo x; echo y)`,
		`A=$(printf 'x\n\n')`,
		`A="$(printf 'x\n\n')y"`,
		"A=`echo x`",
		`A=$(echo $(echo x))`,
		`A=$(:)`,
		`A=$(true)x`,
		`A=$(printf %s x)`,
		`A=$(printf '%s\n' x)`,
		`A=$(printf 'a%sb' x)`,
		`A=$(echo -n x)y`,
		`A=$(B=x; echo $B)${B-}`,
		`A=$(f() { echo x; }; f)`,
		`A=$(exit 3) || A=$?`,
		`A=$(false) || A=no`,
		`A=$(echo x | cat)`,
		`A=$(echo a/b | sed 's/b/c/')`,
		`A=$(echo "a b" | cut -d' ' -f2)`,
		`A=$(dirname /a/b/c)`,
		`A=$(dirname a)`,
		`A=$(dirname /a)`,
		`A=$(dirname /)`,
		`A=$(dirname a/b/)`,
		`A=$(basename /a/b)`,
		`A=$(basename /a/b.c .c)`,
		`A=$(basename /a/)`,
		`A=$(basename .c .c)`,
		`A=$(cat <<X` + "\na $((1+1))\nX\n)",
		"A=$(cat <<'X'\na $B\nX\n)", "A=$(cat <<-X\n\t\ta\n\tX\n)",
		// Arithmetic.
		`A=$((1+2*3))`,
		`A=$(( (1+2)*3 ))`,
		`A=$((7/2))`,
		`A=$((7%3))`,
		`A=$((-7/2))`,
		`A=$((-7%3))`,
		`A=$((1<2))`,
		`A=$((2<=1))`,
		`A=$((1==1))`,
		`A=$((1!=1))`,
		`A=$((1&&0))`,
		`A=$((1||0))`,
		`A=$((!0))`,
		`A=$((6&3))`,
		`A=$((6|3))`,
		`A=$((6^3))`,
		`A=$((1<<4))`,
		`A=$((16>>2))`,
		`A=$((1?2:3))`,
		`A=$((0?2:3))`,
		`A=$((-3))`,
		`A=$((~0))`,
		`B=4; A=$((B+1))`,
		`B=4; A=$(($B+1))`,
		`A=$((B+1))`,
		`B=2; A=$((B+=3))$B`,
		`A=$((0x10))`,
		`A=$((010))`,
		`B=4; A=$((B > 3 ? B : 3))`,
		`A=$((2-3-4))`,
		`A=$((100/7/2))`,
		// Tests.
		`if [ a = a ]; then A=y; else A=n; fi`,
		`if [ a = b ]; then A=y; else A=n; fi`,
		`if [ a != b ]; then A=y; fi`,
		`if [ -n "" ]; then A=y; else A=n; fi`,
		`if [ -z "" ]; then A=y; fi`,
		`if [ "" ]; then A=y; else A=n; fi`,
		`if [ x ]; then A=y; fi`,
		`if [ ! x ]; then A=y; else A=n; fi`,
		`if [ ! -z x ]; then A=y; fi`,
		`if [ ! a = b ]; then A=y; fi`,
		`if [ a = a -a b = b ]; then A=y; fi`,
		`if [ a = b -o b = b ]; then A=y; fi`,
		`if [ a = a -a b = c ]; then A=y; else A=n; fi`,
		`if [ 1 -eq 01 ]; then A=y; fi`,
		`if [ 2 -gt 10 ]; then A=y; else A=n; fi`,
		`if [ 2 -lt 10 ]; then A=y; fi`,
		`if [ 3 -ge 3 ] && [ 3 -le 3 ]; then A=y; fi`,
		`if [ -e / ]; then A=y; fi`,
		`if [ -d / ]; then A=y; fi`,
		`if [ -f / ]; then A=y; else A=n; fi`,
		`if [ -e /gone/x ]; then A=y; else A=n; fi`,
		`if [ -x /bin/sh ]; then A=y; fi`,
		`if test a = a; then A=y; fi`,
		`if [ -z "${B-}" ]; then A=y; fi`,
		`if [ "${B-}" = "" ]; then A=y; fi`,
		`if [ -n "$A" ]; then A=y; else A=n; fi`,
		`if [ ]; then A=y; else A=n; fi`,
		`if [ ! ]; then A=y; else A=n; fi`,
		`if [ -n ]; then A=y; fi`,
		`if [ = = = ]; then A=y; fi`,
		`if [ a -eq 1 ] 2>/dev/null; then A=y; else A=n; fi`,
		`if [ "!" = "!" ]; then A=y; fi`,
		`if [ -f "" ]; then A=y; else A=n; fi`,
		`if [ "(" = "(" ]; then A=y; fi`,
		// Cases.
		`case abc in a*) A=1;; *) A=2;; esac`,
		`case abc in b*) A=1;; *) A=2;; esac`,
		`case abc in x|abc) A=1;; esac`,
		`case "a*" in a\*) A=1;; *) A=2;; esac`,
		`case abc in "a*") A=1;; *) A=2;; esac`,
		`case abc in a?c) A=1;; esac`,
		`case abc in [a-c]bc) A=1;; esac`,
		`case abc in [!a]*) A=1;; *) A=2;; esac`,
		`case "" in "") A=1;; esac`,
		`case "" in *) A=1;; esac`,
		`case x in esac`,
		`case -x in -*) A=1;; esac`,
		`B=abc; case $B in "$B") A=1;; esac`,
		`P='a*'; case abc in $P) A=1;; *) A=2;; esac`,
		`P='a*'; case abc in "$P") A=1;; *) A=2;; esac`,
		`case a/b in *b) A=1;; esac`,
		`case a/b in a?b) A=1;; esac`,
		"case \"a\nb\" in a*) A=1;; esac",
		`case .x in *) A=1;; esac`,
		`case abc in (abc) A=1;; esac`,
		// Flow, and what ends a script.
		`false || A=x`,
		`true && A=x`,
		`false && A=x || A=y`,
		`! false && A=x`,
		`if ! true; then A=1; else A=2; fi`,
		`if false; then A=1; elif true; then A=2; else A=3; fi`,
		`true; A=$?`,
		`false || A=$?`,
		`f() { return 3; }; f || A=$?`,
		`f() { false; A=x; }; f || :`,
		`f() { A=x; return; A=y; }; f`,
		`f() { A=$1; }; f x; A=$A${1-}`,
		`f() { set -- y; }; set -- x; f; A=$1`,
		`f() { shift; A=$1; }; f x y`,
		`f() { B=in; }; B=out; f; A=$B`,
		`f() { local B; B=in; }; B=out; f; A=$B`,
		`f() { local B=in; A=$B; }; B=out; f; A=$A$B`,
		`f() ( B=in ); B=out; f; A=$B`,
		`f() { A=x; }; unset -f f; f || A=y`,
		`f() { f() { A=2; }; A=1; }; f; f`,
		`(A=x); A=${A}y`,
		`{ A=x; }`,
		`(exit 3) || A=$?`,
		`if (exit 1); then A=x; else A=y; fi`,
		`for i in a b; do A=$A$i; done`,
		`for i in; do A=x; done`,
		`for i in "a b" c; do A=$A$i,; done`,
		`set -- x y; for i; do A=$A$i; done`,
		`set -- x y; for i in "$@"; do A=$A$i; done`,
		`for i in a b c; do [ $i = b ] && continue; A=$A$i; done`,
		`for i in a b c; do [ $i != b ] || break; A=$A$i; done`, `for i in a b; do for j in 1 2; do [ $j = 1 ] || continue 2; A=$A$i$j; done; A=$A-; done`,
		`for i in a b; do for j in 1 2; do break 2; done; done; A=$i$j`,
		`I=0; while [ $I -lt 3 ]; do I=$((I+1)); done; A=$I`,
		`I=0; until [ $I -ge 3 ]; do I=$((I+1)); done; A=$I`,
		`while false; do A=x; done`,
		`while :; do A=x; break; done`,
		`for i in a; do :; done; A=$i`,
		`B="a b c"; for i in $B; do A=$i$A; done`,
		`if true; then :; fi; A=$?`,
		`A=x; A=$A$A`,
		`A=x true; A=${A-}`,
		`A=x; unset A; A=${A-gone}`,
		`export A=x`,
		`export A; A=x`,
		`readonly B=x; A=$B`,
		`eval A=x`,
		`eval 'B=x; A=$B'`,
		`B='A=x'; eval "$B"`,
		`B=C; C=v; eval "A=\$$B"`,
		`set +e; false; A=x`,
		`set +e; (exit 4); A=$?`,
		`true | false || A=x`,
		`false | true && A=x`,
		`cd /; A=$(pwd)`,
		`cd /usr/../bin/..; A=$(pwd -P)`,
		`cd /usr && cd .. && A=$(pwd)`,
		`(cd /usr); A=$(cd / && pwd)`,
		`command -v cd >/dev/null && A=x`,
		`command -v gone-of-old >/dev/null || A=x`,
		`f() { A=fn; }; command f 2>/dev/null || A=none`,
		`trap : EXIT; A=x`,
		`: "${A:=x}"`,
		`: ${B=y}; A=$B`,
		`A=x; { A=y; } >/dev/null`,
		`A=1; if [ $A -eq 1 ]; then A=$((A+1)); fi; [ $A -ne 2 ] || A=two`,
		`umask 022; A=x`,
		`if true; then if false; then A=1; fi; fi; A=${A:-none}`,
		`f() { [ "$1" = 0 ] && return; A=$A$1; f $(($1-1)); }; f 3`,
		`. /dev/null; A=x`,
		`f() { echo "$#:$*"; }; A=$(f a "b c")`,
		`f() { A=${1:-none}; }; f ""`,
		`IFS=:; A=x`,
		`IFS=:; B=a:b; set -- $B; A=$#`,
		`IFS=,; set -- a b; A="$*"`,
		`B=2; : $((B+=3)); A=$B`,
		`B=2; : $((B-=3)); A=$B`,
		`: $((B=4)); A=$B`,
		`false || { A=$?; }; A=$A$?`,
		`false || A=$(echo $?)`,
		`f() { return $1; }; f 3 || A=$?`,
		`set +e; f() { (exit $1); echo $?; }; false; A=$(f $?)`,
		`set +e; false; case $? in 1) A=one;; *) A=other;; esac`,
		`set +e; false; if [ $? -eq 1 ]; then A=$?; fi`,
		`set +e; (exit 7); B=$? true; A=$?`,
		`set +e; false; for i in $?; do A=$i; done`,
		`f() { local B=1; g; }; g() { B=2; }; B=0; f; A=$B`,
		`f() { local B=$1; [ $1 = 0 ] || f $(($1-1)); A=$A$B; }; f 3`,
		`set -- a ''; set -- $@; A=$#`,
		`set -- 'a b'; set -- x$@; A=$#$1`,
		`set --; set -- x"$@"y; A=$#$1`,
		`f() { for i in 1 2; do break; done; A=$A$i; }; for j in x y; do f; done`,
		`for i in 1 2; do for j in 1 2; do continue 9; done; A=x; done`,
		`break; A=x`,
		"A=$(cat <<-X\n\ta\n\t\tb$((1+1))\n\tX\n)",
		`B='a\ b'; A=${B%\\*}`,
		`set -- ${B:-a\ b}; A=$#`,
		`A=a; A=${A}b; A=${A}c`,
		`B=1 C=2; A=$B$C`,
		`A=$B B=x`,
		`B=x A=$B`,
	}
}

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
