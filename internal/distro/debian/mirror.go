package debian

import (
	"io"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"

	"dram/internal/distro"
)

// defaultMirror is used when neither the host nor the configuration names one.
// The archive holds dists/trixie, that of security dists/trixie-security.
func defaultMirror() distro.Mirror {
	return distro.Mirror{Archive: "http://ftp.debian.org/debian", Security: "http://security.debian.org/debian-security"}
}

// component is the part of the archive that is Debian proper. It also tells
// Debian's mirrors from others whose path ends in "debian" (Docker's).
const component = "main"

// origin is what Debian's own archive calls itself.
const origin = "Debian"

const (
	maxSources    = 64      // files read under sources.list.d
	maxSourceSize = 1 << 20 // bytes of each
)

// MirrorOf is what was set; else, where nothing was, what the host's apt sources
// say, below etc (nil for none); else Debian's own.
func MirrorOf(etc fs.FS, set distro.Mirror) distro.Mirror {
	m := defaultMirror()
	if etc != nil {
		if host, ok := hostMirror(etc); ok {
			m = host
		}
	}
	if set.Archive != "" {
		m = distro.Mirror{Archive: set.Archive, Security: defaultMirror().Security}
	}
	if set.Security != "" {
		m.Security = set.Security
	}
	return m
}

// hostMirror reads the host's apt sources below etc (the host's /etc) and
// gives the first entries of Debian proper. ok is false if there is none; a
// missing half is the default's.
func hostMirror(etc fs.FS) (m distro.Mirror, ok bool) {
	names := []string{"apt/sources.list"}
	if entries, err := fs.ReadDir(etc, "apt/sources.list.d"); err == nil {
		for _, e := range entries[:min(len(entries), maxSources)] {
			names = append(names, path.Join("apt/sources.list.d", e.Name()))
		}
	}
	for _, name := range names {
		text, err := readSource(etc, name)
		if err != nil {
			continue // unreadable sources are no sources
		}
		for _, uri := range sourceURIs(path.Ext(name), text) {
			addTo(&m, uri)
		}
	}
	def := defaultMirror()
	ok = m.Archive != ""
	if !ok {
		m.Archive = def.Archive
	}
	if m.Security == "" {
		m.Security = def.Security
	}
	return m, ok
}

func readSource(etc fs.FS, name string) (string, error) {
	f, err := etc.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // only read
	raw, err := io.ReadAll(io.LimitReader(f, maxSourceSize))
	return string(raw), err
}

// addTo takes the URI if it is of Debian proper and that half is still missing.
func addTo(m *distro.Mirror, uri string) {
	u, err := url.Parse(uri)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return
	}
	uri = strings.TrimRight(uri, "/")
	switch path.Base(u.Path) {
	case "debian":
		if m.Archive == "" {
			m.Archive = uri
		}
	case "debian-security":
		if m.Security == "" {
			m.Security = uri
		}
	}
}

func sourceURIs(ext, text string) []string {
	switch ext {
	case ".list":
		return listURIs(text)
	case ".sources":
		return deb822URIs(text)
	}
	return nil
}

// listURIs reads the one-line format of sources.list(5).
func listURIs(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "deb")
		if !ok || rest == "" || (rest[0] != ' ' && rest[0] != '\t') {
			continue
		}
		rest = strings.TrimSpace(rest)
		if strings.HasPrefix(rest, "[") {
			_, rest, _ = strings.Cut(rest, "]")
		}
		if f := strings.Fields(rest); len(f) > 2 && slices.Contains(f[2:], component) {
			out = append(out, f[0])
		}
	}
	return out
}

// deb822URIs reads the paragraph format of sources.list(5).
func deb822URIs(text string) []string {
	var out []string
	text = strings.ReplaceAll(text, "\r\n", "\n")
	for par := range paragraphs(text) {
		enabled := strings.ToLower(field(par, "Enabled"))
		if !slices.Contains(strings.Fields(field(par, "Types")), "deb") ||
			!slices.Contains(strings.Fields(field(par, "Components")), component) ||
			enabled == "no" || enabled == "false" {
			continue
		}
		out = append(out, strings.Fields(field(par, "URIs"))...)
	}
	return out
}
