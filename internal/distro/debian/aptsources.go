package debian

import (
	"bytes"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"

	"dram/internal/distro"
)

// aptSource is one suite of an archive that a system's own apt is told of.
type aptSource struct {
	base, dist string
	components []string
	signedBy   string // the names of keyrings, or a key itself; "" for what the system trusts
}

const maxAptSources = 100

// aptSources reads what a system's apt is told of (sources.list(5)): archives that
// HTTP reaches, of the usual form.
func aptSources(files map[string][]byte) (out []aptSource) {
	for _, name := range sorted(files) {
		text := string(files[name][:min(len(files[name]), maxSourceSize)])
		switch {
		case name == "etc/apt/sources.list", path.Dir(name) == "etc/apt/sources.list.d" && path.Ext(name) == ".list":
			out = append(out, listSources(text)...)
		case path.Dir(name) == "etc/apt/sources.list.d" && path.Ext(name) == ".sources":
			out = append(out, deb822Sources(text)...)
		}
	}
	out = slices.DeleteFunc(out, func(s aptSource) bool {
		u, err := url.Parse(s.base)
		flat := strings.HasSuffix(s.dist, "/")
		return err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || flat || !validDist(s.dist) || len(s.components) == 0
	})
	return out[:min(len(out), maxAptSources)]
}

// validDist says whether a suite's name may stand in a URL's path.
func validDist(dist string) bool {
	return !slices.ContainsFunc(strings.Split(dist, "/"), func(part string) bool { return !validName(part) })
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// listSources reads the one-line format.
func listSources(text string) (out []aptSource) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "deb")
		if !ok || rest == "" || (rest[0] != ' ' && rest[0] != '\t') {
			continue
		}
		var s aptSource
		if rest = strings.TrimSpace(rest); strings.HasPrefix(rest, "[") {
			var options string
			options, rest, _ = strings.Cut(rest[1:], "]")
			for o := range strings.FieldsSeq(options) {
				if key, by, ok := strings.Cut(o, "="); ok && strings.EqualFold(key, "signed-by") {
					s.signedBy = by
				}
			}
		}
		if f := strings.Fields(rest); len(f) > 1 {
			s.base, s.dist, s.components = strings.TrimRight(f[0], "/"), f[1], f[2:]
			out = append(out, s)
		}
	}
	return out
}

// deb822Sources reads the paragraph format.
func deb822Sources(text string) (out []aptSource) {
	for par := range paragraphs(strings.ReplaceAll(text, "\r\n", "\n")) {
		enabled := strings.ToLower(field(par, "Enabled"))
		if !slices.Contains(strings.Fields(field(par, "Types")), "deb") || enabled == "no" || enabled == "false" {
			continue
		}
		for base := range strings.FieldsSeq(field(par, "URIs")) {
			for dist := range strings.FieldsSeq(field(par, "Suites")) {
				out = append(out, aptSource{
					strings.TrimRight(base, "/"), dist, strings.Fields(field(par, "Components")), field(par, "Signed-By"),
				})
			}
		}
	}
	return out
}

// own says whether the source is of an archive that ends so, as mirrors of a
// distribution's own do, and not of somebody else's.
func (s aptSource) own(endings ...string) bool {
	return slices.Contains(endings, path.Base(s.base)) && slices.Contains(s.components, component)
}

// keys are those that may sign a source: what it names, or else what the system
// trusts for every archive.
func (s aptSource) keys(files map[string][]byte) (keys openpgp.EntityList) {
	if strings.Contains(s.signedBy, "-----BEGIN") {
		return inlineKey(s.signedBy)
	}
	names := strings.FieldsFunc(s.signedBy, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
	for i, name := range names {
		names[i] = strings.TrimPrefix(path.Clean(name), "/")
	}
	if len(names) == 0 {
		for _, name := range sorted(files) {
			if name == "etc/apt/trusted.gpg" || path.Dir(name) == "etc/apt/trusted.gpg.d" {
				names = append(names, name)
			}
		}
	}
	for _, name := range names {
		if list, err := ReadKeys(bytes.NewReader(files[name])); err == nil { // what is no keyring has no keys
			keys = append(keys, list...)
		}
	}
	return keys
}

// inlineKey is a key that stands in the source itself: each line begins with a space,
// and an empty one is a dot.
func inlineKey(text string) openpgp.EntityList {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "." {
			line = ""
		}
		b.WriteString(line + "\n")
	}
	keys, err := ReadKeys(strings.NewReader(b.String()))
	if err != nil {
		return nil
	}
	return keys
}

// installedFiles are the files that list a system's packages: dpkg's own, or one for
// each package, as images without dpkg have.
func installedFiles(s *distro.Snapshot) (names []string) {
	for _, name := range sorted(s.Files) {
		if name == admin+"/status" || path.Dir(name) == admin+"/status.d" && path.Ext(name) == "" {
			names = append(names, name)
		}
	}
	return names
}
