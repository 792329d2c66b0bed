package e2e

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/manifest"
)

// The campaign damages files of a cache, one after the other, in every way that
// there is, and builds: the image is the one that it was, the exit code 0, and
// the next build finds nothing to mend. The cache is never put right by the test:
// each case begins with what dram mended in the one before.
//
// DRAM_CAMPAIGN=1 runs all of it; else a sample. DRAM_SEED chooses other files.

// victim is a cache with one project's image in it.
type victim struct {
	t       *testing.T
	cache   string
	project string
	tool    string // the toolchain's reference
	digest  string
	rand    *rand.Rand
}

// injury is one file and what is done to it.
type injury struct {
	sort string // what the file is
	find string // glob in the cache, or a path in a tree
	how  string
}

func TestCacheDamage(t *testing.T) {
	real(t)
	c := newVictim(t)
	cases := c.cases()
	if os.Getenv("DRAM_CAMPAIGN") == "" {
		cases = sample(cases)
	} else if len(cases) < 100 {
		t.Errorf("%d cases", len(cases))
	}
	mended := 0
	for i, d := range cases {
		name := fmt.Sprintf("%03d %s %s", i, d.sort, d.how)
		t.Run(name, func(t *testing.T) {
			at := &victim{t: t, cache: c.cache, project: c.project, tool: c.tool, digest: c.digest, rand: c.rand}
			if at.try(d) {
				mended++
			}
		})
	}
	t.Logf("%d files damaged, %d times dram said so", len(cases), mended)
	c.t = t
	c.sound()
}

// sample is one file of each sort, each damaged in another way, as far as a
// minute goes.
func sample(cases []injury) []injury {
	var out []injury
	for i, sort := range []string{
		"libc", "CA bundle", "sed", "Elixir module", "manifest of a tree", "layer, member or package", "record closure",
		"record result", "record member", "lock", "module in _build", "log",
	} {
		var of []injury
		for _, d := range cases {
			if d.sort == sort {
				of = append(of, d)
			}
		}
		if len(of) > 0 {
			out = append(out, of[i%len(of)])
		}
	}
	return out
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() { removeAll(filepath.Join(dir, "cache")) })
	root := strings.TrimSpace(dram{args: []string{"toolchain", "root", "distro:debian/13"}, dir: dir}.ok(t).stdout)
	slim(t, root, filepath.Join(dir, "toolchain"))
	c := &victim{
		t: t, cache: filepath.Join(dir, "cache"), project: write(t, filepath.Join(dir, "project"),
			"mix.exs", `defmodule Tiny.MixProject do
  use Mix.Project
  def project, do: [app: :tiny, version: "0.1.0", elixir: "~> 1.14", releases: [tiny: []]]
  def application, do: [extra_applications: [:logger, :crypto]]
end
`, "lib/tiny.ex", "defmodule Tiny do\n  def hello, do: :world\nend\n", "config/config.exs", "import Config\n"),
		tool: "oci:" + filepath.Join(dir, "toolchain"),
	}
	var seed uint64 = 8
	if s := os.Getenv("DRAM_SEED"); s != "" {
		_, _ = fmt.Sscan(s, &seed)
	}
	c.rand = rand.New(rand.NewPCG(seed, seed))
	c.digest = c.image().ok(t).digest(t)
	return c
}

// slim makes an image of what of a toolchain's root a small project needs, and
// of something of each sort besides.
func slim(t *testing.T, root, to string) {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, p)
		if err != nil || rel == "." {
			return err
		}
		if !needed(rel) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		return addFile(w, p, rel, d)
	})
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), static.NewLayer(buf.Bytes(), types.OCIUncompressedLayer))
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", "amd64"
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	where, err := layout.Write(to, empty.Index)
	if err == nil {
		err = where.AppendImage(img, layout.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"}))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func addFile(w *tar.Writer, p, rel string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(p); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	if h.Name = filepath.ToSlash(rel); d.IsDir() {
		h.Name += "/"
	}
	h.Uid, h.Gid, h.Uname, h.Gname, h.ModTime = 0, 0, "", "", time.Unix(1, 0)
	if err := w.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return err
	}
	raw, err := os.ReadFile(p)
	if err == nil {
		_, err = w.Write(raw)
	}
	return err
}

