package elixir

import (
	"errors"
	"strings"
	"testing"
)

// computedWorld is a build for prod with two variables, one file and one directory.
var computedWorld = World{
	MixEnv: "prod",
	ReadFile: func(name string) (string, error) {
		if name == "VERSION" {
			return "9.9.9\n", nil
		}
		return "", errors.New("none")
	},
	Exists: func(name string) bool { return name == "VERSION" },
	Getenv: func(name string) (string, bool, bool) {
		switch name {
		case "SET":
			return "yes", true, true
		case "TOOL":
			return "", false, false
		}
		return "", false, true
	},
}

const helpers = `
  @base [a: 1, b: 2]
  defp deps(:prod), do: [:p]
  defp deps(_env), do: [:other]
  defp opts(a, b \\ "two"), do: {a, b}
  defp sized(list) when list == [], do: :empty
  defp sized(_), do: :full
  @vsn "1.0"
  defp versioned(@vsn), do: :this
  defp versioned(_), do: :other
  defp guess(x) when is_list(x), do: :list
  defp guess(_), do: :none
  defp build, do: "b7"
  defp forever(x), do: forever([x])
  defp twice(list), do: list ++ list
  defp tag("v" <> rest), do: rest
  defp tag(other), do: other
`

// What code says that depends on nothing but itself, and on the World.
func TestComputed(t *testing.T) {
	for _, c := range []struct{ name, code, want string }{
		{"environment", `Mix.env() == :prod`, `:true`},
		{"without parentheses", `Mix.env != :prod`, `:false`},
		{"if on a line", `if Mix.env() == :prod, do: [a: 1], else: [a: 2]`, `[a: 1]`},
		{"if as a call", `[x: if(Mix.env() == :dev, do: 1, else: 2), y: 3]`, `[x: 2, y: 3]`},
		{"if block", "if Mix.env() in [:dev, :test] do\n  :no\nelse\n  x = :yes\n  x\nend", `:yes`},
		{"if without else", `if Mix.env() == :dev, do: 1`, `:nil`},
		{"if of what is not known", `if System.get_env("TOOL"), do: 1, else: 2`, `?`},
		{"for with a block", "for name <- [:one, :two] do\n  x = {name, [a: 1]}\n  x\nend", `[{:one, [a: 1]}, {:two, [a: 1]}]`},
		{"for into a map", `for x <- [:a], into: %{}, do: {x, 1}`, `%{a: 1}`},
		{"for of what is not known", `for x <- [1, System.get_env("TOOL")], do: x`, `?`},
		{"for with a condition that is not known", `for x <- [1], System.get_env("TOOL"), do: x`, `?`},
		{"for without repetition", `for x <- [1, 1], uniq: true, do: x`, `?`},
		{"for into what is there", `for x <- [1], into: [2], do: x`, `?`},
		{"for in a line", `for(x <- [1, 2], do: x) ++ [3]`, `[1, 2, 3]`},
		{"unless", "unless Mix.env() == :dev do\n :there\nend", `:there`},
		{"if that is joined", "[:a] ++ if Mix.env() == :prod do\n [:b]\nelse\n [:c]\nend ++ [:d]", `[:a, :b, :d]`},
		{"case", "case Mix.env() do\n :dev -> 1\n e when e in [:test] -> 2\n :prod ->\n  x = 3\n  x\n _ -> 4\nend", `3`},
		{"case of tuples", "case File.read(\"VERSION\") do\n {:ok, v} -> String.trim(v)\n {:error, _} -> \"0\"\nend", `"9.9.9"`},
		{"case of what is not known", "case System.cmd(\"git\", [\"describe\"]) do\n {v, 0} -> v\n _ -> \"0\"\nend", `?`},
		{"case before what is not known", "case :a do\n :a -> 1\n unknown() -> 2\nend", `1`},
		{"cond", "cond do\n Mix.env() == :dev -> 1\n System.get_env(\"SET\") == \"yes\" -> 2\n true -> 3\nend", `2`},
		{"cond behind what is not known", "cond do\n System.get_env(\"TOOL\") -> 1\n true -> 3\nend", `?`},
		{"variable that is set", `System.get_env("SET")`, `"yes"`},
		{"variable that is not", `[System.get_env("NONE"), System.get_env("NONE", "d"), System.get_env("NONE") || "e"]`, `[:nil, "d", "e"]`},
		{"variable that must be there", `System.fetch_env!("NONE")`, `?`},
		{"variable of the toolchain", `System.get_env("TOOL") || "1"`, `?`},
		{"and", `[nil && 1, 1 && 2, true and false, System.get_env("TOOL") && nil]`, `[:nil, 2, :false, ?]`},
		{"or", `[nil || 1, 1 || 2, false or true, System.get_env("TOOL") || 1]`, `[1, 1, :true, ?]`},
		{"not", `[!nil, not true, !System.get_env("TOOL")]`, `[:true, :false, ?]`},
		{"clauses by pattern", `[deps(Mix.env()), deps(:dev), deps(System.get_env("TOOL"))]`, `[[:p], [:other], ?]`},
		{"defaults", `[opts(1), opts(1, 2), opts(), opts(1, 2, 3)]`, `[{1, "two"}, {1, 2}, ?, ?]`},
		{"guards", `[sized([]), sized([1]), guess(1)]`, `[:empty, :full, ?]`},
		{"attribute in a pattern", `[versioned("1.0"), versioned("2"), versioned(System.get_env("TOOL"))]`, `[:this, :other, ?]`},
		{"prefix", `[tag("v1.2"), tag("1.2")]`, `["1.2", "1.2"]`},
		{"pipe into own functions", `[:a] |> twice() |> twice`, `[:a, :a, :a, :a]`},
		{"then", "[a: 1] |> then(fn list -> [b: 2] ++ list end)", `[b: 2, a: 1]`},
		{"then, captured", `[[1] |> then(&(&1 ++ [2])), [1] |> then(&twice/1)]`, `[[1, 2], [1, 1]]`},
		{"then with clauses", "1 |> then(fn\n 2 -> :two\n 1 -> :one\nend)", `:one`},
		{"map and filter", `[Enum.map([:a, :b], fn x -> {x, 1} end), Enum.filter([1, 2], &(&1 == 2)), Enum.reject([1, 2], &(&1 == 2))]`, `[[{:a, 1}, {:b, 1}], [2], [1]]`},
		{"filter of what is not known", `Enum.filter([1, 2], fn x -> x == System.get_env("TOOL") end)`, `?`},
		{"merge", `Keyword.merge(@base, b: 3, c: 4)`, `[a: 1, b: 3, c: 4]`},
		{"merge with what is not known", `Keyword.merge(@base, Dep.aliases())`, `[?, a: 1, b: 2, ?]`},
		{"put, delete, drop, take", `[Keyword.put(@base, :a, 9), Keyword.delete(@base, :a), Keyword.drop(@base, [:a, :b]), Keyword.take(@base, [:b])]`, `[[a: 9, b: 2], [b: 2], [], [b: 2]]`},
		{"get", `[@base[:a], Keyword.get(@base, :c), Keyword.get(@base, :c, 7), Keyword.fetch!(@base, :b)]`, `[1, :nil, 7, 2]`},
		{"minus", `[:a, :b, :a] -- [:a]`, `[:b, :a]`},
		{"interpolation", `"1.0-#{build()}.#{Mix.env()}#{if(true, do: "x")}"`, `"1.0-b7.prodx"`},
		{"interpolation in one", `"a#{"b#{build()}" <> "c"}d"`, `"abb7cd"`},
		{"interpolation of what is not known", `"1.0-#{System.cmd("git", [])}"`, `?`},
		{"module", `__MODULE__.build()`, `"b7"`},
		{"files", `[File.exists?("VERSION"), File.exists?("NONE"), Path.expand("../lib", __DIR__), Path.join(["a", "b", "c"])]`, `[:true, :false, "../lib", "a/b/c"]`},
		{"text", `[String.split("a b"), String.split("a,b,", ",", trim: true), String.replace("a-b", "-", "+"), String.to_atom("x"), String.starts_with?("ab", "a")]`, `[["a", "b"], ["a", "b"], "a+b", :x, :true]`},
		{"flatten", `[List.flatten([:a, [:b, [:c]]]), Enum.concat([[1], [2]]), List.wrap(nil), elem({1, 2}, 1), Enum.join([1, 2], ".")]`, `[[:a, :b, :c], [1, 2], [], 2, "1.2"]`},
		{"pattern", "{a, _} = {1, 2}\n[x: a]", `[x: 1]`},
		{"pattern that does not match", "{:ok, a} = f()\n[x: a]", `[x: ?]`},
		{"statements that say nothing", "Code.require_file(\"x.exs\")\nIO.puts \"a\"\n[a: 1]", `[a: 1]`},
		{"a call without parentheses", `[a: opts("x" <> "y"), b: unknown "x", c: 1]`, `[a: {"xy", "two"}, b: ?]`},
		{"recursion", `forever([])`, `?`},
		{"a call of another module", `Other.build()`, `?`},
		{"a call that is captured", `[1] |> Enum.map(&Other.f/1)`, `[?]`},
		{"time", `DateTime.utc_now().year`, `?`},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := computed(t, c.code)
			if got := show(m.Call("value")); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func computed(t *testing.T, code string) *Module {
	t.Helper()
	m, err := Read("mix.exs", "defmodule M do\n"+helpers+"  def value do\n"+code+"\n  end\nend", "value", computedWorld)
	if err != nil || m == nil {
		t.Fatalf("Read: %v, %v", m, err)
	}
	return m
}

// Nothing of the world is guessed where it is not known.
func TestComputedOfNoWorld(t *testing.T) {
	for _, code := range []string{`Mix.env()`, `Mix.target()`, `System.get_env("A") || "b"`, `File.read!("VERSION")`, `File.exists?("VERSION")`} {
		m, err := Read("mix.exs", "defmodule M do\n def value do\n"+code+"\n end\nend", "value", World{})
		if err != nil || m == nil {
			t.Fatal(m, err)
		}
		if v := m.Call("value"); v.Type != Unknown {
			t.Errorf("%s: %s", code, show(v))
		}
	}
}

// Code that would run for ever, or make more than memory has, ends.
func TestComputedEnds(t *testing.T) {
	for _, code := range []string{
		`grow(["x"])`, `f(0)`, `double("x")`, `Enum.map(grow([1]), fn _ -> grow([1]) end)`,
		`nest({1})`, `nest({1}) == nest({1})`, strings.Repeat(`twice(`, 90) + `[1]` + strings.Repeat(`)`, 90),
	} {
		src := "defmodule M do\n def value do\n" + code + "\n end\n" + `
 defp grow(l), do: grow(l ++ l)
 defp f(n), do: f(n) ++ f(n)
 defp double(s), do: double(s <> s)
 defp twice(l), do: l ++ l
 defp nest(a), do: nest1({a, a})
 defp nest1(a), do: nest({a, a})
end`
		m, err := Read("mix.exs", src, "value", computedWorld)
		if err != nil || m == nil {
			t.Fatal(m, err)
		}
		if v := m.Call("value"); !v.Open() {
			t.Errorf("%s is known", code[:min(len(code), 40)])
		}
	}
}

// FuzzComputed evaluates hostile code, twice to the same.
func FuzzComputed(f *testing.F) {
	for _, code := range []string{
		`if Mix.env() == :prod, do: [a: 1], else: [a: 2]`, "case a do\n {:ok, v} when v -> v\n _ -> b\nend", `"#{x}#{"#{y}"}"`,
		"x |> then(fn a -> a end) |> Keyword.merge(b: 1)", "[a | b] -- [c] ++ if x do y else z end", `deps(Mix.env) and not opts("v" <> a)`, "cond do\n true -> &f/1\nend",
	} {
		f.Add(code)
	}
	f.Fuzz(func(t *testing.T, code string) {
		src := "defmodule M do\n" + helpers + "  def value do\n" + code + "\n  end\nend"
		m, err := Read("mix.exs", src, "value", computedWorld)
		if err != nil || m == nil {
			return
		}
		if one, two := m.Call("value"), m.Call("value"); one.Type != two.Type || one.Text != two.Text {
			t.Fatalf("%v, then %v", one, two)
		}
	})
}
