package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/check"
	"dram/internal/report"
	"dram/internal/target"
)

var update = flag.Bool("update", false, "write golden files anew")

// mixed has a finding of each verdict, two files with one problem, and one
// that was allowed.
func mixed() *check.Report {
	glibc := func(file string) check.Finding {
		return check.Finding{
			Rule: "symbol-version", Verdict: check.Fail, Subject: check.Subject{File: file, App: "exqlite-0.27.0", Origin: "dependency"},
			Cause: &check.Cause{
				ID: "too-old", Summary: "it needs #{version} of #{library}, the target's has #{newest} at most", Item: "#{version} of #{library}",
				Symptom: "loading the NIF or driver fails: \"version `#{version}' not found\"", Remedy: "build the release with --toolchain distro:debian/12",
				Needs: "#{version} in #{library}",
			},
			Params: check.Params{"version": "GLIBC_2.38", "library": "libc.so.6"},
			Evidence: check.Evidence{
				Wants: []string{"__isoc23_strtol@GLIBC_2.38"}, Label: "GLIBC_2.38", Library: "libc.so.6",
				Provider: "usr/lib/x86_64-linux-gnu/libc.so.6", Newest: "GLIBC_2.36",
			},
		}
	}
	r := base()
	r.Findings = []check.Finding{
		glibc("lib/exqlite-0.27.0/priv/sqlite3_nif.so"),
		{
			Rule: "soname", Verdict: check.Fail, Subject: check.Subject{File: "lib/exqlite-0.27.0/priv/sqlite3_nif.so", App: "exqlite-0.27.0", Origin: "dependency"},
			Cause: &check.Cause{
				ID: "missing", Summary: "it needs libcrypto.so.1.1, which is not on the target", Item: "libcrypto.so.1.1, which is not on the target",
				Symptom: "loading fails", Remedy: "install libssl1.1", Needs: "libcrypto.so.1.1 on the target",
			},
			Evidence: check.Evidence{Wants: []string{"libcrypto.so.1.1"}, Considered: strings.Fields("a/libcrypto.so.1.1 b c d e f g h")},
		},
		glibc("lib/exqlite-0.27.0/priv/other nif.so"),
		{
			Rule: "isa", Verdict: check.Unknown, Subject: check.Subject{File: "lib/hello-0.1.0/priv/fast.so", App: "hello-0.1.0", Origin: "own"},
			Cause: &check.Cause{
				ID: "unknown", Summary: "it wants an x86-64-v3 processor, and nothing is known of the target's",
				Remedy: "compile it without -march=x86-64-v3", Needs: "processors of level x86-64-v3",
			},
			Evidence: check.Evidence{Wants: []string{"x86-64-v3"}},
		},
		{
			Rule: "ca-bundle", Verdict: check.Warn, Subject: check.Subject{App: "ssl-11.2", Origin: "otp"},
			Cause: &check.Cause{
				ID: "none", Summary: "the target has no certificates of authorities",
				Symptom: "verified TLS connections fail", Remedy: "install ca-certificates", Needs: "ca-certificates on the target",
			},
		},
		{
			Rule: "cookie", Verdict: check.Warn, Allowed: true, Subject: check.Subject{File: "releases/COOKIE", Origin: "metadata"},
			Cause: &check.Cause{ID: "baked-in", Summary: "it holds the distribution cookie", Symptom: "x", Remedy: "remove it", Needs: "RELEASE_COOKIE at run time"},
		},
	}
	return r
}

func base() *check.Report {
	return &check.Report{
		Release: "hello 0.1.0", At: "app", Rules: check.Rules(), Apps: 12, Natives: 1, Findings: []check.Finding{},
		Target: &target.Target{Name: "distro:debian/12", Facts: target.Facts{
			Platform: "linux/amd64", Libc: target.Libc{Kind: "glibc", Version: "2.36", Loader: "lib64/ld-linux-x86-64.so.2"},
		}},
	}
}

