package image

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCommandWords(t *testing.T) {
	for name, test := range map[string]struct {
		script string
		want   []string
	}{
		"simple":        {"cut -d x\n sed y | grep z && awk q; tr a b\n", []string{"cut", "sed", "grep", "awk", "tr"}},
		"substitution":  {`A="$(dirname "$(readlink x)")" B=$(cat y) env C=` + "`date`", []string{"dirname", "readlink", "cat", "env", "date"}},
		"parameter":     {`: "${A:-"$(cat "$B/C")"}" word`, []string{":", "cat"}},
		"reserved":      {"if test -x a; then dd; elif od; fi\nwhile ! mkdir x; do exec uname; done", []string{"test", "dd", "od", "mkdir", "uname", "fi", "done"}},
		"no command":    {"echo cat 'sed\nawk' \"grep\ncut\" # od\ntrue > date 2>&1 < tr", []string{"echo", "true"}},
		"here-document": {"cat <<USAGE >&2\nsed\nawk\nUSAGE\ngrep <<-'E'\n\ttr\n\tE\n", []string{"cat", "grep"}},
		"case":          {"case $1 in\n start) cut;;\n esac", []string{"case", "start", "cut", "esac"}},
		"assignment":    {"A=b sed\nB=c", []string{"sed"}},
		"path":          {"\"$X/bin/erl\" a\n$X b\n/bin/sh", []string{"/bin/sh"}},
		"unfinished":    {"a \"$(b ${c `d 'e <<", []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := commandWords(test.script)
			slices.Sort(got)
			slices.Sort(test.want)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzCommandWords(f *testing.F) {
	for _, s := range []string{"a | b", "$(a \"${b}\" `c`)", "cat <<E\nx\nE\n", "((((((\"$(", "\\", "a <<''\n", "case x in y) z;; esac"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, script string) {
		for _, w := range commandWords(script) {
			if w == "" || len(w) > len(script) {
				t.Errorf("word %q of %q", w, script)
			}
		}
	})
}
