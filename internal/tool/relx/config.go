// Package relx is what relx makes of Erlang projects: what its configuration says
// of releases, and how these start. rebar3 and erlang.mk both have it assemble
// theirs. See relx's rlx_config.erl and its templates of start scripts.
//
// A configuration is Erlang terms, read by package beam; what they say by a
// command or by git is unknown, and is never run.
package relx

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/beam"
)

// Config is a configuration of relx.
type Config struct {
	Releases []Release
	terms    []beam.Term // settings, in the order in which relx takes them: the last counts
}

// Release is one that it declares.
type Release struct {
	Name    string
	Version string // "" where it is computed
	From    string // what it is computed from: Git, a file, a command
	own     []beam.Term
}

// What a version may be computed from, beside Git.
const (
	FromFile    = "a file"
	FromCommand = "a command"
	FromTerm    = "a term that relx alone knows"
)

// Git is a version that git tells.
const Git = "git"

// maxReleases bounds the releases of a configuration.
const maxReleases = 1000

// Read reads layers of settings: what a configuration says, and what each profile
// adds to it. As rebar3 joins them, settings are sorted by their names, and of two
// of one name the later layer's comes last.
func Read(layers ...[]beam.Term) Config {
	var c Config
	for _, layer := range layers {
		for _, t := range layer {
			if r, ok := readRelease(t); ok && len(c.Releases) < maxReleases {
				c.add(r)
			} else {
				c.terms = append(c.terms, t)
			}
		}
	}
	if len(layers) > 1 {
		slices.SortStableFunc(c.terms, func(a, b beam.Term) int { return strings.Compare(Key(a), Key(b)) })
	}
	return c
}

// add puts a release in place of one of the same name: relx makes the newest, and
// that is written last.
func (c *Config) add(r Release) {
	i := slices.IndexFunc(c.Releases, func(known Release) bool { return known.Name == r.Name })
	if i < 0 {
		c.Releases = append(c.Releases, r)
		return
	}
	c.Releases[i] = r
}

// readRelease reads {release, {Name, Version}, …}; the name may be followed by another
// release that it extends, and all of it by settings of its own.
func readRelease(t beam.Term) (Release, bool) {
	tuple, ok := t.(beam.Tuple)
	if !ok || len(tuple) < 3 || tuple[0] != beam.Atom("release") {
		return Release{}, false
	}
	id, ok := tuple[1].(beam.Tuple)
	if !ok || len(id) < 2 {
		return Release{}, false
	}
	name, ok := id[0].(beam.Atom)
	if !ok {
		return Release{}, false
	}
	r := Release{Name: string(name)}
	r.Version, r.From = version(id[1])
	if last, ok := tuple[len(tuple)-1].(beam.List); ok && len(tuple) > 3 {
		if _, erts := beam.AsTuple(tuple[2], "erts", 2); !erts || len(tuple) > 4 {
			r.own = last
		}
	}
	return r, true
}

// version is the text of a version, or what it is computed from.
func version(t beam.Term) (text, from string) {
	if a, ok := t.(beam.Atom); ok && (a == "git" || a == "semver") {
		return "", Git
	}
	if text, ok := beam.Text(t); ok {
		if text == "git" || text == "semver" {
			return "", Git
		}
		return text, ""
	}
	for tag, from := range map[string]string{"git": Git, "semver": Git, "file": FromFile, "cmd": FromCommand} {
		if _, ok := beam.AsTuple(t, tag, 2); ok {
			return "", from
		}
	}
	return "", FromTerm
}

// Key is the name of a setting, "" if it has none.
func Key(t beam.Term) string {
	if tuple, ok := t.(beam.Tuple); ok && len(tuple) > 0 {
		a, _ := tuple[0].(beam.Atom)
		return string(a)
	}
	a, _ := t.(beam.Atom)
	return string(a)
}

// Names are those of the releases.
func (c Config) Names() []string {
	names := make([]string, 0, len(c.Releases))
	for _, r := range c.Releases {
		names = append(names, r.Name)
	}
	return names
}

