package target

import (
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"dram/internal/binary"
	"dram/internal/distro"
	"dram/internal/release"
	"dram/internal/rootfs"
)

const (
	maxText    = 1 << 20  // bytes of a small text file
	maxPkgDB   = 64 << 20 // bytes of a package manager's list
	maxLibc    = 32 << 20 // bytes of libc.so.6; the largest seen has 2.4 million
	maxOTPApps = 1000
)

// erlangRoots are where Erlang/OTP is installed: by distributions, and by images
// that build it.
func erlangRoots() []string {
	return []string{"usr/local/lib/erlang", "usr/lib/erlang", "usr/lib64/erlang", "opt/erlang"}
}

func readFacts(root rootfs.FS) (Facts, error) {
	loader, err := rootfs.NewLoader(root)
	if err != nil {
		return Facts{}, err
	}
	system := distro.Identify(root)
	f := Facts{OS: OS{ID: system.ID, Version: system.Version, Name: system.Name}}
	if in, ok := interpreter(root, loader); ok {
		f.Libc.Loader = in.Path
		f.Platform = map[elf.Machine]string{elf.EM_X86_64: "linux/amd64", elf.EM_AARCH64: "linux/arm64"}[in.Machine]
		f.Libc.Kind, f.Libc.Version = "glibc", glibcVersion(root, loader)
		if in.Musl {
			f.Libc.Kind, f.Libc.Version = "musl", packageVersion(root, "musl")
		}
	}
	if real, err := rootfs.Resolve(root, "bin/sh"); err == nil {
		f.Shell = real
	}
	for _, p := range slices.Backward(distro.CABundles()) {
		if info, err := root.Stat(p); err == nil && info.Size() > 0 {
			f.CABundle = p
		}
	}
	f.OTP = readOTP(root)
	f.UTF8 = hasUTF8(root, f.Libc)
	return f, nil
}

// interpreter is the loader that the target's own shell asks for; where that
// does not tell, the first that is there.
func interpreter(root rootfs.FS, loader *rootfs.Loader) (rootfs.Interpreter, bool) {
	all := loader.Interpreters()
	if len(all) == 0 {
		return rootfs.Interpreter{}, false
	}
	var asked string
	_ = withFile(root, "bin/sh", func(r io.ReaderAt, size int64) error {
		f, err := binary.ReadELF(r, size)
		if err == nil {
			asked = rootfs.Clean(f.Interp)
		}
		return err
	}) // a shell that cannot be read tells nothing
	for _, in := range all {
		if in.Path == asked {
			return in, true
		}
	}
	return all[0], true
}

// glibcVersion is what glibc prints when it is run as a program, else its
// newest label: 2.19 and 2.37 added none of their own.
func glibcVersion(root rootfs.FS, loader *rootfs.Loader) string {
	for _, dir := range loader.Directories() {
		name := path.Join(dir, "libc.so.6")
		b, err := rootfs.ReadFile(root, name, maxLibc)
		if err != nil {
			continue
		}
		if version := rootfs.GlibcVersion(b); version != "" {
			return version
		}
		f, err := binary.ReadELF(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			continue
		}
		return strings.TrimPrefix(Newest(f.VersionDefs, "GLIBC_"), "GLIBC_")
	}
	return ""
}

// Newest is the newest version of a family, "GLIBC_2.41" of "GLIBC_", among
// what a library offers; "" if there is none.
func Newest(defs []binary.VersionDef, family string) string {
	newest := ""
	for _, d := range defs {
		v, ok := strings.CutPrefix(d.Name, family)
		if ok && !d.Base && v != "" && v[0] >= '0' && v[0] <= '9' &&
			(newest == "" || CompareVersions(v, strings.TrimPrefix(newest, family)) > 0) {
			newest = d.Name
		}
	}
	return newest
}

var digits = regexp.MustCompile(`[0-9]+`)

// CompareVersions compares versions number by number: "2.9" is older than
// "2.38", "1_1_0" than "1_1_1".
func CompareVersions(a, b string) int {
	numbers := func(s string) (out []int) {
		for _, d := range digits.FindAllString(s, 16) {
			n, _ := strconv.Atoi(d) // a number too large is the largest
			out = append(out, n)
		}
		return out
	}
	return slices.Compare(numbers(a), numbers(b))
}

// packageVersion is the version of an installed package, by the package
// manager's list: "1.2.5".
func packageVersion(root rootfs.FS, name string) string {
	for _, db := range distro.Databases() {
		b, err := rootfs.ReadFile(root, db.File, maxPkgDB)
		if err != nil {
			continue
		}
		for entry := range strings.SplitSeq(string(b), "\n\n") {
			lines := strings.Split(entry, "\n")
			if !slices.Contains(lines, db.Name+name) {
				continue
			}
			for _, l := range lines {
				if v, ok := strings.CutPrefix(l, db.Version); ok {
					v, _, _ = strings.Cut(v, "-")
					return v
				}
			}
		}
	}
	return ""
}

// readOTP finds an installed Erlang/OTP by the file that its start script
// reads.
func readOTP(root rootfs.FS) *OTP {
	for _, dir := range erlangRoots() {
		b, err := rootfs.ReadFile(root, path.Join(dir, "releases/start_erl.data"), maxText)
		erts, version, ok := release.ParseStartErl(b)
		if err != nil || !ok {
			continue
		}
		out := &OTP{Root: dir, ERTS: erts, Release: version, Apps: map[string]string{}}
		entries, err := root.ReadDir(path.Join(dir, "lib"))
		if err != nil || len(entries) > maxOTPApps {
			continue
		}
		for _, e := range entries {
			if name, version, ok := strings.Cut(e.Name(), "-"); ok {
				out.Apps[name] = version
			}
		}
		return out
	}
	return nil
}

// hasUTF8: musl's only locale is C.UTF-8; glibc has it as a file, which may be left
// out of a small root whatever its version.
func hasUTF8(root rootfs.FS, libc Libc) bool {
	if libc.Kind == "musl" {
		return true
	}
	for _, p := range distro.UTF8Locales() {
		if _, err := root.Stat(p); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}
