package shell_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/shell"
)

// machine is files by path, for scripts to run in: "644 " before the content is a
// file that may not be run, "-> target" a link.
type machine map[string]string

// plain is one with a sh that is dash, and some programs.
func plain() machine {
	m := machine{"bin/dash": "\x7fELF", "bin/sh": "-> dash"}
	for p := range strings.FieldsSeq("dirname basename readlink cat cut sed grep env date probe") {
		m["bin/"+p] = "\x7fELF"
	}
	return m
}

func (m machine) with(name, text string) machine {
	m[name] = text
	return m
}

func (m machine) world() shell.World {
	files := fstest.MapFS{}
	for name, text := range m {
		f := &fstest.MapFile{Mode: 0o755, Data: []byte(text)}
		if rest, ok := strings.CutPrefix(text, "644 "); ok {
			f.Mode, f.Data = 0o644, []byte(rest)
		}
		if to, ok := strings.CutPrefix(text, "-> "); ok {
			f.Mode, f.Data = fs.ModeSymlink|0o777, []byte(to)
		}
		files[name] = f
	}
	resolve := func(name string) (string, error) {
		for range 8 {
			name = path.Clean(name)
			info, err := files.Lstat(name)
			if err != nil {
				return "", err
			}
			if info.Mode()&fs.ModeSymlink == 0 {
				return name, nil
			}
			to, _ := files.ReadLink(name)
			if name = path.Join(path.Dir(name), to); path.IsAbs(to) {
				name = to[1:]
			}
		}
		return "", errors.New("a loop")
	}
	return shell.World{Files: files, Resolve: resolve, Env: map[string]string{"PATH": "/usr/bin:/bin"}}
}

// told is a trace as these tests read it.
func told(t shell.Trace) (out []string) {
	for _, f := range t.Faults {
		line := fmt.Sprintf("%s %s at %s:%d", f.Kind, f.Name, f.File, f.Line)
		if f.Ends {
			line += ", ends"
		}
		if !f.Sure {
			line += ", perhaps"
		}
		if f.Open {
			line += ", open"
		}
		if f.On != "" {
			line += ", on " + f.On
		}
		out = append(out, line)
	}
	for _, r := range t.Runs {
		if !r.Main || r.Path != "app/vm" {
			continue
		}
		var words []string
		for _, a := range r.Argv {
			if words = append(words, a.Text); a.Unknown {
				words[len(words)-1] = "?"
			}
		}
		line := "runs " + r.Path + ": " + strings.Join(words, "|")
		if !r.Sure {
			line += ", perhaps"
		}
		out = append(out, line)
	}
	for _, s := range t.Stops {
		out = append(out, fmt.Sprintf("stops at %s:%d: %s", s.File, s.Line, s.Why))
	}
	for _, e := range t.Exits {
		out = append(out, fmt.Sprintf("exit %d at %s:%d", e.Status, e.File, e.Line))
	}
	return out
}

// script is one that ends in the VM.
func script(lines string) machine {
	return plain().with("app/vm", "\x7fELF").with("app/run", "#!/bin/sh\nset -e\n"+lines+"\nexec /app/vm \"$A\"\n")
}

// startLines is some lines of a start script, and what a start comes to by them.
type startLines struct {
	lines string
	want  []string
}

// runsVM is a start that comes to the VM with an argument.
func runsVM(a string) []string { return []string{"runs app/vm: /app/vm|" + a} }

