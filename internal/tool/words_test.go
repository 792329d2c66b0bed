package tool_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// words are what a tool is known by: its name, its files, its commands, its
// variables. What every tool for Elixir shares with Mix is none of Mix's:
// mix.exs, mix.lock, MIX_ENV and Hex's settings are read and named elsewhere.
var words = map[string]*regexp.Regexp{
	"distillery": regexp.MustCompile(`(?i)distillery|rel/config\.exs|REPLACE_OS_VARS|RELEASE_MUTABLE_DIR|ERTS_VSN|VMARGS_PATH|libexec/|dev_mode|--no-tar`),
	"mix":        regexp.MustCompile(`"mix"|mix (local|compile|assets)\.?|deps\.(compile|get)|MIX_(HOME|REBAR3)|HEX_(HOME|OFFLINE|CACERTS_PATH)|RELEASE_BOOT_SCRIPT|/_build`),
	"rebar3":     regexp.MustCompile(`(?i)rebar|\brelx\b|RELX_`),
	"erlang.mk":  regexp.MustCompile(`(?i)erlang\.mk`),
	"gleam":      regexp.MustCompile(`(?i)gleam`),
	"escript":    regexp.MustCompile(`escript\.build|escriptize|escript_`),
}

// excused are files that have a tool's word, and why.
var excused = map[string]string{
	"internal/toolchain/facts.go mix":    "a program of Elixir: where an Elixir of its own lies, it is linked",
	"internal/toolchain/facts.go rebar3": "a program that Mix compiles dependencies with: whether the toolchain has it",
	"internal/plan/job.go rebar3":        "the same, handed on",
	"internal/secret/names.go rebar3":    "a name among those of files that hold no secret",
	"internal/secret/names.go gleam":     "the same",
	"internal/scaffold/ignore.go mix":    "a place among those of what builds leave behind",
	"internal/release/origin.go mix":     "an application of Elixir",
	"internal/cross/cross.go rebar3":     "a variable that its compiler of ports reads",
	"internal/cli/engines.go mix":        "a program that the host engine counts on",

	"internal/project/given.go rebar3":                  "a variable that images have",
	"internal/project/dockerfile/command.go mix":        "a command of people's own Dockerfiles",
	"internal/project/dockerfile/command.go rebar3":     "a task that fetches it, there",
	"internal/project/dockerfile/command.go distillery": "a task that makes a release, there",
	"internal/project/dockerfile/command.go gleam":      "a program that makes one, there",
	"internal/project/dockerfile/command.go escript":    "what makes an escript, there",
	"internal/project/dockerfile/scope.go mix":          "a variable of people's own Dockerfiles that is not theirs alone",
	"internal/project/dockerfile/scope.go rebar3":       "the same",
}

// A tool is named in its package and in the table, and nowhere else.
func TestWordsOfTools(t *testing.T) {
	used := map[string]bool{}
	for file, text := range sources(t) {
		for name, word := range words {
			at := word.FindStringIndex(text)
			key := file + " " + name
			if at == nil {
				continue
			}
			used[key] = true
			if _, ok := excused[key]; !ok {
				t.Errorf("%s:%d has a word of %s: %q", file, strings.Count(text[:at[0]], "\n")+1, name, text[at[0]:at[1]])
			}
		}
	}
	for key := range excused {
		if !used[key] {
			t.Errorf("%s needs no excuse any longer", key)
		}
	}
}

// sources are the Go files that are no tool's, no distribution's and no tests.
func sources(t *testing.T) map[string]string {
	t.Helper()
	root, err := os.OpenRoot("../..")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	files := map[string]string{}
	for _, top := range []string{"cmd", "internal"} {
		err := fs.WalkDir(root.FS(), top, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && slices.Contains([]string{"internal/tool", "internal/distro"}, name), strings.HasSuffix(name, "test") && d.IsDir():
				return fs.SkipDir
			case filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
				return nil
			}
			text, err := root.ReadFile(name)
			files[name] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(files) < 100 {
		t.Fatal(fmt.Sprint(len(files), " files: they are elsewhere"))
	}
	return files
}