func TestWrite(t *testing.T) {
	for _, format := range report.Formats() {
		var b bytes.Buffer
		if err := report.Write(&b, format, mixed()); err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", "mixed."+format)
		if *update {
			if err := os.WriteFile(golden, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
	if err := report.Write(&bytes.Buffer{}, "xml", base()); err == nil {
		t.Error("an unknown format is no error")
	}
}

// A release may choose its words: none of them steers a terminal, or begins a line of the
// report.
func TestTextOfHostileNames(t *testing.T) {
	const hostile = "x\x1b[2J\nOK: all is well\r\a"
	r := base()
	r.Findings = append(r.Findings, check.Finding{
		Rule: "program", Verdict: check.Fail, Subject: check.Subject{App: hostile, File: hostile, Origin: "app"},
		Cause:    &check.Cause{ID: "x", Summary: hostile, Symptom: hostile, Remedy: hostile, Needs: hostile},
		Evidence: check.Evidence{Wants: []string{hostile}, Considered: []string{hostile}, Detail: hostile},
	})
	var b bytes.Buffer
	if err := report.Write(&b, "text", r); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); strings.ContainsAny(text, "\x1b\r\a") || strings.Contains(text, "\nOK") || strings.Count(text, `x\x1b[2J\nOK`) < 6 {
		t.Errorf("%q", text)
	}
}

func TestSummary(t *testing.T) {
	only := func(verdict check.Verdict, allowed bool) *check.Report {
		r := base()
		for _, f := range mixed().Findings {
			if f.Verdict == verdict {
				f.Allowed = allowed
				r.Findings = append(r.Findings, f)
			}
		}
		return r
	}
	many := base()
	for need := range strings.FieldsSeq("a b c d e f g") {
		many.Findings = append(many.Findings, check.Finding{Verdict: check.Fail, Cause: &check.Cause{ID: need, Summary: need, Needs: need}})
	}
	for _, tt := range []struct {
		r    *check.Report
		want string
	}{
		{base(), "OK: hello 0.1.0 runs on distro:debian/12 (12 applications, 1 native file)"},
		{only(check.Fail, false), "FAIL: hello 0.1.0 will not run on distro:debian/12: 2 problems; it would pass with GLIBC_2.38 in libc.so.6; libcrypto.so.1.1 on the target"},
		{only(check.Fail, true), "OK: hello 0.1.0 runs on distro:debian/12 (12 applications, 1 native file)"},
		{only(check.Unknown, false), "UNKNOWN: whether hello 0.1.0 runs on distro:debian/12: 1 point could not be decided; it would pass with processors of level x86-64-v3"},
		{only(check.Warn, false), "OK, with 2 warnings: hello 0.1.0 runs on distro:debian/12 (12 applications, 1 native file)"},
		{many, "FAIL: hello 0.1.0 will not run on distro:debian/12: 7 problems; it would pass with a; b; c; d; e; 2 more"},
	} {
		if diff := cmp.Diff(tt.want, report.Summary(tt.r)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// What viewers of SARIF rely on: rules by index, references that are URIs,
// levels of the specification.
func TestSARIFIsConsistent(t *testing.T) {
	var b bytes.Buffer
	if err := report.SARIF(&b, mixed()); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct {
						ID                                      string
						ShortDescription, FullDescription, Help struct{ Text string }
						DefaultConfiguration                    struct{ Level string }
					}
				}
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine int }
					}
				}
				PartialFingerprints map[string]string
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || len(log.Runs) != 1 || len(log.Runs[0].Results) != 6 {
		t.Fatalf("got version %q, %d runs", log.Version, len(log.Runs))
	}
	rules := log.Runs[0].Tool.Driver.Rules
	for _, r := range rules { // all that code scanning calls required of a rule
		if r.ID == "" || r.ShortDescription.Text == "" || r.FullDescription.Text == "" || r.Help.Text == "" {
			t.Errorf("a rule lacks something: %+v", r)
		}
		if i := slices.IndexFunc(check.Rules(), func(x check.Rule) bool { return x.ID == r.ID }); (check.Rules()[i].Worst == check.Fail) != (r.DefaultConfiguration.Level == "error") {
			t.Errorf("rule %q is listed as %s", r.ID, r.DefaultConfiguration.Level)
		}
	}
	seen := map[string]bool{}
	for _, r := range log.Runs[0].Results {
		if r.RuleIndex < 0 || r.RuleIndex >= len(rules) || rules[r.RuleIndex].ID != r.RuleID {
			t.Errorf("rule %q has the index %d", r.RuleID, r.RuleIndex)
		}
		if !slices.Contains([]string{"error", "warning", "note", "none"}, r.Level) || r.Message.Text == "" || len(r.Locations) != 1 {
			t.Errorf("got %+v", r)
			continue
		}
		if print := r.PartialFingerprints["primaryLocationLineHash"]; seen[print] || !strings.HasSuffix(print, ":1") {
			t.Errorf("fingerprint %q is none, or there twice", print)
		} else {
			seen[print] = true
		}
		if r.Locations[0].PhysicalLocation.Region.StartLine != 1 {
			t.Errorf("a location without a line: %+v", r)
		}
		u, err := url.Parse(r.Locations[0].PhysicalLocation.ArtifactLocation.URI)
		if err != nil || u.IsAbs() || u.Path == "" || strings.Contains(u.String(), " ") {
			t.Errorf("location %v, %v", u, err)
		}
	}
}
