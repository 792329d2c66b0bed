package portable

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/portable/launchertest"
)

func TestLauncher(t *testing.T) {
	for _, arch := range Architectures() {
		for program, want := range map[string]Launch{
			"erts-15.2/bin/beam.smp": {"../../portable/lib/ld.so", "../../portable/lib", ".beam.smp.real", Glibc},
			"lib/a-1/priv/a b/tool":  {"../../../../portable/lib/ld.so", "../../../../portable/lib", ".tool.real", Glibc},
			"tool":                   {"portable/lib/ld.so", "portable/lib", ".tool.real", Glibc},
		} {
			b, err := Launcher(arch, program, "ld.so", Glibc)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := Read(b)
			if diff := cmp.Diff(want, got); diff != "" || !ok {
				t.Errorf("%s of %s: %v (-want +got):\n%s", arch, program, ok, diff)
			}
			if len(b) > MaxLauncher {
				t.Errorf("the launcher of %s has %d bytes", arch, len(b))
			}
		}
	}
}

// It may need no loader, and no page of it may be written to and executed.
func TestLauncherIsStatic(t *testing.T) {
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		b, err := Launcher(arch, "tool", "ld.so", Musl)
		if err != nil {
			t.Fatal(err)
		}
		f, err := elf.NewFile(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if f.Machine != machine || f.Type != elf.ET_EXEC {
			t.Errorf("%s: %s, %s", arch, f.Machine, f.Type)
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC || p.Flags&(elf.PF_W|elf.PF_X) == elf.PF_W|elf.PF_X {
				t.Errorf("%s has %s, %s", arch, p.Type, p.Flags)
			}
		}
	}
}

func TestLauncherRefuses(t *testing.T) {
	for name, tt := range map[string]struct{ arch, program string }{
		"a processor without one": {"riscv64", "erts/bin/x"},
		"a path of a kilobyte":    {"amd64", strings.Repeat("d/", 400) + "x"},
		"a name with an end":      {"amd64", "a\x00b"},
	} {
		if _, err := Launcher(tt.arch, tt.program, "ld.so", Glibc); err == nil {
			t.Errorf("%s is no error", name)
		}
	}
}

// What was changed by a byte, or leads out of the release's own folders, is no launcher.
func TestReadRefuses(t *testing.T) {
	b, err := Launcher("amd64", "bin/tool", "ld.so", Glibc)
	if err != nil {
		t.Fatal(err)
	}
	change := func(old, with string) []byte {
		return bytes.Replace(bytes.Clone(b), []byte(old), []byte(with), 1)
	}
	code := bytes.Clone(b)
	code[len(code)/3] ^= 1
	for name, file := range map[string][]byte{
		"nothing":               nil,
		"other code":            code,
		"cut short":             b[:len(b)-1],
		"a program elsewhere":   change(".tool.real\x00", "../../../x\x00"),
		"a loader elsewhere":    change("../portable/lib/ld.so\x00", "../portable/xyz/ld.so\x00"),
		"libraries elsewhere":   change("../portable/lib\x00.", "../../etc/lib/x\x00."),
		"libraries at the root": change("../portable/lib/ld.so\x00../portable/lib\x00", "/a/portable/lib/ld.so\x00/a/portable/lib\x00"),
		"an unknown way":        change("real\x00g0", "real\x00x0"),
		"no way":                change("real\x00g0", "real\x00\x00\x00"),
	} {
		if l, ok := Read(file); ok {
			t.Errorf("%s is read as %+v", name, l)
		}
	}
}

func FuzzRead(f *testing.F) {
	b, err := Launcher("amd64", "bin/tool", "ld.so", Glibc)
	if err != nil {
		f.Fatal(err)
	}
	at := bytes.Index(b, []byte("../portable"))
	f.Add(b[at : at+64])
	f.Add([]byte("../../portable/lib/..\x00../../portable/lib\x00..\x00m0"))
	f.Fuzz(func(t *testing.T, settings []byte) {
		if len(settings) > room {
			return
		}
		file := bytes.Clone(b)
		clear(file[at : at+room])
		copy(file[at:], settings)
		l, ok := Read(file)
		if !ok {
			return
		}
		for _, name := range []string{l.Program, filepath.Base(l.Loader)} {
			if strings.Contains(name, "/") || name == ".." || name == "." || name == "" {
				t.Errorf("%q is taken", name)
			}
		}
		if rest := strings.ReplaceAll(l.Libraries, "../", ""); rest != Libraries {
			t.Errorf("libraries are at %q", l.Libraries)
		}
	})
}

// The programs beside their sources are what these compile to.
func TestLaunchersAreOfTheirSource(t *testing.T) {
	for _, program := range []string{"launcher", "runner"} {
		launchertest.OfSource(t, "launcher/compile.sh", "launcher", program)
	}
}

// The lines are run by the shells that start scripts are run by.
func TestEnv(t *testing.T) {
	for name, tt := range map[string]struct {
		set  []string
		lack string // of what the release brings
		want string
	}{
		"nothing set":            {nil, "", "LANG=C.UTF-8 LOCPATH=%/portable/locale code 0"},
		"a locale of the user's": {[]string{"LANG=de_DE.UTF-8"}, "", "LANG=de_DE.UTF-8 LOCPATH= code 0"},
		"C.UTF-8 built in":       {[]string{"LC_ALL=C.UTF-8"}, "locale", "LANG= LOCPATH= code 0"},
		"no bit to execute":      {nil, "lib/ld.so", "code 126"},
	} {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "a release")
			for _, dir := range []string{"portable/lib", "portable/locale/C.UTF-8"} {
				if err := os.MkdirAll(filepath.Join(root, dir), 0o750); err != nil {
					t.Fatal(err)
				}
			}
			for _, file := range []string{"lib/ld.so", "cacerts.pem"} {
				if err := os.WriteFile(filepath.Join(root, "portable", file), []byte("x"), 0o700); err != nil { //nolint:gosec // a loader
					t.Fatal(err)
				}
			}
			if tt.lack != "" {
				if err := os.RemoveAll(filepath.Join(root, "portable", tt.lack)); err != nil {
					t.Fatal(err)
				}
			}
			lines, err := Env("ROOT_DIR", "ld.so")
			if err != nil {
				t.Fatal(err)
			}
			script := "set -eu\n" + strings.NewReplacer("/usr/lib/locale", "/nonexistent", "/etc/", "/nonexistent/").Replace(string(lines)) +
				`echo "LANG=${LANG:-} LOCPATH=${LOCPATH:-} $ERL_AFLAGS"`
			cmd := exec.Command("sh", "-c", script)
			cmd.Env = append(tt.set, "ROOT_DIR="+root, "PATH=/nonexistent")
			out, err := cmd.Output()
			code := cmd.ProcessState.ExitCode()
			got := strings.ReplaceAll(strings.TrimSpace(string(out)), root, "%")
			if code == 0 {
				got = strings.Replace(got, ` -public_key cacerts_path '"%/portable/cacerts.pem"'`, "", 1) + " code 0"
			} else {
				got = "code 126"
			}
			if got != tt.want {
				t.Errorf("got %q, %d, %v; want %q", out, code, err, tt.want)
			}
		})
	}
	if _, err := Env("X", "a b$(x)"); err == nil {
		t.Error("a loader's name can be shell")
	}
}
