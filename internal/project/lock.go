package project

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/project/elixir"
)

// maxLock bounds mix.lock, in bytes.
const maxLock = 4 << 20

// locked is what mix.lock, a map of tuples, holds of each dependency; nothing where
// it cannot be read, which is Mix's to refuse.
func locked(text string) (items []elixir.Item) {
	all, err := elixir.ReadTerm("mix.lock", text)
	if err != nil || all.Type != elixir.Map {
		return nil
	}
	for _, it := range all.Items {
		if it.Keyed {
			items = append(items, it)
		}
	}
	return items
}

// lockedNames are the packages that mix.lock names, sorted.
func lockedNames(items []elixir.Item) (names []string) {
	for _, it := range items {
		names = append(names, it.Key)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// users are the packages that mix.lock says to use name: {:hex, :name, "1.2.3",
// "checksum", [:mix], [{:used, "~> 1.0", …}], …}.
func users(items []elixir.Item, name string) (of []string) {
	for _, it := range items {
		parts := it.Value.Items
		if it.Value.Type != elixir.Tuple || len(parts) < 6 {
			continue
		}
		if slices.ContainsFunc(parts[5].Value.Items, func(d elixir.Item) bool {
			return d.Key == name || len(d.Value.Items) > 0 && d.Value.Items[0].Value.IsAtom(name)
		}) {
			of = append(of, it.Key)
		}
	}
	slices.Sort(of)
	return of
}

// strangers are the packages that mix.lock has of another Hex repository than the
// public one: {:hex, :name, "1.2.3", "checksum", [:mix], […], "hexpm:acme", …}.
func strangers(items []elixir.Item) (out []elixir.Item) {
	for _, it := range items {
		parts := it.Value.Items
		if it.Value.Type == elixir.Tuple && len(parts) > 6 && parts[0].Value.IsAtom("hex") && parts[6].Value.Text != "hexpm" {
			out = append(out, it)
		}
	}
	return out
}

// elsewhere is an option of a dependency that is not of the public repository.
var elsewhere = regexp.MustCompile(`\b(organization|repo):`)

// keyless says whether fetching needs no key: all that it brings is locked, and of
// the public repository.
func (r *reader) keyless(items []elixir.Item) bool {
	for dir := range r.seen {
		text, _, err := r.Text(path.Join(dir, "mix.exs"), elixir.MaxFile)
		if err != nil || elsewhere.MatchString(text) {
			return false
		}
	}
	return len(items) > 0 && len(strangers(items)) == 0
}

// lockedGit are the repositories that mix.lock names: {:git, "URL", "commit", […]}.
func lockedGit(items []elixir.Item) (out []Repository) {
	for _, it := range items {
		if parts := it.Value.Items; it.Value.Type == elixir.Tuple && len(parts) > 1 && parts[0].Value.IsAtom("git") {
			out = append(out, Repository{it.Key, parts[1].Value.Text})
		}
	}
	return out
}

// lockedDeps are the dependencies: {:hex, :package, "1.2.3", "inner checksum", [:mix],
// […], "hexpm", "outer checksum"} or {:git, "URL", "commit", […]}.
func lockedDeps(items []elixir.Item) (out []LockedDep) {
	for _, it := range items {
		parts := it.Value.Items
		text := func(i int) string {
			if i < len(parts) {
				return parts[i].Value.Text
			}
			return ""
		}
		switch {
		case it.Value.Type != elixir.Tuple || len(parts) < 3:
		case parts[0].Value.IsAtom("hex"):
			out = append(out, LockedDep{Name: it.Key, Hex: true, Package: text(1), Version: text(2), Repository: text(6), Checksum: sum(text(7))})
		case parts[0].Value.IsAtom("git"):
			out = append(out, LockedDep{Name: it.Key, URL: text(1), Commit: text(2)})
		}
	}
	return out
}

// sum is a SHA-256 in hex, "" of what is none.
func sum(text string) string {
	if len(text) != 64 || strings.Trim(text, "0123456789abcdef") != "" {
		return ""
	}
	return text
}

// LockedUsers are the packages of mix.lock that ask for another.
func (d *Dir) LockedUsers(name string) []string {
	lock, _, _ := d.Text("mix.lock", maxLock) // one that cannot be read is Mix's to refuse
	return users(locked(lock), name)
}

// LockedVersion is what mix.lock holds of a dependency: {:hex, :name, "1.2.3", …}
// or {:git, "URL", "commit", [tag: "1.2.3"]}; "" if it holds none.
func (d *Dir) LockedVersion(name string) string {
	lock, _, _ := d.Text("mix.lock", maxLock) // one that cannot be read is Mix's to refuse
	for _, it := range locked(lock) {
		if it.Key != name || it.Value.Type != elixir.Tuple {
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
