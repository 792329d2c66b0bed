package buildkit_test

import (
	"os"
	"testing"

	"dram/internal/daemon"
	"dram/internal/engine"
	"dram/internal/engine/buildkit"
	"dram/internal/engine/buildkit/buildkitdtest"
	"dram/internal/engine/enginetest"
	"dram/internal/sandbox"
	"dram/internal/store"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	os.Exit(m.Run())
}

// docker connects to the daemon of this machine, or leaves the test out.
func docker(t *testing.T) *daemon.Client {
	t.Helper()
	d, err := daemon.Connect(t.Context(), os.Environ())
	if err != nil || d.Podman() {
		t.Skipf("no Docker daemon: %v", err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func suite(t *testing.T, at buildkit.Address) enginetest.Suite {
	t.Helper()
	tc, root := enginetest.Toolchain(t)
	return enginetest.Suite{
		New:       func(_ *testing.T, st *store.Store) engine.Engine { return buildkit.New(st, at) },
		Toolchain: tc, Root: root,
	}
}

func TestContractInDocker(t *testing.T) {
	docker(t)
	enginetest.Run(t, suite(t, buildkit.Address{URL: buildkit.Docker, Environ: os.Environ()}))
}

func TestContractInBuildkitd(t *testing.T) {
	enginetest.Run(t, suite(t, buildkitdtest.Start(t, buildkitdtest.Options{}).Address))
}
