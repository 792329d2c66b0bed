package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"dram/internal/config"
)

const maxLine = 125 // characters; 120 is the aim

// pages are all pages under docs/.
func pages(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(docsDir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(p) == ".md" {
			out = append(out, p)
		}
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatalf("no pages in %s: %v", docsDir, err)
	}
	return out
}

// topPages are those at the top of the repository.
func topPages(t *testing.T) []string {
	t.Helper()
	out, err := filepath.Glob("../../*.md")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var (
	fence   = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
)

// Relative links lead to files that exist, and their fragments to headings.
func TestLinks(t *testing.T) {
	for _, page := range append(pages(t), topPages(t)...) {
		text := fence.ReplaceAllString(read(t, page), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			file, fragment, _ := strings.Cut(m[1], "#")
			to := page
			if file != "" {
				to = filepath.Join(filepath.Dir(page), filepath.FromSlash(file))
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: link %q: %v", page, m[1], err)
				continue
			}
			if fragment != "" && !slices.Contains(anchors(read(t, to)), fragment) {
				t.Errorf("%s: link %q: %s has no such heading", page, m[1], to)
			}
		}
	}
}

// anchors are the fragments that a page's headings can be linked by.
func anchors(text string) []string {
	var out []string
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		out = append(out, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 127:
				return r
			}
			return -1
		}, strings.ToLower(m[1])))
	}
	return out
}

// The index names every page.
func TestIndex(t *testing.T) {
	index := read(t, filepath.Join(docsDir, "README.md"))
	for _, page := range pages(t) {
		name, err := filepath.Rel(docsDir, page)
		if err != nil {
			t.Fatal(err)
		}
		if name != "README.md" && !strings.Contains(index, "]("+filepath.ToSlash(name)+")") {
			t.Errorf("docs/README.md does not name %s", name)
		}
	}
}

func TestLinesAreShort(t *testing.T) {
	for _, page := range pages(t) {
		if filepath.Base(page) == "benchmarks.md" {
			continue // tables, generated
		}
		for i, line := range strings.Split(read(t, page), "\n") {
			if n := utf8.RuneCountInString(line); n > maxLine {
				t.Errorf("%s:%d has %d characters, more than %d", page, i+1, n, maxLine)
			}
		}
	}
}

// Every dram.toml in the pages can be read, and the annotated one has all
// settings.
func TestSettingsFiles(t *testing.T) {
	for _, page := range pages(t) {
		for _, m := range fence.FindAllStringSubmatch(read(t, page), -1) {
			if m[1] != "toml" {
				continue
			}
			c, err := config.Parse([]byte(m[2]))
			if err != nil {
				t.Errorf("%s: %v:\n%s", page, err, m[2])
			}
			if filepath.Base(page) != "configuration.md" {
				continue
			}
			for _, s := range config.Settings() {
				if (c.Origin(s.Key) == "") != s.Own() {
					t.Errorf("%s: the annotated dram.toml sets %s: %v", page, s.Key, s.Own())
				}
			}
		}
	}
}

// Every call of dram in the pages is one that the command line takes.
func TestCommandsExist(t *testing.T) {
	calls := 0
	for _, page := range append(pages(t), topPages(t)...) {
		for _, m := range fence.FindAllStringSubmatch(read(t, page), -1) {
			if m[1] != "sh" && m[1] != "console" && m[1] != "yaml" {
				continue
			}
			for line := range strings.Lines(m[2]) {
				if m[1] == "console" && !strings.HasPrefix(line, "$ ") {
					continue // output
				}
				for _, args := range dramCalls(line) {
					calls++
					checkCall(t, page, args)
				}
			}
		}
	}
	if calls < 20 {
		t.Errorf("found only %d calls of dram in the pages", calls)
	}
}

var call = regexp.MustCompile(`(?:^\s*|^\$ |[-|&;(] |\$\()dram ((?:[^'"|&;#()<>]|'[^']*'|"[^"]*")+)`)

// dramCalls are the arguments of the calls of dram in a line of shell.
func dramCalls(line string) [][]string {
	var out [][]string
	for _, m := range call.FindAllStringSubmatch(line, -1) {
		out = append(out, shellWords(m[1]))
	}
	return out
}

// shellWords splits words as the shell does, quotes included, nothing expanded.
func shellWords(s string) []string {
	var out []string
	for _, w := range regexp.MustCompile(`(?:[^\s'"]|'[^']*'|"[^"]*")+`).FindAllString(s, -1) {
		if w == "\\" {
			continue // the line goes on
		}
		out = append(out, strings.NewReplacer("'", "", `"`, "").Replace(w))
	}
	return out
}

func checkCall(t *testing.T, page string, args []string) {
	t.Helper()
	if len(args) == 1 && args[0] == "--help" {
		return
	}
	cmd, rest, err := root().Find(args)
	if err == nil && cmd.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		t.Errorf("%s: dram %q: %s has no command %q", page, args, cmd.CommandPath(), rest[0])
		return
	}
	if err == nil {
		cmd.InitDefaultHelpFlag()
		err = cmd.ParseFlags(rest)
	}
	if err == nil && !slices.Contains(rest, "--") && cmd.Args != nil {
		err = cmd.Args(cmd, cmd.Flags().Args())
	}
	if err != nil && err != pflag.ErrHelp { //nolint:errorlint // pflag gives it as it is
		t.Errorf("%s: dram %s: %v", page, strings.Join(args, " "), err)
	}
}
