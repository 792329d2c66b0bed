// Command genprofiles makes the profiles of Debian's suites anew, from the
// signed archive: for each suite and processor a bare system, and one with the
// libraries that releases need most. `go generate ./internal/target` runs it.
//
// A bare system is what Debian marks essential or required, and apt: what
// debootstrap calls minbase, of which Debian's container images are made.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"dram/internal/distro"
	"dram/internal/distro/debian"
	"dram/internal/rootfs"
	"dram/internal/sandbox"
	"dram/internal/store"
	"dram/internal/target"
)

// named are the libraries that releases need most and that a bare system may
// lack, each with the names that its package has had.
var named = []struct {
	sonames  []string
	packages []string
}{
	{[]string{"libcrypto.so.3", "libssl.so.3"}, []string{"libssl3t64", "libssl3"}},
	{[]string{"libcrypto.so.1.1", "libssl.so.1.1"}, []string{"libssl1.1"}},
	{[]string{"libcrypto.so.1.0.2", "libssl.so.1.0.2"}, []string{"libssl1.0.2"}},
	{[]string{"libcrypto.so.1.0.0", "libssl.so.1.0.0"}, []string{"libssl1.0.0"}},
	{[]string{"libtinfo.so.6"}, []string{"libtinfo6"}},
	{[]string{"libtinfo.so.5"}, []string{"libtinfo5"}},
	{[]string{"libncursesw.so.6"}, []string{"libncursesw6"}},
	{[]string{"libncursesw.so.5"}, []string{"libncursesw5"}},
	{[]string{"libstdc++.so.6"}, []string{"libstdc++6"}},
	{[]string{"libgcc_s.so.1"}, []string{"libgcc-s1"}},
	{[]string{"libz.so.1"}, []string{"zlib1g"}},
	{[]string{"libcrypt.so.1"}, []string{"libcrypt1"}},
	{[]string{"libsystemd.so.0"}, []string{"libsystemd0"}},
	{[]string{"libsctp.so.1"}, []string{"libsctp1"}},
	{[]string{"libodbc.so.2"}, []string{"libodbc2", "libodbc1"}},
	{[]string{"libsqlite3.so.0"}, []string{"libsqlite3-0"}},
	{[]string{"libsodium.so.23"}, []string{"libsodium23"}},
	{[]string{"libgomp.so.1"}, []string{"libgomp1"}},
	{[]string{"libatomic.so.1"}, []string{"libatomic1"}},
	{[]string{"libgmp.so.10"}, []string{"libgmp10"}},
	{[]string{"libyaml-0.so.2"}, []string{"libyaml-0-2"}},
	{[]string{"libexpat.so.1"}, []string{"libexpat1"}},
	{[]string{"libffi.so.6"}, []string{"libffi6"}},
	{[]string{"libffi.so.7"}, []string{"libffi7"}},
	{[]string{"libffi.so.8"}, []string{"libffi8"}},
}

func main() {
	sandbox.Main()
	out := flag.String("o", "profiles", "`DIR` to write to")
	cache := flag.String("cache", os.Getenv("DRAM_CACHE_DIR"), "`DIR` with dram's cache")
	flag.Parse()
	if err := run(context.Background(), *out, *cache); err != nil {
		log.Fatal(err)
	}
}

type generator struct {
	store  *store.Store
	client *debian.Client
	mirror distro.Mirror
	musl   bytes.Buffer
	seen   map[string]bool // versions of musl
}

func run(ctx context.Context, out, cache string) error {
	if cache == "" {
		var err error
		if cache, err = store.DefaultDir(); err != nil {
			return err
		}
	}
	st, err := store.Open(cache)
	if err != nil {
		return err
	}
	mirror := debian.MirrorOf(os.DirFS("/etc"), distro.Mirror{})
	g := &generator{store: st, client: debian.New(st, nil, log.Printf), mirror: mirror, seen: map[string]bool{}}
	for _, suite := range debian.Suites() {
		if suite.Codename == "sid" {
			continue
		}
		var doc bytes.Buffer
		for _, arch := range []string{"amd64", "arm64"} {
			if err := g.suite(ctx, &doc, suite, arch); err != nil {
				return fmt.Errorf("%s %s: %w", suite, arch, err)
			}
		}
		if err := compress(filepath.Join(out, "debian-"+suite.Version+".zst"), doc.Bytes()); err != nil {
			return err
		}
	}
	return compress(filepath.Join(out, "musl.zst"), g.musl.Bytes())
}

// compress writes the same bytes for the same profiles.
func compress(name string, b []byte) error {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	return os.WriteFile(name, z.EncodeAll(b, nil), 0o644) //nolint:gosec // a source file
}

// suite writes one profile.
func (g *generator) suite(ctx context.Context, w io.Writer, suite distro.Suite, arch string) error {
	request := debian.Request{Suite: suite, Arch: arch, Mirror: g.mirror, AllowExpired: true}.Bare()
	var packages, absent []string
	for _, n := range named {
		found := ""
		for _, p := range n.packages {
			if has, err := g.has(ctx, request, p); err != nil {
				return err
			} else if has && found == "" {
				found = p
			}
		}
		if found == "" {
			absent = append(absent, n.sonames...)
		} else {
			packages = append(packages, found)
		}
	}
	bare, closeBare, err := g.root(ctx, request, "apt")
	if err != nil {
		return err
	}
	defer closeBare()
	more, closeMore, err := g.root(ctx, request, append(packages, "apt")...)
	if err != nil {
		return err
	}
	defer closeMore()
	known, err := g.known(ctx, request, more)
	if err != nil {
		return err
	}
	from := target.Distilled{Bare: bare, More: more, Known: known, Absent: absent}
	if from.Owners, err = owners(more.Root()); err != nil {
		return err
	}
	if err := target.Distill(w, "profile:"+suite.String(), from); err != nil {
		return err
	}
	return g.addMusl(ctx, request)
}

