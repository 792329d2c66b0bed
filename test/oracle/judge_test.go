package oracle

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dram/internal/check"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/target"
)

// predict is what the check says of a release in a place.
func predict(t testing.TB, dir string, p place) *check.Report {
	t.Helper()
	files, err := rootfs.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = files.Close() }()
	rel, err := release.Read(t.Context(), files, release.Options{Survey: true})
	if err != nil {
		t.Fatal(err)
	}
	to, err := target.Open(t.Context(), "dir:"+p.root, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = to.Close() }()
	to.Name = p.ref() // some rules differ by what kind of a target it is
	r, err := check.Run(t.Context(), check.Input{Release: rel, Target: to})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// unit is one thing that runs or does not: a file of a release, or its start.
type unit struct {
	name     string // as oracle.erl takes it; "start"
	findings []check.Finding
	truth    string // worked, or the machine's words
}

// files is what the findings are about.
func (u unit) files() (out []string) {
	for _, f := range u.findings {
		out = append(out, f.Subject.File)
	}
	return out
}

// said is the worst that the check says of a unit, and the rules that say so.
func (u unit) said() (worst check.Verdict, rules []string) {
	for _, f := range u.findings {
		worst = max(worst, f.Verdict)
	}
	for _, f := range u.findings {
		if f.Verdict == worst && !slices.Contains(rules, f.Rule) {
			rules = append(rules, f.Rule)
		}
	}
	return worst, rules
}

// outcome is a column of the table.
type outcome int

const (
	runsSaidOK outcome = iota
	failsSaidFail
	falseOK
	falseFail
	warned
	unknown
	outcomes
)

func (u unit) outcome() outcome {
	worst, _ := u.said()
	switch {
	case worst == check.Unknown:
		return unknown
	case worst == check.Warn:
		return warned
	case worst == check.OK && u.truth == worked:
		return runsSaidOK
	case worst == check.OK:
		return falseOK
	case u.truth == worked:
		return falseFail
	}
	return failsSaidFail
}

// causes are what the machine says, and the rules of which one must have
// foretold it. The first that fits counts.
func causes() []struct {
	says  *regexp.Regexp
	rules []string
} {
	type cause = struct {
		says  *regexp.Regexp
		rules []string
	}
	c := func(says string, rules ...string) cause { return cause{regexp.MustCompile(says), rules} }
	return []cause{
		c("cannot be dlopen|ASan runtime does not come first|unsupported relocation type", "dlopen"),
		c("OS ABI invalid|cannot read file data|only ET_DYN and ET_EXEC|cannot change memory protections|ELF file version|ABI version invalid|nonzero padding|no loadable segments|phentsize|cannot dynamically load executable", "format", "soname"),
		c("version `GLIBC_ABI_DT_RELR' not found", "relr"),
		c("version `[^']+' not found", "symbol-version"),
		c("(undefined symbol: |symbol not found|: )enif_", "nif-api", "symbol"),
		c("undefined symbol: |symbol lookup error|: symbol not found|symbol .*, version .* not defined in file", "symbol", "dlopen"),
		c("cannot enable executable stack", "exec-stack"),
		c("static TLS block|initial-exec TLS resolves", "static-tls"),
		c("CPU ISA level is lower", "isa"),
		c("wrong ELF class|Invalid ELF image for this architecture", "arch", "soname"), // the second from an emulator that the kernel knows (binfmt_misc)
		c(`'/lib/[^']*: invalid ELF header`, "soname"),                                 // a file of that name that is for linkers, where no library is
		c("invalid ELF header|file too short|not a dynamic executable|ELF file data encoding|cannot dynamically load position-independent|ELF load command|Exec format error|object file has no dynamic section|Not a valid dynamic program", "format", "arch", "soname"),
		c(`lib/oracle-0\.1\.0/priv/([a-z0-9_]+)/([a-z0-9_]+)\.so: cannot open shared object file`, "arch"),
		c("cannot open shared object file|Error loading shared library", "soname", "opened"),
		c("Library load-call unsuccessful", "opened"), // what the cases' load functions do is open a library
		c("check_match: Assertion", "symbol-version"),
		c("needs (erts-|version )|requires version", "nif-api"),
		c("bad_lib.*[Ff]unction not found", "nif-functions", "nif"),
		c("bad_lib.*does not match calling module", "nif-functions", "nif"),
		c("nif_init", "nif-entry", "nif"),
		c("^SIG(SEGV|BUS)|signal (7|11)|segmentation|bus error", "relr", "format", "arch"),
		c("eacces|Permission denied", "exec-bit"),
		c(`(load_failed|badfile|re-compile|Runtime terminating|init terminating|cannot get bootfile|corrupt atom table)`, "otp", "beam", "consistency"),
		c(`erts-[0-9.]+/bin/[a-z]+: not found|(erl|erlexec): (not found|No such file)|enoent`, "interpreter", "otp", "shebang"),
		c(`No such file or directory|not found|\{exit,(2|126|127),`, "interpreter", "shebang", "program", "arch"),
		c(`\{exit,8,`, "format", "arch", "shebang"), // ENOEXEC
		c(`\{exit,(139|132|135),`, "relr", "format"),
	}
}

