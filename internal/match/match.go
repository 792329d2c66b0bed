// Package match says, before anything is built, whether what is built on one system
// will run on another. It takes the place where a release is to run as package target
// reads it, and what the Erlang/OTP of a distribution's suite needs (distro.Runtime),
// and looks the one up in the other as the loader would.
//
// What a project's own native code needs is not known then: the check after the build
// decides. So an answer may turn out too kind, and never too strict: what is refused
// here does not run there.
package match

import (
	"debug/elf"
	"fmt"
	"maps"
	"slices"
	"strings"

	"dram/internal/binary"
	"dram/internal/check"
	"dram/internal/distro"
	"dram/internal/rootfs"
	"dram/internal/target"
)

// Place is where a release is to run.
type Place struct {
	Ref    string // the reference that it was named by
	target *target.Target
	table  distro.Table
	// steady are libraries that have the same name in all suites: where a profile does
	// not say whether a system has one, it is taken to.
	steady map[string]bool
}

// New is the place that a target is.
func New(ref string, t *target.Target, table distro.Table) *Place {
	p := &Place{Ref: ref, target: t, table: table, steady: map[string]bool{}}
	suites := 0
	count := map[string]int{}
	for _, d := range table {
		for _, s := range d.Info().Suites {
			r, known := d.Runtime(s, p.arch())
			if !known {
				continue
			}
			suites++
			for _, library := range r.Libraries() {
				count[library]++
			}
		}
	}
	for library, n := range count {
		p.steady[library] = n == suites
	}
	return p
}

// Platform is that of the place, "" if it is not known.
func (p *Place) Platform() string { return p.target.Facts.Platform }

func (p *Place) arch() string {
	_, arch, _ := strings.Cut(p.Platform(), "/")
	return arch
}

// Name is the place for people.
func (p *Place) Name() string {
	if name := p.target.Facts.OS.Name; name != "" {
		return name
	}
	return p.Ref
}

// system is what the place says of itself.
func (p *Place) system() distro.System {
	o := p.target.Facts.OS
	return distro.System{ID: o.ID, Version: o.Version, Name: o.Name}
}

// Own says whether the place is of that suite.
func (p *Place) Own(s distro.Suite) bool {
	_, own, ok := p.table.Of(p.system())
	return ok && own == s
}

// Tagged is how tags of images call the place's system; see distro.System.
func (p *Place) Tagged() (id, release string, ok bool) { return p.system().Tagged() }

// Fit is how what is built on a system fits a place.
type Fit struct {
	Lacks   []string // what the place has not
	Unknown []string // of which nobody knows whether it has it
	Install []string // libraries that have to be installed there, or that it is taken to have
}

// OK says whether it is known to fit.
func (f Fit) OK() bool { return len(f.Lacks)+len(f.Unknown) == 0 }

// String is why it does not fit, or what it asks for.
func (f Fit) String() string {
	switch {
	case len(f.Lacks) > 0:
		return "the target lacks " + some(f.Lacks)
	case len(f.Unknown) > 0:
		return "not known: whether it has " + some(f.Unknown)
	case len(f.Install) > 0:
		return "it runs there with " + strings.Join(f.Install, ", ")
	}
	return "it runs there"
}

// some is a list that stays readable.
func some(list []string) string {
	const most = 2
	if len(list) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}

// Portable is how a release fits that brings the libraries of a suite: the kernel is
// what is left.
func (p *Place) Portable(s distro.Suite) Fit {
	r, _ := p.runtime(s)
	return p.kernel(r)
}

func (p *Place) runtime(s distro.Suite) (distro.Runtime, bool) {
	for _, d := range p.table {
		if d.Info().ID == s.Distribution {
			return d.Runtime(s, p.arch())
		}
	}
	return distro.Runtime{}, false
}

func (p *Place) kernel(r distro.Runtime) (f Fit) {
	has := p.target.Facts.Kernel
	if r.Kernel != "" && has != "" && target.CompareVersions(has, r.Kernel) < 0 {
		f.Lacks = append(f.Lacks, fmt.Sprintf("Linux %s (it has %s)", r.Kernel, has))
	}
	return f
}