const maxList = 64 << 20 // bytes of a package's list of files

// owners is the packages of a root's shared libraries, by real path.
func owners(root rootfs.FS) (map[string]string, error) {
	const dir = "var/lib/dpkg/info"
	entries, err := root.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, e := range entries {
		pkg, ok := strings.CutSuffix(e.Name(), ".list")
		if !ok {
			continue
		}
		pkg, _, _ = strings.Cut(pkg, ":")
		b, err := rootfs.ReadFile(root, path.Join(dir, e.Name()), maxList)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(b)) {
			line = strings.TrimSpace(line)
			if !strings.Contains(path.Base(line), ".so") {
				continue
			}
			if real, err := rootfs.Resolve(root, line); err == nil {
				out[real] = pkg
			}
		}
	}
	return out, nil
}

// has says whether the suite has a package.
func (g *generator) has(ctx context.Context, r debian.Request, name string) (bool, error) {
	r.Packages = []string{name}
	set, err := g.client.Resolve(ctx, r)
	if err != nil && strings.Contains(err.Error(), fmt.Sprintf("%q", name)) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, ok := set.Version(name)
	return ok, nil
}

// root makes a target of a bare system and packages. The scripts of another
// processor's packages cannot be run; what they would link, they link as on
// this one.
func (g *generator) root(ctx context.Context, r debian.Request, packages ...string) (*target.Target, func(), error) {
	r.Packages = packages
	set, err := g.client.Resolve(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	dir, done, err := g.store.TempDir("profile")
	if err != nil {
		return nil, nil, err
	}
	var configure distro.Configurer = configurer{g.store}
	if r.Arch != runtime.GOARCH {
		configure = nil
	}
	if err := g.client.Unpack(ctx, set, dir, configure); err != nil {
		return nil, nil, err
	}
	if configure == nil {
		if err := g.linkAsHere(ctx, r, packages, dir); err != nil {
			return nil, nil, err
		}
	}
	root, err := rootfs.Dir(dir)
	if err != nil {
		return nil, nil, err
	}
	t, err := target.New("profile:"+r.Suite.String(), root)
	return t, func() { _ = root.Close(); done() }, err
}

// linkAsHere makes the links of Debian's alternatives in dir that the same
// packages' scripts make for this processor.
func (g *generator) linkAsHere(ctx context.Context, r debian.Request, packages []string, dir string) error {
	r.Arch = runtime.GOARCH
	here, done, err := g.root(ctx, r, packages...)
	if err != nil {
		return err
	}
	defer done()
	for _, in := range []string{"usr/bin", "usr/sbin", "etc/alternatives"} {
		entries, err := here.Root().ReadDir(in)
		if err != nil {
			return err
		}
		for _, e := range entries {
			name := in + "/" + e.Name()
			to, err := here.Root().ReadLink(name)
			if err != nil || in != "etc/alternatives" && !strings.HasPrefix(to, "/etc/alternatives/") {
				continue
			}
			if err := os.Symlink(to, filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrExist) {
				return err
			}
		}
	}
	return nil
}

// known is the facts for people, with where they are from.
func (g *generator) known(ctx context.Context, r debian.Request, more *target.Target) ([]target.Known, error) {
	versions, err := g.client.Versions(ctx, r)
	if err != nil {
		return nil, err
	}
	today := time.Now().UTC().Format(time.DateOnly)
	out := []target.Known{{Fact: "glibc", Value: more.Facts.Libc.Version}}
	for _, f := range []struct{ fact, soname, family, strip string }{
		{"libstdc++", "libstdc++.so.6", "GLIBCXX_", ""},
		{"OpenSSL", "libcrypto.so.3", "OPENSSL_", "libcrypto.so."},
		{"OpenSSL", "libcrypto.so.1.1", "OPENSSL_", "libcrypto.so."},
		{"tinfo", "libtinfo.so.6", "", "libtinfo.so."},
	} {
		newest, ok := more.NewestOf(f.soname, f.family)
		if !ok {
			continue
		}
		value := newest
		if f.strip != "" {
			value = strings.TrimSpace(strings.TrimPrefix(f.soname, f.strip) + " " + newest)
		}
		out = append(out, target.Known{Fact: f.fact, Value: value})
	}
	out = append(out, target.Known{Fact: "Erlang/OTP", Value: versions.Erlang}, target.Known{Fact: "Elixir", Value: versions.Elixir})
	for i := range out {
		out[i].Source, out[i].Date = target.Verified, today
	}
	return out, nil
}

// addMusl takes in each version of musl that a suite packages, once.
func (g *generator) addMusl(ctx context.Context, r debian.Request) error {
	t, done, err := g.root(ctx, r, "musl")
	if err != nil {
		return err
	}
	defer done()
	version, err := target.DistillMusl(&g.musl, t, g.seen)
	if err == nil {
		log.Printf("%s %s has musl %s", r.Suite, r.Arch, version)
	}
	return err
}

// configurer runs packages' scripts in the sandbox.
type configurer struct{ store *store.Store }

func (c configurer) Run(ctx context.Context, root string, argv, env []string, out io.Writer) error {
	scratch, done, err := c.store.TempDir("configure")
	if err != nil {
		return err
	}
	defer done()
	return sandbox.Run(ctx, sandbox.Spec{Root: root, Scratch: scratch, Argv: argv, Env: env, Stdio: sandbox.Stdio{Stdout: out, Stderr: out}, Reap: true})
}
