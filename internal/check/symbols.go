package check

import (
	"debug/elf"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/binary"
	"dram/internal/rootfs"
	"dram/internal/target"
)

const maxNamed = 8 // symbols that a finding lists

// provider is the file in a process that a soname means.
func provider(p rootfs.Process, soname string) (rootfs.Object, bool) {
	for _, o := range p.Objects {
		if o.File.Soname == soname || path.Base(o.Path) == soname {
			return o, true
		}
	}
	return rootfs.Object{}, false
}

// symbolVersion: the loader compares labels before it looks for any symbol.
func symbolVersion(s *survey) (out []Finding) {
	for _, n := range s.natives {
		if !n.loaded || n.process.Musl {
			continue
		}
		for _, need := range n.elf.VersionNeeds {
			if o, ok := provider(n.process, need.Library); ok {
				out = append(out, s.labels(n, need, o)...)
			}
		}
	}
	return out
}

func (s *survey) labels(n *native, need binary.VersionNeed, o rootfs.Object) []Finding {
	var lacks []string
	for _, v := range need.Versions {
		offered := slices.ContainsFunc(o.File.VersionDefs, func(d binary.VersionDef) bool { return d.Name == v.Name })
		relr := v.Name == relrLabel && n.elf.RelR // the rule relr says it better
		if !v.Weak && !offered && !relr {
			lacks = append(lacks, v.Name)
		}
	}
	if len(lacks) == 0 {
		return nil
	}
	sure := s.surely(o.Real, lacks, func(family string) string { return target.Newest(o.File.VersionDefs, family) })
	if len(sure) > 0 {
		lacks = sure
	}
	newest := newestOf(lacks)
	f := Finding{
		Verdict: n.verdict(), Subject: subject(n.File),
		Evidence: Evidence{Wants: n.wanting(need.Library, lacks), Label: newest, Library: need.Library, Provider: o.Real},
		Symptom:  n.symptom(fmt.Sprintf("\"/%s: version `%s' not found (required by /%s)\"", o.Path, lacks[0], s.on(n.Path))),
		Remedy:   s.builder(n.File), Needs: newest + " in " + need.Library,
	}
	f.Evidence.Newest = target.Newest(o.File.VersionDefs, family(newest))
	has := "the target's has none of that family"
	if f.Evidence.Newest != "" {
		has = "the target's has " + f.Evidence.Newest + " at most"
		if target.CompareVersions(f.Evidence.Newest, newest) >= 0 {
			has = "the target's lacks it"
		}
	}
	f.Summary = fmt.Sprintf("it needs %s of %s, %s", newest, need.Library, has)
	if len(o.File.VersionDefs) == 0 {
		// The loader only warns, and takes symbols by name.
		f.Verdict, f.Summary = Warn, fmt.Sprintf("the target's %s has no symbol versions at all, and %s is wanted of it", need.Library, newest)
		f.Symptom = fmt.Sprintf(`on stderr: "/%s: no version information available (required by /%s)"`, o.Path, s.on(n.Path))
	}
	if _, ours := s.inRelease(o.Real); ours && len(o.File.VersionDefs)+len(o.File.VersionNeeds) == 0 {
		f = s.versionless(n, f)
	}
	if len(sure) == 0 {
		f = s.openLabels(f, need.Library, newest, f.Evidence.Newest, s.target.Gaps(o.Real))
	}
	return []Finding{f}
}

// versionless: with a library that has no table of versions at all, not even
// of what it needs itself, an older glibc ends the process. Measured: 2.31 and
// 2.36 do, 2.41 does not.
func (s *survey) versionless(n *native, f Finding) Finding {
	c := s.target.Facts.Libc
	if c.Kind != "glibc" || target.CompareVersions(c.Version, "2.41") >= 0 {
		return f
	}
	f.Verdict = n.verdict()
	f.Symptom = n.symptom("\"Inconsistency detected by ld.so: … check_match: Assertion … failed!\", and the process ends with status 127")
	if target.CompareVersions(c.Version, "2.36") > 0 {
		return unknown(f, f.Summary+"; whether "+c.String()+" bears that is not known")
	}
	return f
}

// wanting is the symbols that a file wants of a library's versions, or the
// versions themselves where no symbol has them.
func (n *native) wanting(library string, versions []string) []string {
	var out []string
	for _, v := range versions {
		count := 0
		for _, sym := range n.wanted() {
			if sym.Version == v && sym.Library == library {
				out = append(out, sym.String())
				count++
			}
		}
		if count == 0 {
			out = append(out, v)
		}
	}
	return few(out)
}

// few shortens a list to what a person reads.
func few(list []string) []string {
	if len(list) <= maxNamed {
		return list
	}
	return append(slices.Clip(list[:maxNamed]), fmt.Sprintf("and %d more", len(list)-maxNamed))
}

// wanted is the symbols that the loader has to find for a file, in order.
// Those that a program has a copy of count too.
func (n *native) wanted() []binary.Symbol {
	var out []binary.Symbol
	for _, sym := range n.symbols.Undefined {
		if !sym.Weak {
			out = append(out, sym)
		}
	}
	for _, sym := range n.symbols.Defined {
		if sym.Library != "" {
			out = append(out, sym)
		}
	}
	return out
}

