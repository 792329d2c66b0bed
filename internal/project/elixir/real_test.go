package elixir

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// said is an expression, and what Elixir 1.18 said of it: "raises" where it did.
type said struct{ code, is string }

// evaluated is what Elixir made of expressions with MIX_ENV=prod, DRAM_SET=yes,
// and no file.
var evaluated = []said{
	{`for x <- [1, 2], do: x + 1`, `[2, 3]`},
	{`for {:ok, x} <- [{:ok, 1}, {:error, 2}, {:ok, 3}], do: x`, `[1, 3]`},
	{`for x <- [:a, :b], y <- [1, 2], do: {x, y}`, `[a: 1, a: 2, b: 1, b: 2]`},
	{`for x <- [:a, :b, :c], x != :b, into: [], do: x`, `[:a, :c]`},
	{`for {k, v} <- [a: 1, b: 2], v > 1, do: {k, v}`, `[b: 2]`},
	{`for x when x > 1 <- [1, 2, 3], do: x`, `[2, 3]`},
	{`for x <- [1, 2], y = x + 1, do: y`, `[2, 3]`},
	{`for x <- [1, nil], y = x, do: y`, `[1]`},
	{`for x <- [], do: x`, `[]`},
	{`String.trim("  a b \n")`, `"a b"`},
	{`String.trim_leading("xxab", "x")`, `"ab"`},
	{`String.trim_trailing("abxx", "x")`, `"ab"`},
	{`String.trim_leading("  a ")`, `"a "`},
	{`String.trim_trailing(" a  ")`, `" a"`},
	{`String.trim("xax", "x")`, `"a"`},
	{`String.downcase("ABC")`, `"abc"`},
	{`String.upcase("abc")`, `"ABC"`},
	{`String.capitalize("abc")`, `"Abc"`},
	{`String.to_atom("a b")`, `:a b`},
	{`String.split("a  b\tc\n")`, `["a", "b", "c"]`},
	{`String.split("a,b,,c", ",")`, `["a", "b", "", "c"]`},
	{`String.split("a,b,,c", ",", trim: true)`, `["a", "b", "c"]`},
	{`String.split("a,b,c", ",", parts: 2)`, `["a", "b,c"]`},
	{`String.split("", ",")`, `[""]`},
	{`String.split("")`, `[]`},
	{`String.split("abc", "")`, `["", "a", "b", "c", ""]`},
	{`String.split("a-b.c", ["-", "."])`, `["a", "b", "c"]`},
	{`String.replace("a.b.c", ".", "-")`, `"a-b-c"`},
	{`String.replace("a.b.c", ".", "-", global: false)`, `"a-b.c"`},
	{`String.replace("aaa", "aa", "b")`, `"ba"`},
	{`String.starts_with?("abc", "ab")`, `:true`},
	{`String.starts_with?("abc", ["x", "ab"])`, `:true`},
	{`String.starts_with?("abc", "")`, `:true`},
	{`String.ends_with?("abc", "bc")`, `:true`},
	{`String.contains?("abc", "b")`, `:true`},
	{`String.contains?("abc", ["x", "y"])`, `:false`},
	{`String.length("häß")`, `3`},
	{`String.slice("abcdef", 0, 3)`, `"abc"`},
	{`String.slice("abcdef", 1..2)`, `"bc"`},
	{`String.first("abc")`, `"a"`},
	{`String.at("abc", 1)`, `"b"`},
	{`String.to_integer("12")`, `12`},
	{`String.reverse("abc")`, `"cba"`},
	{`String.duplicate("ab", 2)`, `"abab"`},
	{`to_string(:a)`, `"a"`},
	{`to_string(nil)`, `""`},
	{`to_string(1)`, `"1"`},
	{`to_string('ab')`, `"ab"`},
	{`to_string(["a", ["b"]])`, `"ab"`},
	{`Atom.to_string(nil)`, `"nil"`},
	{`Atom.to_string(:a)`, `"a"`},
	{`Integer.to_string(12)`, `"12"`},
	{`inspect(:a)`, `":a"`},
	{`"#{nil}#{true}#{:a}#{1}#{'ab'}"`, `"truea1ab"`},
	{`"#{["a", "b"]}"`, `"ab"`},
	{`"a" <> "b" <> "c"`, `"abc"`},
	{`"#{1_000}"`, `"1000"`},
	{`"#{0x1F}"`, `"31"`},
	{`1_000 == 1000`, `:true`},
	{`0x1F == 31`, `:true`},
	{`1 == 1.0`, `:true`},
	{`1 === 1.0`, `:false`},
	{`1.0 == 1.0`, `:true`},
	{`"a" == 'a'`, `:false`},
	{`:a == "a"`, `:false`},
	{`nil == false`, `:false`},
	{`nil == :nil`, `:true`},
	{`true == :true`, `:true`},
	{`Foo == :"Elixir.Foo"`, `:true`},
	{`'' == []`, `:true`},
	{`Foo == Foo`, `:true`},
	{`[a: 1] == [{:a, 1}]`, `:true`},
	{`[a: 1, b: 2] == [b: 2, a: 1]`, `:false`},
	{`%{a: 1} == %{a: 1}`, `:true`},
	{`{1, 2} == {1, 2}`, `:true`},
	{`[] == {}`, `:false`},
	{`[1, [2]] == [1, [2]]`, `:true`},
	{`~w(a b) == ["a", "b"]`, `:true`},
	{`~w(a b)a == [:a, :b]`, `:true`},
	{`1 != 2`, `:true`},
	{`1 !== 1`, `:false`},
	{`1 < 2`, `:true`},
	{`"a" < "b"`, `:true`},
	{`not true`, `:false`},
	{`!nil`, `:true`},
	{`!1`, `:false`},
	{`not (1 == 1)`, `:false`},
	{`!true && false`, `:false`},
	{`!(true && false)`, `:true`},
	{`not true or true`, `:true`},
	{`not false and true`, `:true`},
	{`nil || false`, `:false`},
	{`nil || :a || :b`, `:a`},
	{`1 && nil && 2`, `:nil`},
	{`1 && 2 || 3`, `2`},
	{`nil && 2 || 3`, `3`},
	{`1 == 1 && 2 == 2`, `:true`},
	{`1 == 2 || :x`, `:x`},
	{`true and not false`, `:true`},
	{`false or nil`, `:nil`},
	{`:a in [:a, :b]`, `:true`},
	{`:a in []`, `:false`},
	{`:a not in [:b]`, `:true`},
	{`1 in [1.0]`, `:false`},
	{`{:a, 1} in [a: 1]`, `:true`},
	{`[:a] ++ [:b] ++ [:c]`, `[:a, :b, :c]`},
	{`[:a, :b, :a] -- [:a]`, `[:b, :a]`},
	{`[:a, :b, :a] -- [:a, :a]`, `[:b]`},
	{`[1, 2, 3] -- [1] -- [2]`, `[2, 3]`},
	{`[1, 2] -- [2] ++ [1]`, `[]`},
	{`[1] ++ [2] -- [2]`, `[1]`},
	{`[a: 1] ++ [b: 2]`, `[a: 1, b: 2]`},
	{`[1 | [2, 3]]`, `[1, 2, 3]`},
	{`[1, 2 | [3]]`, `[1, 2, 3]`},
	{`[a: 1, b: 2][:b]`, `2`},
	{`[a: 1][:x]`, `:nil`},
	{`[a: 1, a: 2][:a]`, `1`},
	{`%{a: 1}[:a]`, `1`},
	{`%{a: 1}.a`, `1`},
	{`Keyword.get([a: 1], :a)`, `1`},
	{`Keyword.get([a: nil], :a, 2)`, `:nil`},
	{`Keyword.get([a: 1], :b, 2)`, `2`},
	{`Keyword.get([a: 1, a: 2], :a)`, `1`},
	{`Keyword.get_values([a: 1, a: 2], :a)`, `[1, 2]`},
	{`Keyword.fetch!([a: 1], :a)`, `1`},
	{`Keyword.has_key?([a: 1], :a)`, `:true`},
	{`Keyword.has_key?([a: 1], :b)`, `:false`},
	{`Keyword.keys([a: 1, b: 2])`, `[:a, :b]`},
	{`Keyword.values([a: 1, b: 2])`, `[1, 2]`},
	{`Keyword.put([a: 1, b: 2, a: 3], :a, 4)`, `[a: 4, b: 2]`},
	{`Keyword.put([a: 1, b: 2], :c, 4)`, `[c: 4, a: 1, b: 2]`},
	{`Keyword.put_new([a: 1], :a, 2)`, `[a: 1]`},
	{`Keyword.put_new([a: 1], :b, 2)`, `[b: 2, a: 1]`},
	{`Keyword.delete([a: 1, b: 2, a: 3], :a)`, `[b: 2]`},
	{`Keyword.drop([a: 1, b: 2, c: 3], [:a, :c])`, `[b: 2]`},
	{`Keyword.take([a: 1, b: 2, c: 3], [:c, :a])`, `[a: 1, c: 3]`},
	{`Keyword.merge([a: 1, b: 2], [b: 3, c: 4])`, `[a: 1, b: 3, c: 4]`},
	{`Keyword.merge([a: 1, a: 2, b: 0], [a: 3])`, `[b: 0, a: 3]`},
	{`Keyword.merge([a: 1], [b: 1, b: 2])`, `[a: 1, b: 1, b: 2]`},
	{`Keyword.merge([], [])`, `[]`},
	{`Keyword.update([a: 1], :a, 0, &(&1))`, `[a: 1]`},
	{`Keyword.pop([a: 1, b: 2], :a)`, `{1, [b: 2]}`},
	{`Map.get(%{a: 1}, :a)`, `1`},
	{`Map.put(%{a: 1}, :b, 2)`, `%{b: 2, a: 1}`},
	{`Map.merge(%{a: 1}, %{a: 2})`, `%{a: 2}`},
	{`Enum.map([1, 2], fn x -> {x, x} end)`, `[{1, 1}, {2, 2}]`},
	{`Enum.map([a: 1], fn {k, v} -> {v, k} end)`, `[{1, :a}]`},
	{`Enum.map([a: 1, b: 2], fn {k, _} -> k end)`, `[:a, :b]`},
	{`Enum.map([], fn x -> x end)`, `[]`},
	{`Enum.map([1, 2], &to_string/1)`, `["1", "2"]`},
	{`Enum.map(["a", "b"], &String.to_atom/1)`, `[:a, :b]`},
	{`Enum.map(["a", "b"], &("x" <> &1))`, `["xa", "xb"]`},
	{`Enum.map([1, 2], &{&1, :x})`, `[{1, :x}, {2, :x}]`},
	{`Enum.filter([1, nil, 2, false], & &1)`, `[1, 2]`},
	{`Enum.filter([a: 1, b: 2], fn {k, _} -> k == :a end)`, `[a: 1]`},
	{`Enum.reject([1, nil, 2], &is_nil/1)`, `[1, 2]`},
	{`Enum.reject([a: 1, b: 2], fn {_, v} -> v == 1 end)`, `[b: 2]`},
	{`Enum.flat_map([1, 2], fn x -> [x, x] end)`, `[1, 1, 2, 2]`},
	{`Enum.flat_map([[1], [2, 3]], & &1)`, `[1, 2, 3]`},
	{`Enum.concat([[1], [2]])`, `[1, 2]`},
	{`Enum.concat([1], [2])`, `[1, 2]`},
	{`Enum.concat([[a: 1], [b: 2]])`, `[a: 1, b: 2]`},
	{`Enum.concat([[1, [2]]])`, `[1, [2]]`},
	{`Enum.join(["a", "b"])`, `"ab"`},
	{`Enum.join(["a", "b"], "-")`, `"a-b"`},
	{`Enum.join([1, :b, "c"], ", ")`, `"1, b, c"`},
	{`Enum.join([], "-")`, `""`},
	{`Enum.join([nil, 1], "-")`, `"-1"`},
	{`Enum.member?([:a, :b], :a)`, `:true`},
	{`Enum.member?([a: 1], {:a, 1})`, `:true`},
	{`Enum.at([1, 2, 3], 1)`, `2`},
	{`Enum.at([1, 2, 3], -1)`, `3`},
	{`Enum.at([1, 2, 3], 5)`, `:nil`},
	{`Enum.at([1], 5, :none)`, `:none`},
	{`Enum.count([1, 2])`, `2`},
	{`Enum.reverse([1, 2])`, `[2, 1]`},
	{`Enum.sort([2, 1])`, `[1, 2]`},
	{`Enum.uniq([1, 1, 2])`, `[1, 2]`},
	{`Enum.into([a: 1], %{})`, `%{a: 1}`},
	{`Enum.find([1, 2], &(&1 == 2))`, `2`},
	{`Enum.any?([1, 2], &(&1 == 2))`, `:true`},
	{`Enum.all?([1, 2], &(&1 == 2))`, `:false`},
	{`Enum.empty?([])`, `:true`},
	{`Enum.zip([1, 2], [:a, :b])`, `[{1, :a}, {2, :b}]`},
	{`List.flatten([1, [2, [3, []]], []])`, `[1, 2, 3]`},
	{`List.flatten([[a: 1], [b: 2]])`, `[a: 1, b: 2]`},
	{`List.wrap(nil)`, `[]`},
	{`List.wrap(1)`, `[1]`},
	{`List.wrap([1])`, `[1]`},
	{`List.wrap("a")`, `["a"]`},
	{`List.wrap([])`, `[]`},
	{`List.first([1, 2])`, `1`},
	{`List.last([1, 2])`, `2`},
	{`List.first([])`, `:nil`},
	{`List.last([])`, `:nil`},
	{`List.delete([1, 2, 1], 1)`, `[2, 1]`},
	{`List.to_tuple([1, 2])`, `{1, 2}`},
	{`Tuple.to_list({1, 2})`, `[1, 2]`},
	{`hd([1, 2])`, `1`},
	{`tl([1, 2])`, `[2]`},
	{`length([1, 2])`, `2`},
	{`elem({1, 2}, 0)`, `1`},
	{`elem({:a, "b"}, 1)`, `"b"`},
	{`is_nil(nil)`, `:true`},
	{`is_nil(:a)`, `:false`},
	{`is_list([])`, `:true`},
	{`is_binary("a")`, `:true`},
	{`is_atom(nil)`, `:true`},
	{`Path.join("a", "b")`, `"a/b"`},
	{`Path.join("a", "/b")`, `"a/b"`},
	{`Path.join("a/", "b/")`, `"a/b"`},
	{`Path.join(["a", "b", "c"])`, `"a/b/c"`},
	{`Path.join("", "a")`, `"a"`},
	{`Path.join("a", "")`, `"a"`},
	{`Path.join("/", "a")`, `"/a"`},
	{`Path.dirname("a/b/c")`, `"a/b"`},
	{`Path.dirname("a")`, `"."`},
	{`Path.dirname("/a")`, `"/"`},
	{`Path.dirname("a/b/")`, `"a/b"`},
	{`Path.basename("a/b.ex")`, `"b.ex"`},
	{`Path.basename("a/b.ex", ".ex")`, `"b"`},
	{`Path.basename("a/b/")`, `"b"`},
	{`Path.basename("/")`, `""`},
	{`Path.basename("")`, `""`},
	{`Path.extname("a.ex")`, `".ex"`},
	{`Path.rootname("a.ex")`, `"a"`},
	{`Path.relative_to("a/b", "a")`, `"b"`},
	{`Path.expand("/a/../b")`, `"/b"`},
	{`Path.split("a/b")`, `["a", "b"]`},
	{`if true, do: 1`, `1`},
	{`if nil, do: 1`, `:nil`},
	{`if false, do: 1, else: 2`, `2`},
	{`unless true, do: 1`, `:nil`},
	{`unless nil, do: 1, else: 2`, `1`},
	{`if 1 == 1 and 2 == 2, do: :y, else: :n`, `:y`},
	{`case 1 do 1 -> :a; _ -> :b end`, `:a`},
	{`case {:ok, 1} do {:ok, x} -> x; _ -> :b end`, `1`},
	{`case [1, 2] do [a, b] -> {b, a}; _ -> :b end`, `{2, 1}`},
	{`case [1, 2] do [h | _] -> h end`, `1`},
	{`case :x do a when a == :y -> 1; a when a in [:x] -> a end`, `:x`},
	{`case "v1.2" do "v" <> r -> r; r -> r end`, `"1.2"`},
	{`case nil do nil -> 1; _ -> 2 end`, `1`},
	{`case %{a: 1} do %{a: x} -> x end`, `1`},
	{`case {1, 1} do {a, a} -> :same; _ -> :other end`, `:same`},
	{`case {1, 2} do {a, a} -> :same; _ -> :other end`, `:other`},
	{`case [a: 1] do [a: x] -> x; _ -> :none end`, `1`},
	{`case [a: 1] do [{:a, x}] -> x; _ -> :none end`, `1`},
	{`case [] do [] -> :empty; _ -> :full end`, `:empty`},
	{`case {} do {} -> :empty end`, `:empty`},
	{`case :a do :a = x -> x end`, `:a`},
	{`case 1.0 do 1 -> :int; _ -> :float end`, `:float`},
	{`case "a" do 'a' -> :c; _ -> :s end`, `:s`},
	{`cond do 1 == 2 -> 1; true -> 2 end`, `2`},
	{`cond do nil -> 1; :x -> 2 end`, `2`},
	{`with {:ok, a} <- {:ok, 1}, do: a`, `1`},
	{`with {:ok, a} <- :error, do: a`, `:error`},
	{`for x <- [1, 2], do: {x, x}`, `[{1, 1}, {2, 2}]`},
	{`for {k, v} <- [a: 1], do: {v, k}`, `[{1, :a}]`},
	{`for x <- [1, nil], x, do: x`, `[1]`},
	{`[1, 2] |> Enum.map(&to_string/1) |> Enum.join("-")`, `"1-2"`},
	{`"a b" |> String.split() |> Enum.map(&String.to_atom/1)`, `[:a, :b]`},
	{`[a: 1] |> Keyword.merge(b: 2) |> Keyword.delete(:a)`, `[b: 2]`},
	{`"1.2.3\n" |> String.trim() |> String.split(".") |> hd()`, `"1"`},
	{`:a |> then(&[&1])`, `[:a]`},
	{`1 |> then(fn x -> x end)`, `1`},
	{`nil |> List.wrap()`, `[]`},
	{`x = 1; y = x; [x, y]`, `[1, 1]`},
	{`{a, b} = {1, 2}; {b, a}`, `{2, 1}`},
	{`[h | t] = [1, 2]; {h, t}`, `{1, [2]}`},
	{`{:ok, v} = {:ok, "x"}; v`, `"x"`},
	{`x = 1; x = [x, 2]; x`, `[1, 2]`},
	{`x = if true, do: 1, else: 2; x`, `1`},
	{`[x | _] = ["a"]; x`, `"a"`},
	{`%{a: q} = %{a: 1}; q`, `1`},
	{`"a" <> rest = "abc"; rest`, `"bc"`},
	{`x = 1; (fn -> x end).()`, `1`},
	{`f = fn x -> [x] end; f.(1)`, `[1]`},
	{`~w(a b c)`, `["a", "b", "c"]`},
	{`~w(a b c)a`, `[:a, :b, :c]`},
	{`~w(a b)c`, `[[97], [98]]`},
	{`~w()`, `[]`},
	{`~w(#{"a b"} c)`, `["a", "b", "c"]`},
	{`~W(#{a} b)`, `["#{a}", "b"]`},
	{`~s(a "b")`, `"a "b""`},
	{`~S(a#{b})`, `"a#{b}"`},
	{`~c(ab)`, `[97, 98]`},
	{`"\x41\u00e9\t\s\e[0m"`, "\"Aé\t \u001b[0m\""},
	{"\"a\\\nb\"", `"ab"`},
	{`'a#{1}b'`, `[97, 49, 98]`},
	{`?a`, `97`},
	{`?\n`, `10`},
	{`[?a, ?b]`, `[97, 98]`},
	{`:"a-b"`, `:a-b`},
	{`:"a#{1}"`, `:a1`},
	{`[{"a", 1}]`, `[{"a", 1}]`},
	{`[{:a, 1}, :b]`, `[a: 1, :b]`},
	{`[:b, {:a, 1}]`, `[:b, a: 1]`},
	{`[:b, a: 1]`, `[:b, a: 1]`},
	{`[a: [b: [c: 1]]]`, `[a: [b: [c: 1]]]`},
	{`%{"a" => 1}`, `%{"a" => 1}`},
	{`{:a, [b: 1]}`, `{:a, [b: 1]}`},
	{`{:a, b: 1}`, `{:a, [b: 1]}`},
	{`-1`, `-1`},
	{`+1`, `1`},
	{`1 + 2`, `3`},
	{`2 - 1`, `1`},
	{`2 * 3`, `6`},
	{`7 / 2`, `float`},
	{`div(7, 2)`, `3`},
	{`max(1, 2)`, `2`},
	{`__MODULE__ == nil`, `:true`},
	{`Version.match?("1.2.3", "~> 1.2")`, `:true`},
	{`Version.compare("1.2.3", "1.2.4")`, `:lt`},
	{`Mix.env() == :prod`, `:true`},
	{`Mix.env() in [:dev, :test]`, `:false`},
	{`if Mix.env() == :test, do: ["lib", "test/support"], else: ["lib"]`, `["lib"]`},
	{`Application.get_env(:none, :x, 1)`, `1`},
	{`System.get_env("DRAM_NOT_SET")`, `:nil`},
	{`System.get_env("DRAM_NOT_SET") || "d"`, `"d"`},
	{`System.get_env("DRAM_NOT_SET", "d")`, `"d"`},
	{`System.fetch_env("DRAM_NOT_SET")`, `:error`},
	{`System.get_env("DRAM_SET") == "yes"`, `:true`},
	{`System.get_env("DRAM_SET") != nil`, `:true`},
	{`System.fetch_env("DRAM_SET")`, `{:ok, "yes"}`},
	{`File.exists?("GONE")`, `:false`},
	{`File.dir?("GONE")`, `:false`},
	{`File.read("GONE")`, `{:error, :enoent}`},
	{`case File.read("GONE") do {:ok, v} -> v; {:error, _} -> "none" end`, `"none"`},
	{`case File.read("GONE") do {:error, :enoent} -> "none"; _ -> "there" end`, `"none"`},
}

