package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"dram/internal/rootfs"
	"dram/internal/store"
	"dram/internal/untar"
	"dram/internal/upstream"
)

// upstreamRecipe changes whenever the same files would give another toolchain.
const upstreamRecipe = 1

// LeftOut is what Erlang/OTP is compiled without, for people.
const LeftOut = "wx, debugger, et, observer, reltool, megaco, jinterface"

// mixture is a system with parts laid over it, each made once and kept.
type mixture struct {
	store    *store.Store
	provider *Provider
	compiler *Toolchain // where they are compiled
	parts    []component
}

// keptPart is a part as it was made: a layer.
type keptPart struct {
	packedLayer
	Took time.Duration `json:"took"` // to compile it
}

// lay lays the first n parts over the system in dir.
func (m *mixture) lay(ctx context.Context, dir string, n int, tell Progress) error {
	if err := supersede(dir, m.parts[:n]); err != nil {
		return err
	}
	for i := range m.parts[:n] {
		kept, err := m.part(ctx, i, tell)
		if err != nil {
			return err
		}
		if err := m.extract(ctx, kept, dir); err != nil {
			return fmt.Errorf("laying %s over the system: %w", m.parts[i], err)
		}
	}
	return nil
}

// aside is where a layer is unpacked before its files go where they belong.
const aside = ".dram-laid"

func (m *mixture) extract(ctx context.Context, l keptPart, dir string) (err error) {
	r, err := m.store.OpenGzip(l.Digest)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // only read
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // only a handle
	if err := errors.Join(root.RemoveAll(aside), root.Mkdir(aside, 0o700)); err != nil {
		return err
	}
	if _, err := untar.Extract(ctx, r, filepath.Join(dir, aside), untar.Options{}); err != nil {
		return err
	}
	return errors.Join(merge(root, aside, "."), root.RemoveAll(aside))
}