// cause is the rules of which one should have foretold what a machine said.
func cause(text string) []string {
	for _, c := range causes() {
		if c.says.MatchString(text) {
			return c.rules
		}
	}
	return nil
}

// otherCause says that a failure was foretold, but by no rule that explains it.
func (u unit) otherCause() bool {
	_, rules := u.said()
	return u.outcome() == failsSaidFail && !slices.ContainsFunc(cause(u.truth), func(r string) bool { return slices.Contains(rules, r) })
}

// ownFiles are the native files of Erlang/OTP that oracle.erl calls by name.
func ownFiles() map[string]string {
	return map[string]string{
		"crypto.so": "own:crypto", "asn1rt_nif.so": "own:asn1rt_nif", "dyntrace.so": "own:dyntrace",
		"trace_file_drv.so": "own:trace_file_drv", "trace_ip_drv.so": "own:trace_ip_drv",
	}
}

// loadedAtBoot are those that modules load when the release starts.
func loadedAtBoot() []string { return []string{"crypto.so", "asn1rt_nif.so", "dyntrace.so"} }

// neededToStart are the programs that a start runs.
func neededToStart() []string { return []string{"beam.smp", "erlexec", "erl_child_setup", "erl"} }

// unitOf is the unit that a file of a release belongs to.
func unitOf(file string) string {
	base := filepath.Base(file)
	if rest, ok := strings.CutPrefix(file, priv+"/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		if strings.HasPrefix(name, "p_") {
			return "port:" + name
		}
		return "nif:" + name
	}
	if own := ownFiles()[base]; own != "" {
		return own
	}
	dir := filepath.Dir(file)
	if strings.HasSuffix(dir, "/bin") && (strings.HasPrefix(dir, "erts-") || strings.HasPrefix(dir, "lib/")) && !slices.Contains(neededToStart(), base) {
		return "program:" + file
	}
	return "start"
}

// units joins what the check says with what came of it. What a start that
// failed left untried is no unit.
func units(r *check.Report, l lived, names []string) []unit {
	about := map[string][]check.Finding{}
	for _, f := range r.Findings {
		of := unitOf(f.Subject.File)
		about[of] = append(about[of], f)
		if strings.HasPrefix(of, "own:") && slices.Contains(loadedAtBoot(), filepath.Base(f.Subject.File)) {
			about["start"] = append(about["start"], f)
		}
	}
	first := unit{name: "start", truth: worked}
	if !l.started {
		first.truth = l.text
	}
	for _, f := range about["start"] { // of a start, warnings are about something else
		if f.Verdict == check.Fail || f.Verdict == check.Unknown {
			first.findings = append(first.findings, f)
		}
	}
	out := []unit{first}
	if !l.started {
		return out
	}
	for _, name := range names {
		out = append(out, unit{name, about[name], l.units[name]})
	}
	return out
}

// programs are the units for the programs of a release, and for Erlang/OTP's
// own libraries in it.
func programs(t testing.TB, dir string) (names []string) {
	t.Helper()
	files, err := rootfs.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = files.Close() }()
	rel, err := release.Read(t.Context(), files, release.Options{Survey: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range rel.Files {
		name := unitOf(f.Path)
		own := strings.HasPrefix(name, "own:")
		tool := strings.HasPrefix(name, "program:") && f.Mode&0o111 != 0 && isELF(filepath.Join(dir, f.Path))
		if f.Mode.IsRegular() && (own || tool) {
			names = append(names, name)
		}
	}
	return names
}
