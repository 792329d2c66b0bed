package scaffold

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"dram/internal/problem"
)

const head = "# What builds and tools leave behind, and what may hold secrets (dram init).\n"

func TestMergeIgnore(t *testing.T) {
	patterns := []string{".git", "**/*.o", "_build"}
	for _, c := range []struct{ name, old, want string }{
		{"none", "", head + ".git\n**/*.o\n_build\n"},
		{"some are there", "# ours\n.git\n\n_build/\n", "# ours\n.git\n\n_build/\n\n" + head + "**/*.o\n"},
		{"all are there", "/.git\n**/*.o\n**/_build\n", "/.git\n**/*.o\n**/_build\n"},
		{"no end of the last line", "tmp", "tmp\n\n" + head + ".git\n**/*.o\n_build\n"},
		{"lines of Windows", "tmp\r\n.git\r\n", "tmp\r\n.git\r\n\r\n" + strings.ReplaceAll(head+"**/*.o\n_build\n", "\n", "\r\n")},
		{"exceptions stay the last word", "tmp\n!keep.o\nx\n", "tmp\n\n" + head + ".git\n**/*.o\n_build\n\n!keep.o\nx\n"},
		{"an exception first", "!keep.o\n", head + ".git\n**/*.o\n_build\n\n!keep.o\n"},
		{"an exception is brought back later", "!x.o\n**/*.o\n", head + ".git\n_build\n\n!x.o\n**/*.o\n"},
		{"a list of what goes in", "*\n!lib\n!mix.exs\n", "*\n!lib\n!mix.exs\n"},
		{"a byte order mark", bom + "!keep.o\n", bom + head + ".git\n**/*.o\n_build\n\n!keep.o\n"},
		{"a comment with a mark", "#!x\n", "#!x\n\n" + head + ".git\n**/*.o\n_build\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := MergeIgnore([]byte(c.old), patterns)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, string(got)); d != "" {
				t.Error(d)
			}
			again, err := MergeIgnore(got, patterns)
			if err != nil || !bytes.Equal(again, got) {
				t.Errorf("merging again changes it (%v):\n%s", err, cmp.Diff(string(got), string(again)))
			}
		})
	}
}

// What neither Docker nor dram can read is not added to.
func TestMergeIgnoreRefuses(t *testing.T) {
	for _, old := range []string{bom + "!", "!", "a\n!\n", "[\n"} {
		if got, err := MergeIgnore([]byte(old), []string{"x"}); problem.Code(err) != 2 || problem.Hint(err) == "" {
			t.Errorf("%q becomes %q, %v", old, got, err)
		}
	}
}

// Every line stays, in its order; what was excluded or brought back by an
// exception remains so; a second merge changes nothing.
func FuzzMergeIgnore(f *testing.F) {
	f.Add("tmp\n!keep.o\n", "lib/a.o")
	f.Add(bom+"*\r\n!lib\r\n", "lib/x")
	f.Add("# c\n\n  !a b \n**/deps\n!!x", "a b")
	f.Add("a\x00\n[\n\\", "a")
	f.Add("\ufeff!", "li\x7f/x")
	f.Add("li\x7f/x", "li\x7f/x")
	patterns := IgnorePatterns("apps/*")
	f.Fuzz(func(t *testing.T, old, name string) {
		got, err := MergeIgnore([]byte(old), patterns)
		if err != nil {
			return // no .dockerignore: Docker does not read it either
		}
		rest := string(got)
		for line := range strings.Lines(strings.TrimPrefix(old, bom)) { // the mark is the file's, not the line's
			at := strings.Index(rest, strings.TrimSuffix(line, "\n"))
			if at < 0 {
				t.Fatalf("line %q of %q went:\n%s", line, old, got)
			}
			rest = rest[at+len(strings.TrimSuffix(line, "\n")):]
		}
		if again, err := MergeIgnore(got, patterns); err != nil || !bytes.Equal(again, got) {
			t.Fatalf("a second merge of %q changes\n%q to\n%q (%v)", old, got, again, err)
		}
		before, okBefore := verdict(t, []byte(old), name)
		after, okAfter := verdict(t, got, name)
		if okBefore && okAfter && before != "" && before != after {
			t.Fatalf("%q was %s by %q and is %s by\n%s", name, before, old, after, got)
		}
	})
}

// verdict says what a file decides about a name: "" if no pattern matches it.
// ok is false where the file has a pattern that cannot be read.
func verdict(t *testing.T, text []byte, name string) (says string, ok bool) {
	t.Helper()
	patterns, err := ignorefile.ReadAll(bytes.NewReader(text))
	if err != nil {
		return "", false
	}
	for _, p := range patterns {
		m, err := patternmatcher.New([]string{strings.TrimPrefix(p, "!")})
		if err != nil {
			return "", false
		}
		hit, err := m.MatchesOrParentMatches(name)
		if err != nil {
			return "", false
		}
		if hit && strings.HasPrefix(p, "!") {
			says = "brought back"
		} else if hit {
			says = "excluded"
		}
	}
	return says, true
}
