package distro

// Runtime is what the Erlang/OTP of a suite needs of the system that it runs on, for
// one processor.
type Runtime struct {
	Kernel  string    // the oldest Linux that its C library runs on: "3.2"
	Symbols []Symbols // of libraries, each with the newest version of one family
}

// Symbols is a version of a library's symbols: "GLIBC_2.34" of "libc.so.6". Without a
// version it is the library.
type Symbols struct{ Library, Version string }

// Libraries are the libraries that are needed, each once.
func (r Runtime) Libraries() (names []string) {
	seen := map[string]bool{}
	for _, s := range r.Symbols {
		if !seen[s.Library] {
			names = append(names, s.Library)
		}
		seen[s.Library] = true
	}
	return names
}

// tagged is how tags of images call systems that dram makes no toolchains of, by
// what os-release(5) says of them.
func tagged() map[string]map[string]string {
	return map[string]map[string]string{
		"ubuntu": {
			"14.04": "trusty", "16.04": "xenial", "18.04": "bionic", "20.04": "focal", "22.04": "jammy", "24.04": "noble",
			"25.04": "plucky", "25.10": "questing", "26.04": "resolute",
		},
		"alpine": {}, // by their versions
	}
}

// Tagged is how tags of images call a system: "ubuntu" and "jammy", or "alpine" and
// "3.20"; ok is false where no images are known to be of it.
func (s System) Tagged() (id, release string, ok bool) {
	releases, ok := tagged()[s.ID]
	switch {
	case !ok || s.Version == "":
		return "", "", false
	case len(releases) == 0:
		return s.ID, minor(s.Version), true
	case releases[s.Version] != "":
		return s.ID, releases[s.Version], true
	}
	return s.ID, s.Codename, s.Codename != ""
}

// minor is a version's first two numbers: "3.20" of "3.20.3".
func minor(version string) string {
	dots := 0
	for i, c := range version {
		if c == '.' {
			dots++
		}
		if dots == 2 {
			return version[:i]
		}
	}
	return version
}