// followedValues are lines that all go well.
func followedValues() map[string]startLines {
	runs := runsVM
	return map[string]startLines{
		"nothing":                     {"", runs("")},
		"a value":                     {"A=x", runs("x")},
		"a default":                   {`A="${B:-"c d"}"`, runs("c d")},
		"a default that is not taken": {`B=; A="${B-c}"`, runs("")},
		"set at once":                 {`: "${A:=x}"`, runs("x")},
		"if it is set":                {`B=1; A="${B:+x}${C:+y}"`, runs("x")},
		"ends cut off":                {`B=/a/b.c; A="${B##*/} ${B%.*} ${B#/a} ${B%%/*}"`, runs("b.c /a/b /b.c ")},
		"its length":                  {`B=four; A=${#B}`, runs("4")},
		"arithmetic":                  {"I=3; A=$((I * 2 + 1 - (4 > 3)))", runs("6")},
		"substitution":                {`A="$(dirname "$(readlink /bin/sh)")/$(basename /a/b)"`, runs("./b")},
		"what is not known":           {"A=$(date)", runs("?")},
		"a file's first field":        {"A=$(cut -d' ' -f2 /app/data)", runs("0.1.0")},
		"through a pipe":              {`A=$(echo /a/b | sed 's/.*\///')`, runs("b")},
		"a case":                      {"case start_x in stop) A=1;; start*) A=2;; *) A=3;; esac", runs("2")},
		"a case of what is not known": {"case $(date) in a) A=1;; *) A=1;; esac", runs("1")},
		"exported, and not known":     {"export A=$(date) B=\"x y\"; A=\"$A\"$B", runs("?")},
		"exported":                    {"export A=\"x y\"", runs("x y")},
		"two ways that differ":        {"if probe; then A=1; else A=2; fi", runs("?")},
		"a loop":                      {"for i in a b c; do A=$A$i; done", runs("abc")},
		"a loop with an end":          {"I=0; while [ $I -lt 3 ]; do I=$((I+1)); A=$A$I; [ $I -ne 2 ] || break; done", runs("12")},
		"a loop without one":          {"while probe; do A=x; done", runs("?")},
		"a function":                  {"f() { A=$2; }\nf a b", runs("b")},
		"arguments":                   {"set -- a 'b c'; shift; A=$#$1", runs("1b c")},
		"evaluated":                   {"N=A; eval \"$N=x\"", runs("x")},
		"a folder":                    {"A=$(cd /app/sub/.. && pwd -P)", runs("/app")},
		"a here-document":             {"A=$(cat <<X\nx\nX\n)", runs("x")},
		"for one command":             {"A=x; A=y true", runs("x")},
		"unset":                       {"A=x; unset A", runs("")},
		"of a subshell":               {"(A=x)", runs("")},
		"grep in a file":              {"if grep -q gone /app/data; then A=1; elif grep -q 15 /app/data; then A=2; fi", runs("2")},
		"tests":                       {"[ -f /app/data ] && [ ! -d /app/data ] && [ -x /bin/sh ] && [ -L /bin/sh -a -z \"$B\" ] && A=x", runs("x")},
	}
}

