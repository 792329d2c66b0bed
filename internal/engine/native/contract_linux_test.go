package native_test

import (
	"testing"

	"dram/internal/engine"
	"dram/internal/engine/enginetest"
	"dram/internal/engine/native"
	"dram/internal/store"
)

func TestContract(t *testing.T) {
	tc, root := enginetest.Toolchain(t)
	enginetest.Run(t, enginetest.Suite{
		New:       func(_ *testing.T, st *store.Store) engine.Engine { return native.New(st) },
		Toolchain: tc, Root: root,
	})
}
