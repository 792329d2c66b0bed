package project

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

const maxConfig = 1 << 20 // bytes of a file below config/

// atStart are files that are evaluated when a release starts; the first that is there
// counts.
var atStart = [...]string{"config/runtime.exs", "config/releases.exs"}

var (
	// readsEnv is a call that reads a variable.
	readsEnv = regexp.MustCompile(`System\.(fetch_env!?|get_env)\(\s*"([A-Za-z_][A-Za-z0-9_]*)"\s*(\)\s*\|\|\s*\(?\s*raise\b)?`)
	// comment is what a line of Elixir has no code in.
	comment  = regexp.MustCompile(`(?m)^[ \t]*#.*$`)
	manifest = regexp.MustCompile(`cache_static_manifest:\s*"`)
	listens  = regexp.MustCompile(`\bPHX_SERVER\b`)
	serves   = regexp.MustCompile(`\bserver:\s*true\b`)
	// starts is the whole of Phoenix's own bin/server: it goes to its directory, and
	// starts the release with the variable.
	starts = regexp.MustCompile(`^#!/bin/sh\n(set -eu\n)?\s*cd -P -- "\$\(dirname -- "\$0"\)"\s+(PHX_SERVER=true )?exec \./[a-z0-9_]+ start\s*$`)
)

// ReadsAtStart are the variables that the text of a runtime.exs reads, and those
// without which it raises, both sorted.
func ReadsAtStart(text string) (reads, required []string) {
	for _, m := range readsEnv.FindAllStringSubmatch(comment.ReplaceAllString(text, ""), -1) {
		reads = append(reads, m[2])
		if m[1] == "fetch_env!" || m[3] != "" {
			required = append(required, m[2])
		}
	}
	slices.Sort(reads)
	slices.Sort(required)
	return slices.Compact(reads), slices.Compact(required)
}

// Start is what is known of how a release starts.
type Start struct {
	File     string   // what is evaluated then: "config/runtime.exs"; "" for nothing
	Reads    []string // environment variables that it reads, sorted
	Required []string // those without which it ends the start, sorted
	Serves   bool     // some configuration says that the server listens
	// Listens says that PHX_SERVER, by its name, may have the server listen: a file that
	// is evaluated then speaks of it, or Phoenix's own script sets it.
	Listens bool
	// Server is a script of the project's own that starts the server, in the release:
	// "bin/server"; "" where it is none or does no more than Phoenix's own. Overlay is the
	// directory that it comes from.
	Server, Overlay string
}

// configured reads what the configuration shows without being evaluated.
func (r *reader) configured() {
	start := &r.p.Start
	for _, name := range append([]string{"config/prod.exs", "config/config.exs"}, atStart[:]...) {
		text, ok, err := r.Text(name, maxConfig)
		if err != nil || !ok {
			continue // one that cannot be read is Mix's to refuse
		}
		code := comment.ReplaceAllString(text, "")
		if r.p.Assets.Manifest == "" && manifest.MatchString(code) {
			r.p.Assets.Manifest = name
		}
		start.Serves = start.Serves || serves.MatchString(code)
		if start.File == "" && slices.Contains(atStart[:], name) {
			start.File = name
			start.Reads, start.Required = ReadsAtStart(text)
			start.Listens = listens.MatchString(code)
		}
	}
	overlays := []string{"rel/overlays"}
	for _, rel := range r.p.Releases {
		overlays = append(overlays, rel.Overlays...)
	}
	for _, dir := range overlays {
		r.overlaid(dir, start)
	}
}

// overlaid reads the script in a directory of overlays that starts the server.
func (r *reader) overlaid(dir string, start *Start) {
	const script = "bin/server"
	text, ok, err := r.Text(path.Join(dir, script), maxText)
	switch plain := strings.ReplaceAll(text, "\r", ""); {
	case err != nil || !ok:
	case !starts.MatchString(plain):
		start.Server, start.Overlay = script, dir
	default:
		start.Listens = start.Listens || listens.MatchString(plain)
	}
}