// inspected writes a known value as the expressions' were written: keywords are
// keywords however they were made, and numbers in one way.
func inspected(v Value) string {
	var parts []string
	for _, it := range v.Items {
		if v.Type == List || v.Type == Map {
			it = it.pair()
		}
		if text := inspected(it.Value); it.Keyed {
			parts = append(parts, it.Key+": "+text)
		} else {
			parts = append(parts, text)
		}
	}
	switch all := strings.Join(parts, ", "); v.Type {
	case Atom:
		return ":" + v.Text
	case String:
		return `"` + v.Text + `"`
	case Charlist:
		var codes []string
		for _, r := range v.Text {
			codes = append(codes, strconv.Itoa(int(r)))
		}
		return "[" + strings.Join(codes, ", ") + "]"
	case Int:
		n, err := strconv.ParseInt(v.Text, 0, 64)
		if err != nil {
			return v.Text
		}
		return strconv.FormatInt(n, 10)
	case List:
		return "[" + all + "]"
	case Tuple:
		return "{" + all + "}"
	case Map:
		return "%{" + all + "}"
	case Unknown, Alias:
	}
	return v.Text
}

// whole says whether nothing of a value is unknown.
func whole(v Value) bool {
	for _, it := range v.Items {
		if !whole(it.Value) {
			return false
		}
	}
	return v.Type != Unknown
}

// What is evaluated is what Elixir makes of it, or not known: nothing is guessed.
func TestAsElixirEvaluates(t *testing.T) {
	world := World{
		MixEnv: "prod", ReadFile: func(string) (string, error) { return "", errors.New("none") }, Exists: func(string) bool { return false },
		Getenv: func(name string) (string, bool, bool) { return "yes", name == "DRAM_SET", true },
	}
	var open []string
	for _, c := range evaluated {
		code := c.code
		if strings.Contains(code, "; ") && !strings.Contains(code, " do ") {
			code = strings.ReplaceAll(code, "; ", "\n")
		}
		m, err := Read("mix.exs", fmt.Sprintf("defmodule M do\n def value do\n%s\n end\nend", code), "value", world)
		if err != nil || m == nil {
			t.Errorf("%s: %v", c.code, err)
			continue
		}
		switch v := m.Call("value"); {
		case !whole(v):
			open = append(open, c.code)
		case inspected(v) != c.is:
			t.Errorf("%s is %s, Elixir says %s", c.code, inspected(v), c.is)
		}
	}
	if len(open)*5 > len(evaluated)*2 {
		t.Errorf("of %d expressions %d are not known:\n%s", len(evaluated), len(open), strings.Join(open, "\n"))
	}
}
