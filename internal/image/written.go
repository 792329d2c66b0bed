package image

import "dram/internal/release"

// Environment is that of a release's image, "K=V": for Dockerfiles, which make
// the like.
func Environment(rel *release.Release) []string { return defaultEnv(rel) }

// CookieScript is the lines that go behind a release's env.sh, so that it finds
// or makes the cookie that its image does not hold.
func CookieScript(tool release.Tool) string {
	if tool == release.Distillery {
		return string(distilleryScript)
	}
	return string(cookieScript)
}

// Programs names what every image has if the toolchain has it.
func Programs() []string {
	var names []string
	for _, p := range scriptPrograms() {
		names = append(names, p.Name)
	}
	return names
}
