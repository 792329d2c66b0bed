package image

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"dram/internal/rootfs"
)

// maxLibc bounds the C library when it is searched for its version, in bytes.
const maxLibc = 16 << 20

// libDirs is where distributions keep libraries.
func libDirs(root rootfs.FS) []string {
	dirs := []string{"lib", "lib64", "usr/lib", "usr/lib64"}
	for _, at := range []string{"usr/lib", "lib"} {
		entries, err := root.ReadDir(at)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if strings.Contains(e.Name(), "-linux-") {
				dirs = append(dirs, at+"/"+e.Name())
			}
		}
	}
	return dirs
}

// libraries is what is opened by name at run time, so that no file's needs show
// it: libgcc_s by glibc, when a thread exits or is cancelled; before 2.34 the
// modules that look up hosts and users (from then on libc has them inside);
// and libsctp by Erlang, where the toolchain has it (OTP 29 complains on
// standard output if it is missing).
func (t *tree) libraries() ([]string, error) {
	names := slices.Clone(outside.opened)
	var found []string
	seen := map[string]bool{} // /lib may be a link to /usr/lib
	for _, dir := range libDirs(t.root) {
		libc, err := rootfs.Resolve(t.root, dir+"/libc.so.6")
		if err != nil || seen[libc] {
			continue
		}
		seen[libc] = true
		b, err := rootfs.ReadFile(t.root, libc, maxLibc)
		if err != nil {
			return nil, fmt.Errorf("reading the C library: %w", err)
		}
		if olderThan(b, 34) {
			names = append(names, outside.lookups...)
		}
		for _, n := range names {
			if _, err := t.root.Stat(dir + "/" + n); err == nil {
				found = append(found, dir+"/"+n)
			}
		}
	}
	return found, nil
}

// olderThan says whether a glibc is from before 2.minor.
func olderThan(libc []byte, minor int) bool {
	_, rest, _ := strings.Cut(rootfs.GlibcVersion(libc), ".")
	rest, _, _ = strings.Cut(rest, ".")
	n, err := strconv.Atoi(rest)
	return err == nil && n < minor
}

// data is what no ELF file names: certificates, the locale, the terminals that
// a remote shell is used from, the distribution's name for scanners.
func (t *tree) data() error {
	var errs []error
	for _, name := range outside.identity {
		errs = append(errs, t.path(name))
	}
	for _, name := range outside.terminals {
		for _, dir := range outside.terminfo {
			errs = append(errs, t.path(path.Join(dir, name[:1], name)))
		}
	}
	return errors.Join(append(errs, t.certificates(), t.locale())...)
}

// certificates puts the bundle, a real file, where Erlang and OpenSSL look
// first; distributions keep it in different places.
func (t *tree) certificates() error {
	for _, name := range outside.bundles {
		if real, err := rootfs.Resolve(t.root, name); err == nil {
			return t.file(outside.bundles[0], real)
		}
	}
	return nil // a root without certificates: the check says so
}

// locale is C.UTF-8, whose directory's name varies. All categories go in: of a
// program that asks for all of them glibc grants none if one is not there.
func (t *tree) locale() error {
	for _, dir := range outside.locales {
		err := fs.WalkDir(t.root, dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			return t.path(name)
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("reading the locale: %w", err)
		}
	}
	return nil
}

// skeleton is the files and directories that every image has, written here so
// that nothing of the machine or the toolchain shows in them.
func (t *tree) skeleton(user string) error {
	texts, err := etc(user)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		t.text("etc/"+name, texts[name])
	}
	t.dir("tmp", fs.ModeSticky|0o777)
	for _, d := range append([]string{appDir}, outside.empty...) {
		t.dir(d, 0o755)
	}
	return t.topLinks()
}

// topLinks keeps a merged /usr (bin -> usr/bin) merged: programs are called by
// both names.
func (t *tree) topLinks() error {
	for _, name := range outside.merged {
		info, err := t.root.Lstat(name)
		if err != nil || info.Mode().Type() != fs.ModeSymlink {
			continue
		}
		target, err := t.root.ReadLink(name)
		if err != nil {
			return err
		}
		t.link(name, target)
		// what it leads to is there even if nothing needed it
		if to := strings.TrimPrefix(target, "/"); fs.ValidPath(to) {
			if _, ok := t.files[to]; !ok {
				t.dir(to, 0o755)
			}
		}
	}
	return nil
}
