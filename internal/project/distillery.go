package project

import (
	"errors"
	"strings"

	"dram/internal/problem"
	"dram/internal/project/elixir"
	"dram/internal/tool/distillery"
)

// maxLock bounds mix.lock, in bytes.
const maxLock = 4 << 20

// distillery reads rel/config.exs, and which version of Distillery the project
// has.
func (r *reader) distillery() error {
	text, ok, err := r.text(distillery.File, elixir.MaxFile)
	if err != nil || !ok {
		return err
	}
	c, err := distillery.Read(text)
	if _, bad := errors.AsType[*elixir.Error](err); bad {
		return problem.New(problem.Build, "mend the file there; Distillery would fail on it too",
			"reading the project's releases: %w", err)
	} else if err != nil {
		return err
	}
	r.p.Distillery = c
	return nil
}

// distilleryVersion is the version that mix.lock holds, that of the dependency
// in a directory of the project, or the tag that mix.exs asks for; "" if none
// tells.
func (r *reader) distilleryVersion(lock string) string {
	if v := lockedVersion(lock, "distillery"); v != "" {
		return v
	}
	for _, d := range r.p.Deps {
		if d.Name != "distillery" {
			continue
		}
		if d.Source == Path && insideProject(d.Where) {
			if config, err := r.config(d.Where); err == nil {
				return textOf(config, "version")
			}
		}
		return strings.TrimPrefix(d.Tag, "v")
	}
	return ""
}

// lockedVersion is what mix.lock, a map of tuples, holds of a dependency:
// {:hex, :name, "1.2.3", …} or {:git, "URL", "commit", [tag: "1.2.3"]}.
func lockedVersion(lock, name string) string {
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
