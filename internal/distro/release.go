package distro

import (
	"strings"

	"dram/internal/rootfs"
)

const maxRelease = 1 << 20 // bytes of an os-release; real ones have some hundred

// Identify reads what a system says of itself in os-release(5). Of one that
// says nothing, it is the zero value.
func Identify(root rootfs.FS) System {
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		if b, err := rootfs.ReadFile(root, name, maxRelease); err == nil {
			return parseRelease(string(b))
		}
	}
	return System{}
}

var quotes = strings.NewReplacer(`"`, "", `'`, "", `\`, "")

func parseRelease(text string) (out System) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = quotes.Replace(value)
		switch key {
		case "ID":
			out.ID = value
		case "VERSION_ID":
			out.Version = value
		case "PRETTY_NAME":
			out.Name = value
		case "VERSION_CODENAME":
			out.Codename = value
		case "ID_LIKE":
			out.Like = strings.Fields(value)
		}
	}
	return out
}
