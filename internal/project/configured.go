package project

import (
	"encoding/json"
	"regexp"
	"slices"

	"dram/internal/project/elixir"
)

const maxConfig = 1 << 20 // bytes of a file below config/

var (
	// readsEnv is a call that reads a variable, when the release starts, in a file that
	// is evaluated then.
	readsEnv = regexp.MustCompile(`System\.(?:fetch_env!?|get_env)\(\s*"([A-Za-z_][A-Za-z0-9_]*)"`)
	// comment is what a line of Elixir has no code in.
	comment  = regexp.MustCompile(`(?m)^[ \t]*#.*$`)
	manifest = regexp.MustCompile(`cache_static_manifest:\s*"`)
)

// configured reads what the configuration shows without being evaluated.
func (r *reader) configured() {
	if text, ok, err := r.Text("config/runtime.exs", maxConfig); err == nil && ok {
		for _, m := range readsEnv.FindAllStringSubmatch(comment.ReplaceAllString(text, ""), -1) {
			r.p.Reads = append(r.p.Reads, m[1])
		}
		slices.Sort(r.p.Reads)
		r.p.Reads = slices.Compact(r.p.Reads)
	}
	for _, name := range []string{"config/prod.exs", "config/config.exs", "config/runtime.exs"} {
		text, ok, err := r.Text(name, maxConfig)
		if err == nil && ok && manifest.MatchString(comment.ReplaceAllString(text, "")) {
			r.p.Assets.Manifest = name
			return
		}
	}
}

// depends says whether a package.json names packages that are to be installed; one
// that cannot be read may.
func (r *reader) depends(file string) bool {
	text, _, err := r.Text(file, maxConfig)
	var has struct {
		Dependencies    map[string]any `json:"dependencies"`
		DevDependencies map[string]any `json:"devDependencies"`
	}
	if err != nil || json.Unmarshal([]byte(text), &has) != nil {
		return true
	}
	return len(has.Dependencies)+len(has.DevDependencies) > 0
}

// lockedNames are the packages that mix.lock names, sorted.
func lockedNames(lock string) []string {
	all, err := elixir.ReadTerm("mix.lock", lock)
	if err != nil || all.Type != elixir.Map {
		return nil // one that cannot be read is Mix's to refuse
	}
	var names []string
	for _, it := range all.Items {
		if it.Keyed {
			names = append(names, it.Key)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
