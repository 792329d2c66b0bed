// Package environ joins environments, lists of "K=V" as programs get them.
package environ

import (
	"slices"
	"strings"
)

// Merge joins environments: of several settings of a variable the last counts
// and stands where the first stood. (A program given both would see the first.)
func Merge(lists ...[]string) []string {
	var out []string
	at := map[string]int{}
	for _, kv := range slices.Concat(lists...) {
		name, _, _ := strings.Cut(kv, "=")
		if i, ok := at[name]; ok {
			out[i] = kv
			continue
		}
		at[name] = len(out)
		out = append(out, kv)
	}
	return out
}

// Get is the value of a variable, "" if it is not there.
func Get(env []string, name string) string {
	v, _ := Lookup(env, name)
	return v
}

// Lookup is the value of a variable, and whether it is there.
func Lookup(env []string, name string) (value string, set bool) {
	for _, kv := range slices.Backward(env) {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			return v, true
		}
	}
	return "", false
}

// Without is the environment without some variables.
func Without(env []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(names, name)
	})
}
