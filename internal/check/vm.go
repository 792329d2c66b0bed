package check

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"dram/internal/release"
	"dram/internal/target"
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

// wantedAPI is the NIF API that a library was compiled for, and how that is
// known; "" if it is not.
func wantedAPI(n *native) (api, from string) {
	if n.elf == nil || n.role != plugin {
		return "", ""
	}
	if n.nif != nil {
		return fmt.Sprintf("%d.%d", n.nif.Major, n.nif.Minor), "its NIF entry says so"
	}
	if m := nifInName.FindStringSubmatch(path.Base(n.Path)); m != nil {
		return m[1], "its name says so"
	}
	return "", ""
}

// newerAPI is the NIF API that a library was compiled for if the VM's is
// older, else "".
func (s *survey) newerAPI(n *native) string {
	wants, _ := wantedAPI(n)
	runs, _ := runtimeAPI(s.erts)
	if s.erts == "" || wants == "" || target.CompareVersions(wants, runs) <= 0 {
		return ""
	}
	return wants
}

// nifAPI: a library that was compiled for a newer API is refused, whatever it
// calls. What it calls and the VM lacks is found first.
func nifAPI(s *survey) (out []Finding) {
	runs, sure := runtimeAPI(s.erts)
	for _, n := range s.natives {
		wants := s.newerAPI(n)
		if wants == "" {
			continue
		}
		_, from := wantedAPI(n)
		calls := slices.DeleteFunc(s.allLacking(n), func(sym string) bool { return !isNIFFunction(sym) })
		f := Finding{
			Verdict: Fail, Subject: subject(n.File),
			Summary:  fmt.Sprintf("it is compiled for NIF API %s, the release's ERTS %s has %s", wants, s.erts, runs),
			Evidence: Evidence{Wants: few(append([]string{"NIF API " + wants}, calls...)), Newest: "NIF API " + runs, Detail: from},
			Symptom:  n.symptom(nifMessage(n, wants, runs)),
			Remedy:   fmt.Sprintf("compile it with the headers of the release's own Erlang/OTP, or run the release on %s", otpWith(wants)),
			Needs:    otpWith(wants),
		}
		if len(calls) > 0 {
			f.Symptom = n.symptom(undefinedMessage(calls[0]))
		}
		if n.Origin == release.Dependency {
			f.Remedy = s.builder(n.File) + "; or run the release on " + otpWith(wants)
		}
		if !sure {
			f.Verdict = Unknown
			f.Summary = fmt.Sprintf("it is compiled for NIF API %s, and dram does not know ERTS %s", wants, s.erts)
		}
		out = append(out, f)
	}
	return out
}

// nifMessage is what the VM prints, which names the ERTS that the library
// asks for, not the one that it needs.
func nifMessage(n *native, wants, runs string) string {
	if n.nif == nil || n.nif.MinERTS == "" {
		return fmt.Sprintf(`"That '%s' NIF library needs version %s, this runtime has %s"`, path.Base(n.Path), wants, runs)
	}
	return fmt.Sprintf("\"That '%s' NIF library needs %s or newer\", which is wrong: it needs %s", n.nif.Module, n.nif.MinERTS, otpWith(wants))
}

// otp: a release without ERTS runs on the target's, whose boot needs exactly
// the applications that the release was made with.
func otp(s *survey) []Finding {
	if s.rel.ERTS != "" {
		return nil
	}
	erts, _, _ := strings.Cut(strings.TrimSpace(s.text("releases/start_erl.data")), " ")
	f := Finding{Verdict: Fail, Subject: Subject{File: "releases/start_erl.data", Origin: "metadata"}, Needs: "Erlang/OTP with erts-" + erts}
	own := s.target.Facts.OTP
	switch {
	case own == nil:
		f.Summary = "the release has no ERTS of its own, and the target has no Erlang/OTP"
		f.Symptom, f.Remedy = `"erl: not found"`, "build the release with include_erts: true, or install Erlang/OTP with erts-"+erts+" on the target"
		return []Finding{f}
	case own.ERTS != erts:
		f.Summary = fmt.Sprintf("the release has no ERTS of its own and wants %s, the target's Erlang/OTP %s has %s", erts, own.Release, own.ERTS)
	}
	var differ []string
	rel := s.applications()
	for _, name := range slices.Sorted(maps.Keys(rel)) {
		has, ok := own.Apps[name]
		if s.files[path.Join("lib", name+"-"+rel[name])] == nil && has != rel[name] {
			if !ok {
				has = "none"
			}
			differ = append(differ, fmt.Sprintf("%s %s (the target has %s)", name, rel[name], has))
		}
	}
	if len(differ) > 0 && f.Summary == "" {
		f.Summary = fmt.Sprintf("the release has no ERTS of its own, and %d of the target's applications have other versions", len(differ))
	}
	if f.Summary == "" {
		return nil
	}
	f.Evidence = Evidence{Wants: few(differ), Provider: own.Root, Newest: "erts-" + own.ERTS}
	f.Symptom = `"Runtime terminating during boot ({load_failed,…})"`
	f.Remedy = "build the release with include_erts: true, or in a toolchain with the target's Erlang/OTP"
	if o := s.target.Facts.OS; o.ID == "debian" && o.Version != "" {
		f.Remedy += ": --toolchain distro:debian/" + o.Version
	}
	return []Finding{f}
}

