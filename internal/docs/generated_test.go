// Package docs keeps the pages under docs/ true: what they say of commands,
// settings and tables comes from the code, their examples are commands that
// there are, their links lead somewhere. `go test ./internal/docs -update`
// writes the generated blocks anew.
package docs

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dram/internal/check"
	"dram/internal/cli"
	"dram/internal/config"
	"dram/internal/ref"
	"dram/internal/rehearse"
	"dram/internal/release"
	"dram/internal/source"
	"dram/internal/target"
	"dram/internal/tool/tools"
)

var update = flag.Bool("update", false, "write the generated blocks of docs/ anew")

const (
	docsDir = "../../docs"
	width   = 100 // of generated lines, in characters
)

func root() *cobra.Command {
	r := cli.New(cli.Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}).Commands()
	r.InitDefaultCompletionCmd()
	r.InitDefaultHelpCmd()
	return r
}

// block is a generated part of a page: <!-- generated: KIND ARGUMENT -->, then
// what the code says, then <!-- end -->.
var block = regexp.MustCompile(`(?ms)^<!-- generated: ([a-z]+) ?([a-z ]*) -->\n(.*?)^<!-- end -->$`)

func TestGeneratedBlocks(t *testing.T) {
	for _, page := range pages(t) {
		old := read(t, page)
		fresh := block.ReplaceAllStringFunc(old, func(s string) string {
			m := block.FindStringSubmatch(s)
			return fmt.Sprintf("<!-- generated: %s -->\n%s<!-- end -->", strings.TrimSpace(m[1]+" "+m[2]), generate(t, m[1], m[2]))
		})
		if fresh == old {
			continue
		}
		if *update {
			if err := os.WriteFile(page, []byte(fresh), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Errorf("%s does not say what the code says; run go test ./internal/docs -update (-page +code):\n%s", page, cmp.Diff(old, fresh))
	}
}

func generate(t *testing.T, kind, argument string) string {
	t.Helper()
	switch kind {
	case "help":
		return help(t, argument)
	case "flags":
		return sharedFlags(t, argument)
	case "settings":
		return settings()
	case "references":
		return references()
	case "rules":
		return rules()
	case "circumstances":
		return circumstances()
	case "exclusions":
		return exclusions()
	case "ignore":
		return fenced(wrap(strings.Join(source.DefaultIgnore(), "  "), 80))
	}
	t.Fatalf("nothing generates %q", kind)
	return ""
}

func fenced(text string) string { return "```text\n" + strings.TrimRight(text, "\n") + "\n```\n" }

// help is what --help says of a command, without what all commands share.
func help(t *testing.T, name string) string {
	t.Helper()
	cmd := find(t, name)
	var b strings.Builder
	about, _, _ := strings.Cut(cmd.Long, "Exit codes:")
	fmt.Fprintf(&b, "%s\n\n%s\n", cmd.UseLine(), strings.TrimSpace(wrapLines(about)))
	if own := ownFlags(cmd); own.HasFlags() {
		fmt.Fprintf(&b, "\nFlags:\n%s", own.FlagUsagesWrapped(width))
	}
	if hasSettings(cmd) {
		b.WriteString("\nTakes the flags of the settings.\n")
	}
	fmt.Fprintf(&b, "\nExamples:\n%s\n", strings.TrimRight(cmd.Example, "\n"))
	return fenced(b.String())
}

func find(t *testing.T, name string) *cobra.Command {
	t.Helper()
	cmd, rest, err := root().Find(strings.Fields(name))
	if err != nil || len(rest) > 0 {
		t.Fatalf("there is no command %q", name)
	}
	return cmd
}

// ownFlags are a command's flags but for those of the settings.
func ownFlags(cmd *cobra.Command) *pflag.FlagSet {
	out := pflag.NewFlagSet("", pflag.ContinueOnError)
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" && !isSetting(f.Name) {
			out.AddFlag(f)
		}
	})
	return out
}

// isSetting says whether a flag comes with the settings, --refresh included.
func isSetting(name string) bool {
	return name == "refresh" || slices.ContainsFunc(config.Settings(), func(s config.Setting) bool { return s.Flag == name })
}

func hasSettings(cmd *cobra.Command) bool { return cmd.Flags().Lookup("toolchain") != nil }

