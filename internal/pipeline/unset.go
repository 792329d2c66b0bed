package pipeline

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"dram/internal/environ"
	"dram/internal/project"
	"dram/internal/rootfs"
)

// unset are the variables without which the release in an image raises as it starts,
// and which the environment has not: what its runtime.exs shows without being
// evaluated, of at most 1 MiB.
func unset(image rootfs.FS, env []string) (missing []string) {
	const most = 1 << 20
	files, _ := fs.Glob(image, "app/releases/*/runtime.exs")
	for _, name := range files {
		text, err := rootfs.ReadFile(image, name, most)
		if err != nil {
			continue
		}
		_, required := project.ReadsAtStart(string(text))
		for _, v := range required {
			if environ.Get(env, v) == "" && !slices.Contains(missing, v) {
				missing = append(missing, v)
			}
		}
	}
	return missing
}

// startHint says of a program that failed what it may have lacked.
func startHint(missing []string) string {
	return fmt.Sprintf("the release's runtime.exs needs %s, which nothing sets: -e NAME=VALUE gives one, and -e NAME passes yours on", strings.Join(missing, ", "))
}
