package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"dram/internal/problem"
	"dram/internal/store"
)

const againHint = "run dram again; if it stays, remove its cache with `dram cache prune`"

// complete is spec with the defaults filled in, or says what it lacks.
func complete(spec Spec) (Spec, error) {
	if len(spec.Argv) == 0 || spec.Argv[0] == "" {
		return spec, errors.New("running a sandbox: no command")
	}
	if (spec.Root == "") == (len(spec.Lower) == 0) {
		return spec, errors.New("running a sandbox: give either Root or Lower")
	}
	setDefault(&spec.Dir, "/")
	setDefault(&spec.Hostname, "dram")
	setDefault(&spec.Limits.OpenFiles, 65536)
	setDefault(&spec.Limits.Processes, 8192)
	setDefault(&spec.Limits.Core, 1)
	setDefault(&spec.Grace, 10*time.Second)
	if !path.IsAbs(spec.Dir) {
		return spec, fmt.Errorf("running a sandbox: working directory %q is not absolute", spec.Dir)
	}
	if err := checkDirs(spec); err != nil {
		return spec, err
	}
	return spec, checkTargets(spec)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// checkDirs finds missing directories here, where the message is better than
// the kernel's about an overlay.
func checkDirs(spec Spec) error {
	dirs := append([]string(nil), spec.Lower...)
	if spec.Root != "" {
		dirs = append(dirs, spec.Root)
	} else {
		dirs = append(dirs, spec.Scratch)
	}
	if spec.Upper != "" {
		dirs = append(dirs, spec.Upper)
	}
	for _, dir := range dirs {
		if !filepath.IsAbs(dir) {
			return fmt.Errorf("running a sandbox: directory %q is not absolute", dir)
		}
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			err = errors.New("not a directory")
		}
		if err != nil {
			return problem.New(problem.Environment, againHint, "running a sandbox: opening %q: %w", dir, err)
		}
	}
	return nil
}

func checkTargets(spec Spec) error {
	targets := append([]string(nil), spec.Tmpfs...)
	for _, m := range spec.Mounts {
		targets = append(targets, m.Target)
		if !filepath.IsAbs(m.Source) {
			return fmt.Errorf("running a sandbox: mount source %q is not absolute", m.Source)
		}
	}
	for _, t := range targets {
		if !path.IsAbs(t) || path.Clean(t) == "/" {
			return fmt.Errorf("running a sandbox: mount target %q is not a path below the root", t)
		}
	}
	for _, s := range append(append([]string(nil), spec.Argv...), spec.Env...) {
		if strings.ContainsRune(s, 0) {
			return errors.New("running a sandbox: a NUL byte in the command or its environment")
		}
	}
	return nil
}

// clearScratch removes what an overlay leaves in Scratch, some of it without
// any permission bits. What stays after an error, the caller removes.
func clearScratch(spec Spec) {
	if spec.Root != "" {
		return
	}
	for _, name := range []string{scratchRoot, scratchWork, scratchUpper} {
		_ = store.RemoveAll(filepath.Join(spec.Scratch, name))
	}
}

// placeholders notes which of the files that the sandbox mounts its own over
// are missing in a directory that is kept; the function returned removes the
// empty ones that were made for it.
func placeholders(spec Spec) (tidy func()) {
	keep := spec.Root
	if keep == "" {
		keep = spec.Upper
	}
	root, err := os.OpenRoot(keep)
	if keep == "" || err != nil {
		return func() {}
	}
	var missing []string
	for _, name := range []string{"etc/hosts", "etc/resolv.conf"} {
		if _, err := root.Lstat(name); errors.Is(err, os.ErrNotExist) {
			missing = append(missing, name)
		}
	}
	return func() {
		for _, name := range missing {
			info, err := root.Lstat(name)
			if err == nil && info.Mode().IsRegular() && info.Size() == 0 {
				_ = root.Remove(name) // an empty file left behind is no harm
			}
		}
		_ = root.Close()
	}
}
