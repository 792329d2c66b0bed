package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dram/internal/engine"
	"dram/internal/store"
)

// A compiler that is killed leaves a file that is new and half written, and
// make believes it the next time. So a file beside the kept directories tells
// that a step is under way; it goes when the step ends by itself, well or not.
// Where it is found, the step was killed, and what it wrote to is made anew:
// all that lies in the project, and after a step with the network, which
// fills the caches of Hex and Mix, those too.

func (r *run) underWay() string { return filepath.Join(r.home, "under-way") }

// The content of the file.
const (
	alone      = "alone"
	withRemote = "network"
)

// begin removes what a killed run may have left half written.
func (r *run) begin() error {
	raw, err := os.ReadFile(r.underWay())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for a killed build: %w", err)
	}
	doubtful := []string{r.source(), r.source() + ".json"} // what Sync knows of it lies beside it
	for _, k := range r.job.Keep {
		if string(raw) != alone || strings.HasPrefix(k, engine.SourceDir+"/") {
			doubtful = append(doubtful, r.kept(k))
		}
	}
	for _, path := range doubtful {
		if err := store.RemoveAll(path); err != nil {
			return fmt.Errorf("removing what a killed build left: %w", err)
		}
	}
	if err := r.engine.store.Put("steps", r.job.Key, map[string]string{}); err != nil {
		return err
	}
	return os.Remove(r.underWay())
}

// marked runs a step and tells, while it does, that it is under way.
func (r *run) marked(ctx context.Context, s engine.Step) error {
	what := alone
	if s.Network {
		what = withRemote
	}
	if err := r.engine.store.WriteFile(r.underWay(), []byte(what), 0o600); err != nil {
		return err
	}
	err := r.step(ctx, s)
	exit, ended := errors.AsType[*Exit](err)
	if err != nil && (!ended || exit.Signal) {
		return err // it was killed, or who knows
	}
	return errors.Join(err, os.Remove(r.underWay()))
}
