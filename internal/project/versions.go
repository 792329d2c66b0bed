package project

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"dram/internal/grammar"
)

// asked is what one version file asks for.
type asked struct{ elixir, erlang, node string }

// versionFiles are read in this order; the first that names a version wins.
var versionFiles = [...]struct {
	name string
	read func(text string) (asked, error)
}{
	{".tool-versions", toolVersions},
	{"mise.toml", miseToml},
	{".mise.toml", miseToml},
	{".config/mise.toml", miseToml},
	{".elixir-version", func(text string) (asked, error) { return asked{elixir: firstWord(text)}, nil }},
	{".erlang-version", func(text string) (asked, error) { return asked{erlang: firstWord(text)}, nil }},
}

// versions reads the version files, and, of what they leave open, those of the
// directories above: asdf and mise look there, too.
func (r *reader) versions() error {
	if err := r.versionsIn(r.Dir, ""); err != nil {
		return err
	}
	above, prefix := parents(r.Path), ""
	for _, dir := range above {
		if r.p.Asked.Elixir.Version != "" && r.p.Asked.Erlang.Version != "" {
			break
		}
		prefix += "../"
		r.versionsAbove(dir, prefix)
	}
	return nil
}

// versionsAbove reads the version files of a directory above, as far as they can be
// read.
func (r *reader) versionsAbove(dir, prefix string) {
	d, err := Open(dir)
	if err == nil {
		err = errors.Join(r.versionsIn(d, prefix), d.Close())
	}
	if err != nil {
		r.note("the version files in %s are ignored: %v", dir, err)
	}
}

// versionsIn reads the version files of a directory; prefix leads to it.
func (r *reader) versionsIn(d *Dir, prefix string) error {
	var otp Version // from an Elixir version such as 1.18.3-otp-27
	for _, f := range versionFiles {
		text, ok, err := d.Text(f.name, maxText)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		a, err := f.read(strings.TrimPrefix(text, "\ufeff"))
		if err != nil {
			r.note("%s is ignored: %v", prefix+f.name, err)
			continue
		}
		bare, hint, _ := strings.Cut(strings.TrimPrefix(a.elixir, "v"), "-otp-")
		r.ask("Elixir", &r.p.Asked.Elixir, bare, prefix+f.name)
		r.ask("Erlang", &r.p.Asked.Erlang, strings.TrimPrefix(strings.TrimPrefix(a.erlang, "OTP-"), "v"), prefix+f.name)
		if hint != "" && otp.Version == "" {
			otp = Version{hint, prefix + f.name}
		}
	}
	if r.p.Asked.Erlang.Version == "" && otp.Version != "" {
		r.ask("Erlang", &r.p.Asked.Erlang, otp.Version, otp.File)
	}
	return nil
}

func (r *reader) ask(tool string, to *Version, version, file string) {
	switch {
	case version == "":
	case !numeric(version):
		r.note("%s asks for %s %q, which is not a version number: ignored", file, tool, version)
	case to.Version == "":
		*to = Version{version, file}
	case to.Version != version && !strings.HasPrefix(file, "../"): // the nearest counts, as asdf has it
		r.note("%s asks for %s %s, %s for %s: the first counts", to.File, tool, to.Version, file, version)
	}
}

// numeric says whether v is numbers joined by dots, perhaps with a release
// candidate: "27", "1.18", "1.18.3", "1.19.0-rc.1", "28.0-rc2".
func numeric(v string) bool {
	core, rc, has := strings.Cut(v, "-rc")
	if has && strings.Trim(rc, ".0123456789") != "" {
		return false
	}
	for part := range strings.SplitSeq(core, ".") {
		if part == "" || strings.Trim(part, "0123456789") != "" || len(part) > 9 {
			return false
		}
	}
	return true
}

func firstWord(text string) string {
	for line := range strings.Lines(text) {
		if words := strings.Fields(uncommented(line)); len(words) > 0 {
			return words[0]
		}
	}
	return ""
}

func uncommented(line string) string {
	bare, _, _ := strings.Cut(line, "#")
	return bare
}

// toolVersions reads asdf's file: a tool and its versions a line, the first
// of which is the preferred one.
func toolVersions(text string) (asked, error) {
	var a asked
	for line := range strings.Lines(text) {
		words := strings.Fields(uncommented(line))
		if len(words) < 2 {
			continue
		}
		switch {
		case words[0] == "elixir" && a.elixir == "":
			a.elixir = words[1]
		case words[0] == "erlang" && a.erlang == "":
			a.erlang = words[1]
		case (words[0] == "nodejs" || words[0] == "node") && a.node == "":
			a.node = words[1]
		}
	}
	return a, nil
}

// miseToml reads the table [tools]: a version, a table with one, or a list of
// either, the first of which is the preferred one. "prefix:" is a partial
// version.
func miseToml(text string) (asked, error) {
	var doc struct {
		Tools map[string]any `toml:"tools"`
	}
	if err := grammar.TOML([]byte(text), &doc); err != nil {
		return asked{}, fmt.Errorf("it is not TOML: %w", decodeError(err))
	}
	var a asked
	for _, key := range slices.Sorted(maps.Keys(doc.Tools)) {
		_, tool, ok := strings.Cut(key, ":") // "core:erlang", "asdf:elixir"
		if !ok {
			tool = key
		}
		switch v := strings.TrimPrefix(miseVersion(doc.Tools[key]), "prefix:"); tool {
		case "elixir":
			a.elixir = v
		case "erlang":
			a.erlang = v
		case "node", "nodejs":
			a.node = v
		}
	}
	return a, nil
}

func decodeError(err error) error {
	if at, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, col := at.Position()
		return fmt.Errorf("line %d column %d: %w", line, col, err)
	}
	return err
}

func miseVersion(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return fmt.Sprint(v)
	case map[string]any:
		s, _ := v["version"].(string)
		return s
	case []any:
		if len(v) > 0 {
			if _, nested := v[0].([]any); !nested {
				return miseVersion(v[0])
			}
		}
	}
	return ""
}
