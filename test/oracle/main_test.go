// Package oracle compares what dram check says of releases with what the
// machine does with them. It builds releases, NIF libraries and port programs
// on several Debians, asks the check about each on each, then starts them there
// in the sandbox and calls every one; the loader's and the VM's own words tell
// which rule should have spoken.
//
//	go test ./test/oracle                        two builders, three systems, about a minute
//	make oracle                                  all of it, and writes the tables of docs/check.md
//
// Toolchains come from the Debian mirror that this machine's apt sources name;
// DRAM_TEST_CACHE keeps them between runs.
package oracle

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"dram/internal/sandbox"
)

var (
	update = flag.Bool("update", false, "write the golden reports, and after a whole run the tables of docs/check.md")
	whole  = os.Getenv("DRAM_ORACLE") != ""

	program string // the dram that builds
	scratch string // of this run; on the cache's file system, for hard links
	cache   string
)

func TestMain(m *testing.M) {
	sandbox.Main()
	flag.Parse()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		fmt.Println("the oracle runs programs for linux/amd64; left out: all of test/oracle")
		return
	}
	if testing.Short() {
		fmt.Println("the oracle needs toolchains from the Debian mirror; left out: all of test/oracle")
		return
	}
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	parent := os.Getenv("DRAM_TEST_CACHE")
	if parent != "" {
		parent = filepath.Dir(parent)
	}
	dir, err := os.MkdirTemp(parent, "dram-oracle-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer removeAll(dir)
	scratch, program = dir, filepath.Join(dir, "dram")
	if cache = os.Getenv("DRAM_TEST_CACHE"); cache == "" {
		cache = filepath.Join(dir, "cache")
	}
	if out, err := exec.Command("go", "build", "-o", program, "dram/cmd/dram").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building dram: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

func removeAll(dir string) {
	_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(p, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(dir)
}

// dram runs the program and gives its standard output, in one line.
func dram(t testing.TB, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, append([]string{"--quiet"}, args...)...)
	cmd.Env = append(os.Environ(), "DRAM_CACHE_DIR="+cache, "DRAM_EXPIRED_INDEXES=allow")
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("dram %v: %v\n%s%s", args, err, out, errOut.Bytes())
	}
	return strings.TrimSpace(string(out))
}

// newDir is a fresh directory below scratch.
func newDir(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.MkdirTemp(scratch, name+"-") //nolint:usetesting // on the file system of the cache, for hard links
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// said is what a process came to.
type said struct {
	out, err string
	ended    error // nil, or a *sandbox.ExitError
}

// box runs one process over a root, which it cannot change.
func box(ctx context.Context, t testing.TB, root string, mounts []sandbox.Mount, env []string, argv ...string) said {
	t.Helper()
	var out, errOut lockedBuffer
	err := sandbox.Run(ctx, sandbox.Spec{
		Lower: []string{root}, Scratch: newDir(t, "overlay"), Mounts: mounts, Argv: argv, Reap: true, Stdio: sandbox.Stdio{Stdout: &out, Stderr: &errOut},
		Env: append([]string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "HOME=/tmp", "LANG=C.UTF-8"}, env...),
	})
	return said{out.String(), errOut.String(), err}
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }
