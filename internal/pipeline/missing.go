package pipeline

import (
	"cmp"
	"fmt"
	"regexp"

	"dram/internal/distro"
)

// absent are the ways in which shells, make, env and Mix say that there is no such
// program; the first group names it.
var absent = []*regexp.Regexp{
	regexp.MustCompile(`(?m)(?:^|[\s:/])([A-Za-z0-9][A-Za-z0-9+._-]*): (?:command )?not found\r?$`),
	regexp.MustCompile(`(?m)^g?make(?:\[[0-9]+\])?: ([A-Za-z0-9][A-Za-z0-9+._-]*): No such file or directory\r?$`),
	regexp.MustCompile(`(?m)env: ['‘]?([A-Za-z0-9][A-Za-z0-9+._-]*)['’]?: No such file or directory\r?$`),
	regexp.MustCompile(`the "([a-z0-9+._-]+)" executable is not available`),
	regexp.MustCompile(`"([a-z0-9+._-]+)" not found in the path`),
}

// packaged are programs whose package has another name.
var packaged = map[string]string{
	"node": "nodejs", "npx": "npm", "ssh": "openssh-client", "rustc": "cargo", "autoreconf": "autoconf", "aclocal": "automake",
	"libtoolize": "libtool", "python": "python3", "c++": "g++", "pip": "python3-pip",
}

// programHint says what to do about a program that a step calls and the toolchain
// lacks; "" if the output tells of none.
func programHint(output []byte) string {
	for _, says := range absent {
		m := says.FindSubmatch(output)
		if m == nil {
			continue
		}
		name := string(m[1])
		if name == "cc" || name == "gcc" {
			return "this toolchain has no C compiler: add it with --package gcc, or use a distro: toolchain\n"
		}
		return fmt.Sprintf("this toolchain has no %s: add it with --package %s, or use an image that has it\n",
			name, cmp.Or(packaged[name], name))
	}
	return ""
}

// lacking are the ways in which compilers, linkers, pkg-config and CMake say that a part
// of a library is not there; the first group names it. Some stand within a text that
// Elixir prints as a term.
var lacking = []struct {
	part distro.Part
	says *regexp.Regexp
}{
	{distro.Header, regexp.MustCompile(`fatal error: ([A-Za-z0-9_+./-]+): No such file or directory`)},
	{distro.Header, regexp.MustCompile(`fatal error: '([A-Za-z0-9_+./-]+)' file not found`)},
	{distro.Library, regexp.MustCompile(`cannot find -l([A-Za-z0-9_+.-]+)`)},
	{distro.Library, regexp.MustCompile(`unable to find library -l([A-Za-z0-9_+.-]+)`)},
	{distro.Module, regexp.MustCompile(`Package '?([A-Za-z0-9_+.-]+)'?(?:, required by '[^']*',)? (?:was not|not) found`)},
	{distro.Module, regexp.MustCompile(`No package '([A-Za-z0-9_+.-]+)' found`)},
	{distro.Module, regexp.MustCompile(`Could NOT find ([A-Za-z0-9_]+)`)},
	{distro.Module, regexp.MustCompile(`Could not find a package configuration file provided by "([A-Za-z0-9_]+)"`)},
}

// libraryHint says what to do about a library that native code is compiled with and the
// toolchain lacks; "" if the output tells of none that is known.
func libraryHint(output []byte) string {
	for _, l := range lacking {
		for _, m := range l.says.FindAllSubmatch(output, -1) {
			if name := distro.Provider(l.part, string(m[1])); name != "" {
				return fmt.Sprintf("this toolchain lacks %s: add it with --package %s (where a distribution does not call it otherwise), or use an image that has it\n", m[1], name)
			}
		}
	}
	return ""
}
