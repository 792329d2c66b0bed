package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/docker/go-units"

	"dram/internal/problem"
	"dram/internal/store"
	"dram/internal/ui"
)

// limitVariable says how large the cache may become.
const limitVariable = "DRAM_CACHE_LIMIT"

// openStore opens the cache, to look at it or to prune it.
func (g *globals) openStore() (*store.Store, error) {
	limit, err := cacheLimit(os.Getenv(limitVariable))
	if err != nil {
		return nil, err
	}
	dir, err := g.cacheDirectory()
	if err != nil {
		return nil, err
	}
	st, err := store.Open(dir)
	if err != nil {
		return nil, err
	}
	g.opened, g.limit = append(g.opened, st), limit
	return st, nil
}

// beginStore opens the cache, to work with it.
func (g *globals) beginStore() (*store.Store, error) {
	st, err := g.openStore()
	if err != nil {
		return nil, err
	}
	return st, st.Begin()
}

// cacheLimit reads a size such as "10GB", "512MiB" or "0".
func cacheLimit(s string) (int64, error) {
	if s == "" {
		return store.DefaultLimit, nil
	}
	parse := units.FromHumanSize
	if strings.HasSuffix(strings.ToLower(s), "ib") {
		parse = units.RAMInBytes
	}
	n, err := parse(s)
	if err != nil || n < 0 || n > 1<<60 {
		return 0, problem.New(problem.Usage, "write it as 10GB, 512MiB, or 0 for no limit", "%s=%q is not a size", limitVariable, s)
	}
	return n, nil
}

// close keeps the cache within its limit and lets go of it.
func (g *globals) close(ctx context.Context) {
	for _, st := range g.opened {
		freed, err := st.Trim(ctx, g.limit)
		if freed > 0 && !g.quiet {
			_, _ = fmt.Fprintf(g.std.Err, "the cache had grown past %s (%s): removed %s of what was used least recently\n",
				ui.Bytes(g.limit), limitVariable, ui.Bytes(freed))
		}
		if err != nil && ctx.Err() == nil {
			_, _ = fmt.Fprintf(g.std.Err, "warning: the cache could not be kept within %s: %v\n", limitVariable, err)
		}
		st.Close()
	}
}

// machine finds in an error what this machine lacks, wherever it came up: files
// that may be open at once, and a cache that can be written to.
func (g *globals) machine(err error) error {
	switch {
	case err == nil || problem.Code(err) == int(problem.Environment) || errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return problem.New(problem.Environment, "raise the limit on open files, as with: ulimit -n 4096", "%w", err)
	case len(g.opened) > 0 && inCache(err, g.opened[0].Dir()):
		return problem.New(problem.Environment,
			"see that the cache's disk is writable and has room, and that all of it belongs to you; or set DRAM_CACHE_DIR to another directory\n"+
				"(the cache is at "+g.opened[0].Dir()+")", "%w", err)
	}
	return err
}

// unwritable are the reasons why a file cannot be written that no other try
// overcomes.
var unwritable = []error{syscall.EROFS, syscall.EACCES, syscall.EPERM, syscall.ENOSPC, syscall.EDQUOT}

// inCache says whether err is that a file of the cache cannot be written.
func inCache(err error, dir string) bool {
	path := ""
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		path = e.Path
	} else if e, ok := errors.AsType[*os.LinkError](err); ok {
		path = e.New
	}
	if !strings.HasPrefix(path, dir+string(os.PathSeparator)) {
		return false
	}
	for _, why := range unwritable {
		if errors.Is(err, why) {
			return true
		}
	}
	return false
}
