package check

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"dram/internal/beam"
	"dram/internal/binary"
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

// untoldAPI says whether nothing tells which NIF API a library was compiled
// for: it fills its entry when it is loaded, as those written in Rust do.
func (s *survey) untoldAPI(n *native) bool {
	wants, _ := wantedAPI(n)
	ours := n.Origin == release.Own || n.Origin == release.Dependency
	return ours && n.loaded && s.erts != "" && wants == "" && n.role == plugin &&
		slices.ContainsFunc(n.symbols.Defined, func(sym binary.Symbol) bool { return sym.Name == "nif_init" })
}

func untold(n *native) Finding {
	return Finding{
		Verdict: Unknown, Subject: subject(n.File), Summary: "it fills its NIF entry when it is loaded; which NIF API it was compiled for cannot be told",
		Evidence: Evidence{Detail: "no entry in its data, no -nif-2.xx- in its name"},
		Symptom:  n.symptom("if it was compiled for a newer NIF API than the VM's, the VM refuses it"),
		Remedy:   "if it was compiled in this build, it fits: allow the rule nif-api; of a precompiled one, keep -nif-2.xx- in its name",
		Needs:    "a " + path.Base(n.Path) + " that tells its NIF API",
	}
}

// nifAPI: a library that was compiled for a newer API is refused, whatever it
// calls. What it calls and the VM lacks is found first.
func nifAPI(s *survey) (out []Finding) {
	runs, sure := runtimeAPI(s.erts)
	for _, n := range s.natives {
		wants := s.newerAPI(n)
		if wants == "" {
			if s.untoldAPI(n) {
				out = append(out, untold(n))
			}
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
			f.Symptom = n.symptom(s.undefinedMessage(n, calls[0]))
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

// startERTS is the ERTS that releases/start_erl.data names. Some tools write a
// word there for a release that runs with any Erlang; the .rel file names the one
// that it was made with.
func (s *survey) startERTS() string {
	erts, _, _ := strings.Cut(strings.TrimSpace(s.text("releases/start_erl.data")), " ")
	if erts != "" && erts == s.boot.AnyERTS {
		if rel := s.relFile(); rel.path != "" && rel.err == nil {
			return rel.erts
		}
	}
	return erts
}

// otp: a release without ERTS runs on the target's, whose boot needs exactly
// the applications that the release was made with.
func otp(s *survey) []Finding {
	if s.rel.ERTS != "" {
		return nil
	}
	erts := s.startERTS()
	f := Finding{Verdict: Fail, Subject: Subject{File: "releases/start_erl.data", Origin: "metadata"}, Needs: "Erlang/OTP with erts-" + erts}
	own := s.target.Facts.OTP
	switch {
	case own == nil:
		f.Summary = "the release has no ERTS of its own, and the target has no Erlang/OTP"
		f.Symptom, f.Remedy = `"erl: not found"`, "build the release with include_erts: true, or install Erlang/OTP with erts-"+erts+" on the target"
		if packaged := s.target.Known("Erlang/OTP").Value; packaged != "" {
			f.Evidence.Detail = s.system() + " packages Erlang/OTP " + packaged
		}
		return []Finding{s.ofOpen(target.Erlang, f, "the release has no ERTS of its own, and whether the target has Erlang/OTP is not known")}
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
	if _, suite, ok := s.suite(); ok {
		f.Remedy += ": --toolchain " + suite.Reference()
	}
	return []Finding{f}
}

// scriptERTS is the ERTS that the script of a Mix release calls.
var scriptERTS = regexp.MustCompile(`erts-[0-9][0-9.]*`)

// relFile is the release's own .rel file: its path, the ERTS and the versions
// of applications that it names. The path is "" if there is none.
type relFile struct {
	path  string
	erts  string
	apps  map[string]string
	kinds map[string]string // "permanent", "load", "none"; by application
	err   error             // it could not be read
}

func (s *survey) relFile() (out relFile) {
	dir := path.Join("releases", s.rel.Version)
	for _, base := range []string{s.rel.Name, "start"} {
		if out.path = path.Join(dir, base+".rel"); s.files[out.path] == nil {
			continue
		}
		rel, err := parseRel(s.text(out.path))
		rel.path, rel.err = out.path, err
		return rel
	}
	return relFile{}
}

var errNoRel = errors.New("it is no {release, {Name, Version}, {erts, Version}, Applications}")

// parseRel reads {release, {Name, Vsn}, {erts, Vsn}, [{App, Vsn, …}]} (rel(4)).
func parseRel(text string) (out relFile, err error) {
	term, err := beam.ConsultOne([]byte(text))
	if err != nil {
		return relFile{}, err
	}
	rel, ok := beam.AsTuple(term, "release", 4)
	if !ok {
		return relFile{}, errNoRel
	}
	vm, _ := beam.AsTuple(rel[2], "erts", 2)
	list, isList := rel[3].(beam.List)
	if vm == nil || !isList {
		return relFile{}, errNoRel
	}
	out.erts, _ = beam.Text(vm[1])
	out.apps, out.kinds = map[string]string{}, map[string]string{}
	for _, e := range list {
		app, ok := e.(beam.Tuple)
		if !ok || len(app) < 2 {
			return relFile{}, errNoRel
		}
		name, isAtom := app[0].(beam.Atom)
		version, isText := beam.Text(app[1])
		if !isAtom || !isText {
			return relFile{}, errNoRel
		}
		out.apps[string(name)], out.kinds[string(name)] = version, relKind(app)
	}
	return out, nil
}

// applications is the versions, by name, of the applications that the boot
// script loads, or else that the .rel file names.
func (s *survey) applications() map[string]string {
	if b, ok := s.mainBoot(); ok && b.script != nil {
		if apps := b.folders(); len(apps) > 0 {
			return apps
		}
	}
	return s.relFile().apps
}

// consistency: no start reads .rel and .app files (a boot script holds what
// they said when it was made; measured with OTP 23 and 27), but Application.load,
// release upgrades and people do. What stops a start is in boot.
func consistency(s *survey) (out []Finding) {
	rel := s.relFile()
	if rel.path == "" {
		return nil
	}
	fault := func(v Verdict, file, summary, detail, symptom string) {
		out = append(out, Finding{
			Verdict: v, Subject: s.subjectAt(file), Summary: summary, Evidence: Evidence{Detail: detail},
			Symptom: symptom, Remedy: "assemble the release anew; do not change it by hand", Needs: "a release assembled anew",
		})
	}
	const quiet = "the release starts; tools that read the file are misled"
	if rel.err != nil {
		fault(Warn, rel.path, "it is no sound .rel file", rel.err.Error(), quiet)
	}
	erts := s.startERTS()
	if rel.err == nil && rel.erts != erts {
		fault(Warn, rel.path, fmt.Sprintf("it names erts %s, releases/start_erl.data %s", rel.erts, erts), "", quiet)
	}
	if s.rel.ERTS != "" && s.rel.ERTS != erts {
		fault(Warn, "releases/start_erl.data", fmt.Sprintf("it names erts %s, and the release starts %s", erts, s.rel.ERTS), "", quiet)
	}
	if s.rel.ERTS == "" {
		for _, f := range s.rel.Files {
			if f.Mode.IsDir() && strings.HasPrefix(f.Path, "erts-") && !strings.Contains(f.Path, "/") {
				fault(Fail, "releases/start_erl.data", fmt.Sprintf("it names erts %s, the release has %s", erts, f.Path), "", `"erl: not found", or another VM starts`)
			}
		}
	}
	script := path.Join("releases", s.rel.Version, "elixir")
	if m := scriptERTS.FindString(s.text(script)); m != "" && s.files[m] == nil {
		fault(Fail, script, fmt.Sprintf("it starts %s/bin/erl, and the release has no %s", m, m), "", `"erl: not found"`)
	}
	for _, app := range slices.Sorted(maps.Keys(rel.apps)) {
		s.appFault(rel, app, fault)
	}
	return out
}

func (s *survey) appFault(rel relFile, app string, fault func(v Verdict, file, summary, detail, symptom string)) {
	folder := path.Join("lib", app+"-"+rel.apps[app])
	at := path.Join(folder, "ebin", app+".app")
	missing := fmt.Sprintf("the release starts; Application.load(:%s), as in eval, and upgrades fail", app)
	if s.files[at] == nil {
		if s.rel.ERTS != "" || s.files[folder] != nil { // else the target's, see otp
			fault(Warn, rel.path, fmt.Sprintf("it names %s %s, and there is no %s", app, rel.apps[app], at), "the release has "+s.versionsOf(app), missing)
		}
		return
	}
	version, err := parseApp(s.text(at), app)
	switch {
	case err != nil:
		fault(Warn, at, "it is no sound .app file", err.Error(), missing)
	case version != rel.apps[app]:
		fault(Warn, at, fmt.Sprintf("it says version %s, %s says %s", strconv.Quote(version), rel.path, rel.apps[app]), "",
			"the release starts; Application.spec and upgrades take the wrong version")
	}
}

// parseApp reads the version of {application, Name, [{vsn, Vsn}, …]} (app(4)).
func parseApp(text, app string) (version string, err error) {
	term, err := beam.ConsultOne([]byte(text))
	if err != nil {
		return "", err
	}
	spec, ok := beam.AsTuple(term, "application", 3)
	if !ok || spec[1] != beam.Atom(app) {
		return "", fmt.Errorf("it is no {application, %s, Properties}", app)
	}
	vsn, _ := beam.Property(spec[2], "vsn")
	version, ok = beam.Text(vsn)
	if !ok {
		return "", errors.New("it has no vsn")
	}
	return version, nil
}

func (s *survey) subjectAt(file string) Subject {
	if f := s.files[file]; f != nil {
		return subject(*f)
	}
	return Subject{File: file, Origin: "metadata"}
}

func (s *survey) versionsOf(app string) string {
	for _, a := range s.rel.Apps {
		if a.Name == app {
			return app + " " + a.Version
		}
	}
	return "no " + app
}
