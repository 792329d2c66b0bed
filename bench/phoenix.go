package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"dram/internal/distro"
	"dram/internal/distro/debian"
)

// The images that the rival's Dockerfile builds on, made here since no registry
// is asked: the toolchain that dram builds with, and what debian:trixie-slim
// holds (minbase, without manuals and package indexes).
const (
	builderImage = "dram-bench-builder"
	runnerImage  = "dram-bench-slim"
	rivalImage   = "dram-bench-rival"
)

// phoenixDockerfile is what `mix phx.gen.release --docker` writes (Phoenix 1.8),
// for a project with these sources and configuration: the same stages, the same
// order, the same packages in the last image. What installs packages in the
// builder and Hex is left out, since the toolchain has both; so are assets,
// which these projects have none of.
func phoenixDockerfile(release string, sources []string) string {
	var copies strings.Builder
	for _, s := range sources {
		fmt.Fprintf(&copies, "COPY %s %s\n", s, s)
	}
	return `FROM ` + builderImage + ` AS builder
WORKDIR /app
ENV MIX_ENV="prod" LANG=C.UTF-8
COPY mix.exs ./
RUN mix deps.get --only $MIX_ENV
RUN mkdir config
COPY config/config.exs config/
RUN mix deps.compile
` + copies.String() + `RUN mix compile
COPY config config
RUN mix release ` + release + `

FROM ` + runnerImage + ` AS final
ENV LANG=en_US.UTF-8 LANGUAGE=en_US:en LC_ALL=en_US.UTF-8
WORKDIR /app
RUN chown nobody /app
ENV MIX_ENV="prod"
COPY --from=builder --chown=nobody:root /app/_build/${MIX_ENV}/rel/` + release + ` ./
USER nobody
CMD ["/app/bin/` + release + `", "start"]
`
}

// docker is a daemon and a client that speaks BuildKit to it.
type docker struct {
	bench  *bench
	client string
	built  []string // images, by ID
}

// openDocker finds a client that builds with BuildKit; skipped says why there
// is none.
func (b *bench) openDocker(ctx context.Context) (d *docker, skipped string, err error) {
	dir, err := os.MkdirTemp(b.work, "probe-")
	if err != nil {
		return nil, "", err
	}
	// --output tells BuildKit from the classic builder.
	probe := "FROM scratch\nCOPY Dockerfile /\n"
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(probe), 0o644); err != nil {
		return nil, "", err
	}
	var last error
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		client := filepath.Join(folder, "docker")
		if _, err := exec.LookPath(client); err != nil {
			continue
		}
		d := &docker{bench: b, client: client}
		if _, last = d.run(ctx, "build", "--quiet", "--output", "type=local,dest="+filepath.Join(dir, "out"), dir); last == nil {
			return d, "", nil
		}
	}
	if last != nil {
		return nil, "no docker client here builds with BuildKit: " + firstLine(last.Error()), nil
	}
	return nil, "docker is not installed", nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func (d *docker) run(ctx context.Context, args ...string) (string, error) {
	return d.bench.output(ctx, []string{"DOCKER_BUILDKIT=1", "BUILDKIT_PROGRESS=plain"}, append([]string{d.client}, args...)...)
}

// images makes the two images that the rival builds on, once.
func (d *docker) images(ctx context.Context) error {
	if _, err := d.run(ctx, "image", "inspect", builderImage, runnerImage); err == nil {
		return nil
	}
	root, err := d.bench.runDram(ctx, d.bench.cache, "toolchain", "root", suite)
	if err != nil {
		return err
	}
	if err := d.importTree(ctx, root, builderImage); err != nil {
		return err
	}
	slim := filepath.Join(d.bench.work, "slim")
	if err := d.bench.slimRoot(ctx, slim); err != nil {
		return err
	}
	return d.importTree(ctx, slim, runnerImage)
}

// slimRoot is debian:trixie-slim with the packages and the locale that the
// Dockerfile adds.
func (b *bench) slimRoot(ctx context.Context, dir string) error {
	mirror := debian.MirrorOf(os.DirFS("/etc"), distro.Mirror{})
	_, err := b.output(ctx, []string{"LC_ALL=C.UTF-8"}, "mmdebstrap", "--quiet", "--variant=minbase", "--format=directory",
		"--include=libstdc++6,openssl,libncurses6,locales,ca-certificates",
		"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/info/*",
		"--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-include=/usr/share/doc/*/copyright",
		"--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=path-exclude=/usr/share/groff/*",
		"--customize-hook="+`sed -i '/en_US.UTF-8/s/^# //g' "$1/etc/locale.gen" && chroot "$1" locale-gen`,
		"--customize-hook="+`rm -rf "$1/var/lib/apt/lists/"* "$1/var/cache/apt/"*.bin "$1/var/log/"*`,
		"trixie", dir, mirror.Archive)
	return err
}

func (d *docker) importTree(ctx context.Context, dir, name string) error {
	tar := exec.CommandContext(ctx, "tar", "-C", dir, "--exclude=./dev/*", "--exclude=./proc/*", "--exclude=./sys/*", "-c", ".")
	load := exec.CommandContext(ctx, d.client, "import", "-", name)
	pipe, err := tar.StdoutPipe()
	if err != nil {
		return err
	}
	load.Stdin = pipe
	if err := tar.Start(); err != nil {
		return err
	}
	out, err := load.CombinedOutput()
	if err = errors.Join(err, tar.Wait()); err != nil {
		return fmt.Errorf("importing %s: %w: %s", name, err, out)
	}
	return nil
}

