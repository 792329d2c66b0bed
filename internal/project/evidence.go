package project

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"dram/internal/project/elixir"
)

// builders are packages by which others have native code built, or fetched where that is
// there for the platform.
var builders = []string{"elixir_make", "cc_precompiler", "rustler", precompiled, "zigler"}

const precompiled = "rustler_precompiled"

// Natives is what tells of native code in the project, or by mix.lock in what it depends on.
func (p *Project) Natives() []string {
	found := slices.Clone(p.NativeCode)
	for _, name := range builders {
		if slices.Contains(p.Locked, name) {
			found = append(found, "mix.lock: "+name)
		}
	}
	return found
}

// native notes what in the directory dir, with a mix.exs, needs a C or Rust
// compiler.
func (r *reader) native(dir string, config elixir.Value) {
	uses := false
	evidence := func(format string, args ...any) {
		r.p.NativeCode = append(r.p.NativeCode, fmt.Sprintf(format, args...))
	}
	mix := path.Join(dir, "mix.exs")
	compilers, _ := config.Get("compilers")
	for _, c := range compilers.Atoms() {
		if c == "elixir_make" || c == "rustler" || c == "make" {
			evidence("%s: compiler :%s", mix, c)
			uses = true
		}
	}
	if v, ok := config.Get("make_precompiler"); ok && v.Type != elixir.Unknown {
		evidence("%s: make_precompiler", mix)
	}
	deps, _ := config.Get("deps")
	for _, it := range deps.Items {
		if d, _ := dep(dir, it); d.Name != precompiled && slices.Contains(builders, d.Name) {
			evidence("%s: dependency :%s", mix, d.Name)
			uses = true
		}
	}
	if src := path.Join(dir, "c_src"); r.dir(src) {
		evidence("%s", r.sources(src))
		uses = true
	}
	for _, at := range []string{"c_src/CMakeLists.txt", "CMakeLists.txt"} {
		if cmake := path.Join(dir, at); r.Has(cmake) && (uses || at != "CMakeLists.txt") {
			evidence("%s", cmake)
		}
	}
	if makefile := path.Join(dir, "Makefile"); uses && r.Has(makefile) {
		evidence("%s", makefile)
	}
	for _, e := range r.entries(path.Join(dir, "native")) {
		if cargo := path.Join(dir, "native", e.Name(), "Cargo.toml"); r.Has(cargo) {
			evidence("%s", cargo)
		}
	}
}

// sources is c_src with the first source file in it, if there is one.
func (r *reader) sources(dir string) string {
	for _, e := range r.entries(dir) {
		switch path.Ext(e.Name()) {
		case ".c", ".cc", ".cpp", ".cxx", ".m":
			return path.Join(dir, e.Name())
		}
	}
	return dir + "/"
}

// finish derives what depends on all that was read.
func (r *reader) finish() {
	p := r.p
	lock, ok, _ := r.Text(cmp.Or(p.LockFile, "mix.lock"), maxLock) // one that cannot be read is Mix's to refuse
	p.HasLock = ok
	p.UsesHex = strings.Contains(lock, "{:hex,")
	for _, d := range p.Deps {
		p.UsesHex = p.UsesHex || d.Source == Hex
	}
	items := locked(lock)
	p.Locked, p.LockedGit = lockedNames(items), lockedGit(items)
	p.LockedDeps = lockedDeps(items)
	p.Rustler = users(items, precompiled)
	p.Rust = slices.DeleteFunc(users(items, "rustler"), func(name string) bool { return slices.Contains(p.Rustler, name) })
	p.Keyless = r.keyless(items)
	r.configured()
	r.asks()
	r.private(items)
	r.packages()
	for _, list := range []*[]string{&p.OwnApps, &p.NativeCode, &p.Aliases} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
}
