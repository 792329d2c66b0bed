package elixir

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// show writes a value the way Elixir would, "?" for what is not known.
func show(v Value) string {
	items := func(open, end string) string {
		var parts []string
		for _, it := range v.Items {
			if it.Keyed {
				parts = append(parts, it.Key+": "+show(it.Value))
			} else {
				parts = append(parts, show(it.Value))
			}
		}
		return open + strings.Join(parts, ", ") + end
	}
	switch v.Type {
	case Atom:
		return ":" + v.Text
	case String:
		return `"` + v.Text + `"`
	case List:
		return items("[", "]")
	case Tuple:
		return items("{", "}")
	case Map:
		return items("%{", "}")
	case Unknown:
		return "?"
	case Charlist:
		return "'" + v.Text + "'"
	case Int, Alias:
	}
	return v.Text
}

func TestExpressions(t *testing.T) {
	for _, c := range []struct{ name, expression, want string }{
		{"keywords", `[a: 1, b: "x", "c d": :e]`, `[a: 1, b: "x", c d: :e]`},
		{"trailing comma and comments", "[\n  # none\n  a: 1, # one\n\n  b: 2,\n]", `[a: 1, b: 2]`},
		{
			"tuples", `[{:a, "~> 1.0"}, {:b, "1", only: [:dev, :test], runtime: false}]`,
			`[{:a, "~> 1.0"}, {:b, "1", [only: [:dev, :test], runtime: :false]}]`,
		},
		{"strings", `"a\n\"b\" \x41\u00e9\u{1F600} #"`, "\"a\n\"b\" Aé😀 #\""},
		{"interpolation", `["a#{"b#{c}" <> "}"}d", "e"]`, `[?, "e"]`},
		{"heredoc", "[a: \"\"\"\n    one \"quoted\" \"\"\" not the end\n      two\n    \"\"\", b: 1]", "[a: \"one \"quoted\" \"\"\" not the end\n  two\n\", b: 1]"},
		{"sigils", `[~w(a b)a, ~w[c d], ~s|x "y"|, ~S(a\n#{b}), ~r/[)\/]/i, ~D[2020-01-01]]`, `[[:a, :b], ["c", "d"], "x "y"", "a\n#{b}", ?, ?]`},
		{"charlist", `['a]', ~c"b", ?], ?\n, 0x1F, 1.5e-3, 1_000]`, `['a]', 'b', ?, ?, ?, ?, 1000]`},
		{"atoms", `[:a?, :"b c", :{}, :%{}, :<<>>, :+, :Foo, nil, true]`, `[:a?, :b c, :{}, :%{}, :<<>>, :+, :Foo, :nil, :true]`},
		{"alias", `{Foo.Bar, []}`, `{Foo.Bar, []}`},
		{"map", `%{a: 1, :b => [2], "c" => 3}`, `%{a: 1, b: [2], ?}`},
		{"attribute", `@version`, `"1.2.3"`},
		{"attribute of an attribute", `@twice`, `"1.2.31.2.3"`},
		{"attribute set in a condition", `@odd`, `?`},
		{"attribute set later", `@later`, `?`},
		{"attribute not set", `@none`, `?`},
		{"call", `list()`, `[{:x, "1"}]`},
		{"call without parentheses", `list`, `[{:x, "1"}]`},
		{"one-line function", `short()`, `:short`},
		{"function with arguments", `args()`, `?`},
		{"function with two clauses", `double()`, `1`},
		{"recursion", `[loop(), :a]`, `[?, :a]`},
		{"concatenation", `[:a] ++ list() ++ Mix.compilers() ++ [:b]`, `[:a, {:x, "1"}, ?, :b]`},
		{"strings joined", `"a" <> "b" <> @version`, `"ab1.2.3"`},
		{"file", `File.read!("VERSION") |> String.trim()`, `"9.9.9"`},
		{"file inside a call", `String.trim(File.read!(Path.join(__DIR__, "VERSION")))`, `"9.9.9"`},
		{"file over lines", "\"VERSION\"\n|> File.read!()\n|> String.trim", `"9.9.9"`},
		{"file that is not there", `File.read!("NONE")`, `?`},
		{"environment", `System.get_env("V") || "1"`, `?`},
		{"comparison", `[a: Mix.env() == :prod, b: 1 + 2, c: -1, d: not true]`, `[a: ?, b: ?, c: ?, d: :false]`},
		{"condition", `if x, do: [a: 1], else: [a: 2]`, `?`},
		{"condition block", "if x do\n [a: 1]\n else\n [a: 2]\n end", `?`},
		{"functions", `[fn -> [a: 1] end, &list/0, fn x -> x end]`, `[?, ?, ?]`},
		{"variable", "v = \"2\"\n[v: v]", `[v: "2"]`},
		{"pattern", "{list, _} = f()\n[v: list]", `[v: ?]`},
		{"cons", `[:a | list()]`, `[:a, {:x, "1"}]`},
		{"parentheses", `([:a])`, `[:a]`},
		{"rescue", "[:a]\nrescue\n _ -> [:b]", `[:a]`},
		{"binary", `[<<1, 2>>, :a]`, `[?, :a]`},
		{"unicode", `[größe: "ü"]`, `[größe: "ü"]`},
		{"keys that are reserved words", `[do: 1, end: 2, fn: 3]`, `[do: 1, end: 2, fn: 3]`},
		{"continued line", "[:a] ++\n  [:b]", `[:a, :b]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := show(module(t, c.expression).Call("value")); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func module(t *testing.T, expression string) *Module {
	t.Helper()
	src := `
defmodule Other do
  def value(x), do: x
end
defmodule M.Project do
  @moduledoc "def value, do: :wrong"
  use Mix.Project
  @version "1.2.3"
  @twice @version <> @version
  if System.get_env("X") do
    @odd 1
  end
  defmodule Inner do
    def value, do: :inner
  end
  def value do
` + expression + `
  end
  @later 1
  defp list do
    [{:x, "1"}]
  end
  defp short, do: :short
  defp args(x), do: x
  defp double, do: 1
  defp double, do: 2
  defp loop(), do: loop()
  defp guarded(a) when a in [1, 2] do
    a
  end
end`
	m, err := Read("mix.exs", src, "value", World{ReadFile: func(name string) (string, error) {
		if name == "VERSION" {
			return "9.9.9\n", nil
		}
		return "", errors.New("none")
	}})
	if err != nil || m == nil {
		t.Fatalf("Read: %v, %v", m, err)
	}
	return m
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"bracket", "defmodule A do\n  def p do\n    [a: 1\n  end\nend", `m.exs:4:3: unexpected "end": "[" of line 3 column 5 is not closed by "]"`},
		{"end missing", "defmodule A do\n  def p do\n    1\nend\n", `m.exs:5:1: unexpected end: "do" of line 1 column 13 is not closed by "end"`},
		{"end too many", "1\nend", `m.exs:2:1: unexpected "end": nothing is open here`},
		{"string", "x = \"ab\ncd", `m.exs:1:5: the text that starts here is not closed by "`},
		{"heredoc", "é = \"\"\"\n  x \"\"\"\n", `m.exs:1:5: the text that starts here is not closed by """`},
		{"interpolation", `x = "a#{b"`, `m.exs:1:10: the text that starts here is not closed by "`},
		{"bracket in interpolation", `x = "a#{(b}"`, `m.exs:1:11: unexpected end: "(" of line 1 column 9 is not closed by ")"`},
		{"control character", "a\x01", "m.exs:1:2: unexpected character that cannot be printed"},
		{"not UTF-8", "a\n\xff", "m.exs:2:1: the file is not UTF-8 text"},
		{"conflict marker", "<<<<<<< HEAD\n[\n", `m.exs:3:1: unexpected end: "[" of line 2 column 1 is not closed by "]"`},
		{"deep brackets", strings.Repeat("[", 300), "m.exs:1:201: brackets are nested too deeply"},
		{"deep interpolation", strings.Repeat(`"#{`, 300), "m.exs:1:604: interpolations are nested too deeply"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read("m.exs", c.src, "p", World{})
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A value that doubles with each function must not double the work.
func TestHostileGrowth(t *testing.T) {
	var b strings.Builder
	b.WriteString("defmodule A do\n def p, do: f40()\n def f0, do: [:a]\n")
	for i := range 40 {
		n, prev := string(rune('0'+(i+1)/10))+string(rune('0'+(i+1)%10)), string(rune('0'+i/10))+string(rune('0'+i%10))
		b.WriteString("def f" + strings.TrimLeft(n, "0") + ", do: f" + cmpZero(prev) + "() ++ f" + cmpZero(prev) + "()\n")
	}
	b.WriteString("end")
	m, err := Read("m.exs", b.String(), "p", World{})
	if err != nil || m == nil {
		t.Fatal(m, err)
	}
	if v := m.Call("p"); !v.Open() {
		t.Errorf("a list of 2^40 elements has %d known ones and no unknown", len(v.Items))
	}
}

func cmpZero(n string) string {
	if n = strings.TrimLeft(n, "0"); n == "" {
		return "0"
	}
	return n
}

func FuzzRead(f *testing.F) {
	f.Add("defmodule A do\n @v \"1\"\n def project, do: [app: :a, version: @v, deps: deps()]\n defp deps, do: [{:b, \"~> 1\"}]\nend")
	f.Add("defmodule A do\n def project do\n x = ~w(a)a\n [a: \"#{x}\", b: ~S'''\n '''] ++ x |> f\n end\nend")
	f.Add("defmodule A do def project() do %{a: 1, :b => {1, c: 2}} end end")
	f.Add("@a @a @\n:\"x\": 1 ?\\")
	f.Fuzz(func(t *testing.T, src string) {
		m, err := Read("mix.exs", src, "project", World{ReadFile: func(string) (string, error) { return "1", nil }, MixEnv: "prod"})
		var bad *Error
		switch {
		case errors.As(err, &bad):
			if bad.Line < 1 || bad.Col < 1 || bad.Line > strings.Count(src, "\n")+1 {
				t.Fatalf("error outside the file: %v", err)
			}
		case err != nil:
			t.Fatal(err)
		case m != nil:
			v := m.Call("project")
			if again := m.Call("project"); !cmp.Equal(v, again) {
				t.Fatalf("%v, then %v", v, again)
			}
		}
	})
}