// build runs docker build on a project and gives the seconds that it took.
func (d *docker) build(ctx context.Context, project, dockerfile string) (float64, error) {
	file := filepath.Join(d.bench.work, "Dockerfile")
	if err := os.WriteFile(file, []byte(dockerfile), 0o644); err != nil {
		return 0, err
	}
	start := time.Now()
	id, err := d.run(ctx, "build", "--quiet", "--tag", rivalImage, "--file", file, project)
	took := time.Since(start).Seconds()
	d.built = append(d.built, id)
	return took, err
}

// size is the sum of an image's layers through gzip, as a registry has them.
func (d *docker) size(ctx context.Context, image string) (float64, error) {
	archive := filepath.Join(d.bench.work, "rival.tar")
	if _, err := d.run(ctx, "save", "-o", archive, image); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp(d.bench.work, "saved-")
	if err != nil {
		return 0, err
	}
	if _, err := d.bench.output(ctx, nil, "tar", "-C", dir, "-xf", archive); err != nil {
		return 0, err
	}
	raw, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return 0, err
	}
	var manifest []struct{ Layers []string }
	if err := json.Unmarshal(raw, &manifest); err != nil || len(manifest) != 1 {
		return 0, fmt.Errorf("reading what docker saved: %d images, %w", len(manifest), err)
	}
	total := 0.0
	for _, l := range manifest[0].Layers {
		n, err := gzipped(ctx, filepath.Join(dir, l))
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// gzipped is a file's size as docker push would send it.
func gzipped(ctx context.Context, name string) (float64, error) {
	cmd := exec.CommandContext(ctx, "gzip", "-n", "-c", name)
	var size counter
	cmd.Stdout = io.Writer(&size)
	err := cmd.Run()
	return float64(size.n), err
}

// done removes what was put into the daemon.
func (d *docker) done(ctx context.Context) {
	for _, image := range append(d.built, builderImage, runnerImage) {
		_, _ = d.run(ctx, "image", "rm", "--force", image) // one of them may be another one's parent, or gone with it
	}
}

// rival measures the rebuild after an edit, and the image's size, against the
// Dockerfile that Phoenix's generator writes.
func (b *bench) rival(ctx context.Context) ([]row, error) {
	rows := []row{
		{what: "rebuild after one edited module of " + fmt.Sprint(b.modules) + ", native", rival: "docker build, Phoenix's Dockerfile", ratio: 0.15},
		{what: "the same, buildkit engine", rival: "docker build, Phoenix's Dockerfile", ratio: 0.5},
		{what: "image of big, gzip layers", rival: "Phoenix's Dockerfile, on Debian slim", unit: bytes, ratio: 0.25},
		{what: "image of hello, gzip layers", rival: "Phoenix's Dockerfile, on Debian slim", unit: bytes, untargeted: true},
	}
	d, skipped, err := b.openDocker(ctx)
	if skipped == "" && program("mmdebstrap") == "" {
		skipped = "mmdebstrap is not installed"
	}
	if err != nil || skipped != "" {
		for i := range rows {
			rows[i].skipped = skipped
		}
		return rows, err
	}
	defer d.done(context.WithoutCancel(ctx))
	if err := d.images(ctx); err != nil {
		return rows, err
	}
	if err := b.rivalRebuilds(ctx, d, rows); err != nil {
		return rows, err
	}
	if err := b.rivalSize(ctx, d, "big", []string{"apps"}, &rows[2]); err != nil {
		return rows, err
	}
	return rows, b.rivalSize(ctx, d, "hello", []string{"Makefile", "c_src", "lib"}, &rows[3])
}

func (b *bench) rivalRebuilds(ctx context.Context, d *docker, rows []row) error {
	file := phoenixDockerfile("big", []string{"apps"})
	out := filepath.Join(b.work, "rival-big.tar")
	edits := int(time.Now().Unix() % 1e8) // never one that a cache knows, Docker's or dram's
	theirs := filepath.Join(b.work, "rival-docker")
	if err := b.generate(ctx, theirs, 0); err != nil {
		return err
	}
	for i, engine := range []string{"native", "buildkit"} {
		ours := filepath.Join(b.work, "rival-"+engine)
		image := func() (float64, error) { return b.image(ctx, ours, out, "--engine", engine) }
		if err := b.generate(ctx, ours, 0); err != nil {
			return err
		}
		for range 2 { // warm; each with an edit, or the result would come from the cache whichever engine made it
			edits++
			if err := b.generate(ctx, ours, edits); err != nil {
				return err
			}
			if _, err := image(); err != nil {
				return err
			}
		}
		if _, err := d.build(ctx, theirs, file); err != nil {
			return err
		}
		edited := func(dir string, build func() (float64, error)) measure {
			return func(int) (float64, error) {
				edits++
				if err := b.generate(ctx, dir, edits); err != nil {
					return 0, err
				}
				return build()
			}
		}
		var err error
		rows[i].ours, rows[i].theirs, err = alternate(min(b.runs, 5), edited(ours, image),
			edited(theirs, func() (float64, error) { return d.build(ctx, theirs, file) }))
		if err != nil {
			return err
		}
	}
	return nil
}

// rivalSize compares the images of an example.
func (b *bench) rivalSize(ctx context.Context, d *docker, example string, sources []string, r *row) error {
	project := filepath.Join(b.work, "rival-docker")
	if example != "big" {
		var err error
		if project, err = b.copyTree("examples/"+example, example+"-rival"); err != nil {
			return err
		}
	}
	image, err := b.layout(ctx, project, "rival-"+example)
	if err != nil {
		return err
	}
	if _, err := d.build(ctx, project, phoenixDockerfile(example, sources)); err != nil {
		return err
	}
	ours, err := layersSize(image)
	if err != nil {
		return err
	}
	theirs, err := d.size(ctx, rivalImage)
	r.ours, r.theirs = []float64{ours}, []float64{theirs}
	return err
}
