package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/compression"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/distro"
	"dram/internal/distro/debian"
)

// onto measures adding packages to an image that is unpacked already: where none of
// them is in the cache, and again.
func (b *bench) onto(ctx context.Context) ([]row, error) {
	image, err := b.rootImage(ctx)
	if err != nil {
		return nil, err
	}
	cache := filepath.Join(b.work, "cache-onto")
	if _, err := b.root(ctx, cache, image); err != nil {
		return nil, err
	}
	first, err := b.root(ctx, cache, image, "--package", "cmake")
	if err != nil {
		return nil, err
	}
	rows := []row{
		{what: "cmake and what it needs onto an image, from an empty cache", ours: []float64{first}, value: 60},
		{what: "the same again", value: 1},
	}
	for range b.runs {
		again, err := b.root(ctx, cache, image, "--package", "cmake")
		if err != nil {
			return nil, err
		}
		rows[1].ours = append(rows[1].ours, again)
	}
	return rows, nil
}

// root makes the root of a toolchain, and gives the seconds that it took.
func (b *bench) root(ctx context.Context, cache, ref string, more ...string) (float64, error) {
	start := time.Now()
	_, err := b.runDram(ctx, cache, append([]string{"toolchain", "root", ref}, more...)...)
	return time.Since(start).Seconds(), err
}

// rootImage is an image of one layer with the toolchain's root, as a reference.
func (b *bench) rootImage(ctx context.Context) (string, error) {
	root, err := b.runDram(ctx, b.cache, "toolchain", "root", suite)
	if err != nil {
		return "", err
	}
	file := filepath.Join(b.work, "root-layer.tar")
	if _, err := b.output(ctx, nil, "tar", "--numeric-owner", "-C", root, "-cf", file, "."); err != nil {
		return "", err
	}
	layer, err := tarball.LayerFromFile(file, tarball.WithCompression(compression.None), tarball.WithMediaType(types.DockerUncompressedLayer))
	if err != nil {
		return "", err
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return "", err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return "", err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config = "linux", "amd64", v1.Config{Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin"}}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return "", err
	}
	tag, err := name.NewTag("bench/root:1")
	if err != nil {
		return "", err
	}
	out := filepath.Join(b.work, "root-image.tar")
	return "tar:" + out, tarball.WriteToFile(out, tag, img)
}

// What the second benchmark of releases compiles: Elixir, for Erlang/OTP takes longer than
// a benchmark may.
const (
	elixirSource = "/pool/main/e/elixir-lang/elixir-lang_1.18.3.dfsg.orig.tar.xz"
	elixirSum    = "3620a200199328950e309ab1994c014311ee46440d8692a331ad6509edce582f"
)

// releases measures a toolchain with a release of Elixir that is compiled of its source:
// the first time, and again.
func (b *bench) releases(ctx context.Context) ([]row, error) {
	dir := filepath.Join(b.work, "sources")
	if err := errors.Join(os.Mkdir(dir, 0o755), fetchSource(ctx, filepath.Join(dir, "elixir-1.18.3.tar.xz"))); err != nil {
		return nil, err
	}
	flags := []string{"--elixir", "1.18.3", "--sources", dir}
	const below = "distro:debian/12"
	if _, err := b.root(ctx, b.cache, below); err != nil {
		return nil, err
	}
	first, err := b.root(ctx, b.cache, below, flags...)
	if err != nil {
		return nil, err
	}
	rows := []row{
		{what: "Elixir 1.18.3 of its source over Debian 12, compiled", ours: []float64{first}, untargeted: true},
		{what: "the same again", value: 1},
	}
	for range b.runs {
		again, err := b.root(ctx, b.cache, below, flags...)
		if err != nil {
			return nil, err
		}
		rows[1].ours = append(rows[1].ours, again)
	}
	return rows, nil
}

// fetchSource gets the source of Elixir that Debian has.
func fetchSource(ctx context.Context, file string) error {
	mirror := debian.MirrorOf(os.DirFS("/etc"), distro.Mirror{})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, mirror.Archive+elixirSource, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != elixirSum {
		return fmt.Errorf("%s has another checksum (%s)", elixirSource, resp.Status)
	}
	list := elixirSum + "  " + filepath.Base(file) + "\n"
	return errors.Join(os.WriteFile(file, raw, 0o600), os.WriteFile(strings.TrimSuffix(file, filepath.Base(file))+"SHA256SUMS", []byte(list), 0o600))
}
