package pipeline

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dram/internal/problem"
	"dram/internal/publish"
)

// CheckOutput refuses an image's destination, as WriteImage takes it, that
// cannot be one: before a build, not after it.
func CheckOutput(out string) error {
	path, layout := strings.CutPrefix(out, "oci:")
	info, err := os.Stat(path)
	switch {
	case path == "":
		return problem.New(problem.Usage, "write -o FILE.tar or -o oci:DIR", "the output has no name")
	case err == nil && info.IsDir() && !layout:
		return problem.New(problem.Usage, "name a file, or use oci:DIR for an image layout", "writing %q: it is a directory", path)
	case err == nil && !info.IsDir() && layout:
		return problem.New(problem.Usage, "name a directory, or leave \"oci:\" away for a tar", "writing layout %q: it is a file", path)
	case err == nil && layout:
		return publish.CheckLayout(path)
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return problem.New(problem.Failure, "write elsewhere with -o", "writing %q: %w", path, err)
	}
	dir := filepath.Dir(path)
	info, err = os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		hint := "make the directory first: mkdir -p '" + strings.ReplaceAll(dir, "'", `'\''`) + "'"
		return problem.New(problem.Failure, hint, "writing %q: its directory does not exist", path)
	}
	if err == nil && !info.IsDir() {
		return problem.New(problem.Failure, "write elsewhere with -o", "writing %q: %q is not a directory", path, dir)
	}
	return nil // whatever else is in the way, the writing will tell
}
