package output

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dram/internal/layer"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/publish"
	"dram/internal/ref"
)

// Tar is the image as one tar.
type Tar struct {
	Path string // where the user wants it
	Dir  string // where else, under its usual name; if both are empty, the plan says
}

// Needs is the image.
func (Tar) Needs() Needs { return Needs{Image: true} }

// Check refuses links that would lead the image out of the project.
func (t Tar) Check(pl *plan.Plan) error { return t.place(pl, pl.Version).Check() }

func (t Tar) place(pl *plan.Plan, version string) publish.Place {
	usual := pl.ImagePath(version)
	switch {
	case t.Path != "":
		return publish.Anywhere(t.Path)
	case t.Dir != "":
		return publish.Anywhere(filepath.Join(t.Dir, filepath.Base(usual)))
	}
	return place(pl, usual)
}

// Write writes the tar.
func (t Tar) Write(ctx context.Context, b *Build) (Written, error) {
	img, err := b.OpenImage()
	if err != nil {
		return Written{}, err
	}
	at := t.place(b.Plan, b.Version)
	_, err = publish.Tar(ctx, at, img, b.Names())
	next := "docker load < %s"
	if b.Plan.Image.How().Format == layer.Zstd { // which not every Docker reads
		next = "dram run %s"
	}
	return Written{Name: "image", Place: at.Path, Size: b.ImageSize(), Next: next}, err
}

// FileUse says which references name a file or a directory that an image is written
// to.
func FileUse() ref.Use {
	return ref.Use{
		Noun:    "output",
		Kinds:   []ref.Kind{ref.Path, ref.Tar, ref.Layout},
		Hint:    "write -o FILE.tar or -o oci:DIR",
		Instead: map[ref.Kind]string{ref.Image: "send it to the registry: --push HOST/NAME:TAG"},
	}
}

// openTar refuses a path that cannot be written.
func openTar(_ context.Context, value string, _ Options) (Output, error) {
	if value == "" {
		return nil, noName()
	}
	r, err := FileUse().Parse(value)
	if err != nil {
		return nil, err
	}
	path := r.Value
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil, problem.New(problem.Usage, "name a file, or use oci:DIR for an image layout", "writing %q: it is a directory", path)
	case err == nil:
		return Tar{Path: path}, nil
	}
	return Tar{Path: path}, canBeMade(path, err)
}

// writable refuses a path that no file can be written to.
func writable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return canBeMade(path, err)
	case info.IsDir():
		return problem.New(problem.Usage, "name a file", "writing %q: it is a directory", path)
	}
	return nil
}

func noName() error {
	return problem.New(problem.Usage, FileUse().Hint, "the output has no name")
}

// canBeMade says why a path that Stat did not find cannot be made, as far as that
// is known before.
func canBeMade(path string, missing error) error {
	if !errors.Is(missing, fs.ErrNotExist) {
		return problem.New(problem.Failure, "write elsewhere with -o", "writing %q: %w", path, missing)
	}
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		hint := "make the directory first: mkdir -p '" + strings.ReplaceAll(dir, "'", `'\''`) + "'"
		return problem.New(problem.Failure, hint, "writing %q: its directory does not exist", path)
	}
	if err == nil && !info.IsDir() {
		return problem.New(problem.Failure, "write elsewhere with -o", "writing %q: %q is not a directory", path, dir)
	}
	return nil // whatever else is in the way, the writing will tell
}
