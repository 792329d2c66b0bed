package shell_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dram/internal/shell"
)

// conf are files that scripts read and run, below the folder that they start in.
func conf() machine {
	return machine{
		"conf/a": "644 one two\n", "conf/b": "644 b\n", "conf/empty": "644 ", "conf/lines": "644 l1\nl2\n", "conf/link": "-> a", "conf/dangling": "-> gone",
		"conf/vars": "644 A=sourced\nB=$1\n", "conf/returns": "644 A=before\nreturn 3\nA=after\n", "conf/fails": "644 A=x\nfalse\nA=y\n", "conf/ends": "644 exit 0\n",
		"conf/run": "#!/bin/sh\nA=inner\necho \"$0 $1 ${EXPORTED-none}\" | cut -d' ' -f2\nexit ${2:-0}\n", "conf/sub/deep": "644 deep\n", "conf/no": "644 #!/bin/sh\n",
	}
}

// withFiles are lines that read those files: dash and bash make the same of them.
func withFiles() []string {
	return []string{
		`A=$(cat conf/a)`, `A=$(cat conf/a conf/b)`, `A=$(cat conf/empty)x`, `A=$(cat < conf/a)`, `A=$(cat conf/link)`, `A=$(cat ./conf/../conf/a)`, `cd conf; A=$(cat a)`, `cd conf/sub; A=$(cat ../a deep)`,
		`A=$(cut -d' ' -f1 conf/a)`, `A=$(cut -d' ' -f2 conf/a)`, `A=$(cut -d' ' -f2 conf/b)`, `A=$(cut -d' ' -f1 < conf/a)`, `A=$(cut -c2- conf/b)x`, `A=$(cat conf/a | cut -d' ' -f2)`, `A=$(cut -c 2- conf/a)`,
		`A=$(readlink conf/link)`, `A=$(readlink conf/a) || A=none`, `A=$(readlink conf/dangling)`, `A=$(dirname conf/sub/deep)/$(basename conf/sub/deep)`,
		`if grep -q two conf/a; then A=y; else A=n; fi`, `if grep -q gone conf/a; then A=y; else A=n; fi`, `if grep -q l2 conf/lines; then A=y; fi`, `grep -q gone conf/a || A=$?`, `if cat conf/a | grep -q one; then A=y; fi`,
		`[ -e conf/a ] && A=y`, `[ -f conf/a ] && A=y`, `[ -f conf ] || A=n`, `[ -d conf ] && A=y`, `[ -d conf/a ] || A=n`, `[ -s conf/a ] && A=y`, `[ -s conf/empty ] || A=n`, `[ -L conf/link ] && A=y`, `[ -h conf/a ] || A=n`,
		`[ -e conf/dangling ] || A=n`, `[ -L conf/dangling ] && A=y`, `[ -x conf/run ] && A=y`, `[ -r conf/a ] && A=y`, `[ -e conf/gone ] || A=n`, `[ -f conf/link ] && A=y`, `[ -e conf/a/x ] || A=n`, `[ -d conf/sub/.. ] && A=y`, `[ -d conf/ ] && A=y`,
		`. conf/vars`, `. ./conf/vars; A=$A$A`, `set -- p; . conf/vars; A=$B`, `. conf/returns || A=$A$?`, `set +e; . conf/returns; A=$A$?`, `. conf/fails || A=z`, `f() { . conf/vars; }; f; A=$A`, `cd conf; . ./vars`, `if . conf/returns; then A=y; else A=n; fi`,
		`A=$(. conf/vars; echo $A)$A`, `(. conf/ends); A=x`, `cd conf/sub && A=$(cat deep)`, `(cd conf); A=$(cat conf/b)`, `cd conf; cd ..; A=$(cat conf/b)`, `cd conf/link 2>/dev/null || A=no`, `A=$(cd conf && cat b)`,
		`conf/run z >/dev/null; A=$A`, `conf/run z 4 >/dev/null || A=$?`, `EXPORTED=x conf/run z >/dev/null; A=${EXPORTED-gone}`, `if conf/run z 1 >/dev/null; then A=y; else A=n; fi`, `sh conf/run z 5 >/dev/null || A=$?`,
		`case $(cat conf/a) in "one two") A=y;; *) A=n;; esac`, `for w in $(cat conf/a); do A=$A$w; done`, `set -- $(cat conf/lines); A=$#$2`, `B=$(cat conf/a); A=${B%% *}`, `A=$(cat conf/gone 2>/dev/null) || A=none`, `cat conf/gone 2>/dev/null || A=none`,
		`conf/no 2>/dev/null || A=$?`, `conf/gone 2>/dev/null || A=$?`, `command -v conf/run >/dev/null && A=y`, `A=$(cat conf/a 2>/dev/null; cat conf/b)`, `cat conf/a > /dev/null; A=x`, `A=$(cat conf/a >&2 2>/dev/null)x`,
	}
}

// Scripts that read files, and run others, go the way that shells go.
func TestFollowReadsFilesAsShellsDo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range conf() {
		at, mode := filepath.Join(dir, name), os.FileMode(0o755)
		if rest, ok := strings.CutPrefix(text, "644 "); ok {
			mode, text = 0o644, rest
		}
		err := os.MkdirAll(filepath.Dir(at), 0o755)
		if to, ok := strings.CutPrefix(text, "-> "); ok && err == nil {
			err = os.Symlink(to, at)
		} else if err == nil {
			err = os.WriteFile(at, []byte(text), mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, sh := range shells(t) {
		open := 0
		for _, lines := range withFiles() {
			cmd := exec.CommandContext(t.Context(), sh, "-c", "set -e\n"+lines+"\nprintf '<%s' \"$A\"")
			cmd.Dir, cmd.Env = dir, []string{"PATH=/usr/bin:/bin"}
			raw, _ := cmd.Output() // where it fails it prints nothing
			want := string(raw)
			if i := strings.LastIndex(want, "<"); i >= 0 {
				want = want[i:]
			}
			m := plain().with("bin/"+sh, "\x7fELF").with("app/vm", "\x7fELF").with("app/run", "#!/bin/"+sh+"\nset -e\n"+lines+"\nexec /app/vm \"$A\"\n")
			maps.Copy(m, conf())
			got, sure := "", true
			for _, r := range shell.Follow(m.world(), "app/run").Runs {
				if r.Path == "app/vm" {
					got, sure = "<"+r.Argv[1].Text, r.Sure && !r.Argv[1].Unknown
				}
			}
			if !sure {
				open++
			} else if got != want {
				t.Errorf("%s makes %q of %q, Follow %q", sh, want, lines, got)
			}
		}
		if open > len(withFiles())/8 {
			t.Errorf("of %d scripts of %s Follow does not know the end of %d", len(withFiles()), sh, open)
		}
	}
}