func needed(rel string) bool {
	if slices.Contains([]string{
		"usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/perl", "usr/share/perl5", "usr/share/info", "usr/share/i18n",
		"usr/share/zoneinfo", "usr/share/git-core", "usr/share/bash-completion", "usr/share/mime", "usr/share/X11", "usr/lib/git-core",
		"usr/lib/python3", "usr/lib/python3.13", "usr/share/python3", "usr/include/linux", "usr/include/c++", "usr/include/x86_64-linux-gnu",
		"usr/include/asm-generic", "usr/include/rdma", "usr/include/drm", "usr/include/sound", "usr/include/openssl",
		"usr/lib/x86_64-linux-gnu/perl", "usr/lib/x86_64-linux-gnu/perl-base", "usr/lib/x86_64-linux-gnu/gconv", "usr/libexec/git-core",
		"usr/lib/debug", "usr/share/ca-certificates", "usr/share/zsh", "usr/bin/git", "usr/bin/scalar", "usr/bin/perl", "usr/bin/perl5.40.1", "var", "usr/share/dpkg", "usr/share/debconf", "usr/share/lintian",
	}, rel) {
		return false
	}
	if strings.HasSuffix(rel, ".a") || strings.Contains(rel, "san.so") || strings.Contains(rel, "/gcc/") && strings.Count(rel, "/") > 4 && path.Base(rel) != "cc1" {
		return false
	}
	if rest, ok := strings.CutPrefix(rel, "usr/lib/erlang/lib/"); ok {
		app, in, _ := strings.Cut(rest, "/")
		name, _, _ := strings.Cut(app, "-")
		return slices.Contains([]string{"kernel", "stdlib", "compiler", "crypto", "sasl", "ssl", "public_key", "asn1", "parsetools", "syntax_tools", "tools", "runtime_tools", "inets", "mnesia", "xmerl", "eunit"}, name) &&
			!strings.HasPrefix(in, "src") && !strings.HasPrefix(in, "doc") && !strings.HasPrefix(in, "examples")
	}
	return true
}

func (c *victim) image() dram {
	return dram{
		args: []string{"image", "--toolchain", c.tool, "-o", filepath.Join(filepath.Dir(c.project), "out.tar")},
		dir:  c.project, cache: c.cache,
	}
}

