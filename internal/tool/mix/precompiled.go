package mix

import (
	_ "embed"
	"slices"
	"strings"

	"dram/internal/engine"
	"dram/internal/tool"
)

// Packages that use rustler_precompiled fetch a library while they are compiled, which
// has no network. So one step, without it, has them say what they would fetch; the next
// fetches that, running none of their code, and verifies it by the checksums that they
// bring; and rustler_precompiled finds it in its cache. What elixir_make and
// cc_precompiler would fetch is compiled in the toolchain, as these do it by themselves
// where they cannot fetch: such a library matches what it is to run on.

var (
	//go:embed precompiled_find.exs
	findScript string
	//go:embed precompiled_get.exs
	getPrecompiled string
)

// precompiledHome is where libraries know their caches to be (XDG_CACHE_HOME), inside.
const precompiledHome = "/cache/precompiled"

// fetchesNIFs says whether precompiled NIFs are fetched in steps of their own.
func (c *Common) fetchesNIFs() bool {
	return c.work.Fetch && len(c.Facts.Rustler) > 0 && c.Planner.Settings().BuildNetwork != "host"
}

// precompiled decides what is fetched of precompiled NIFs.
func (c *Common) precompiled(online string) {
	if c.fetchesNIFs() {
		c.Planner.Decide("precompiled", "NIFs of "+tool.Some(c.Facts.Rustler, 6)+", "+online+", by the checksums that the packages bring",
			"they use rustler_precompiled, as mix.lock says")
	}
}

// nifs are the steps that find what is wanted and fetch it.
func (c *Common) nifs(in tool.Circumstances, f fetching) []engine.Step {
	names := "DRAM_PRECOMPILED=" + strings.Join(c.Facts.Rustler, " ")
	find := compiling(in, "find precompiled", "elixir", "-e", findScript)
	find.Needs, find.Env = f.needs, append(slices.Clone(find.Env), names)
	find.InputDigest = tool.FetchKey(f.source, f.needs, append(find.Argv, names))
	get := f.once("fetch precompiled", "elixir", "-e", getScript+getPrecompiled)
	return []engine.Step{find, get}
}
