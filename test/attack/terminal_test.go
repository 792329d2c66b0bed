package attack

import "testing"

// What a step prints, and what its files are called, reaches the terminal of whoever
// runs dram: it steers nothing there, is answered by nothing, and forges no line.
func TestTerminal(t *testing.T) {
	build := []string{"build $PROJECT --toolchain $TOY", "build -v $PROJECT --toolchain $TOY"}
	prints := func(text string) map[string]string { return hello("after.sh", "printf '"+text+"'; exit 1\n") }
	named := func(make, name string) map[string]string {
		return hello("after.sh", "cd $REL/lib\n"+make+" \"$(printf '"+name+"')\"\n")
	}
	try(t, []attack{
		{name: "a step asks the terminal, which answers as if typed", files: prints(`a\033[6n\033[c\n`), each: build, code: 4, hush: []string{"\x1b"}, says: []string{`a\x1b[6n\x1b[c`}},
		{name: "a step writes to the clipboard", files: prints(`a\033]52;c;eA==\007\n`), each: build, code: 4, hush: []string{"\x1b", "\a"}},
		{name: "a step steers by eight bits", files: prints(`a\2336n \302\233c\n`), each: build, code: 4, hush: []string{"\x9b"}},
		{name: "a step hides what comes before", files: prints(`first\rOK: all is well\n`), each: build, code: 4, hush: []string{"\r"}, says: []string{"first\n"}},
		{name: "a step hides what comes after", files: prints(`a\033[8m`), each: build, code: 4, says: []string{"\x1b[8m\x1b[0m\nerror: "}},
		{name: "a step prints zeros", files: prints(`a\000b\n`), each: build, code: 4, hush: []string{"\x00"}},
		{name: "a file's name forges a line", files: named("mkfifo", `x\nOK: all is well\033[2J`), each: build[:1], code: 1, hush: []string{"\nOK", "\x1b"}},
		{name: "a file's name that cannot be opened forges a line", files: named("touch", `x\nOK: all is well\351`), each: build[:1], code: 1, hush: []string{"\nOK"}, says: []string{"is no UTF-8", "hint: "}},
		{name: "a directory's name forges a line", files: named("mkdir", `x\nOK: all is well\351`), each: build[:1], code: 1, hush: []string{"\nOK"}, says: []string{"is no UTF-8"}},
	})
}