// cases are the files and what is done to each.
func (c *victim) cases() []injury {
	all := []string{"flip", "cut", "delete", "directory", "pipe", "link"}
	var out []injury
	add := func(sort, find string, hows ...string) {
		for _, how := range hows {
			out = append(out, injury{sort, find, how})
		}
	}
	tree := "trees/root/*/"
	add("libc", tree+"usr/lib/x86_64-linux-gnu/libc.so.6", append(all, "hidden")...)
	add("CA bundle", tree+"etc/ssl/certs/ca-certificates.crt", append(all, "hidden")...)
	add("sed", tree+"usr/bin/sed", append(all, "hidden")...)
	add("shell", tree+"usr/bin/dash", "flip", "cut", "delete", "hidden")
	add("compiler driver", tree+"usr/bin/x86_64-linux-gnu-gcc-1?", "flip", "cut", "delete", "link")
	add("cc1", tree+"usr/libexec/gcc/x86_64-linux-gnu/*/cc1", "flip", "cut", "delete")
	add("VM", tree+"usr/lib/erlang/erts-*/bin/beam.smp", "flip", "cut", "delete", "hidden")
	add("OTP module", tree+"usr/lib/erlang/lib/stdlib-*/ebin/*.beam", "flip", "cut", "delete", "directory", "hidden")
	add("OTP module that compiles", tree+"usr/lib/erlang/lib/compiler-*/ebin/v3_core.beam", "flip", "delete", "hidden")
	add("Elixir module", tree+"usr/lib/elixir/lib/elixir/ebin/*.beam", "flip", "cut", "delete", "pipe", "hidden")
	add("Elixir module that compiles", tree+"usr/lib/elixir/lib/elixir/ebin/elixir_compiler.beam", "flip", "cut", "hidden")
	add("boot script", tree+"usr/lib/erlang/bin/start.boot", "flip", "cut", "delete", "hidden")
	add("header", tree+"usr/include/std*.h", "flip", "cut", "delete")
	add("link of a tree", tree+"usr/bin/awk", "delete", "link", "directory")
	add("any file of a tree", tree+"*/*/*", "flip", "cut", "delete", "link")
	add("manifest of a tree", "trees/root/*.ok", all...)
	add("tree", "trees/root/*[0-9a-f]", "delete", "pipe")
	for _, how := range all {
		add("layer, member or package", "blobs/sha256/*/*", how, how)
	}
	kinds, err := os.ReadDir(filepath.Join(c.cache, "records"))
	if err != nil || len(kinds) < 8 {
		c.t.Fatal(kinds, err)
	}
	for _, kind := range kinds {
		add("record "+kind.Name(), "records/"+kind.Name()+"/*", all[c.rand.IntN(6)], all[c.rand.IntN(6)], "copy")
	}
	add("lock", "locks/*", "delete", "directory", "pipe", "link")
	add("module in _build", "projects/build/*/keep/*/prod/lib/tiny/ebin/*.beam", "flip", "cut", "delete", "pipe")
	add("module of the assembled release", "projects/build/*/keep/*/prod/rel/tiny/lib/*/ebin/*.beam", "flip", "cut", "delete")
	add("staged source", "projects/build/*/source/lib/*.ex", "flip", "cut", "delete")
	add("log", "projects/logs/*/build.log", all...)
	return out
}

// try damages a file, builds with the result of before and without it, and
// builds once more. It tells whether dram said something.
func (c *victim) try(d injury) bool {
	c.t.Helper()
	found := c.find(d)
	if found == "" {
		c.t.Fatalf("no file is %q", d.find)
	}
	rel, _ := filepath.Rel(c.cache, found)
	if err := c.hurt(found, d.how); err != nil {
		c.t.Fatalf("%s: %v", rel, err)
	}
	c.wants(rel)
	if err := os.RemoveAll(filepath.Join(c.cache, "records", "result")); err != nil {
		c.t.Fatal(err)
	}
	said := c.wants(rel)
	if tree := strings.HasPrefix(rel, "trees/"); tree && d.how != "hidden" && !strings.Contains(said, "is unpacked anew") {
		c.t.Errorf("%s: nothing is said of it:\n%s", rel, said)
	}
	if again := c.wants(rel); strings.Contains(again, "anew") {
		c.t.Errorf("%s: it is not mended:\n%s", rel, again)
	}
	for line := range strings.SplitSeq(said, "\n") {
		if strings.Contains(line, "anew") {
			c.t.Log(strings.TrimSpace(line))
		}
	}
	return strings.Contains(said, "anew")
}

// wants is an image as before, and what was said.
func (c *victim) wants(rel string) string {
	c.t.Helper()
	begun := time.Now()
	r := c.image().run(c.t)
	if r.code != 0 || strings.TrimSpace(r.stdout) != c.digest {
		c.t.Errorf("%s damaged: exit %d, %q, want 0, %s\n%s", rel, r.code, r.stdout, c.digest, r.stderr)
	}
	if took := time.Since(begun); took > 5*time.Minute {
		c.t.Errorf("%s damaged: it took %s", rel, took)
	}
	return r.stderr
}

