package image

import (
	"path"
	"slices"
	"strings"

	"dram/internal/distro"
	"dram/internal/store"
)

// BaseInventory is the image that another was made on top of.
type BaseInventory struct {
	Name   string       `json:"name"`
	Digest store.Digest `json:"digest"` // of its manifest
}

// packages are those that the base's own system lists, with the files of theirs that it
// has; none where it keeps no list that is known.
func (b *Base) packages() ([]SystemPackage, error) {
	inv, err := distro.ReadInventory(b.Root)
	if err != nil || inv == nil {
		return nil, err
	}
	var out []SystemPackage
	for _, p := range inv.Packages() {
		own := SystemPackage{Package: p, PURL: inv.PURL(p), Licences: licences(b.Root, p.Name)}
		for _, name := range inv.Files(p.Name) {
			if n, there := b.nodes[name]; there && !n.Mode.IsDir() {
				own.Files = append(own.Files, name)
			}
		}
		out = append(out, own)
	}
	return out, nil
}

// onBase adds what the image has of its base: its packages go before those that files
// were added of, and what has a base is that system.
func (inv *Inventory) onBase(b *Base) {
	inv.Base = &BaseInventory{Name: b.Ref, Digest: b.Digest}
	if inv.Base.Name == "" {
		inv.Base.Name = path.Base(string(b.Digest))
	}
	if is := distro.Identify(b.Root); is.ID != "" {
		inv.System = is
	}
	all := slices.Clone(b.listed)
	for _, p := range inv.Packages {
		at := slices.IndexFunc(all, func(o SystemPackage) bool { return o.Name == p.Name && o.Version == p.Version })
		if at < 0 {
			all = append(all, p)
			continue
		}
		all[at].Files = append(slices.Clone(all[at].Files), p.Files...)
	}
	slices.SortStableFunc(all, func(a, b SystemPackage) int { return strings.Compare(a.Name, b.Name) })
	inv.Packages = all
}
