package distro

import (
	"net/url"
	"strings"

	"dram/internal/rootfs"
)

// PURL is the package as others name it (package-url): of a system by its kind.
func (inv *Inventory) PURL(p Package) string {
	kind := inv.kind
	qualifiers := "arch=" + p.Arch
	if inv.System.ID != "" {
		qualifiers += "&distro=" + inv.System.ID
		if inv.System.Version != "" {
			qualifiers += "-" + inv.System.Version
		}
	}
	if p.Source != "" && p.Source != p.Name {
		qualifiers += "&upstream=" + EscapePURL(p.Source)
		if p.SourceVersion != p.Version {
			qualifiers += "@" + EscapePURL(p.SourceVersion)
		}
	}
	return "pkg:" + kind + "/" + inv.System.ID + "/" + EscapePURL(p.Name) + "@" + EscapePURL(p.Version) + "?" + qualifiers
}

// EscapePURL writes what means something in a package URL by its number.
func EscapePURL(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// stanza is the fields of a paragraph; those of several lines by their first.
func stanza(par string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(par) {
		if name, value, ok := strings.Cut(line, ":"); ok && name != "" && name[0] != ' ' && name[0] != '\t' {
			out[name] = strings.TrimSpace(value)
		}
	}
	return out
}

// alternatives are the names of a relation: "a (>= 1) | b, c:any".
func alternatives(relation string) (out [][]string) {
	for group := range strings.SplitSeq(relation, ",") {
		var names []string
		for alt := range strings.SplitSeq(group, "|") {
			name, _, _ := strings.Cut(strings.TrimSpace(alt), " ")
			name, _, _ = strings.Cut(name, ":")
			name, _, _ = strings.Cut(name, "(")
			if name != "" {
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			out = append(out, names)
		}
	}
	return out
}

func exists(root rootfs.FS, name string) bool {
	_, err := root.Stat(name)
	return err == nil
}