// sharedFlags are those that several commands have: "settings" or "global".
func sharedFlags(t *testing.T, which string) string {
	t.Helper()
	if which == "global" {
		return fenced(root().PersistentFlags().FlagUsagesWrapped(width))
	}
	out := pflag.NewFlagSet("", pflag.ContinueOnError)
	find(t, "build").Flags().VisitAll(func(f *pflag.Flag) {
		if isSetting(f.Name) {
			out.AddFlag(f)
		}
	})
	return fenced(out.FlagUsagesWrapped(width))
}

func settings() string {
	var b strings.Builder
	for _, s := range config.Settings() {
		fmt.Fprintf(&b, "- `%s`, `%s`, `--%s`\\\n", s.Key, s.Env, s.Flag)
		text := strings.ToUpper(s.Help[:1]) + s.Help[1:] + "."
		if s.Default != "" {
			text += " Default: " + s.Default + "."
		}
		if s.IsList() {
			text += " Takes several."
		}
		b.WriteString(indent(wrap(text, width)))
	}
	return b.String()
}

// references says which kinds of reference stand where.
func references() string {
	var b strings.Builder
	forms := map[ref.Kind]string{}
	for _, r := range target.References() {
		form, _, _ := strings.Cut(r.Form, "[@")
		forms[r.Kind] = "`" + form + "`, "
	}
	b.WriteString("| |")
	for _, p := range cli.Places() {
		b.WriteString(" `" + strings.TrimPrefix(p.Where, "dram ") + "` |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(cli.Places())) + "\n")
	for _, k := range append(ref.Kinds(), ref.Path) {
		b.WriteString("| " + forms[k] + k.Noun() + " |")
		for _, p := range cli.Places() {
			taken := map[bool]string{true: "yes"}[p.Use.Takes(k)]
			b.WriteString(" " + taken + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// rules is the table of the check's rules.
func rules() string {
	var b strings.Builder
	b.WriteString("| rule | what must hold | at worst |\n|---|---|---|\n")
	for _, r := range check.Rules() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.ID, r.Title, r.Worst)
	}
	return b.String()
}

func circumstances() string {
	var b strings.Builder
	b.WriteString("| circumstance | what it is | where it is found |\n|---|---|---|\n")
	for _, c := range rehearse.Circumstances() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.Name, c.Changes, c.Why)
	}
	return b.String()
}

func exclusions() string {
	var b strings.Builder
	b.WriteString("| path in the release | why it stays out |\n|---|---|\n")
	for _, e := range release.ImageExclusions() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", e.Pattern, e.Reason)
	}
	for _, t := range tools.All() {
		for _, e := range t.Boot(&release.Release{}).Exclude {
			fmt.Fprintf(&b, "| `%s` | %s (%s only) |\n", e.Pattern, e.Reason, t.About().Title)
		}
	}
	return b.String()
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("  " + line)
	}
	return b.String()
}

// wrap breaks text into lines of at most n characters.
func wrap(text string, n int) string {
	var b strings.Builder
	at := 0
	for w := range strings.FieldsSeq(text) {
		switch {
		case at == 0:
		case at+1+len(w) > n:
			b.WriteByte('\n')
			at = 0
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(w)
		at += len(w)
	}
	return b.String() + "\n"
}

// wrapLines breaks the lines that are too long and leaves the others.
func wrapLines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if len(line) > width {
			line = wrap(line, width)
		}
		b.WriteString(line)
	}
	return b.String()
}

// Every command that people see has its section in docs/commands.md.
func TestEveryCommandIsDescribed(t *testing.T) {
	text := read(t, filepath.Join(docsDir, "commands.md"))
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			if sub.Hidden || sub.Name() == "help" || cmd.Name() == "completion" {
				continue
			}
			if !strings.Contains(text, "# "+sub.CommandPath()+"\n") {
				t.Errorf("docs/commands.md has no section for %q", sub.CommandPath())
			}
			visit(sub)
		}
	}
	visit(root())
}

// The commands that take settings take all of them.
func TestSettingsAreOneSet(t *testing.T) {
	for _, name := range []string{"plan", "build", "image", "run", "toolchain root", "toolchain exec"} {
		cmd := find(t, name)
		for _, s := range config.Settings() {
			if cmd.Flags().Lookup(s.Flag) == nil {
				t.Errorf("dram %s has no --%s", name, s.Flag)
			}
		}
	}
}

func read(t *testing.T, page string) string {
	t.Helper()
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")))
}
