package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The environment of this test binary when it runs itself again.
const (
	baseVar   = "DRAM_TEST_BASE"   // the directory that TestMain of the first made
	victimVar = "DRAM_TEST_VICTIM" // be a caller that is killed
	ttyVar    = "DRAM_TEST_TTY"    // be a caller on a terminal
	callerVar = "DRAM_TEST_CALLER" // be a caller whose own file is not where it was
	worldVar  = "DRAM_TEST_WORLD"  // be a machine with a network, or what lies beyond it
	exeVar    = "DRAM_TEST_EXE"    // be run by a program inside, and attack this file
)

const nobody = 65534

func TestMain(m *testing.M) {
	Main()
	if os.Getenv(exeVar) != "" {
		syscall.Exit(attackExe())
	}
	if name := os.Getenv(callerVar); name != "" {
		syscall.Exit(caller(name))
	}
	if role := os.Getenv(worldVar); role != "" {
		syscall.Exit(world(role))
	}
	if os.Getenv(victimVar) != "" {
		syscall.Exit(victim())
	}
	if os.Getenv(ttyVar) != "" {
		syscall.Exit(onTerminal()) // without what the race detector does at exit
	}
	dir, err := fixture()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if os.Getenv(baseVar) == "" {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

var base string // set once by TestMain: root/ has bin/inside, user/ belongs to nobody

// fixture builds the program that the sandboxes run, where any user can read it.
func fixture() (string, error) {
	base = os.Getenv(baseVar)
	if base != "" {
		return base, nil
	}
	var err error
	if base, err = os.MkdirTemp("", "dram-sandbox-"); err != nil {
		return "", err
	}
	bin := filepath.Join(base, "root", "bin")
	if err := errors.Join(os.Chmod(base, 0o755), os.MkdirAll(bin, 0o755)); err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-o", filepath.Join(bin, "inside"), "./testdata/inside")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the test program: %w\n%s", err, out)
	}
	return base, nil
}

func baseRoot() string { return filepath.Join(base, "root") }

// inside is a spec that runs the test program over the base root.
func inside(t testing.TB, args ...string) Spec {
	t.Helper()
	return Spec{
		Lower:   []string{baseRoot()},
		Scratch: t.TempDir(),
		Argv:    append([]string{"/bin/inside"}, args...),
	}
}

// output runs spec and gives what it wrote.
func output(t testing.TB, spec Spec) (string, error) {
	t.Helper()
	var out bytes.Buffer
	spec.Stdout, spec.Stderr = &out, &out
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := Run(ctx, spec)
	return out.String(), err
}

// mustOutput is output of a process that must succeed.
func mustOutput(t testing.TB, spec Spec) string {
	t.Helper()
	out, err := output(t, spec)
	if err != nil {
		t.Fatalf("Run(%q): %v\n%s", spec.Argv, err, out)
	}
	return out
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func writeFile(t testing.TB, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// copyRoot is a root of its own for tests that write to it.
func copyRoot(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(baseRoot())); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestAsOrdinaryUser runs all the tests again as a user without any rights.
func TestAsOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("already an ordinary user")
	}
	if testing.Short() {
		t.Skip("left out: it runs all the tests again")
	}
	self := filepath.Join(base, "sandbox.test")
	copyFile(t, "/proc/self/exe", self)
	home := filepath.Join(base, "user")
	if err := errors.Join(os.MkdirAll(home, 0o755), os.Chown(home, nobody, nobody), os.Chown(self, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.short="+strconv.FormatBool(testing.Short()))
	cmd.Env = append(os.Environ(), baseVar+"="+base, "TMPDIR="+home, "HOME="+home)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
}

// victim runs a sandbox until it is killed.
func victim() int {
	dir := os.Getenv(victimVar)
	spec := Spec{
		Lower: []string{baseRootOf(dir)}, Scratch: filepath.Join(dir, "scratch"),
		Argv:  []string{"/bin/inside", "spawn", "sleep", "60000", "+", "sleep", "60000"},
		Stdio: Stdio{Stdout: os.Stdout}, Reap: strings.HasSuffix(dir, "reap"),
	}
	if strings.HasSuffix(dir, "isolated") {
		spec.Network = Isolated
	}
	if err := Run(context.Background(), spec); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func baseRootOf(dir string) string { return filepath.Join(dir, "root") }
