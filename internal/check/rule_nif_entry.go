package check

import (
	"slices"

	"dram/internal/binary"
)

var nifEntryRule = Rule{
	ID: "nif-entry", Title: "what calls the VM as NIF libraries do exports nif_init", Worst: Warn, Run: nifEntry,
	Doc: Doc{
		Looks: "Libraries that call functions of the VM (enif_…), that no other file needs, and that do not export nif_init: hidden, stripped, or never linked in.",
		Seen:  `{bad_lib,"Failed to find library init function: 'priv/fast.so: undefined symbol: nif_init'"}`,
		Do:    "Export nif_init: see to -fvisibility, version scripts and strip, and that the file with ERL_NIF_INIT is linked in.",
	},
}

var noEntry = Cause{
	ID: "no-nif-init", Summary: "it calls functions of the VM as a NIF library does, and does not export nif_init",
	Symptom: `the module that loads it gets {bad_lib,"Failed to find library init function"}`,
	Remedy:  "export nif_init: check -fvisibility, version scripts, and that ERL_NIF_INIT is linked in", Needs: "nif_init in #{base}",
}

// nifEntry: what calls the VM as NIFs do, is no part of another library and
// has no nif_init, can hardly be meant to: hidden, stripped or never linked.
func nifEntry(s *Survey) (out []Finding) {
	for _, n := range s.natives {
		calls := n.elf != nil && n.role == library && n.orphan &&
			slices.ContainsFunc(n.symbols.Undefined, func(sym binary.Symbol) bool { return isNIFFunction(sym.Name) })
		if calls {
			out = append(out, Finding{Verdict: Warn, Subject: n.subject(), Cause: &noEntry, Evidence: Evidence{Wants: []string{"nif_init"}}})
		}
	}
	return out
}
