package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// suite is the toolchain that everything is measured with.
const suite = "distro:debian/13"

// benchmark is one entry of the suite.
type benchmark struct {
	name    string
	meaning string // for the page
	run     func(*bench, context.Context) ([]row, error)
}

func benchmarks() []benchmark {
	return []benchmark{
		{"toolchain", "from an empty cache to the toolchain's root directory, downloads included, against `mmdebstrap` " +
			"with exactly the same packages from the same mirror.", (*bench).toolchain},
		{"edit", "`dram image` to the finished image after a one-line edit of one module of `examples/big`, against " +
			"plain `mix release --overwrite` in the same root, which makes no image: its time is the floor.", (*bench).edit},
		{
			"unchanged", "`dram image` again with nothing changed, against plain `mix release --overwrite` again.",
			(*bench).unchanged,
		},
		{"layers", "compressed size of the layers of `examples/hello` that differ after a one-line edit: what is " +
			"pushed and pulled.", (*bench).layers},
		{
			"size", "gzip layers of the image of `examples/hello`, against one `gzip -9` tar of the same files: the floor.",
			(*bench).size,
		},
		{"portable", "the portable release of `examples/hello` against the plain one: the tarball, and a start until something is evaluated, " +
			"both in the root of the toolchain.", (*bench).portable},
		{"onto", "packages added to an image that lacks them, the image unpacked already.", (*bench).onto},
		{"releases", "a toolchain with Elixir of its source over a Debian; Erlang/OTP, which takes a quarter of an hour of one core, is " +
			"kept in the same way.", (*bench).releases},
		{
			"rival", "against the multi-stage Dockerfile that `mix phx.gen.release --docker` writes, on the same Docker daemon, with the " +
				"same toolchain image: `dram image` to the finished image, by the native and by the buildkit engine, and `docker build` " +
				"(BuildKit), each after a one-line edit of one module of `examples/big`; and the gzip layers of both images of that and of " +
				"`examples/hello`, the rival's on what debian:trixie-slim holds with the packages that the Dockerfile adds.", (*bench).rival,
		},
	}
}

// bench is what the benchmarks share.
type bench struct {
	settings
	work  string // directory for everything; removed at the end
	dram  string // the program
	big   string // the generator
	cache string // of all benchmarks but the first
	said  string // what the last command wrote to stderr
}

// newBench builds the programs; done removes everything again.
func newBench(ctx context.Context, s settings) (b *bench, done func(), err error) {
	work, err := os.MkdirTemp("", "dram-bench-")
	if err != nil {
		return nil, nil, err
	}
	done = func() { _ = removeAll(work) } // a leftover in the temporary directory is no failure of the run
	b = &bench{settings: s, work: work, dram: filepath.Join(work, "dram"), big: filepath.Join(work, "big"), cache: s.cache}
	if b.cache == "" {
		b.cache = filepath.Join(work, "cache")
	}
	if b.cache, err = filepath.Abs(b.cache); err != nil {
		done()
		return nil, nil, err
	}
	for program, pkg := range map[string]string{b.dram: "./cmd/dram", b.big: "./examples/big"} {
		if _, err := b.output(ctx, []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, pkg); err != nil {
			done()
			return nil, nil, err
		}
	}
	return b, done, nil
}

func (b *bench) log(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

// output runs a command, with env added, and gives what it writes to stdout.
func (b *bench) output(ctx context.Context, env []string, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	b.said = strings.TrimSpace(stderr.String())
	if said := b.said; err != nil {
		return "", fmt.Errorf("running %s: %w:\n%s", strings.Join(argv[:min(3, len(argv))], " "), err, said[max(0, len(said)-2000):])
	}
	return strings.TrimSpace(stdout.String()), nil
}

// runDram runs dram with a cache directory.
func (b *bench) runDram(ctx context.Context, cache string, args ...string) (string, error) {
	return b.output(ctx, []string{"DRAM_CACHE_DIR=" + cache}, append([]string{b.dram}, args...)...)
}

// image makes the image of a project and gives the seconds that it took.
func (b *bench) image(ctx context.Context, project, out string, more ...string) (float64, error) {
	start := time.Now()
	_, err := b.runDram(ctx, b.cache, append([]string{"image", project, "--toolchain", suite, "-o", out}, more...)...)
	return time.Since(start).Seconds(), err
}

// plain runs `mix release` on a project in the toolchain's root, without dram's
// caches and stages, and gives the seconds that Mix itself took: entering the
// sandbox does not count, so the floor is not raised.
func (b *bench) plain(ctx context.Context, project, release string) (float64, error) {
	script := `cd /app && start=$(date +%s%N) && mix release --overwrite ` + release +
		` >&2 && echo $(($(date +%s%N) - start))`
	out, err := b.runDram(ctx, b.cache, "toolchain", "exec", suite, "--bind", project+":/app",
		"-e", "MIX_ENV=prod", "-e", "HOME=/tmp", "--", "sh", "-c", script)
	if err != nil {
		return 0, err
	}
	nanoseconds, err := strconv.ParseFloat(out, 64)
	if err != nil {
		return 0, fmt.Errorf("reading the time of mix release: %w", err)
	}
	return nanoseconds / 1e9, nil
}

// copyTree copies a directory of examples to the work directory.
func (b *bench) copyTree(from, name string) (string, error) {
	to := filepath.Join(b.work, name)
	return to, os.CopyFS(to, os.DirFS(from))
}

// removeAll removes a tree even where directories in it cannot be written to.
func removeAll(dir string) error {
	err := os.RemoveAll(dir)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return os.Chmod(path, 0o700)
	})
	return errors.Join(err, os.RemoveAll(dir))
}

// replaceOnce replaces text that must occur exactly once in a file.
func replaceOnce(file, old, text string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if n := strings.Count(string(content), old); n != 1 {
		return fmt.Errorf("%q occurs %d times in %q, not once", old, n, filepath.Base(file))
	}
	return os.WriteFile(file, []byte(strings.Replace(string(content), old, text, 1)), 0o644)
}

// counter is an io.Writer that counts.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
