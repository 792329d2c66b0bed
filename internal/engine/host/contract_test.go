//go:build unix

package host_test

import (
	"path/filepath"
	"testing"

	"dram/internal/engine"
	"dram/internal/engine/enginetest"
	"dram/internal/engine/host"
	"dram/internal/store"
)

// The suite's jobs need no more than a shell, so this machine is their
// toolchain. Their source comes to lie in a directory of the test's.
func TestContract(t *testing.T) {
	enginetest.Run(t, enginetest.Suite{
		New: func(t *testing.T, st *store.Store) engine.Engine {
			return host.New(st, host.Options{At: filepath.Join(t.TempDir(), "app")})
		},
		Toolchain: engine.Toolchain{Name: "host"}, Root: "/",
		Shared: true, Networked: true, AtOnce: true,
	})
}
