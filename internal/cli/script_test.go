package cli_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"dram/internal/cli"
	"dram/internal/httpbound"
	"dram/internal/sandbox"
)

var update = flag.Bool("update", false, "write what scripts compare with cmp anew")

func TestMain(m *testing.M) {
	sandbox.Main()
	testscript.Main(m, map[string]func(){"dram": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		// Who is not reached is not waited for.
		at := httpbound.Waiter(func(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) })
		ctx = context.WithValue(ctx, httpbound.PauseKey{}, at)
		code := cli.Run(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
		stop()
		os.Exit(code)
	}})
}

// Every command with its input tree, its exit code, what it says where, and
// what it leaves behind. None of these needs a toolchain or a network.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  exits,
			"tree":   tree,
			"inform": inform,
			"targz":  targz,

			"toolchain": toolchain,
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "root":
				return os.Geteuid() == 0, nil
			case "emulates":
				return sandbox.Emulates(other()) == nil, nil
			}
			return false, fmt.Errorf("no condition %q", name)
		},
	})
}

// setup gives each script a cache of its own and a mirror that is down.
func setup(env *testscript.Env) error {
	port, err := closedPort()
	if err != nil {
		return err
	}
	env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
	env.Setenv("DRAM_CACHE_DIR", filepath.Join(env.WorkDir, "cache"))
	env.Setenv("DOWN", "http://127.0.0.1:"+port)
	env.Setenv("DRAM_MIRROR", "http://127.0.0.1:"+port+"/debian")
	env.Setenv("DRAM_SECURITY_MIRROR", "http://127.0.0.1:"+port+"/security")
	env.Setenv("ARCH", runtime.GOARCH)
	env.Setenv("OTHER", other())
	return nil
}

// other is an architecture that is not this machine's.
func other() string {
	if runtime.GOARCH == "arm64" {
		return "amd64"
	}
	return "arm64"
}

// closedPort is a loopback port that nobody listens on.
func closedPort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

// exits CODE COMMAND… runs a command and wants exactly that exit code. An error
// must be one line of "error: " and, but for an empty hint, one of "hint: ";
// stdout must then be empty.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
	if want == 0 {
		return
	}
	if n := strings.Count("\n"+ts.ReadFile("stderr"), "\nerror: "); n != 1 {
		ts.Fatalf("stderr has %d errors, want one", n)
	}
	if !strings.Contains(ts.ReadFile("stderr"), "\n  hint: ") {
		ts.Fatalf("the error has no hint")
	}
	// A check's report and a doctor's are results, whatever they say, and so is a plan that
	// lacks its toolchain alone.
	open := len(args) > 2 && args[2] == "plan" && strings.Contains(ts.ReadFile("stdout"), "tarball")
	if want != 3 && want != 5 && !open && ts.ReadFile("stdout") != "" {
		ts.Fatalf("a failure wrote to stdout")
	}
}

// tree DIR PATH… wants DIR to hold exactly these files, and none without PATHs.
func tree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: tree DIR [PATH…]")
	}
	dir := ts.MkAbs(args[0])
	var got []string
	ts.Check(filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			got = append(got, filepath.ToSlash(rel))
		}
		return err
	}))
	if g, w := strings.Join(got, " "), strings.Join(args[1:], " "); g != w {
		ts.Fatalf("%s holds %q, want %q", args[0], g, w)
	}
}

// targz FILE.tar.gz PATH… packs files.
func targz(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: targz FILE.tar.gz PATH…")
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	t := tar.NewWriter(z)
	for _, name := range args[1:] {
		body := ts.ReadFile(name)
		ts.Check(t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(body))}))
		_, err := t.Write([]byte(body))
		ts.Check(err)
	}
	ts.Check(errors.Join(t.Close(), z.Close()))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), out.Bytes(), 0o600))
}

// columns are the gaps of a table, which are as wide as its cells need.
var columns = regexp.MustCompile(`(\S) {2,}`)

// inform FILE replaces, in stdout, what differs between machines, and writes
// it to FILE: the script's directory, the processor, and the width of columns.
func inform(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: inform FILE")
	}
	text := strings.NewReplacer(ts.Getenv("WORK"), "$WORK", runtime.GOARCH, "$ARCH").Replace(ts.ReadFile("stdout"))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(columns.ReplaceAllString(text, "$1  ")), 0o600))
}
