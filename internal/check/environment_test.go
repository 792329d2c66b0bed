package check_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/check"
)

// Who sets a variable where the release is started lets the rule pass, and nothing else.
func TestRunNamesVariables(t *testing.T) {
	const file = "releases/0.1.0/runtime.exs"
	rel := elixirs().with(file, "644 import Config\nurl = System.get_env(\"DATABASE_URL\") || raise \"no url\"\nconfig :hello, url: url, key: System.fetch_env!(\"KEY9\"), port: System.get_env(\"PORT\", \"1\")\n")
	in := open(t, rel, bookworm())
	got, err := check.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	kept(t, got)
	want := []string{
		"WARN environment " + file + ": it ends the start unless DATABASE_URL is set",
		"WARN environment " + file + ": it ends the start unless KEY9 is set",
	}
	if diff := cmp.Diff(want, lines(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	in.Allow = []string{"environment"}
	if got, err = check.Run(t.Context(), in); err != nil || got.Worst() != check.OK {
		t.Errorf("with the rule let pass: %s, %v", got.Worst(), err)
	}

	// What env.sh sets is there, and a text that is none is said to be so alone.
	start := started("export KEY9=x DATABASE_URL=y")
	for _, name := range []string{"bin/hello", "releases/0.1.0/env.sh"} {
		rel = rel.with(name, start[name])
	}
	if got := said(t, rel); len(got) > 0 {
		t.Errorf("of variables that env.sh sets: %q", got)
	}
	if got := said(t, rel.with(file, "644 System.fetch_env!(\"KEY9\")\xff\n")); len(got) != 1 || got[0][:11] != "FAIL config" {
		t.Errorf("of a text that is none: %q", got)
	}
}
