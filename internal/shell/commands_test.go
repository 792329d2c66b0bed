package shell_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/shell"
)

func TestCommands(t *testing.T) {
	for name, test := range map[string]struct {
		script string
		want   []string
	}{
		"simple":                  {"cut -d x\n sed y | grep z && awk q; tr a b\n", []string{"cut", "sed", "grep", "awk", "tr"}},
		"substitution":            {`A="$(dirname "$(readlink x)")" B=$(cat y) env C=` + "`date`", []string{"dirname", "readlink", "cat", "env", "date"}},
		"parameter":               {`: "${A:-"$(cat "$B/C")"}" word`, []string{":", "cat"}},
		"reserved":                {"if test -x a; then dd; elif od; fi\nwhile ! mkdir x; do exec uname; done", []string{"test", "dd", "od", "mkdir", "uname"}},
		"no command":              {"echo cat 'sed\nawk' \"grep\ncut\" # od\ntrue > date 2>&1 < tr", []string{"echo", "true"}},
		"here-document":           {"cat <<USAGE >&2\nsed\nawk\nUSAGE\ngrep <<-'E'\n\ttr\n\tE\n", []string{"cat", "grep"}},
		"one with a substitution": {"cat <<USAGE\n$(sed x)\nUSAGE\n", []string{"cat", "sed"}},
		"case":                    {"case $1 in\n start) cut;;\n esac", []string{"cut"}},
		"assignment":              {"A=b sed\nB=c", []string{"sed"}},
		"another runs it":         {"env -i A=b sed x\nfind | xargs -0 grep y\nexec nohup $X awk\ncommand -v tr", []string{"env", "sed", "find", "xargs", "grep", "nohup", "-v"}},
		"array":                   {"a=(b $(sed x))\n", []string{"sed"}},
		"quoted":                  {"'sed' x\n\"c\"ut\n\"$A\"/tr\n", []string{"sed", "cut"}},
		"path":                    {"\"$X/bin/erl\" a\n$X b\n/bin/sh", []string{"/bin/sh"}},
		"function":                {"f() { awk x; }\nf\n", []string{"awk", "f"}},
		"unfinished":              {"a x\nif b; then\n  c \"$(d)\"\n", []string{"a", "b", "c", "d"}},
		"no grammar":              {"a x\n) nonsense\nb y\nthen c\nelif d; then e\nfi\n", []string{"a", "nonsense", "b", "c", "d", "e"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := shell.Commands(test.script)
			slices.Sort(got)
			slices.Sort(test.want)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What nests without end ends: the parser recurses, and a stack that is used up
// would end the process.
func TestCommandsOfHostileScripts(t *testing.T) {
	for name, script := range map[string]string{
		"brackets":      strings.Repeat("(", shell.MaxScript),
		"substitutions": strings.Repeat("$(", shell.MaxScript/2),
		"arithmetic":    "a $((" + strings.Repeat("(", shell.MaxScript),
		"parameters":    strings.Repeat("${a:-", shell.MaxScript/5),
		"quotes":        strings.Repeat(`"$(`, shell.MaxScript/3),
		"conditions":    strings.Repeat("if ", shell.MaxScript/3),
		"negations":     strings.Repeat("! ", shell.MaxScript/2),
		"blocks":        strings.Repeat("{ ", shell.MaxScript/2),
		"lines":         strings.Repeat("(\n", shell.MaxScript/2),
		"too large":     strings.Repeat("a\n", shell.MaxScript),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			got := shell.Commands(script + "\nsed x\n")
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
			if len(got) > 3 {
				t.Errorf("%d words", len(got))
			}
		})
	}
}

func FuzzCommands(f *testing.F) {
	for _, s := range []string{"a | b", "$(a \"${b}\" `c`)", "cat <<E\nx\nE\n", "((((((\"$(", "\\", "a <<''\n", "case x in y) z;; esac"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, script string) {
		for _, w := range shell.Commands(script) {
			if w == "" || len(w) > len(script) {
				t.Errorf("word %q of %q", w, script)
			}
		}
	})
}
