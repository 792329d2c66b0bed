package check

import (
	"debug/elf"
	"slices"
	"strings"

	"dram/internal/binary"
	"dram/internal/rootfs"
)

var symbolRule = Rule{
	ID: "symbol", Title: "every symbol that a native file needs is there", Worst: Fail, Run: symbol,
	Doc: Doc{
		Looks: "Each symbol that native files need, in what is loaded with them. The VM opens libraries with RTLD_NOW, so that one symbol that is nowhere is enough, called or not. " +
			"A program that binds late starts, and ends when it first calls the symbol; that is a warning.",
		Seen: `Failed to load NIF library: '/app/lib/my_app-0.1.0/priv/fast.so: undefined symbol: deflateInit_'`,
		Do:   "Link the file with the library that has the symbol (-l). Of a function of the VM (enif_…), run a newer Erlang/OTP or compile with the headers of the one that runs.",
	},
}

var (
	noSymbol = Cause{
		ID: "nowhere", Summary: "it needs the symbol #{symbol}, which nothing that is loaded with it offers",
		Prints: "#{undefined}", Remedy: "#{provide}", Needs: "a library with #{symbol}",
	}
	noSymbolLate  = noSymbol.with(Cause{ID: "nowhere-late", Symptom: "it starts, and ends when it first calls the symbol: #{undefined}"})
	unknownSymbol = Cause{ID: "unknown", Summary: "it needs the symbol #{symbol}, and whether the target has it is not known"}
)

// symbol: the VM opens libraries with RTLD_NOW, so that every symbol that is
// not weak must be in what it and they have loaded.
func symbol(s *Survey) (out []Finding) {
	for _, n := range s.natives {
		lacks := s.allLacking(n)
		if s.newerAPI(n) != "" { // nif-api speaks of those
			lacks = slices.DeleteFunc(lacks, isNIFFunction)
		}
		lacks, open := s.partOpen(n, lacks)
		if len(lacks) > 0 {
			out = append(out, s.lacking(n, lacks))
		}
		if len(open) > 0 {
			f := s.lacking(n, open)
			f.Verdict, f.Cause = Unknown, f.Cause.with(unknownSymbol)
			out = append(out, f)
		}
	}
	return out
}

func (s *Survey) lacking(n *native, lacks []string) Finding {
	f := Finding{
		Verdict: n.verdict(), Subject: n.subject(), Cause: &noSymbol, Params: Params{"symbol": lacks[0]}, Facts: n.facts(),
		Evidence: Evidence{Wants: lacks, Considered: searched(n.process)},
	}
	now := n.elf.Flags&elf.DF_BIND_NOW != 0 || n.elf.Flags1&elf.DF_1_NOW != 0
	if n.role == executable && !now {
		f.Verdict, f.Cause = min(f.Verdict, Warn), noSymbolLate
	}
	return f
}

// facts is what the words about a file's symbols depend on.
func (n *native) facts() Params {
	if n.process.Musl {
		return Params{"loader": "musl"}
	}
	return nil
}

// allLacking is the symbols that are nowhere.
func (s *Survey) allLacking(n *native) (out []string) {
	if !n.loaded || n.vmless() {
		return nil
	}
	scope := make([]scoped, len(n.process.Objects))
	for i, o := range n.process.Objects {
		scope[i] = scoped{s.offers(o.Real), len(o.File.VersionDefs) > 0, o.Real == s.on(n.Path)}
	}
	by := map[string]int{} // where the loader comes to what is wanted of a library, most of all
	for i, o := range n.process.Objects {
		if _, ok := by[o.File.Soname]; !ok {
			by[o.File.Soname] = i
		}
	}
	for _, sym := range n.wanted() {
		if i, ok := by[sym.Library]; ok && sym.Version != "" && slices.Contains(scope[i].exports[sym.Name], sym.Version) && !scope[i].self {
			continue
		}
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

// partOpen parts symbols that were not found into those that are known to be
// nowhere, and those that a library may have of which not all is known.
func (s *Survey) partOpen(n *native, lacks []string) (sure, open []string) {
	partial := func(real string) bool { return s.target.Gaps(real).Partial }
	anywhere := false
	for _, o := range n.process.Objects {
		anywhere = anywhere || partial(o.Real)
	}
	if !anywhere {
		return lacks, nil
	}
	libraries := map[string]string{}
	for _, sym := range n.wanted() {
		libraries[sym.String()] = sym.Library
	}
	for _, name := range lacks {
		o, versioned := provider(n.process, libraries[name])
		plain, _, _ := strings.Cut(name, "@")
		switch {
		case IsVMFunction(name), versioned && slices.Contains(s.target.Gaps(o.Real).Without, plain), versioned && libraries[name] != "" && !partial(o.Real):
			sure = append(sure, name)
		default:
			open = append(open, name)
		}
	}
	return sure, open
}

func isNIFFunction(sym string) bool { return strings.HasPrefix(sym, "enif_") }

// IsVMFunction says whether only the VM can have a symbol.
func IsVMFunction(sym string) bool {
	return isNIFFunction(sym) || strings.HasPrefix(sym, "erl_drv_") || strings.HasPrefix(sym, "driver_")
}

// searched is the files in which symbols were looked for.
func searched(p rootfs.Process) (out []string) {
	for _, o := range p.Objects {
		out = append(out, o.Path)
	}
	return out
}
