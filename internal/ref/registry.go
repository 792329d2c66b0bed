package ref

import (
	"regexp"
	"slices"
	"strings"

	"dram/internal/problem"
)

// port is what follows the name of a registry that is called as a kind is.
var port = regexp.MustCompile(`^[0-9]+/`)

// InRegistry is the name that an image gets in a registry: it stands alone there,
// or behind image:.
func InRegistry(s string) (string, error) {
	kind, value, ok := strings.Cut(s, ":")
	if !ok || !slices.Contains(Kinds(), Kind(kind)) || port.MatchString(value) {
		return s, nil
	}
	if Kind(kind) == Image && value != "" {
		return value, nil
	}
	hint := "write HOST/NAME:TAG, as in registry.example/team/hello:1.0"
	if Kind(kind).Local() {
		hint += "; into a file or a layout writes dram image -o"
	}
	return "", problem.New(problem.Usage, hint, "%q names no place in a registry", s)
}