// followedFaults are lines of which some do not.
func followedFaults() map[string]startLines {
	runs := runsVM
	return map[string]startLines{
		"a program that is not there":       {"B=$(gone)", []string{"not-found gone at app/run:3, ends"}},
		"exported at once":                  {"export B=$(gone)", append([]string{"not-found gone at app/run:3"}, runs("")...)},
		"or else":                           {"gone || A=x", append([]string{"not-found gone at app/run:3"}, runs("x")...)},
		"as a condition":                    {"if gone; then A=x; fi", append([]string{"not-found gone at app/run:3"}, runs("")...)},
		"not at all":                        {"if command -v gone; then gone; fi", runs("")},
		"not if it is not there":            {"if probe && command -v gone > /dev/null && probe; then gone; fi", runs("")},
		"neither way":                       {"if probe || [ -e /bin/sh ]; then A=x; else gone; fi", runs("x")},
		"perhaps":                           {"if probe; then gone; fi", append([]string{"not-found gone at app/run:3, ends, perhaps"}, runs("")...)},
		"before a pipe":                     {"gone | cat", append([]string{"not-found gone at app/run:3"}, runs("")...)},
		"behind a pipe":                     {"echo | gone", []string{"not-found gone at app/run:3, ends"}},
		"in a function that nobody calls":   {"f() { gone; }", runs("")},
		"where errors do not end":           {"set +e; gone", append([]string{"not-found gone at app/run:3"}, runs("")...)},
		"a program that may not be run":     {"/app/data", []string{"not-executable /app/data at app/run:3, ends"}},
		"a script of another interpreter":   {"/app/python", []string{"interpreter /usr/bin/python9 at app/python:1, ends"}},
		"a file that is not there":          {". /gone", []string{"no-source /gone at app/run:3, ends"}},
		"a file that is not there, or else": {". /gone || A=x", []string{"no-source /gone at app/run:3, ends"}},
		"a file that is read":               {". /app/more", runs("more")},
		"a folder that is not there":        {"cd /gone", []string{"no-folder /gone at app/run:3, ends"}},
		"input that is not there":           {"B=$(cat /gone)", []string{"no-input /gone at app/run:3, ends"}},
		"a word of bash":                    {"source /app/more", []string{"not-found source at app/run:3, ends"}},
		"brackets of bash":                  {"if [[ -n x ]]; then A=x; fi", append([]string{"not-found [[ at app/run:3"}, runs("")...)},
		"an expansion of bash":              {"B=x; A=${B/x/y}", []string{"syntax Bad substitution at app/run:3, ends"}},
		"an array":                          {"B=(1 2)", []string{"syntax arrays at app/run:3, ends"}},
		"no end":                            {"if true; then", []string{"syntax `if` statement must end with `fi` at app/run:3, ends"}},
		"lines of Windows":                  {"A=x\r\n\r", []string{"not-found \\r at app/run:4, ends"}},
		"insists":                           {": ${B:?}", append([]string{"unset B at app/run:3"}, runs("")...)},
		"a file of somebody's folder":       {". \"$DIR/env\"", append([]string{"no-source /env at app/run:3, on DIR"}, runs("")...)},
		"somebody's folder":                 {"cd \"$DIR/sub\"", append([]string{"no-folder /sub at app/run:3, on DIR"}, runs("")...)},
		"a program of somebody's":           {"A=$(\"$DIR/bin/gone\")", append([]string{"not-found /bin/gone at app/run:3, on DIR"}, runs("?")...)},
		"input of somebody's":               {"A=$(cat $DIR/x)", append([]string{"no-input /x at app/run:3, on DIR"}, runs("?")...)},
		"input of somebody's, at once":      {"read A < $DIR/x", append([]string{"no-input /x at app/run:3, on DIR"}, runs("?")...)},
		"a folder that the script empties":  {"DIR=; . \"$DIR/env\"", []string{"no-source /env at app/run:3, ends"}},
		"an end of its own":                 {"exit 4", []string{"exit 4 at app/run:3"}},
		"an end of its own, perhaps":        {"if probe; then exit 4; fi", runs("")},
		"a test that fails":                 {"[ -d /gone ]", []string{"exit 1 at app/run:3"}},
		"evaluated, and not known":          {`eval "$(date)"`, append(runs(""), "stops at app/run:3: what it evaluates is not known")},
		"a name that is not known":          {"$(date) x", append(runs(""), "stops at app/run:3: which command it calls is not known")},
		"another script":                    {"A=y exec /app/next z", []string{"runs app/vm: /app/vm|y|z"}},
		"through env":                       {"exec env A=w /app/next z", []string{"runs app/vm: /app/vm|w|z"}},
	}
}

