package check

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/binary"
	"dram/internal/release"
	"dram/internal/target"
)

var nifAPIRule = Rule{
	ID: "nif-api", Title: "the VM knows the NIF API that a library was compiled for", Worst: Fail, Run: nifAPI,
	Doc: Doc{
		Looks: "The version of the NIF API that each NIF library was compiled for, in its entry or its name (-nif-2.17-), against that of the VM that runs the release. " +
			"Libraries written in Rust fill their entry when they are loaded: of one whose name says nothing it is unknown.",
		Seen: `{load_failed,"That 'Elixir.Exqlite.NIF' NIF library needs erts-14.0 or newer. Either try to recompile the NIF lib or use a newer erts runtime."}`,
		Do:   "Compile the library with the headers of the Erlang/OTP that runs the release, or run a newer one. What was compiled in the same build fits: allow the rule.",
	},
}

var (
	newerNIFAPI = Cause{
		ID: "newer", Summary: "it is compiled for NIF API #{api}, the release's ERTS #{erts} has #{runs}",
		Remedy: "compile it with the headers of the release's own Erlang/OTP, or run the release on #{otp}", Needs: "#{otp}",
	}
	nifAPIInEntry     = Cause{Detail: "its NIF entry says so", Prints: "\"That '#{module}' NIF library needs #{least} or newer\", which is wrong: it needs #{otp}"}
	nifAPIBare        = Cause{Detail: "its NIF entry says so", Prints: `"That '#{base}' NIF library needs version #{api}, this runtime has #{runs}"`}
	nifAPIInName      = Cause{Detail: "its name says so", Prints: nifAPIBare.Prints}
	nifAPICalls       = Cause{Prints: "#{undefined}"}
	nifAPIPrecompiled = Cause{Remedy: "#{build}\nor run the release on #{otp}"}
	nifAPIUnknownERTS = Cause{ID: "unknown-erts", Summary: "it is compiled for NIF API #{api}, and dram does not know ERTS #{erts}"}
	untoldNIFAPI      = Cause{
		ID: "untold", Summary: "it fills its NIF entry when it is loaded; which NIF API it was compiled for cannot be told",
		Detail: "no entry in its data, no -nif-2.xx- in its name", Prints: "if it was compiled for a newer NIF API than the VM's, the VM refuses it",
		Remedy: "if it was compiled in this build, it fits: allow the rule nif-api\nof a precompiled one, keep -nif-2.xx- in its name",
		Needs:  "a #{base} that tells its NIF API",
	}
)

// nifVersions is the newest NIF API by ERTS, oldest first (erl_nif.h of each;
// docs/check.md names the sources).
func nifVersions() []struct{ erts, api, otp string } {
	return []struct{ erts, api, otp string }{
		{"6.0", "2.6", "17"},
		{"7.0", "2.8", "18"},
		{"8.0", "2.11", "19"},
		{"9.0", "2.12", "20"},
		{"10.0", "2.14", "21"},
		{"10.4", "2.15", "22"},
		{"12.0", "2.16", "24"},
		{"14.0", "2.17", "26"},
		{"17.0", "2.18", "29"},
	}
}

// runtimeAPI is the NIF API of an ERTS; sure is false for one that is newer
// than any that dram knows.
func runtimeAPI(erts string) (api string, sure bool) {
	table := nifVersions()
	for _, row := range table {
		if target.CompareVersions(erts, row.erts) >= 0 {
			api = row.api
		}
	}
	major, _, _ := strings.Cut(erts, ".")
	newest, _, _ := strings.Cut(table[len(table)-1].erts, ".")
	return api, target.CompareVersions(major, newest) <= 0
}

// otpWith is the first Erlang/OTP that has a NIF API.
func otpWith(api string) string {
	for _, row := range nifVersions() {
		if target.CompareVersions(row.api, api) >= 0 {
			return "Erlang/OTP " + row.otp
		}
	}
	return "an Erlang/OTP newer than dram knows"
}

var nifInName = regexp.MustCompile(`-nif-([0-9]+\.[0-9]+)-`)

// wantedAPI is the NIF API that a library was compiled for, and what tells it;
// "" if nothing does.
func wantedAPI(n *native) (api string, how Cause) {
	if n.elf == nil || n.role != plugin {
		return "", Cause{}
	}
	if n.nif != nil {
		how = nifAPIInEntry
		if n.nif.MinERTS == "" {
			how = nifAPIBare
		}
		return fmt.Sprintf("%d.%d", n.nif.Major, n.nif.Minor), how
	}
	if m := nifInName.FindStringSubmatch(path.Base(n.Path)); m != nil {
		return m[1], nifAPIInName
	}
	return "", Cause{}
}

// newerAPI is the NIF API that a library was compiled for if the VM's is
// older, else "".
func (s *Survey) newerAPI(n *native) string {
	wants, _ := wantedAPI(n)
	runs, _ := runtimeAPI(s.erts)
	if s.erts == "" || wants == "" || target.CompareVersions(wants, runs) <= 0 {
		return ""
	}
	return wants
}

// untoldAPI says whether nothing tells which NIF API a library was compiled
// for: it fills its entry when it is loaded, as those written in Rust do.
func (s *Survey) untoldAPI(n *native) bool {
	wants, _ := wantedAPI(n)
	ours := n.Origin == release.Own || n.Origin == release.Dependency
	return ours && n.loaded && s.erts != "" && wants == "" && n.role == plugin &&
		slices.ContainsFunc(n.symbols.Defined, func(sym binary.Symbol) bool { return sym.Name == "nif_init" })
}

// nifAPI: a library that was compiled for a newer API is refused, whatever it
// calls. What it calls and the VM lacks is found first.
func nifAPI(s *Survey) (out []Finding) {
	for _, n := range s.natives {
		if wants := s.newerAPI(n); wants != "" {
			out = append(out, s.newerNIF(n, wants))
		} else if s.untoldAPI(n) {
			out = append(out, Finding{Verdict: Unknown, Subject: n.subject(), Cause: &untoldNIFAPI})
		}
	}
	return out
}

func (s *Survey) newerNIF(n *native, wants string) Finding {
	runs, sure := runtimeAPI(s.erts)
	_, how := wantedAPI(n)
	calls := slices.DeleteFunc(s.allLacking(n), func(sym string) bool { return !isNIFFunction(sym) })
	f := Finding{
		Verdict: Fail, Subject: n.subject(), Cause: newerNIFAPI.with(how), Params: Params{"api": wants, "otp": otpWith(wants)},
		Facts:    Params{"erts": s.erts, "runs": runs},
		Evidence: Evidence{Wants: append([]string{"NIF API " + wants}, calls...), Newest: "NIF API " + runs},
	}
	if n.nif != nil {
		f.Facts["module"], f.Facts["least"] = n.nif.Module, n.nif.MinERTS
	}
	if len(calls) > 0 {
		f.Cause, f.Facts["symbol"] = f.Cause.with(nifAPICalls), calls[0]
		if n.process.Musl {
			f.Facts["loader"] = "musl"
		}
	}
	if n.Origin == release.Dependency {
		f.Cause = f.Cause.with(nifAPIPrecompiled)
	}
	if !sure {
		f.Verdict, f.Cause = Unknown, f.Cause.with(nifAPIUnknownERTS)
	}
	return f
}
