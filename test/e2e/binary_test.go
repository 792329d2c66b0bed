package e2e

import (
	"debug/buildinfo"
	"debug/elf"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// maxBinary is what the README's command may make, in bytes.
const maxBinary = 36 << 20

// The binary is a static one: it asks for no loader and no library. It is small.
func TestBinary(t *testing.T) {
	f, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("it has a program header %v", p.Type)
		}
	}
	for _, s := range f.Sections {
		if s.Type == elf.SHT_DYNAMIC || s.Type == elf.SHT_SYMTAB || strings.HasPrefix(s.Name, ".debug") {
			t.Errorf("it has a section %q", s.Name)
		}
	}
	info, err := os.Stat(binary)
	if err != nil || info.Size() > maxBinary {
		t.Errorf("it has %d bytes, expected up to %d (%v)", info.Size(), maxBinary, err)
	}
}

// What Go records in the binary is still there, and the version names the commit
// if that was recorded (-buildvcs=false leaves it out).
func TestBinarySaysItsCommit(t *testing.T) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil || info.Main.Path != "dram" {
		t.Fatalf("%+v, %v", info, err)
	}
	want := "dram "
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			want = "(" + s.Value[:12] + ")"
		}
	}
	said, err := exec.Command(binary, "version").Output()
	if err != nil || !strings.Contains(string(said), want) {
		t.Errorf("dram version says %q (%v), expected %q", said, err, want)
	}
}

// What the README and the Makefile tell to run is what is tested here.
func TestBinaryIsBuiltAsItIsSaid(t *testing.T) {
	flags := strings.Join(buildFlags, " ")
	quoted := strings.Replace(flags, "-ldflags=-s -w", "-ldflags='-s -w'", 1)
	for file, want := range map[string]string{
		"../../README.md":        "    CGO_ENABLED=0 go build " + quoted + " -o ~/bin/dram ./cmd/dram\n",
		"../../Makefile":         "\tCGO_ENABLED=0 $(GO) build " + quoted + " -o bin/dram ./cmd/dram\n",
		"../../docs/howto/ci.md": "`CGO_ENABLED=0 go build " + quoted + " ./cmd/dram`",
		"../../bench/bench.go":   `"-trimpath", "-ldflags=-s -w"`,
	} {
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s does not say %q (%v)", file, want, err)
		}
	}
}