// sound is a cache in which nothing is left to mend.
func (c *victim) sound() {
	c.t.Helper()
	r := dram{args: []string{"cache", "verify"}, dir: c.project, cache: c.cache}.ok(c.t)
	c.t.Logf("cache verify: %s", r.stdout)
	if r = (dram{args: []string{"cache", "verify"}, dir: c.project, cache: c.cache}).ok(c.t); !strings.Contains(r.stdout, "all of it sound") {
		c.t.Errorf("verified twice:\n%s", r.stdout)
	}
	c.wants("nothing")
}

func (c *victim) find(d injury) string {
	all, err := filepath.Glob(filepath.Join(c.cache, d.find))
	if err != nil {
		c.t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(p string) bool {
		info, err := os.Lstat(p)
		if err != nil || d.sort == "tree" || d.sort == "link of a tree" {
			return err != nil
		}
		return !info.Mode().IsRegular() || info.Size() == 0 && d.sort != "lock"
	})
	if len(all) == 0 {
		return ""
	}
	return all[c.rand.IntN(len(all))]
}

// hurt damages a file.
func (c *victim) hurt(p, how string) error {
	info, err := os.Lstat(p)
	if err != nil {
		return err
	}
	switch how {
	case "flip", "hidden":
		return errors.Join(c.flip(p, info), c.conceal(p, how))
	case "cut":
		return os.Truncate(p, info.Size()/2)
	case "delete":
		return instead(p, nil)
	case "directory":
		return instead(p, func() error { return os.MkdirAll(filepath.Join(p, "x"), 0o700) })
	case "pipe":
		return instead(p, func() error { return syscall.Mkfifo(p, 0o600) })
	case "link":
		return instead(p, func() error { return os.Symlink("/dev/zero", p) })
	case "copy": // of a sound neighbour
		others, err := os.ReadDir(filepath.Dir(p))
		if err != nil || len(others) < 2 {
			return err
		}
		raw, err := os.ReadFile(filepath.Join(filepath.Dir(p), others[c.rand.IntN(len(others))].Name()))
		return errors.Join(err, os.WriteFile(p, raw, 0o600))
	}
	return fmt.Errorf("no damage %q", how)
}

// instead puts something else in a file's place.
func instead(p string, with func() error) error {
	err := os.RemoveAll(p)
	if err == nil && with != nil {
		err = with()
	}
	return err
}

// flip changes one bit, and nothing of the file's mode.
func (c *victim) flip(p string, info fs.FileInfo) error {
	raw, err := os.ReadFile(p)
	if err != nil {
		return err
	}
	raw[c.rand.IntN(len(raw))] ^= 1 << c.rand.IntN(8)
	return errors.Join(os.Chmod(p, 0o600), os.WriteFile(p, raw, 0o600), os.Chmod(p, info.Mode().Perm()))
}

// conceal makes a tree's manifest take a damaged file's times for those that it
// always had, as if the disk itself had changed it.
func (c *victim) conceal(p, how string) error {
	if how != "hidden" {
		return nil
	}
	rel, err := filepath.Rel(filepath.Join(c.cache, "trees", "root"), p)
	if err != nil {
		return err
	}
	key, _, _ := strings.Cut(rel, "/")
	tree := filepath.Join(c.cache, "trees", "root", key)
	raw, err := os.ReadFile(tree + ".ok")
	if err != nil {
		return err
	}
	was, err := manifest.Parse(raw)
	if err != nil {
		return err
	}
	now, err := manifest.Take(c.t.Context(), tree)
	if err != nil {
		return err
	}
	entries := was.Entries()
	for i, e := range entries {
		got, _ := now.Lookup(e.Path)
		entries[i].Seen = got.Seen
	}
	return os.WriteFile(tree+".ok", manifest.New(time.Now().Add(time.Hour), entries).Bytes(), 0o600)
}