// What each shell does was tried with dash, bash and busybox; the lines after
// "exec" are those that a start gets to.
func TestFollow(t *testing.T) {
	all := followedValues()
	maps.Copy(all, followedFaults())
	for name, tt := range all {
		t.Run(name, func(t *testing.T) {
			m := script(tt.lines).with("app/data", "644 15.2 0.1.0\n").with("app/more", "644 A=more\n").with("app/sub/x", "").
				with("app/python", "#!/usr/bin/python9\n").with("app/next", "#!/bin/sh\nexec /app/vm \"$A\" \"$@\"\n")
			if diff := cmp.Diff(tt.want, told(shell.Follow(m.world(), "app/run"))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What one shell does not understand, another does.
func TestFollowKnowsShells(t *testing.T) {
	const lines = "#!/bin/sh\n[[ -n x ]] && source /app/more\nexec /app/vm \"$A\"\n"
	for sh, want := range map[string][]string{
		"dash":    {"not-found [[ at app/run:2", "runs app/vm: /app/vm|"},
		"bash":    {"runs app/vm: /app/vm|more"},
		"busybox": {"runs app/vm: /app/vm|more"},
	} {
		m := plain().with("bin/"+sh, "\x7fELF").with("bin/sh", "-> "+sh).with("app/vm", "\x7fELF").with("app/run", lines).with("app/more", "644 A=more\n")
		if diff := cmp.Diff(want, told(shell.Follow(m.world(), "app/run"))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", sh, diff)
		}
	}
}

// Where there may be programs that are not listed, nothing ends for want of one.
func TestFollowLeavesOpenWhatMayBeThere(t *testing.T) {
	m := script(`A=$(dirname /a/b)$(gone)`)
	delete(m, "bin/dirname")
	w := m.world()
	w.Open, w.Own = true, func(name string) bool { return strings.HasPrefix(name, "app/") }
	want := []string{"not-found dirname at app/run:3, open", "not-found gone at app/run:3, open", "runs app/vm: /app/vm|?"}
	if diff := cmp.Diff(want, told(shell.Follow(w, "app/run"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What whoever starts the release may set is known of all that hangs on it.
func TestFollowKnowsWhatHangsOnVariables(t *testing.T) {
	for _, lines := range []string{
		`A="x$DIR"`, `B="x$DIR"; A=$B`, `export C=1 B=x$DIR; A=$B`, `f() { eval "E1=\$1"; }; f "x$DIR"; eval "A=\$E1"`, `A=$(echo "x$DIR")`,
		`f() { echo "--name $1"; }; set -- $(f "x$DIR"); A=$2`, `A=$(basename "/a/x$DIR")`, `A=$(echo "x$DIR" | cut -d, -f1)`, `B=x${DIR#y}; A=${B%z}`,
		`set -- "x$DIR" b; I=0; while [ $I -lt 1 ]; do I=$((I+1)); set -- "$@" "$1"; shift; done; A=$2`, `B=x$DIR; if probe; then C=1; else C=2; fi; A=$B`,
	} {
		tr := shell.Follow(script(lines).world(), "app/run")
		for _, r := range tr.Runs {
			if r.Path == "app/vm" && (r.Argv[1] != shell.Value{Text: "x", Unset: "DIR"}) {
				t.Errorf("%s: %+v", lines, r.Argv[1])
			}
		}
		if len(tr.Runs) == 0 {
			t.Errorf("%s runs nothing", lines)
		}
	}
}

func TestReadFirstLine(t *testing.T) {
	long := strings.Repeat("x", 300)
	for text, want := range map[string]shell.FirstLine{
		"#!/bin/sh\n":                        {Interpreter: "/bin/sh"},
		"#! /bin/sh -eu \nx":                 {Interpreter: "/bin/sh", Argument: "-eu"},
		"#!/usr/bin/env bash -e\n":           {Interpreter: "/usr/bin/env", Argument: "bash -e", Env: "bash -e"},
		"#!/usr/bin/env -S A=b bash -e\n":    {Interpreter: "/usr/bin/env", Argument: "-S A=b bash -e", Env: "bash"},
		"#!/usr/bin/env --split-string=sh x": {Interpreter: "/usr/bin/env", Argument: "--split-string=sh x", Env: "sh"},
		"#!/usr/bin/env -i\n":                {Interpreter: "/usr/bin/env", Argument: "-i"},
		"#!/bin/sh\r\n":                      {Interpreter: "/bin/sh\r"},
		"#!/" + long + "\n":                  {Interpreter: "/" + long[:252], Cut: true},
		"#!\n":                               {},
	} {
		if got, ok := shell.ReadFirstLine(text); got != want || !ok {
			t.Errorf("%q: %+v, %v; want %+v", text, got, ok, want)
		}
	}
	if _, ok := shell.ReadFirstLine("echo\n"); ok {
		t.Error("a line without #! is taken for one")
	}
}

// hostile are scripts that would take for ever, or all memory.
func hostile() []string {
	double := "A=xxxxxxxxxxxxxxxx\n" + strings.Repeat("A=$A$A$A$A\n", 40) + "set -- " + strings.Repeat("$A ", 100) + "\n"
	return []string{
		"while :; do :; done\n", "f() { f; f; }\nf\n", "eval \"$(cat /app/run)\"\n", ". /app/run\n", "exec /app/run\n", double,
		"I=0; while [ $I -ge 0 ]; do I=$((I+1)); set -- $@ a a a a; done\n", strings.Repeat("if probe; then A=1; else A=2; fi\n", 3000),
		strings.Repeat("A=$(", 5000), "echo ${A:" + strings.Repeat("${B", 3000), "for a in {1..99999999}; do :; done\n",
		"for ((;;)); do :; done\n", "#!/bin/bash\nfor ((;;)); do A+=x; done\n", "#!/bin/bash\nA=x; while :; do A=${A//x/xx}; done\n", "#!/bin/bash\nB=(1); while :; do B+=(\"${B[@]}\"); done\n",
		"#!/bin/bash\nA={1..9}{1..9}{1..9}{1..9}{1..9}; echo {1..99999}{1..99999}\n", "#!/bin/bash\nA=A; while ((A)); do :; done; echo $((A))\n", "#!/bin/bash\nfunction f { eval \"$(declare -f f)\"; f; }; f\n",
		"while :; do for f in /*/*/* /app/* /*; do A=$A$f; done; done\n", "while :; do set -- -a; OPTIND=1; getopts a o; printf '%s%s%s' $o $o $o > /tmp/x; cat /tmp/x >> /tmp/y; done\n",
		"while :; do printf '%s' a a a a a a a a a a a a a a a a; done\n", "while read -r l; do while read -r m; do A=$A$m; done < /app/data; done < /app/data\n", "while :; do sleep 1 & wait; done\n",
		"while :; do echo x >> /tmp/x; A=$(cat /tmp/x); done\n", "exec nice /app/run\n", "exec sh -c 'exec sh /app/run'\n", "echo . /tmp/x > /tmp/x; . /tmp/x\n", "#!/bin/bash\nA=$(</app/data); [[ $A =~ (x|x)*y ]]; A=${A//[!y]/xx}\n",
		"head -n 99999 /app/data | tail -n 1; seq 9 | xargs -n 1 sh /app/run\n", "#!/bin/bash\nmapfile -t L < /app/data; for i in \"${L[@]}\"; do M+=(\"$i\"); done\n",
		"while :; do grep -c x /app/data; cut -f1 /app/data | grep -v y | tr x y; done\n", "while :; do cat /app/large; done\n",
	}
}

func TestFollowHasAnEnd(t *testing.T) {
	for _, s := range hostile() {
		began := time.Now()
		sh := "#!/bin/sh\n"
		if strings.HasPrefix(s, "#!") {
			sh = ""
		}
		files := plain().with("bin/bash", "\x7fELF").with("bin/nice", "\x7fELF").with("bin/xargs", "\x7fELF").with("app/run", sh+s).with("app/data", strings.Repeat("x\n", 30_000)).with("app/large", strings.Repeat("x", 1<<20))
		shell.Follow(files.world(), "app/run")
		t.Logf("%.40q: %v", s, time.Since(began))
		if d := time.Since(began); d > time.Minute {
			t.Errorf("%.60q takes %v", s, d)
		}
	}
}

func FuzzFollow(f *testing.F) {
	for _, s := range append(hostile()[:2], "A=$(cut -d' ' -f2 x)\n", "case $1 in a*) ;; esac\n", "[ -a ! ] && . x\n", "cat <<X\n$(y)\nX\n", "A=${B%%*}$((1/0))\n") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tr := shell.Follow(plain().with("app/run", "#!/bin/sh\n"+s).world(), "app/run", "start")
		if !slices.Contains(tr.Scripts, "app/run") {
			t.Errorf("%q was not read", s)
		}
	})
}
