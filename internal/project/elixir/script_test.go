package elixir

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outline writes statements as name(arguments) { body }, with the source text
// of each argument.
func outline(src string, all []Statement) string {
	var out []string
	for _, s := range all {
		if s.Name == "" {
			out = append(out, "?")
			continue
		}
		var args []string
		for _, a := range s.Args {
			text := show(a.Value)
			if a.Call != "" && a.Value.Type == Unknown {
				text = a.Call + "/" + show(a.CallArg)
			}
			if a.Keyed {
				text = a.Key + ": " + text
			}
			args = append(args, text+"="+src[a.Start:a.End])
		}
		line := fmt.Sprintf("%s(%s)", s.Name, strings.Join(args, ", "))
		if s.HasBody {
			line += " { " + outline(src, s.Body) + " }"
		}
		out = append(out, line)
	}
	return strings.Join(out, "; ")
}

func TestReadScript(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"nothing", "# only a comment\n", ""},
		{"a call", "use A.B,\n  x: :y, # why\n  z: Mix.env()\n", `use(A.B=A.B, x: :y=:y, z: ?=Mix.env())`},
		{"parentheses", `set(a: "1", b: 'c')`, `set(a: "1"="1", b: 'c'='c')`},
		{"a list of keywords", `set [a: 1, b: 2]`, `set(a: 1=1, b: 2=2)`},
		{"blocks", "release :a do\n  set v: 1; set w: [\n    :x\n  ]\nend\nrelease(:b) do end", `release(:a=:a) { set(v: 1=1); set(w: [:x]=[
    :x
  ]) }; release(:b=:b) {  }`},
		{"a call as value", "set v: current_version(:app), w: f :b", `set(v: current_version/:app=current_version(:app), w: f/:b=f :b)`},
		{"other expressions", "~w(a b)\n|> Path.join()\n|> Enum.map(&Code.eval_file(&1))\nx = 1\nif x do\n f 1\nend\n", `?; ?; if(?=x) { f(1=1) }`},
		{"a block that is not the end", "f :a do\n x\nend |> g", "?"},
		{"heredoc", "set a: \"\"\"\n  do\n  \"\"\", b: 1", "set(a: \"do\n\"=\"\"\"\n  do\n  \"\"\", b: 1=1)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all, err := ReadScript("x.exs", c.src)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, outline(c.src, all)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadScriptRefuses(t *testing.T) {
	_, err := ReadScript("rel/config.exs", "release :a do\n  set v: [1\nend\n")
	if err == nil || err.Error() != `rel/config.exs:3:1: unexpected "end": "[" of line 2 column 10 is not closed by "]"` {
		t.Error(err)
	}
}

func FuzzReadScript(f *testing.F) {
	f.Add("use A, b: :c\nrelease :a do\n  set v: f(:x), d: './x'\nend\n")
	f.Add("a do b do end end; (c) [d: 1,]")
	f.Fuzz(func(t *testing.T, src string) {
		all, err := ReadScript("x.exs", src)
		if err != nil {
			return
		}
		for _, s := range all {
			if s.Start < 0 || s.Start > s.End || s.End > len(src) {
				t.Fatalf("%q: statement from %d to %d", src, s.Start, s.End)
			}
			for _, a := range s.Args {
				if a.Start < s.Start || a.Start > a.End || a.End > s.End {
					t.Fatalf("%q: argument from %d to %d of a statement from %d to %d", src, a.Start, a.End, s.Start, s.End)
				}
			}
		}
	})
}
