package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// portable measures what it costs that a release brings its libraries.
func (b *bench) portable(ctx context.Context) ([]row, error) {
	project, err := b.copyTree("examples/hello", "hello-portable")
	if err != nil {
		return nil, err
	}
	dirs, sizes := map[string]string{}, map[string]float64{}
	for name, more := range map[string][]string{"plain": nil, "portable": {"--portable"}} {
		tarball, err := b.runDram(ctx, b.cache, append([]string{"build", project, "--toolchain", suite}, more...)...)
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(tarball)
		if err != nil {
			return nil, err
		}
		sizes[name], dirs[name] = float64(info.Size()), filepath.Join(b.work, "boot-"+name)
		if err := os.Mkdir(dirs[name], 0o755); err != nil {
			return nil, err
		}
		if _, err := b.output(ctx, nil, "tar", "xzf", tarball, "-C", dirs[name]); err != nil {
			return nil, err
		}
	}
	size := row{what: "portable tarball of hello", rival: "the plain one", unit: bytes, ours: []float64{sizes["portable"]}, theirs: []float64{sizes["plain"]}, ratio: 3}
	boot := row{what: "`bin/hello eval` of it", rival: "that of the plain one", ratio: 1.05}
	boot.ours, boot.theirs, err = alternate(b.runs,
		func(int) (float64, error) { return b.eval(ctx, dirs["portable"]) }, func(int) (float64, error) { return b.eval(ctx, dirs["plain"]) })
	return []row{size, boot}, err
}

// eval starts a release in the toolchain's root until it has evaluated something, and
// gives the seconds that this took, without those of entering the sandbox.
func (b *bench) eval(ctx context.Context, dir string) (float64, error) {
	const script = `start=$(date +%s%N) && /srv/bin/hello eval ":ok" >&2 && echo $(($(date +%s%N) - start))`
	out, err := b.runDram(ctx, b.cache, "toolchain", "exec", suite, "--bind", dir+":/srv", "-e", "HOME=/tmp", "-e", "LANG=C.UTF-8",
		"-e", "RELEASE_TMP=/tmp", "--", "sh", "-c", script)
	if err != nil {
		return 0, err
	}
	nanoseconds, err := strconv.ParseFloat(out, 64)
	if err != nil {
		return 0, fmt.Errorf("reading the time of the release: %w", err)
	}
	return nanoseconds / 1e9, nil
}
