package mix

import (
	"path"
	"slices"
	"strings"

	"dram/internal/engine"
	"dram/internal/tool"
)

// Code in Rust is compiled without the network, so what it is made of is fetched before,
// in a step that runs none of it: cargo fetch compiles nothing, and compares what comes
// with the checksums of Cargo.lock.

// cargoHome is where cargo keeps what it fetches, inside.
const cargoHome = "/cache/cargo"

// cargoFetch fetches for the manifests that it is given, and for those of the dependencies
// whose directories it is given.
const cargoFetch = `for m do if [ -d "$m" ]; then for f in "$m"/native/*/Cargo.toml; do ` +
	`[ ! -f "$f" ] || cargo fetch --manifest-path "$f"; done; else cargo fetch --manifest-path "$m"; fi; done`

// crates are the manifests of the project's own code in Rust, and the dependencies with
// such code that nobody compiled before, as "deps/NAME".
func (c *Common) crates() (all []string) {
	if c.Planner.Settings().BuildNetwork == "host" {
		return nil
	}
	for _, code := range c.Facts.NativeCode {
		if path.Base(code) == "Cargo.toml" {
			all = append(all, code)
		}
	}
	for _, name := range c.Facts.Rust {
		if c.work.Fetch {
			all = append(all, "deps/"+name)
		}
	}
	return all
}

// fetchedCrates decides that they are fetched.
func (c *Common) fetchedCrates(online string) {
	if all := c.crates(); len(all) > 0 {
		c.Planner.Decide("crates", "cargo fetch for "+tool.Some(all, 6)+", "+online, "they are compiled without it")
	}
}

// crateStep is the step that fetches them.
func (c *Common) crateStep(f fetching) engine.Step {
	f = f.strangers()
	f.needs = slices.Clone(f.needs)
	all := c.crates()
	for _, file := range f.source.Files {
		if base := path.Base(file.Path); ofCargo(base) || strings.HasPrefix(base, "rust-toolchain") || inCrate(all, file.Path) {
			f.needs = append(f.needs, file.Path)
		}
	}
	slices.Sort(f.needs)
	f.needs = slices.Compact(f.needs)
	s := f.once("crates", append([]string{"sh", "-euc", cargoFetch, "cargo"}, all...)...)
	s.Env = append(slices.Clone(s.Env), "CARGO_NET_OFFLINE=false")
	return s
}

func ofCargo(base string) bool { return base == "Cargo.toml" || base == "Cargo.lock" }

// inCrate says whether a file lies beside a manifest or below it, or is cargo's
// configuration: cargo asks whether what a manifest speaks of is there.
func inCrate(manifests []string, name string) bool {
	return strings.HasPrefix(name, ".cargo/") || strings.Contains(name, "/.cargo/") || slices.ContainsFunc(manifests, func(m string) bool {
		return path.Base(m) == "Cargo.toml" && strings.HasPrefix(name, path.Dir(m)+"/")
	})
}
