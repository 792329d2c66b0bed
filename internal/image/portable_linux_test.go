package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"dram/internal/portable"
	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/rootfs"
)

// shellRelease is a release whose VM and port are this machine's shell.
func shellRelease(t *testing.T, more map[string]string) *release.Release {
	t.Helper()
	shell, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	files := releaseFiles()
	for _, name := range []string{"erts-15.2/bin/beam.smp*", "lib/hello-0.1.0/priv/port*"} {
		files[name] = string(shell)
	}
	maps.Copy(files, more)
	return readRelease(t, dirFS(t, files))
}

func portableOf(t *testing.T, rel *release.Release) (*Portable, error) {
	t.Helper()
	root, err := rootfs.Dir("/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return NewPortable(rel, PortableOptions{Root: root, Architecture: runtime.GOARCH})
}

// unpackPortable makes the tarball and unpacks it. The quick tests do without the
// tarball, for which this machine's C library is compressed.
func unpackPortable(t *testing.T, p *Portable, dir string) {
	t.Helper()
	if testing.Short() {
		lay(t, p.View(), dir)
		return
	}
	a, err := p.Build(t.Context(), openStore(t))
	if err != nil {
		t.Fatal(err)
	}
	blob, err := a.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = blob.Close() }()
	z, err := gzip.NewReader(blob)
	if err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(z)
	for h, err := r.Next(); !errors.Is(err, io.EOF); h, err = r.Next() {
		if err != nil {
			t.Fatal(err)
		}
		at := filepath.Join(dir, h.Name) //nolint:gosec // a tar of this test's own
		content, _ := io.ReadAll(r)
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(at, 0o700)
		case tar.TypeSymlink:
			err = os.Symlink(h.Linkname, at)
		default:
			err = os.WriteFile(at, content, h.FileInfo().Mode())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// lay writes the files of a root to a directory.
func lay(t *testing.T, root rootfs.FS, dir string) {
	t.Helper()
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		at := filepath.Join(dir, name)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(at, 0o700)
		case d.Type() == fs.ModeSymlink:
			to, err := root.ReadLink(name)
			return errors.Join(err, os.Symlink(to, at))
		}
		info, err := root.Stat(name)
		if err != nil {
			return err
		}
		content, err := fs.ReadFile(root, name)
		return errors.Join(err, os.WriteFile(at, content, info.Mode().Perm()))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The programs of the release run by its own loader and libraries, wherever it lies,
// keep their names and arguments, and leave nothing to programs that they call.
func TestPortableRuns(t *testing.T) {
	p, err := portableOf(t, shellRelease(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "a place")
	unpackPortable(t, p, dir)
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	port := filepath.Join(moved, "lib/hello-0.1.0/priv/port")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(port, link); err != nil {
		t.Fatal(err)
	}
	for name, program := range map[string]string{"by its path": port, "by a link": link} {
		t.Run(name, func(t *testing.T) {
			script := `readlink /proc/$$/exe; cat /proc/$$/comm; echo "$0 $1"; grep -c "$2" /proc/$$/maps; grep -o '/lib/.*/libc.so.6' /proc/$$/maps; ` +
				`env; grep -c "$2" /proc/self/maps`
			cmd := exec.Command(program, "-c", script, "zero", "a b", moved+"/portable/lib/libc.so.6")
			cmd.Env = []string{"PATH=/usr/bin:/bin"}
			out, _ := cmd.Output() // grep finds nothing, as it should
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			if len(lines) < 6 || lines[0] != port || lines[1] != filepath.Base(program) || lines[2] != "zero a b" || lines[3] == "0" {
				t.Fatalf("got %q", lines)
			}
			if strings.Contains(string(out), "/lib/x86_64-linux-gnu/libc.so.6") || strings.Contains(string(out), "LD_") || lines[len(lines)-1] != "0" {
				t.Errorf("the machine's C library is mapped, or the release's leaks: %q", lines)
			}
		})
	}
}

func TestPortableSaysWhatIsMissing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x")
	p, err := portableOf(t, shellRelease(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	unpackPortable(t, p, dir)
	if err := os.RemoveAll(filepath.Join(dir, portable.Libraries)); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command(filepath.Join(dir, "erts-15.2/bin/beam.smp"))
	cmd.Stderr = &said
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 127 || !strings.Contains(said.String(), "beam.smp: cannot open its loader ") ||
		!strings.Contains(said.String(), "error 002") {
		t.Errorf("%v: %q", err, said.String())
	}
}

// What the loaders would take for two folders is named.
func TestPortableNamesAColon(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a:b")
	p, err := portableOf(t, shellRelease(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	unpackPortable(t, p, dir)
	out, err := exec.Command(filepath.Join(dir, "erts-15.2/bin/beam.smp"), "-c", "exit 0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "colon") || !strings.Contains(string(out), "a:b") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestPortableHolds(t *testing.T) {
	shell, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	appImage := append([]byte(string(shell[:8])+"AI\x02"), shell[11:]...)
	p, err := portableOf(t, shellRelease(t, map[string]string{"lib/hello-0.1.0/priv/app*": string(appImage), "lib/hello-0.1.0/priv/run*": "#!/bin/sh\n"}))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]File{}
	for _, f := range p.files {
		got[f.Path] = f
	}
	for _, name := range []string{"erts-15.2/bin/.beam.smp.real", "lib/hello-0.1.0/priv/.port.real", "portable/lib/libc.so.6", "lib/hello-0.1.0/priv/run"} {
		if _, ok := got[name]; !ok {
			t.Errorf("%q is not there", name)
		}
	}
	for _, name := range []string{"lib/hello-0.1.0/priv/.app.real", "lib/hello-0.1.0/priv/.run.real", "lib/hello-0.1.0/priv/.data.so.1.real", "releases/COOKIE", "portable/lib/sed"} {
		if _, ok := got[name]; ok {
			t.Errorf("%q is there", name)
		}
	}
	if _, ok := portable.Read(got["erts-15.2/bin/beam.smp"].made); !ok {
		t.Error("the VM has no launcher")
	}
	if _, ok := portable.Read(got["portable/bin/sed"].made); !ok || got["portable/bin/.sed.real"].Size == 0 || got["portable/bin/sh"].Path != "" {
		t.Error("sed has no launcher, or the shell is there")
	}
	if script := string(got["bin/hello"].made); !strings.HasPrefix(script, "#!/bin/sh\n"+portable.Mark) || !strings.HasSuffix(script, "\n. env.sh\nexec uptime\n") {
		t.Errorf("bin/hello is %q", script)
	}
	env := string(got["releases/0.1.0/env.sh"].made)
	if !strings.Contains(env, portable.Mark) || strings.Index(env, cookieMark) > strings.Index(env, portable.Mark) {
		t.Errorf("env.sh is %q", env)
	}
}

func TestPortableRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		more map[string]string
		says string
	}{
		"its own folder taken":  {map[string]string{"portable/x": "x"}, `has "portable" at its top`},
		"a program's new name":  {map[string]string{"lib/hello-0.1.0/priv/.port.real": "x"}, "is there already"},
		"no VM that is dynamic": {map[string]string{"erts-15.2/bin/beam.smp*": "beam"}, "no program of the release's Erlang"},
	} {
		_, err := portableOf(t, shellRelease(t, tt.more))
		var p *problem.Error
		if !errors.As(err, &p) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
