package project

import (
	"encoding/json"
	"regexp"
	"slices"
)

const (
	runtimeConfig = "config/runtime.exs" // evaluated when a release starts
	maxConfig     = 1 << 20              // bytes of a file below config/
)

var (
	// readsEnv is a call that reads a variable.
	readsEnv = regexp.MustCompile(`System\.(?:fetch_env!?|get_env)\(\s*"([A-Za-z_][A-Za-z0-9_]*)"`)
	// comment is what a line of Elixir has no code in.
	comment  = regexp.MustCompile(`(?m)^[ \t]*#.*$`)
	manifest = regexp.MustCompile(`cache_static_manifest:\s*"`)
)

// configured reads what the configuration shows without being evaluated.
func (r *reader) configured() {
	for _, name := range []string{"config/prod.exs", "config/config.exs", runtimeConfig} {
		text, ok, err := r.Text(name, maxConfig)
		if err != nil || !ok {
			continue // one that cannot be read is Mix's to refuse
		}
		code := comment.ReplaceAllString(text, "")
		if r.p.Assets.Manifest == "" && manifest.MatchString(code) {
			r.p.Assets.Manifest = name
		}
		if name != runtimeConfig {
			continue
		}
		for _, m := range readsEnv.FindAllStringSubmatch(code, -1) {
			r.p.Reads = append(r.p.Reads, m[1])
		}
	}
	slices.Sort(r.p.Reads)
	r.p.Reads = slices.Compact(r.p.Reads)
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
