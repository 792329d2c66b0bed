package image

import (
	"fmt"
	"maps"
	"path"
	"slices"

	"dram/internal/portable"
	"dram/internal/problem"
	"dram/internal/rootfs"
)

// brought is the libraries that a portable release brings: files of the root, each
// under the names that it is asked for by, all in one folder.
type brought struct {
	way   portable.Way
	names map[string][]string // by real name, sorted
}

// name is the first name of a file.
func (b *brought) name(real string) (string, error) {
	if names := b.names[real]; len(names) > 0 {
		return names[0], nil
	}
	return "", fmt.Errorf("finding the loader %q among what it loads", real)
}

// libraries brings what the programs and the libraries that start names need, and
// what is opened by name at run time. tools are programs of the root, by their real
// names.
func (p *Portable) libraries(whole rootfs.FS, start, tools []string) (*brought, error) {
	t := tree{root: p.opts.Root, files: map[string]systemFile{}}
	opened, err := t.libraries()
	if err != nil {
		return nil, err
	}
	loader, err := rootfs.NewLoader(whole)
	if err != nil {
		return nil, err
	}
	closure, err := loader.Closure(slices.Concat(start, tools, opened))
	if err != nil {
		return nil, err
	}
	p.Missing = closure.Missing
	b := &brought{way: portable.Musl, names: map[string][]string{}}
	for _, e := range closure.Outside(appDir) {
		if err := b.take(p.opts.Root, e); err != nil {
			return nil, err
		}
	}
	for _, program := range tools {
		delete(b.names, program)
	}
	b.settle()
	if err := b.libc(p.opts.Root); err != nil {
		return nil, err
	}
	return b, p.lay(b)
}

// take notes an entry of the closure, a file or a link that leads to one.
func (b *brought) take(root rootfs.FS, e rootfs.Entry) error {
	real, err := rootfs.Resolve(root, e.Path)
	if err != nil {
		return nil //nolint:nilerr // a link that leads nowhere: Missing has it
	}
	info, err := root.Stat(real)
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	f, err := readELF(root, real)
	if err != nil || f == nil { // the loader's cache
		return err
	}
	names := append(b.names[real], path.Base(e.Path))
	if f.Soname != "" && f.Soname == path.Base(f.Soname) {
		names = append(names, f.Soname)
	}
	b.names[real] = names
	return nil
}

// settle leaves the names that a library is asked for by: not libz.so.1.2.13, which
// libz.so.1 leads to.
func (b *brought) settle() {
	for real, names := range b.names {
		slices.Sort(names)
		names = slices.Compact(names)
		if len(names) > 1 {
			names = slices.DeleteFunc(names, func(n string) bool { return n == path.Base(real) && !sonamed(n, names) })
		}
		b.names[real] = names
	}
}

// sonamed says whether a name is the shortest, which others are not short of.
func sonamed(name string, names []string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return len(n) < len(name) })
}

// libc finds how the loader is told.
func (b *brought) libc(root rootfs.FS) error {
	for real, names := range b.names {
		if !slices.Contains(names, "libc.so.6") {
			continue
		}
		text, err := rootfs.ReadFile(root, real, maxLibc)
		if err != nil {
			return fmt.Errorf("reading the C library: %w", err)
		}
		b.way = portable.Glibc
		if olderThan(text, 33) {
			b.way = portable.OldGlibc
		}
	}
	return nil
}

// lay puts the libraries into their folder.
func (p *Portable) lay(b *brought) error {
	taken := map[string]string{}
	t := tree{root: p.opts.Root, files: map[string]systemFile{}}
	for _, real := range slices.Sorted(maps.Keys(b.names)) {
		names := b.names[real]
		for i, n := range names {
			if by, ok := taken[n]; ok && by != real {
				return problem.New(problem.Failure, "have the release need one of them alone",
					"two libraries that it needs are called %q: %q and %q of the toolchain", n, by, real)
			}
			taken[n] = real
			at := portable.Libraries + "/" + n
			if i > 0 {
				t.link(at, names[0])
			} else if err := t.file(at, real); err != nil {
				return err
			}
		}
	}
	for _, f := range t.sorted() {
		if f.Mode.IsRegular() {
			f.Mode = 0o755 // that of the loader tells whether programs can be started there
		}
		p.add(f)
	}
	return nil
}
