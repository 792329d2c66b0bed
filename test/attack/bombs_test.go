package attack

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// numbered is a row for each number up to n.
func numbered(n int, row string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, row, i)
	}
	return b.String()
}

// Small files that take long, or much, to read: what grows with the square of a file, or
// with a power of two.
func TestBombs(t *testing.T) {
	plan := []string{"plan $PROJECT --toolchain $TOY"}
	many := func(with ...string) map[string]string {
		files := hello(with...)
		for i := range 3000 {
			files[fmt.Sprintf("lib/%s%d.ex", strings.Repeat("a", 20), i)] = "x\n"
		}
		return files
	}
	gleam := func(text string) map[string]string {
		return map[string]string{"gleam.toml": "name = \"a\"\nversion = \"1.0.0\"\n" + text, "src/a.gleam": "pub fn main() {}\n"}
	}
	erlang := func(name, text string, with ...string) map[string]string {
		files := map[string]string{name: text, "src/a.app.src": `{application,a,[{vsn,"1.0.0"}]}.`, "relx.config": `{release,{a,"1"},[a]}.`}
		for i := 0; i+1 < len(with); i += 2 {
			files[with[i]] = with[i+1]
		}
		return files
	}
	mk := func(text string) map[string]string {
		return erlang("Makefile", "include erlang.mk\nPROJECT=a\nREL_DEPS=relx\n"+text, "erlang.mk", "")
	}
	mix := func(more string) map[string]string {
		return map[string]string{"mix.exs": mixExs(`app: :hello, version: "1.0.0", ` + more)}
	}
	starts := func(script string) map[string]string {
		return hello("entrypoint.sh", "#!/bin/bash\n"+script, "Dockerfile", "FROM elixir:1.18 AS b\nCOPY . .\nRUN mix release\nFROM debian:13\n"+
			"COPY --from=b /app/_build/prod/rel/hello ./\nCOPY entrypoint.sh /app/\nENTRYPOINT [\"/app/entrypoint.sh\"]\nCMD [\"/app/bin/hello\",\"start\"]\n")
	}
	try(t, []attack{
		{name: "brackets of a start script fill the memory", files: starts(strings.Repeat("(", 60_000)), each: plan},
		{name: "substitutions of a start script fill the memory", files: starts(strings.Repeat("$(", 30_000)), each: plan},
		{name: "a function without a name ends dram", files: starts("()\x10"), each: plan},
		{name: "a command of a Dockerfile fills the memory", files: hello("Dockerfile", "FROM x\nRUN "+strings.Repeat("(", 60_000)+"\nRUN mix release\n"), each: plan},
		{
			name: "patterns of .dockerignore take hours", files: many(".dockerignore", "*\n"+numbered(4900, "!*/*%d\n")), each: plan, code: 2, within: time.Minute,
			says: []string{"too many wildcards for that many files", ".dockerignore"},
		},
		{
			name: "patterns of .dockerignore fill the memory", files: hello(".dockerignore", numbered(4900, strings.Repeat("*a", 100)+"%d\n")), each: plan, code: 2,
			says: []string{"wildcards, at most 20000 are read"},
		},
		{
			name: "patterns of include_secrets take hours", each: plan, code: 2, says: []string{"include_secrets", "wildcards"},
			files: many("dram.toml", "[build]\ninclude_secrets = ["+numbered(20_000, "\"*/*%d\",\n")+"]\n"),
		},
		{name: "tables of dram.toml take a minute", files: hello("dram.toml", numbered(60_000, "[a%d]\n")), each: plan, code: 2, says: []string{"60000 keys and tables"}},
		{name: "tables of gleam.toml take a minute", files: gleam(numbered(60_000, "[a%d]\n")), each: plan, code: 4, says: []string{"keys and tables"}},
		{name: "builders of dram.toml take a minute", files: hello("dram.toml", numbered(5_000, "[[builder]]\nname='x%d'\n")), each: plan, code: 2, says: []string{"builder"}},
		{name: "profiles of rebar.config take a minute", files: erlang("rebar.config", "{profiles,["+numbered(30_000, "{p%[1]d,[{deps,[a%[1]d]}]},")+"{p,[]}]}."), each: plan, code: 4, says: []string{"a list names 30001 things"}},
		{name: "additions to a variable take a minute", files: mk(strings.Repeat("A+=b\n", 200_000)), each: plan},
		{name: "variables of a Makefile fill the memory", files: mk("A=" + strings.Repeat("x", 400_000) + "\nPROJECT=" + strings.Repeat("$(A)", 1000) + "\n"), each: plan, any: true},
		{name: "variables of a Makefile name one another", files: mk("B=$(B)$(B)\nRELX_CONFIG=" + strings.Repeat("$(B)", 1000) + "\n"), each: plan, any: true},
		{name: "dependencies of a Makefile take minutes", files: mk("DEPS=" + numbered(120_000, "a%d ") + "\n"), each: plan},
		{name: "path dependencies take minutes", files: mix("deps: [" + numbered(20_000, `{:a%[1]d, path: "../a%[1]d"},`) + `{:b, "~> 1.0"}]`), each: plan, code: 2, says: []string{"lies outside the project"}},
		{
			name: "names of 9,000 releases are told", files: mix("releases: [" + numbered(9_000, "a%d: [],") + "a: []]"), each: plan, code: 2,
			says: []string{"a19 and 8981 more"}, hush: []string{"a500"},
		},
	})
}
