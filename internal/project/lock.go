package project

import (
	"strings"

	"dram/internal/project/elixir"
)

// maxLock bounds mix.lock, in bytes.
const maxLock = 4 << 20

// LockedVersion is what mix.lock, a map of tuples, holds of a dependency:
// {:hex, :name, "1.2.3", …} or {:git, "URL", "commit", [tag: "1.2.3"]}; "" if it
// holds none.
func (d *Dir) LockedVersion(name string) string {
	lock, _, _ := d.Text("mix.lock", maxLock) // one that cannot be read is Mix's to refuse
	all, err := elixir.ReadTerm("mix.lock", lock)
	if err != nil || all.Type != elixir.Map {
		return "" // one that cannot be read is Mix's to refuse
	}
	for _, it := range all.Items {
		if !it.Keyed || it.Key != name || it.Value.Type != elixir.Tuple {
			continue
		}
		parts := it.Value.Items
		switch {
		case len(parts) > 2 && parts[0].Value.IsAtom("hex"):
			return parts[2].Value.Text
		case len(parts) > 3 && parts[0].Value.IsAtom("git"):
			return strings.TrimPrefix(textOf(parts[3].Value, "tag"), "v")
		}
	}
	return ""
}
