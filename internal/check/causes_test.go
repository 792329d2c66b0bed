package check_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/check"
)

// identities are the IDs of the causes that a file of the package names, in order.
func identities(t *testing.T, name string) (ids []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		kv, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		key, isName := kv.Key.(*ast.Ident)
		value, isText := kv.Value.(*ast.BasicLit)
		if !isName || !isText || key.Name != "ID" {
			return true
		}
		id, err := strconv.Unquote(value.Value)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
		return true
	})
	return ids
}

// A cause's ID is part of the fingerprints by which users' tools know a finding
// again, and a rule's is what they allow: neither goes, or changes with its words.
// -update adds new ones, and takes away those that went: say that in the change log.
func TestIdentitiesStay(t *testing.T) {
	files, err := filepath.Glob("rule_*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, name := range files {
		ids := identities(t, name)
		if len(ids) == 0 {
			t.Errorf("%s has neither rule nor cause", name)
		}
		for _, id := range ids {
			all = append(all, strings.TrimSuffix(strings.TrimPrefix(name, "rule_"), ".go")+" "+id)
		}
	}
	slices.Sort(all)
	golden := filepath.Join("testdata", "identities.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(strings.Join(slices.Compact(all), "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(want)) {
		if line = strings.TrimSpace(line); !slices.Contains(all, line) {
			t.Errorf("%q is gone", line)
		}
	}
}

// conditions are releases and targets that differ in one thing, and which rules
// say what of which file.
func TestRunOfConditions(t *testing.T) {
	const (
		dir  = "releases/0.1.0/"
		priv = "lib/hello-0.1.0/priv/"
	)
	config := func(text string) tree { return mixed().with(dir+"sys.config", "644 "+text) }
	args := func(text string) tree { return mixed().with(dir+"vm.args", "644 "+text+"\n") }
	for _, tt := range []struct {
		name string
		rel  tree
		want []string
	}{
		{"as it is", mixed(), nil},
		{"what Windows leaves", mixed().with(priv+"Thumbs.db", "644 x").with(priv+"desktop.ini", "644 x"), []string{"WARN artefact " + priv + "Thumbs.db", "WARN artefact " + priv + "desktop.ini"}},
		{"what Xcode leaves", mixed().with(priv+"a.dSYM/Contents/Info.plist", "644 x"), []string{"WARN artefact " + priv + "a.dSYM"}},
		{"an empty configuration", config("[]."), nil},
		{"two applications", config("[{a,[{b,c}]},{d,[]}]."), nil},
		{"a string where settings stand", config("[{a,\"\"}]."), nil},
		{"no term", config("[{a,[]}"), []string{"FAIL config " + dir + "sys.config"}},
		{"two terms", config("[]. []."), []string{"FAIL config " + dir + "sys.config"}},
		{"no list", config("{a,[]}."), []string{"FAIL config " + dir + "sys.config"}},
		{"an atom among applications", config("[a]."), []string{"FAIL config " + dir + "sys.config"}},
		{"an application with three parts", config("[{a,[],b}]."), []string{"FAIL config " + dir + "sys.config"}},
		{"an application by a number", config("[{1,[]}]."), []string{"FAIL config " + dir + "sys.config"}},
		{"settings that are an atom", config("[{a,b}]."), []string{"FAIL config " + dir + "sys.config"}},
		{"a setting by a text", config("[{a,[{\"b\",c}]}]."), []string{"FAIL config " + dir + "sys.config"}},
		{"a setting of three", config("[{a,[{b,c,d}]}]."), []string{"FAIL config " + dir + "sys.config"}},
		{"a byte order mark", config("\xef\xbb\xbf[]."), []string{"FAIL config " + dir + "sys.config"}},
		{"Latin-1 that says so", config("%% coding: latin-1\n[{a,[{b,\"\xe9\"}]}]."), nil},
		{"Latin-1 that does not", config("[{a,[{b,\"\xe9\"}]}]."), []string{"FAIL config " + dir + "sys.config"}},
		{"another that is included", config("[\"./more.config\"].").with(dir+"more.config", "644 []."), nil},
		{"another that is wrong", config("[\"more\"].").with(dir+"more.config", "644 {a}."), []string{"FAIL config " + dir + "more.config"}},
		{"another, from where it is started", config("[\"releases/0.1.0/more.config\"].").with(dir+"more.config", "644 []."), []string{"UNKNOWN config " + dir + "sys.config"}},
		{"another that is not there", config("[\"/etc/hello/gone.config\"]."), []string{"UNKNOWN config " + dir + "sys.config"}},
		{"a provider's file", config("[{e,[{p,[{'Elixir.Config.Reader',{system,\"RELEASE_ROOT\",\"/releases/0.1.0/runtime.exs\"}}]}]}]."), nil},
		{"a provider's file that is gone", config("[{e,[{p,[{'Elixir.Config.Reader',{system,\"RELEASE_ROOT\",\"/releases/0.1.0/gone.exs\"}}]}]}]."), []string{"FAIL config " + dir + "sys.config"}},
		{"a provider's file elsewhere", config("[{e,[{p,[{'Elixir.Config.Reader',{system,\"OTHER\",\"/gone.exs\"}}]}]}]."), nil},
		{"a provider's file by its path", config("[{e,[{p,[{'Elixir.Config.Reader',\"/etc/gone.exs\"}]}]}]."), nil},
		{"many levels", config("[{a,[{b," + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}]}]."), nil},
		{"another that the start names", mixed().with(dir+"elixir", "#!/bin/sh\nexec \"${0%/*}/../../erts-15.2.7/bin/erl\" -noshell -config \"${0%/*}/extra\"\n").
			with(dir+"extra.config", "644 {a}."), []string{"FAIL config " + dir + "extra.config"}},
		{"no module for epmd", args("-epmd_module gone"), nil},
		{"words of its own", args("-extra a b"), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := runOf(t, tt.rel, bookworm())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// runOf is the verdict, the rule and the file of each finding.
func runOf(t *testing.T, rel, place tree) (out []string, err error) {
	t.Helper()
	r, err := check.Run(t.Context(), open(t, rel, place))
	if err != nil {
		return nil, err
	}
	for _, f := range r.Findings {
		out = append(out, fmt.Sprintf("%s %s %s", f.Verdict, f.Rule, f.Subject.File))
	}
	return slices.Compact(out), nil
}
