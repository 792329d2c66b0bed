package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/config"
	"dram/internal/problem"
)

func TestSteps(t *testing.T) {
	c, err := config.Parse([]byte(`[[step]]
run = "mix sentry.package_source_code"
before = "release"

[[step]]
run = "./fetch.sh"
after = "compile"
network = true
secrets = ["GEO_KEY"]
inputs = ["geo.version", "priv/in"]
outputs = ["priv/geo.mmdb"]
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Step{
		{Run: "mix sentry.package_source_code", Before: "release"},
		{
			Run: "./fetch.sh", After: "compile", Network: true, Secrets: []string{"GEO_KEY"},
			Inputs: []string{"geo.version", "priv/in"}, Outputs: []string{"priv/geo.mmdb"},
		},
	}
	if d := cmp.Diff(want, c.Steps); d != "" {
		t.Error(d)
	}
	again, err := config.Parse(c.Encode())
	if d := cmp.Diff(want, again.Steps); d != "" || err != nil {
		t.Errorf("encoded: %v\n%s", err, d)
	}
}

func TestBadSteps(t *testing.T) {
	for _, c := range []struct{ name, toml, says, hint string }{
		{"no command", `before = "release"`, "step 1: it runs nothing", `run = "…"`},
		{"no place", `run = "x"`, "no place, or two", "one of the two"},
		{"two places", "run = \"x\"\nbefore = \"release\"\nafter = \"compile\"", "no place, or two", "one of the two"},
		{"a place that is none", "run = \"x\"\nbefore = \"deploy\"", `no part "deploy"`, "compile, assets, release"},
		{"two lines", "run = \"x\\ny\"\nbefore = \"release\"", "not one line", "script of the project"},
		{"a long line", "run = \"" + strings.Repeat("x", 5000) + "\"\nbefore = \"release\"", "not one line", "script"},
		{"a key that is none", "run = \"x\"\nbefor = \"release\"", `unknown key "befor"`, `"before"`},
		{"secrets without the network", "run = \"x\"\nbefore = \"release\"\nsecrets = [\"A\"]", "steps that have the network", "network = true"},
		{"a secret's value", "run = \"x\"\nbefore = \"release\"\nnetwork = true\nsecrets = [\"A=b\"]", `can be called "A=b"`, "name of a variable"},
		{"an output outside", "run = \"x\"\nbefore = \"release\"\noutputs = [\"../x\"]", `"../x" is none`, "inside the project"},
		{"an absolute input", "run = \"x\"\nbefore = \"release\"\ninputs = [\"/etc/passwd\"]", `"/etc/passwd" is none`, "inside the project"},
		{"a network that is a word", "run = \"x\"\nbefore = \"release\"\nnetwork = \"host\"", "network: must be true or false", "write [[step]] above each"},
		{"an empty list", "run = \"x\"\nbefore = \"release\"\noutputs = []", "outputs: must be a list that is not empty", "write [[step]] above each"},
	} {
		_, err := config.Parse([]byte("[[step]]\n" + c.toml + "\n"))
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(problem.Hint(err), c.hint) || problem.Code(err) != int(problem.Usage) {
			t.Errorf("%s: %v (%s)", c.name, err, problem.Hint(err))
		}
	}
	for _, toml := range []string{"step = 1\n", "[step]\nrun = \"x\"\n", "step = [1]\n"} {
		if _, err := config.Parse([]byte(toml)); err == nil {
			t.Errorf("%q is taken", toml)
		}
	}
}