// merge moves what lies in one directory of a root into another; what is there makes
// room, but a directory keeps what is in it.
func merge(root *os.Root, from, to string) error {
	entries, err := fs.ReadDir(root.FS(), from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		src, dst := path.Join(from, e.Name()), path.Join(to, e.Name())
		there, err := root.Stat(dst)
		if err == nil && there.IsDir() && e.IsDir() {
			err = merge(root, src, dst)
		} else {
			err = errors.Join(root.RemoveAll(dst), root.Rename(src, dst))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// part is a part as a layer: from the cache, or made.
func (m *mixture) part(ctx context.Context, i int, tell Progress) (kept keptPart, err error) {
	key := m.key(i + 1)
	unlock, err := m.store.Lock(ctx, "upstream-"+key, func() {
		m.provider.call(tell).progress("waiting for another dram, which makes %s", m.parts[i])
	})
	if err != nil {
		return kept, err
	}
	defer unlock()
	if m.store.Get("part", key, &kept) && m.store.HasBlob(kept.Digest, kept.Size) && m.store.VerifyBlob(kept.Digest) == nil {
		return kept, nil
	}
	tmp, done, err := m.store.TempDir("upstream")
	if err != nil {
		return kept, err
	}
	defer done()
	start := time.Now()
	out, err := m.make(ctx, i, tmp, tell)
	if err != nil {
		return kept, err
	}
	kept.Took = time.Since(start).Round(time.Second)
	if kept.packedLayer, err = m.packPart(ctx, out, m.parts[i].Wanted); err != nil {
		return kept, err
	}
	if m.parts[i].file.Form == upstream.Source {
		if err := m.store.Put("took", string(m.parts[i].Software), kept.Took); err != nil {
			return kept, err
		}
	}
	return kept, m.store.Put("part", key, kept)
}

// packPart looks at what was made and packs it.
func (m *mixture) packPart(ctx context.Context, out string, w upstream.Wanted) (l packedLayer, err error) {
	dir, err := rootfs.Dir(out)
	if err != nil {
		return l, err
	}
	defer func() { _ = dir.Close() }() // only read
	if err := hasPart(w, dir); err != nil {
		return l, fmt.Errorf("making %s: %w", w, err)
	}
	root, err := os.OpenRoot(out)
	if err != nil {
		return l, err
	}
	defer func() { _ = root.Close() }() // only read
	return pack(ctx, m.store, out, root.FS())
}

// make makes a part below tmp, and tells where.
func (m *mixture) make(ctx context.Context, i int, tmp string, tell Progress) (out string, err error) {
	c, one := m.provider.call(tell), m.parts[i]
	if err := c.releases().Fetch(ctx, one.file); err != nil {
		return "", err
	}
	if one.file.Form == upstream.Beams {
		out = filepath.Join(tmp, "out")
		return out, m.install(ctx, c, one, out)
	}
	root := filepath.Join(tmp, "root")
	if err := os.Mkdir(root, 0o755); err != nil { //nolint:gosec // a system's top
		return "", err
	}
	if err := m.compiler.fill(ctx, root, tell); err != nil {
		return "", err
	}
	if err := m.lay(ctx, root, i, tell); err != nil {
		return "", err
	}
	if err := supersede(root, m.parts[i:i+1]); err != nil {
		return "", err
	}
	src := filepath.Join(root, filepath.FromSlash(compileDir))
	if err := os.MkdirAll(src, 0o755); err != nil { //nolint:gosec // as in a system
		return "", err
	}
	c.progress("unpacking %s", one.file.Name)
	if err := c.releases().Unpack(ctx, one.Wanted, one.file, src); err != nil {
		return "", err
	}
	return filepath.Join(root, compiledDir), m.compile(ctx, c, one, root)
}

// Where sources are compiled, which is the same each time, and where what they
// install goes: inside the root.
const (
	compileDir  = "usr/src/dram"
	compiledDir = "usr/src/dram-out"
)

// compile runs the steps of a part.
func (m *mixture) compile(ctx context.Context, c *call, one component, root string) error {
	configure, err := c.configurer()
	if err != nil {
		return err
	}
	env := append(hermetic(), "HOME=/root", "TMPDIR=/tmp", "PATH="+m.path(), "MAKEFLAGS=-j"+strconv.Itoa(runtime.NumCPU()))
	for _, s := range steps(one.Software) {
		log := &stepLog{tell: func(n int) { c.progress("compiling %s: %s, %d lines so far", one, s.name, n) }}
		c.progress("compiling %s: %s", one, s.name)
		if err := configure.Run(ctx, root, []string{"/bin/sh", "-ec", "cd /" + compileDir + "\n" + s.script}, env, log); err != nil {
			return log.failed(ctx, one.Wanted, s, err)
		}
	}
	return nil
}

// hermetic is the environment in which the same source gives the same files.
func hermetic() []string {
	return []string{
		"LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC", "SOURCE_DATE_EPOCH=1",
		"CFLAGS=-O2", "CXXFLAGS=-O2",
		// As for builds: see package plan.
		"ERL_ZFLAGS=+MDe false", "MALLOC_PERTURB_=255", "GLIBC_TUNABLES=glibc.malloc.tcache_count=0",
	}
}

// path is the system's PATH, with what is laid over it first.
func (m *mixture) path() string {
	for _, kv := range m.compiler.Config.Env {
		if len(kv) > 5 && kv[:5] == "PATH=" {
			return "/" + prefix + "/bin:" + kv[5:]
		}
	}
	return defaultPath
}

// step is one step of compiling; script runs in the source's directory.
type step struct{ name, script string }

// steps are how each is compiled. Erlang/OTP has a switch of its own for modules
// that do not say where they were compiled: the compiler's option would take the
// directories out of its lists of what depends on what, too. The documents, the examples and the sources that
// only people read are left out; headers stay. So are, as in a distribution's root,
// telephony (megaco), Java, and graphics: wx and the four applications that stand on it.
func steps(s upstream.Software) []step {
	if s == upstream.Elixir {
		return []step{
			{"make", "ERL_COMPILER_OPTIONS=deterministic make compile"},
			{"install", "make install DESTDIR=/" + compiledDir + " PREFIX=/" + prefix + " && rm -rf /" + compiledDir + "/" + prefix + "/share"},
		}
	}
	return []step{
		{"configure", "test -x configure || { echo 'error: the source has no configure'; exit 1; }\n" +
			// Debian takes two scripts out of its sources, which installing asks for.
			"for f in jquery-latest.js jquery.tablesorter.min.js; do test -e lib/common_test/priv/$f || : >lib/common_test/priv/$f; done\n" +
			"./configure --enable-deterministic-build --without-javac --without-megaco --without-wx --without-debugger --without-et --without-observer --without-reltool --prefix=/" + prefix},
		{"make", "make"},
		{"install", "make install DESTDIR=/" + compiledDir + "\ncd /" + compiledDir + "/" + erlangHome + `
rm -rf man lib/*/examples lib/*/c_src lib/*/java_src lib/*/doc
find lib -path '*/src/*' -type f '(' -name '*.erl' -o -name '*.yrl' -o -name '*.xrl' -o -name '*.c' ')' -exec rm -f '{}' +
for app in crypto ssl public_key; do test -e "$(echo lib/$app-*/ebin/$app.app)" || { echo "error: $app was not compiled: OpenSSL was not found"; exit 1; }; done`},
	}
}

// install lays what is compiled already where it belongs.
func (m *mixture) install(ctx context.Context, c *call, one component, out string) error {
	home := filepath.Join(out, filepath.FromSlash(elixirHome))
	bin := filepath.Join(out, prefix, "bin")
	if err := errors.Join(os.MkdirAll(home, 0o755), os.MkdirAll(bin, 0o755)); err != nil { //nolint:gosec // as in a system
		return err
	}
	c.progress("unpacking %s", one.file.Name)
	if err := c.releases().Unpack(ctx, one.Wanted, one.file, home); err != nil {
		return err
	}
	root, err := os.OpenRoot(home)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // only a handle
	for _, name := range elixirPrograms {
		info, err := root.Lstat("bin/" + name)
		if err == nil && !info.Mode().IsRegular() {
			err = fs.ErrInvalid
		}
		if err != nil {
			return fmt.Errorf("%s has no bin/%s: %w", one.file.Name, name, err)
		}
		if err := errors.Join(root.Chmod("bin/"+name, 0o755), os.Symlink("../lib/elixir/bin/"+name, filepath.Join(bin, name))); err != nil {
			return err
		}
	}
	return nil
}
