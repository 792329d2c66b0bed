package check_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/check"
	"dram/internal/report"
)

var update = flag.Bool("update", false, "write golden files anew")

// kept compares everything that a report says of its findings, in each format,
// with what was kept: text and JSON to the byte, of SARIF the results. No rule
// gives a worse verdict than its row says.
func kept(t *testing.T, r *check.Report) {
	t.Helper()
	for _, f := range r.Findings {
		if rule, _, _ := check.Lookup(f.Rule); f.Verdict > rule.Worst {
			t.Errorf("rule %q gives %s, at worst it should give %s", f.Rule, f.Verdict, rule.Worst)
		}
	}
	if len(r.Findings) == 0 {
		return
	}
	var text, doc bytes.Buffer
	if err := report.Text(&text, r); err != nil {
		t.Fatal(err)
	}
	if err := report.JSON(&doc, r); err != nil {
		t.Fatal(err)
	}
	got := "-- text --\n" + text.String() + "-- json --\n" + doc.String() + "-- sarif --\n" + results(t, r)
	name := filepath.Join("testdata", "golden", filepath.FromSlash(strings.NewReplacer("'", "", "$", "").Replace(t.Name()))+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// results is a line for each result of a SARIF log: its rule, level, message
// and place.
func results(t *testing.T, r *check.Report) string {
	t.Helper()
	var b, out bytes.Buffer
	if err := report.SARIF(&b, r); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Runs []struct {
			Results []struct {
				RuleID, Level string
				Message       struct{ Text string }
				Locations     []struct {
					PhysicalLocation struct{ ArtifactLocation struct{ URI string } }
				}
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	for _, r := range log.Runs[0].Results {
		fmt.Fprintf(&out, "%s %s %s: %s\n", r.Level, r.RuleID, r.Locations[0].PhysicalLocation.ArtifactLocation.URI, r.Message.Text)
	}
	return out.String()
}

// Each rule is seen in the goldens, so that none is without a test.
func TestEachRuleIsSeen(t *testing.T) {
	var all strings.Builder
	err := filepath.WalkDir(filepath.Join("testdata", "golden"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		all.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range check.Rules() {
		if !strings.Contains(all.String(), fmt.Sprintf("\"rule\": %q", r.ID)) {
			t.Errorf("no golden has rule %q", r.ID)
		}
	}
}