var (
	relApp  = regexp.MustCompile(`\{\s*'?([a-zA-Z][a-zA-Z0-9_@]*)'?\s*,\s*"([^"\\]+)"`)
	relERTS = regexp.MustCompile(`\{\s*erts\s*,\s*"([^"\\]+)"\s*\}`)
	// scriptERTS is the ERTS that the script of a Mix release calls.
	scriptERTS = regexp.MustCompile(`erts-[0-9][0-9.]*`)
	appVsn     = regexp.MustCompile(`\{\s*vsn\s*,\s*"([^"\\]*)"\s*\}`)
)

const maxApps = 10_000

// relFile is the path and the text of the release's own .rel file.
func (s *survey) relFile() (name, text string) {
	dir := path.Join("releases", s.rel.Version)
	for _, base := range []string{s.rel.Name, "start"} {
		name = path.Join(dir, base+".rel")
		if text = s.text(name); text != "" {
			return name, text
		}
	}
	return "", ""
}

// applications is what the .rel file names: versions by name.
func (s *survey) applications() map[string]string {
	_, text := s.relFile()
	if i := strings.Index(text, "["); i >= 0 {
		text = text[i:] // behind {release,{Name,Vsn}} and {erts,Vsn}
	}
	out := map[string]string{}
	for _, m := range relApp.FindAllStringSubmatch(text, maxApps) {
		out[m[1]] = m[2]
	}
	return out
}

// consistency: the boot script was made from the .rel file.
func consistency(s *survey) (out []Finding) {
	name, text := s.relFile()
	if name == "" {
		return nil
	}
	fault := func(file, summary, detail string) {
		out = append(out, Finding{
			Verdict: Fail, Subject: Subject{File: file, Origin: "metadata"}, Summary: summary, Evidence: Evidence{Detail: detail},
			Symptom: `"Runtime terminating during boot"`, Remedy: "assemble the release anew; do not change it by hand", Needs: "a release assembled anew",
		})
	}
	erts, _, _ := strings.Cut(strings.TrimSpace(s.text("releases/start_erl.data")), " ")
	if m := relERTS.FindStringSubmatch(text); m != nil && m[1] != erts {
		fault(name, fmt.Sprintf("it names erts %s, releases/start_erl.data %s", m[1], erts), "")
	}
	if s.rel.ERTS == "" {
		for _, f := range s.rel.Files {
			if f.Mode.IsDir() && strings.HasPrefix(f.Path, "erts-") && !strings.Contains(f.Path, "/") {
				fault("releases/start_erl.data", fmt.Sprintf("it names erts %s, the release has %s", erts, f.Path), "")
			}
		}
	}
	script := path.Join("releases", s.rel.Version, "elixir")
	if m := scriptERTS.FindString(s.text(script)); m != "" && s.files[m] == nil {
		fault(script, fmt.Sprintf("it starts %s/bin/erl, and the release has no %s", m, m), "")
	}
	apps := s.applications()
	for _, app := range slices.Sorted(maps.Keys(apps)) {
		at := path.Join("lib", app+"-"+apps[app], "ebin", app+".app")
		m := appVsn.FindStringSubmatch(s.text(at))
		switch {
		case s.files[at] == nil && s.rel.ERTS == "" && s.files[path.Join("lib", app+"-"+apps[app])] == nil:
			// the target's, see otp
		case s.files[at] == nil:
			fault(name, fmt.Sprintf("it names %s %s, and there is no %s", app, apps[app], at), "the release has "+s.versionsOf(app))
		case m != nil && m[1] != apps[app]:
			fault(at, fmt.Sprintf("it says version %s, %s says %s", strconv.Quote(m[1]), name, apps[app]), "")
		}
	}
	return out
}

func (s *survey) versionsOf(app string) string {
	for _, a := range s.rel.Apps {
		if a.Name == app {
			return app + " " + a.Version
		}
	}
	return "no " + app
}
