package pipeline

import (
	"cmp"
	"fmt"
	"regexp"
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