// Release is the one of that name.
func (c Config) Release(name string) (Release, bool) {
	i := slices.IndexFunc(c.Releases, func(r Release) bool { return r.Name == name })
	if i < 0 {
		return Release{}, false
	}
	return c.Releases[i], true
}

// Settings is what a release is made with, as far as dram has to know.
type Settings struct {
	// Dev is the setting that makes the release links into the build: "{mode, dev}";
	// "" if none does.
	Dev string
	// ERTS is "true", "false", or where the Erlang is that goes into the release; "" if
	// nothing says so, which relx takes for false from its version 4 on.
	ERTS string
	// Plain says that the start script is the short one, which has no commands.
	Plain bool
	// NoScript says that there is no start script.
	NoScript bool
	// OutputDir is where the release goes, "" for the tool's own place.
	OutputDir string
	// Args says that the project brings the arguments of the VM.
	Args     bool
	Overlays []Overlay
}

// Overlay is a file that goes into the release beside what relx puts there.
type Overlay struct {
	Text     string // as messages have it: {copy, "a", "b"}
	From, To string // "" where the entry has none
}

// Settings are those of a release. first is what comes before all settings, as the
// mode that rebar3 takes from the profile.
func (c Config) Settings(name string, first ...beam.Term) Settings {
	var s Settings
	own, _ := c.Release(name)
	for _, t := range slices.Concat(first, c.terms, own.own) {
		s.load(t)
	}
	return s
}

// load is one setting, as rlx_config:load has it.
func (s *Settings) load(t beam.Term) {
	tuple, ok := t.(beam.Tuple)
	if !ok || len(tuple) != 2 {
		return
	}
	value, text := tuple[1], ""
	if a, ok := value.(beam.Atom); ok {
		text = string(a)
	} else {
		text, _ = beam.Text(value)
	}
	switch Key(t) {
	case "mode":
		s.mode(text)
	case "dev_mode":
		s.devMode(text)
	case "include_erts":
		s.ERTS = cmp.Or(text, "..")
	case "extended_start_script":
		s.Plain = text == "false"
	case "generate_start_script":
		s.NoScript = text == "false"
	case "output_dir":
		s.OutputDir = text
	case "vm_args", "vm_args_src":
		s.Args = s.Args || text != "false" && text != "undefined"
	case "overlay":
		s.overlay(value)
	}
}

func (s *Settings) mode(mode string) {
	s.Dev = ""
	switch mode {
	case "dev":
		s.Dev, s.ERTS = "{mode, dev}", "false"
	case "prod":
		s.ERTS = "true"
	case "minimal":
		s.ERTS = "false"
	}
}

func (s *Settings) devMode(on string) {
	if on == "true" {
		s.Dev, s.ERTS = "{dev_mode, true}", "false"
		return
	}
	s.Dev = ""
}

// maxOverlays bounds the entries that are looked at.
const maxOverlays = 10_000

func (s *Settings) overlay(entries beam.Term) {
	list, _ := entries.(beam.List)
	for _, e := range list[:min(len(list), maxOverlays)] {
		entry, ok := e.(beam.Tuple)
		if !ok || len(entry) < 2 {
			continue
		}
		o := Overlay{Text: "{" + Key(e)}
		texts := make([]string, 0, len(entry))
		for _, part := range entry[1:] {
			text, ok := beam.Text(part)
			if !ok {
				text = ""
			}
			o.Text += `, "` + text + `"`
			texts = append(texts, text)
		}
		o.Text += "}"
		o.To = texts[len(texts)-1]
		if len(texts) > 1 {
			o.From = texts[0]
		}
		s.Overlays = append(s.Overlays, o)
	}
}

// variable is what relx fills into the paths of overlays.
var variable = regexp.MustCompile(`\{\{\{?[^}]*\}?\}\}`)

// Outside says whether a path leaves the directory that it begins in, as far as it
// stands there: what a variable is is not known.
func Outside(name string) bool {
	clean := path.Clean(variable.ReplaceAllString(name, "x"))
	return clean == ".." || strings.HasPrefix(clean, "../")
}