var firstDigit = regexp.MustCompile(`[0-9]`)

// family is a label without its version: "GLIBC_" of "GLIBC_2.38".
func family(label string) string {
	if i := firstDigit.FindStringIndex(label); i != nil {
		return label[:i[0]]
	}
	return label
}

func newestOf(labels []string) string {
	return slices.MaxFunc(labels, func(a, b string) int { return target.CompareVersions(a, b) })
}

// symbol: the VM opens libraries with RTLD_NOW, so that every symbol that is
// not weak must be in what it and they have loaded.
func symbol(s *survey) (out []Finding) {
	for _, n := range s.natives {
		lacks := s.allLacking(n)
		if s.newerAPI(n) != "" { // nif-api speaks of those
			lacks = slices.DeleteFunc(lacks, isNIFFunction)
		}
		lacks, open := s.openSymbols(n, lacks)
		if len(lacks) > 0 {
			out = append(out, s.lacking(n, lacks))
		}
		if len(open) > 0 {
			out = append(out, unknown(s.lacking(n, open), fmt.Sprintf("it needs the symbol %s, and whether the target has it is not known", open[0])))
		}
	}
	return out
}

// allLacking is the symbols that are nowhere.
func (s *survey) allLacking(n *native) (out []string) {
	if !n.loaded || n.vmless() {
		return nil
	}
	scope := make([]scoped, len(n.process.Objects))
	for i, o := range n.process.Objects {
		scope[i] = scoped{s.offers(o.Real), len(o.File.VersionDefs) > 0, o.Real == s.on(n.Path)}
	}
	for _, sym := range n.wanted() {
		if n.lacks(sym, scope) {
			out = append(out, sym.String())
		}
	}
	return out
}

// scoped is a file in which symbols are looked for.
type scoped struct {
	exports
	versioned bool
	self      bool // the file that wants the symbol
}

func isNIFFunction(sym string) bool { return strings.HasPrefix(sym, "enif_") }

// vmless says whether a file is for a VM that is not there to be asked.
func (n *native) vmless() bool { return n.role != executable && !n.inVM && n.role == plugin }

// lacks says whether a symbol is nowhere, and no other rule says why.
func (n *native) lacks(sym binary.Symbol, scope []scoped) bool {
	versioned := sym.Version != "" && !n.process.Musl
	for _, o := range scope {
		if o.self && sym.Library != "" {
			continue // its own copy
		}
		versions, ok := o.exports[sym.Name]
		if ok && (!versioned || !o.versioned || slices.Contains(versions, sym.Version)) {
			return false
		}
	}
	if !versioned {
		return len(n.process.Missing) == 0 // else it may be in what is missing
	}
	o, ok := provider(n.process, sym.Library)
	return ok && (len(o.File.VersionDefs) == 0 ||
		slices.ContainsFunc(o.File.VersionDefs, func(d binary.VersionDef) bool { return d.Name == sym.Version })) // else soname and symbol-version
}

func (s *survey) lacking(n *native, lacks []string) Finding {
	f := Finding{
		Verdict: n.verdict(), Subject: subject(n.File),
		Summary:  fmt.Sprintf("it needs the symbol %s, which nothing that is loaded with it offers", lacks[0]),
		Evidence: Evidence{Wants: few(lacks), Considered: scope(n.process)},
		Symptom:  n.symptom(s.undefinedMessage(n, lacks[0])),
		Remedy:   s.symbolRemedy(n, lacks[0]), Needs: "a library with " + lacks[0],
	}
	now := n.elf.Flags&elf.DF_BIND_NOW != 0 || n.elf.Flags1&elf.DF_1_NOW != 0
	if n.role == executable && !now {
		f.Verdict, f.Symptom = max(Warn, min(f.Verdict, Warn)), "it starts, and ends when it first calls the symbol: "+s.undefinedMessage(n, lacks[0])
	}
	return f
}

// undefinedMessage is what the loader prints of a symbol that is nowhere.
func (s *survey) undefinedMessage(n *native, sym string) string {
	name, version, ok := strings.Cut(sym, "@")
	switch {
	case n.process.Musl:
		return fmt.Sprintf(`"Error relocating /%s: %s: symbol not found"`, s.on(n.Path), name)
	case ok:
		return fmt.Sprintf(`"undefined symbol: %s, version %s"`, name, version)
	}
	return fmt.Sprintf(`"undefined symbol: %s"`, name)
}

func (s *survey) symbolRemedy(n *native, sym string) string {
	switch {
	case strings.HasPrefix(sym, "enif_") || strings.HasPrefix(sym, "erl_drv_") || strings.HasPrefix(sym, "driver_"):
		return "the VM lacks it: compile the file with the headers of the Erlang/OTP that runs the release, or run a newer one"
	case n.process.Musl && strings.Contains(sym, "@GLIBC_"):
		return "it is glibc's own: build the release on a system with musl"
	case strings.Contains(sym, "@"):
		return "the target's library was built without it: build on the target's own system; " + s.builder(n.File)
	}
	return "link it with the library that has the symbol (-l), so that the loader knows where to look"
}

// scope is the files that were searched.
func scope(p rootfs.Process) (out []string) {
	for _, o := range p.Objects {
		out = append(out, o.Path)
	}
	return out
}
