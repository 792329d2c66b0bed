package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"dram/internal/check"
	"dram/internal/release"
	"dram/internal/report"
	"dram/internal/rootfs"
	"dram/internal/target"
)

// A rule is a file and a row: this is one, with all that it says.
var toyRule = check.Rule{
	ID: "toy", Title: "no file is a toy", Worst: check.Warn,
	Doc: check.Doc{Looks: "Files named toy.", Seen: "laughter", Do: "Put it away."},
	Run: func(s *check.Survey) (out []check.Finding) {
		for _, f := range s.Release().Files {
			if filepath.Base(f.Path) == "toy" {
				out = append(out, check.Finding{
					Verdict: check.Warn, Subject: check.Subject{File: f.Path, App: f.App, Origin: f.Origin.String()},
					Cause: &toy, Params: check.Params{"colour": "red"},
				})
			}
		}
		return out
	},
}

var toy = check.Cause{ID: "found", Summary: "it is a #{colour} toy on #{target}", Symptom: "laughter", Remedy: "put #{base} away", Needs: "no toys"}

// checkToys checks a release with a toy against an empty target.
func checkToys(t *testing.T, app string) *check.Report {
	t.Helper()
	in := check.Input{Rules: []check.Rule{toyRule}} // the row
	dir := t.TempDir()
	for name, body := range map[string]string{
		"bin/hello": "", "releases/start_erl.data": "15.2.7 0.1.0", "releases/0.1.0/hello.rel": `{release,{"hello","0.1.0"},{erts,"15.2.7"},[]}.`,
		"lib/" + app + "/priv/toy": "x",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := rootfs.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = files.Close() })
	if in.Release, err = release.Read(t.Context(), files, release.Options{Survey: true}); err != nil {
		t.Fatal(err)
	}
	if in.Target, err = target.New("dir:place", rootfs.NewSkeleton(map[string]rootfs.Node{})); err != nil {
		t.Fatal(err)
	}
	r, err := check.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestARuleIsOneRow(t *testing.T) {
	r := checkToys(t, "hello-0.1.0")
	for format, want := range map[string][]string{
		"text": {
			"WARN    hello-0.1.0: it is a red toy on dir:place [toy]\n  file    lib/hello-0.1.0/priv/toy\n  then    laughter\n  do      put toy away\n",
			"OK, with 1 warning: hello 0.1.0 runs on dir:place",
		},
		"json":  {`"rule": "toy"`, `"summary": "it is a red toy on dir:place"`, `"needs": "no toys"`},
		"sarif": {`"id": "toy"`, `"level": "warning"`, `"text": "it is a red toy on dir:place. Then: laughter. Do: put toy away."`, `"dram/v2": "toy|hello|lib/hello/priv/toy|found|colour=red"`},
	} {
		var b bytes.Buffer
		if err := report.Write(&b, format, r); err != nil {
			t.Fatal(err)
		}
		for _, part := range want {
			if !strings.Contains(b.String(), part) {
				t.Errorf("%s lacks %q:\n%s", format, part, b.String())
			}
		}
	}
}

// alerts is the messages of a SARIF log and their fingerprints.
func alerts(t *testing.T, r *check.Report) (messages, prints []string) {
	t.Helper()
	var b bytes.Buffer
	if err := report.SARIF(&b, r); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Runs []struct {
			Results []struct {
				Message             struct{ Text string }
				PartialFingerprints map[string]string
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	for _, result := range log.Runs[0].Results {
		messages = append(messages, result.Message.Text)
		prints = append(prints, result.PartialFingerprints["primaryLocationLineHash"]+" "+result.PartialFingerprints["dram/v2"])
	}
	return messages, prints
}

// Alerts stay what they are when a text is reworded, and when an application
// has another version; another parameter is another alert.
func TestFingerprintsHoldNoWords(t *testing.T) {
	said, was := alerts(t, checkToys(t, "hello-0.1.0"))
	for _, tt := range []struct {
		name   string
		change func(*check.Finding)
		app    string
		same   bool
	}{
		{"reworded", func(f *check.Finding) {
			f.Cause = &check.Cause{ID: f.Cause.ID, Summary: "a toy was left", Prints: "boo", Remedy: "tidy up", Needs: "tidiness", Detail: "x"}
		}, "hello-0.1.0", true},
		{"another version", func(*check.Finding) {}, "hello-0.2.0", true},
		{"another fact", func(f *check.Finding) { f.Facts = check.Params{"more": "7"} }, "hello-0.1.0", true},
		{"another parameter", func(f *check.Finding) { f.Params = check.Params{"colour": "blue"} }, "hello-0.1.0", false},
		{"another cause", func(f *check.Finding) { f.Cause = &check.Cause{ID: "lost", Summary: toy.Summary} }, "hello-0.1.0", false},
	} {
		r := checkToys(t, tt.app)
		tt.change(&r.Findings[0])
		says, is := alerts(t, r)
		if same := is[0] == was[0]; same != tt.same {
			t.Errorf("%s: fingerprint %q, was %q", tt.name, is[0], was[0])
		}
		if tt.name == "reworded" && says[0] == said[0] {
			t.Errorf("nothing was reworded: %q", said[0])
		}
	}
}

// Every name in the texts of the rules' findings is known; the goldens of
// package check have all of them.
func TestNoPlaceholderIsLeft(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "check", "testdata", "golden", "*", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if left := regexp.MustCompile(`#\{[^}]*\}`).Find(b); left != nil {
			t.Errorf("%s: %s is left", name, left)
		}
	}
}
