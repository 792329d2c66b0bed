package dockerfile_test

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"

	"dram/internal/engine"
	"dram/internal/engine/dockerfile"
)

// instruction is one as Docker's own parser reads it.
type instruction struct {
	name  string
	words []string
	flags []string
}

// parsed is a Dockerfile as Docker reads it; what it warns of is a failure.
func parsed(t *testing.T, raw []byte) (out []instruction) {
	t.Helper()
	result, err := parser.Parse(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	for _, w := range result.Warnings {
		t.Errorf("Docker warns: %s", w.Short)
	}
	for _, node := range result.AST.Children {
		i := instruction{name: strings.ToUpper(node.Value), flags: node.Flags}
		for n := node.Next; n != nil; n = n.Next {
			i.words = append(i.words, n.Value)
		}
		out = append(out, i)
	}
	return out
}

// nothing is an environment that has nothing.
type nothing struct{}

func (nothing) Get(string) (string, bool) { return "", false }
func (nothing) Keys() []string            { return nil }

// meant is a word once Docker has filled in variables and taken quotes off.
func meant(t *testing.T, word string) string {
	t.Helper()
	text, _, err := shell.NewLex('\\').ProcessWord(word, nothing{})
	if err != nil {
		t.Errorf("%s: %v", word, err)
	}
	return text
}

func builders() map[string]dockerfile.Builder {
	return map[string]dockerfile.Builder{"current": dockerfile.Current, "docker20": dockerfile.Docker20, "classic": dockerfile.Classic}
}

// awkward are texts that mean something to Docker, to a shell or to a pattern.
func awkward() []string {
	return []string{
		"plain", "with space", `a"b`, "it's", "$HOME", "${HOME}", `back\slash`, "`id`", "#no comment", "*", "a?b", "[a]", "%s", "a=b", "-dash", "ä ö", `\`,
		`"quoted"`, "$$", "a;b", "&&", "<<EOF", "tab\there", "--flag=x", "!", "~", "{a,b}",
	}
}

// What the environment is told of a value comes to the steps as it was, whatever means
// something to Docker in it.
func TestEnvironmentComesThrough(t *testing.T) {
	for name, builder := range builders() {
		job := shop()
		job.Env = nil
		want := map[string]string{}
		for i, value := range append(awkward(), "") {
			key := "V" + string(rune('A'+i))
			job.Env = append(job.Env, key+"="+value)
			want[key] = value
		}
		raw, err := dockerfile.Render(job, dockerfile.Options{Toolchain: "debian:13", Builder: builder})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, i := range parsed(t, raw) {
			if i.name != "ENV" {
				continue
			}
			for n := 0; n+1 < len(i.words); n += 3 { // name, value, separator
				got[i.words[n]] = meant(t, i.words[n+1])
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// The files that fetching needs are copied to where they lie, by patterns that no other
// name matches.
func TestNamesComeThrough(t *testing.T) {
	for name, builder := range builders() {
		job := shop()
		var want []string
		for _, text := range awkward() {
			want = append(want, "apps/"+text+"/mix.exs", "config/"+text)
		}
		for i := range job.Steps {
			if job.Steps[i].InputDigest != "" {
				job.Steps[i].Needs = want
			}
		}
		raw, err := dockerfile.Render(job, dockerfile.Options{Toolchain: "debian:13", Builder: builder})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range parsed(t, raw) {
			if i.name != "COPY" || len(i.flags) > 0 || len(i.words) < 2 || i.words[0] == "." {
				continue
			}
			to := meant(t, i.words[len(i.words)-1])
			for _, word := range i.words[:len(i.words)-1] {
				from := meant(t, word)
				matches := slices.DeleteFunc(slices.Clone(want), func(file string) bool {
					is, _ := path.Match(from, file)
					return file != from && !is
				})
				if len(matches) != 1 || path.Join(to, path.Base(matches[0])) != matches[0] {
					t.Errorf("%s: %q is copied to %q for %q", name, from, to, matches)
				}
				got = append(got, matches...)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// No stage begins with one that comes later or that does not exist, and the file ends
// with the one that people run Mix in.
func TestStagesFollowOneAnother(t *testing.T) {
	for name, builder := range builders() {
		for _, job := range []engine.Job{shop(), jar()} {
			raw, err := dockerfile.Render(job, dockerfile.Options{Toolchain: "debian:13", Builder: builder})
			if err != nil {
				t.Fatal(err)
			}
			known := []string{"scratch", "${" + dockerfile.ToolchainArg + "}"}
			for _, i := range parsed(t, raw) {
				for _, flag := range i.flags {
					if from, ok := strings.CutPrefix(flag, "--from="); ok && !slices.Contains(known, from) {
						t.Errorf("%s: files of %q, which is not there yet", name, from)
					}
				}
				if i.name != "FROM" {
					continue
				}
				if !slices.Contains(known, i.words[0]) {
					t.Errorf("%s: a stage of %q, which is not there yet", name, i.words[0])
				}
				if len(i.words) == 3 {
					known = append(known, i.words[2])
				}
			}
		}
	}
}

// Steps that may not reach the network are run without it where the builder can do so,
// and the others are not.
func TestNetworkIsForStepsThatFetch(t *testing.T) {
	raw, err := dockerfile.Render(shop(), dockerfile.Options{Toolchain: "debian:13", Builder: dockerfile.Current})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, i := range parsed(t, raw) {
		text := strings.Join(i.words, " ")
		for command, network := range map[string]bool{
			"mix deps.get": true, "mix assets.setup": true, "mix deps.compile": false, "mix compile": false, "mix assets.deploy": false, "mix release": false,
		} {
			if i.name != "RUN" || !strings.Contains(text, command) {
				continue
			}
			seen[command] = true
			if without := slices.Contains(i.flags, "--network=none"); without == network {
				t.Errorf("%q has the network: %v", command, !without)
			}
		}
	}
	if len(seen) != 6 {
		t.Errorf("only %v are run", seen)
	}
}

// The same job gives the same file, whatever order its files came in.
func TestSameJobSameFile(t *testing.T) {
	for name, builder := range builders() {
		first, err := dockerfile.Render(shop(), dockerfile.Options{Toolchain: "debian:13", Builder: builder})
		if err != nil {
			t.Fatal(err)
		}
		turned := shop()
		for i := range turned.Steps {
			slices.Reverse(turned.Steps[i].Needs)
		}
		again, err := dockerfile.Render(turned, dockerfile.Options{Toolchain: "debian:13", Builder: builder})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(first), string(again)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
