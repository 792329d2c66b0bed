package toolchain

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"strings"

	"dram/internal/manifest"
	"dram/internal/release"
	"dram/internal/store"
)

// SawRuntime compares what a release took from the toolchain — the VM, OTP,
// Elixir — with what was unpacked: a file is the same, or the one that the tool
// made it of (modules are stripped) is sound. The error is a *store.Damage. That
// these very files come of a sound toolchain is kept, so that an edit of the
// project does not read them again. root is the toolchain's, open.
func (t *Toolchain) SawRuntime(ctx context.Context, root RootFS, files []release.File) error {
	if t.dir != "" {
		return nil // nothing says of this machine what it should be
	}
	key := t.runtimeKey(files)
	var seen bool
	if t.store.Get("runtime", key, &seen) && seen {
		return nil
	}
	made := t.installed()
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		e, ok := made[part(f.Path)]
		if !ofToolchain(f) || !ok || store.Digest(e.SHA256()) == f.Digest {
			continue
		}
		if err := readThrough(root, e.Path); err != nil {
			return fmt.Errorf("reading %q of the toolchain: %w", e.Path, err)
		}
	}
	return t.store.Put("runtime", key, true)
}

func ofToolchain(f release.File) bool {
	return f.Mode.IsRegular() && (f.Origin == release.ERTS || f.Origin == release.OTP || f.Origin == release.Elixir)
}

func (t *Toolchain) runtimeKey(files []release.File) string {
	sum := sha256.New()
	_, _ = fmt.Fprintln(sum, t.Content()) // a hash takes all
	for _, f := range files {
		if ofToolchain(f) {
			_, _ = fmt.Fprintf(sum, "%q %s\n", f.Path, f.Digest)
		}
	}
	return store.SumDigest(sum).Hex()
}

// readThrough opens a file, which reads all of it to compare it.
func readThrough(root fs.FS, name string) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	return f.Close()
}

// installed are the files of Erlang and Elixir in the toolchain, by part.
func (t *Toolchain) installed() map[string]manifest.Entry {
	out := map[string]manifest.Entry{}
	for _, e := range t.m.Entries() {
		if !e.Mode.IsRegular() {
			continue
		}
		for _, dir := range append(erlangRoots, elixirRoots...) {
			rest, ok := strings.CutPrefix(e.Path, dir+"/")
			if _, known := out[part(rest)]; ok && !known {
				out[part(rest)] = e
				break
			}
		}
	}
	return out
}

// part is what a file is of an application, wherever it is installed and in
// whatever directory of its version: "lib/kernel-10.2/ebin/kernel.beam" is
// "lib/kernel/ebin/kernel.beam".
func part(name string) string {
	parts := strings.SplitN(name, "/", 3)
	at := 0
	if parts[0] == "lib" && len(parts) > 1 {
		at = 1
	}
	parts[at], _, _ = strings.Cut(parts[at], "-")
	return strings.Join(parts, "/")
}
