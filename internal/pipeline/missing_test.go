package pipeline

import "testing"

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
