package pipeline

import (
	"strings"
	"testing"
)

// A program that a step calls and the toolchain lacks is named whole, with its
// package; what only looks so is not.
func TestProgramHint(t *testing.T) {
	const add = ", or use an image that has it\n"
	for _, tt := range []struct{ says, want string }{
		{"sh: 1: cmake: not found\n", "this toolchain has no cmake: add it with --package cmake" + add},
		{"/bin/sh: line 1: npm: command not found\n", "this toolchain has no npm: add it with --package npm" + add},
		{"sh: 1: node: not found\nmake: *** [all] Error 127\n", "this toolchain has no node: add it with --package nodejs" + add},
		{"make[1]: cargo: No such file or directory\n", "this toolchain has no cargo: add it with --package cargo" + add},
		{"/usr/bin/env: 'python3': No such file or directory\n", "this toolchain has no python3: add it with --package python3" + add},
		{"** (Mix) the \"git\" executable is not available in your PATH\n", "this toolchain has no git: add it with --package git" + add},
		{"sh: 1: cc: not found\n", "this toolchain has no C compiler: add it with --package gcc, or use a distro: toolchain\n"},
		{"c_src/nif.c: file not found, and more\n", ""},
		{"could not compile: module Foo.Bar is not loaded and could not be found\n", ""},
		{"error: header.h: No such file or directory\n", ""},
		{"", ""},
	} {
		if got := programHint([]byte(tt.says)); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.says, got, tt.want)
		}
	}
}

// A library that native code wants and the toolchain lacks is named with its package,
// however the compiler, the linker, pkg-config or CMake say it; what is the project's
// own is not.
func TestLibraryHint(t *testing.T) {
	for says, want := range map[string]string{
		"c_src/a.c:2:10: fatal error: zlib.h: No such file or directory\n":                                         "zlib.h: add it with --package zlib1g-dev",
		`** (MatchError) no match: {"a.c:2:10: fatal error: sodium.h: No such file or directory\n", 2}`:            "sodium.h: add it with --package libsodium-dev",
		"a.c:1:10: fatal error: 'vips/vips.h' file not found\n":                                                    "vips/vips.h: add it with --package libvips-dev",
		"/usr/bin/ld: cannot find -lrocksdb: No such file or directory\n":                                          "rocksdb: add it with --package librocksdb-dev",
		"ld.lld: error: unable to find library -lpq\n":                                                             "pq: add it with --package libpq-dev",
		"Package libsrtp2 was not found in the pkg-config search path.\n":                                          "libsrtp2: add it with --package libsrtp2-dev",
		"Package 'opus', required by 'virtual:world', not found\n":                                                 "opus: add it with --package libopus-dev",
		"No package 'libxml-2.0' found\n":                                                                          "libxml-2.0: add it with --package libxml2-dev",
		"-- Could NOT find CURL (missing: CURL_LIBRARY CURL_INCLUDE_DIR)\n":                                        "CURL: add it with --package libcurl4-openssl-dev",
		"  Could not find a package configuration file provided by \"OpenCV\" with any of the following\n":         "OpenCV: add it with --package libopencv-dev",
		"a.c:1:10: fatal error: own.h: No such file or directory\nfatal error: gmp.h: No such file or directory\n": "gmp.h: add it with --package libgmp-dev",
		"a.c:1:10: fatal error: own.h: No such file or directory\n":                                                "",
		"/usr/bin/ld: cannot find -lmine\n":                                                                        "",
	} {
		got := libraryHint([]byte(says))
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", says, got, want)
		}
	}
}
