package entrypoint

import (
	"bytes"
	"debug/elf"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/portable/launchertest"
)

func TestWrap(t *testing.T) {
	const init = "/" + Path
	for _, tt := range []struct{ command, want []string }{
		{[]string{"/app/bin/hello"}, []string{init, "/app/bin/hello"}},
		{[]string{"/app/bin/hello", "foreground"}, []string{init, "/app/bin/hello", "foreground"}},
		{[]string{"bin/server"}, []string{init, "bin/server"}},
		{[]string{"/app/./bin/../bin/server"}, []string{init, "/app/./bin/../bin/server"}},
		{[]string{"tini", "--", "/app/bin/hello"}, []string{"tini", "--", "/app/bin/hello"}},
		{[]string{"/init"}, []string{"/init"}},
		{[]string{init, "/app/bin/hello"}, []string{init, "/app/bin/hello"}},
		{[]string{"/app/bin/sub/x"}, []string{"/app/bin/sub/x"}},
		{[]string{"hello"}, []string{"hello"}},
		{nil, nil},
	} {
		if diff := cmp.Diff(tt.want, Wrap(tt.command, "/app/bin", "/app")); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.command, diff)
		}
	}
}

// It may need no loader, no page of it may be written to and executed, and it is small.
func TestInitIsStatic(t *testing.T) {
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	for _, arch := range Architectures() {
		program := Init(arch)
		f, err := elf.NewFile(bytes.NewReader(program))
		if err != nil {
			t.Fatal(err)
		}
		if f.Machine != machines[arch] || f.Type != elf.ET_EXEC || len(program) > 8<<10 {
			t.Errorf("%s: %s, %s, %d bytes", arch, f.Machine, f.Type, len(program))
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC || p.Flags&(elf.PF_W|elf.PF_X) == elf.PF_W|elf.PF_X {
				t.Errorf("%s has %s, %s", arch, p.Type, p.Flags)
			}
		}
	}
	if Init("riscv64") != nil {
		t.Error("there is one for riscv64")
	}
}

func TestInitIsOfItsSource(t *testing.T) {
	launchertest.OfSource(t, "../portable/launcher/compile.sh", "program", "init")
}