// Suite is how what is built on a suite fits.
func (p *Place) Suite(s distro.Suite) (Fit, error) {
	r, known := p.runtime(s)
	if !known {
		if p.Own(s) {
			return Fit{}, nil
		}
		return Fit{Unknown: []string{"what Erlang/OTP of " + s.String() + " needs"}}, nil
	}
	f := p.kernel(r)
	if kind := p.target.Facts.Libc.Kind; kind != "glibc" {
		libc := "a C library"
		if kind != "" {
			libc = "glibc (it has " + kind + ")"
		}
		f.Lacks = append(f.Lacks, libc)
		return f, nil
	}
	return f, p.libraries(r, &f)
}

// program is where what is built stands while the loader's search is asked.
const program = "dram-match/program"

// libraries has the loader's search find what is needed.
func (p *Place) libraries(r distro.Runtime, f *Fit) error {
	libc := p.target.Facts.Libc
	wants := &binary.File{
		Type: elf.ET_DYN, Class: elf.ELFCLASS64, Data: elf.ELFDATA2LSB, Machine: p.target.Machine(),
		Dynamic: true, Interp: "/" + libc.Loader, Needed: r.Libraries(),
	}
	root := rootfs.Mount(p.target.Root(), "dram-match", rootfs.NewSkeleton(map[string]rootfs.Node{"program": {Mode: 0o755, ELF: wants}}))
	loader, err := rootfs.NewLoader(root)
	if err != nil {
		return fmt.Errorf("looking for libraries in %s: %w", p.Ref, err)
	}
	process, err := loader.Session().Load(program)
	if err != nil {
		return fmt.Errorf("looking for libraries in %s: %w", p.Ref, err)
	}
	if process.Reason != "" {
		f.Lacks = append(f.Lacks, "a loader that starts anything: "+process.Reason)
		return nil
	}
	found := map[string]rootfs.Object{}
	for _, o := range process.Objects {
		found[o.File.Soname] = o
	}
	for _, s := range r.Symbols {
		if o, ok := found[s.Library]; ok {
			p.version(s, o, f)
		} else {
			p.missing(s.Library, f)
		}
	}
	f.tidy()
	return nil
}

// missing judges a library that the loader does not find.
func (p *Place) missing(library string, f *Fit) {
	switch {
	case p.target.Absent(library):
		f.Lacks = append(f.Lacks, library)
	case p.steady[library]:
		f.Install = append(f.Install, library)
	default:
		f.Unknown = append(f.Unknown, library)
	}
}

// version judges a library that is found.
func (p *Place) version(s distro.Symbols, o rootfs.Object, f *Fit) {
	gaps := p.target.Gaps(o.Real)
	if gaps.Optional {
		name := s.Library
		if gaps.Package != "" {
			name = gaps.Package
		}
		f.Install = append(f.Install, name)
	}
	offered := slices.ContainsFunc(o.File.VersionDefs, func(d binary.VersionDef) bool { return d.Name == s.Version })
	if s.Version == "" || offered || len(o.File.VersionDefs) == 0 {
		return // of a library without versions the loader takes symbols by name, with a warning
	}
	family := check.Family(s.Version)
	newest := target.Newest(o.File.VersionDefs, family)
	switch {
	case !gaps.Lacks(s.Version, family, newest):
		f.Unknown = append(f.Unknown, s.Version+" of "+s.Library)
	case newest == "":
		f.Lacks = append(f.Lacks, fmt.Sprintf("%s of %s", s.Version, s.Library))
	default:
		f.Lacks = append(f.Lacks, fmt.Sprintf("%s of %s (it has %s at most)", s.Version, s.Library, newest))
	}
}

// tidy names each thing once.
func (f *Fit) tidy() {
	for _, list := range []*[]string{&f.Lacks, &f.Unknown, &f.Install} {
		seen := map[string]bool{}
		for _, s := range *list {
			seen[s] = true
		}
		if len(seen) < len(*list) {
			*list = slices.Sorted(maps.Keys(seen))
		}
	}
}
