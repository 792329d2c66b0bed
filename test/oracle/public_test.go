package oracle

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dram/internal/check"
)

// publicReport is a failure that somebody reported in public, made again with files
// of our own: a native file that was built elsewhere, or a change to a release.
type publicReport struct {
	where   string // repository#number
	what    string // that was seen
	builder string // which compiled file
	file    string // a case of this package
	on      string // where it runs: a system, "musl"; "" for Debian 13
	without string // what is missing there
	start   startCase
	said    check.Verdict
	rule    string // that says so
	under   string // the circumstance of a rehearsal that shows it; "" where files tell
	sample  bool
}

func publicReports() []publicReport { return slices.Concat(nativeReports(), startReports()) }

func nativeReports() []publicReport {
	const fail, warn = check.Fail, check.Warn
	return []publicReport{
		{where: "leandrocp/mdex#187", what: "a precompiled NIF wants GLIBC_2.33 on bullseye", builder: "13", file: "stat", on: "11", said: fail, rule: "symbol-version"},
		{where: "tessi/wasmex#774", what: "a precompiled NIF wants GLIBC_2.38 of libm on bookworm", builder: "13", file: "exp", on: "12", said: fail, rule: "symbol-version"},
		{where: "elixir-nx/nx#1490", what: "GLIBCXX_3.4.32 not found", builder: "13", file: "cxx_format", on: "12", said: fail, rule: "symbol-version"},
		{where: "c0b/docker-elixir#40", what: "libncursesw.so.6 is missing", builder: "13", file: "ncurses", on: "13", without: "libncursesw", said: fail, rule: "soname"},
		{where: "erlef/docker-elixir#81", what: "libcrypto.so.1.1 is missing", builder: "11", file: "crypto", on: "12", said: fail, rule: "soname"},
		{where: "erlef/setup-beam#292", what: "undefined symbol EVP_sm4_cbc, version OPENSSL_3.0.0", builder: "13", file: "label_without_symbol", on: "13", said: fail, rule: "symbol"},
		{where: "elixir-nx/nx#1523", what: "cannot enable executable stack", builder: "12", file: "exec_stack", on: "13", said: fail, rule: "exec-stack", sample: true},
		{where: "erlang/otp#7762", what: "cannot allocate memory in static TLS block", builder: "13", file: "tsan", on: "13", said: fail, rule: "static-tls"},
		{where: "boudra/jaxon#14", what: "a NIF of macOS: invalid ELF header", builder: "13", file: "macho", on: "13", said: fail, rule: "format"},
		{where: "livebook-dev/adbc#109", what: "the library beside a NIF is missing", builder: "13", file: "origin_gone", on: "13", said: fail, rule: "soname", sample: true},
		{where: "elixir-nx/xla#119", what: "undefined symbol ncclMemFree", builder: "13", file: "undefined", on: "13", said: fail, rule: "symbol"},
		{where: "taylor/kiex#34", what: "NIF library version not compatible", builder: "forky", file: "own_headers", on: "13", said: fail, rule: "nif-api"},
		{where: "elixir-volt/quickbeam#15", what: "illegal instruction on older processors", builder: "13", file: "avx2_march", on: "13", said: warn, rule: "isa"},
		{where: "bitwalker/alpine-elixir#74", what: "libstdc++ is missing for beam.smp", builder: "13", file: "plain", on: "13", without: "libstdc++", said: fail, rule: "soname"},
		{where: "prometheus-erl/prometheus_process_collector#13", what: "a NIF for glibc on Alpine", builder: "13", file: "strtol", on: "musl", said: fail, rule: "symbol"},
		{where: "appsignal/appsignal-elixir#935", what: "gnu_get_libc_version: symbol not found, on Alpine", builder: "12", file: "gnu_version", on: "musl", said: fail, rule: "symbol"},
		{where: "mcass19/ex_ratatui#83", what: "libgcc_s.so.1 is missing on Alpine", builder: "12", file: "cxx", on: "musl", said: fail, rule: "soname"},
		{where: "davisp/jiffy#179", what: "__memcpy_chk: symbol not found, in Docker on Alpine", builder: "12", file: "fortified", on: "musl", said: fail, rule: "symbol"},
		{where: "rusterlium/rustler#164", what: "a NIF in Rust: libgcc_s.so.1 is missing on Alpine", builder: "12", file: "cxx", on: "musl", said: fail, rule: "soname"},
		{where: "redrabbit/git.limo#65", what: "undefined symbol git_diff_to_buf", builder: "13", file: "undefined", on: "13", said: fail, rule: "symbol"},
		{where: "elixir-nx/ex_faiss#8", what: "the library beside a NIF has an undefined symbol", builder: "13", file: "deep_undefined", on: "13", said: fail, rule: "symbol"},
		{where: "msaraiva/alpine-erlang#5", what: "__memcpy_chk: symbol not found, on Alpine", builder: "12", file: "fortified", on: "musl", said: fail, rule: "symbol"},
	}
}

// changed is a report about a start that one change makes again.
func changed(where, what, change string, said check.Verdict, rule string) publicReport {
	return publicReport{where: where, what: what, start: startCase{name: where, change: change}, said: said, rule: rule}
}

func startReports() []publicReport {
	const fail, warn = check.Fail, check.Warn
	config := func(text string) string { return "rm $vsn/sys.config; printf '" + text + "' > $vsn/sys.config" }
	bash := changed("bitwalker/distillery#308", "the script wants bash, and there is none", "sed -i '1s|.*|#!/usr/bin/env bash|' bin/oracle", fail, "shebang")
	bash.start.root = "rm usr/bin/bash"
	ipv6 := changed("supabase/supavisor#218", "distribution by IPv6 on a machine without", env("export ERL_AFLAGS='-proto_dist inet6_tcp'"), check.OK, "")
	ipv6.under = "no-ipv6"
	readOnly := changed("bitwalker/distillery#670", "it writes into the release, which is read-only", env(`echo x > "$RELEASE_ROOT/releases/data"`), warn, "start")
	readOnly.under = "read-only"
	limit := changed("supabase/realtime#462", "ulimit: Operation not permitted", env("ulimit -n 2000000"), warn, "start")
	limit.under = "plain"
	out := []publicReport{
		changed("erlware/relx#477", "the start script may not be started", "chmod 644 bin/oracle", fail, "exec-bit"),
		changed("esl/MongooseIM#2014", "erts/bin/escript and its like may not be started", "chmod 644 $erts/bin/*", fail, "exec-bit"),
		changed("bitwalker/exrm#369", "Bad substitution", env("A=x-y\nexport B=${A//-/_}"), fail, "start"),
		changed("elixir-lang/elixir#7200", "a script with lines of Windows", "sed -i 's/$/\\r/' $vsn/elixir", fail, "shebang"),
		changed("bitwalker/distillery#317", "env is given flags for bash", "sed -i '1s|.*|#!/usr/bin/env bash -e|' bin/oracle", fail, "shebang"),
		changed("nerves-hub/nerves_hub_web#2678", "[[ in env.sh, where sh is no bash", env("[[ -n $HOME ]]\nexport A=1"), fail, "program"),
		changed("erlware/relx#739", "a long name without a domain: nodistribution", env("export RELEASE_DISTRIBUTION=name"), warn, "vm-args"),
		changed("bitwalker/distillery#338", "Hostname 127.0.0.1 is illegal", env("export RELEASE_NODE=oracle@127.0.0.1"), fail, "vm-args"),
		changed("synrc/n2o#237", "unknown flag, of another Erlang/OTP", arg("+JPcoverage true\n+Yyy 1"), fail, "vm-args"),
		changed("processone/ejabberd#922", "a flag is given what is no value", arg("+P \\\\"), fail, "vm-args"),
		changed("burrito-elixir/burrito#210", "bad \"M\" parameter", arg("+Mis true"), fail, "vm-args"),
		changed("zotonic/zotonic#2166", "syntax error in the configuration", config("[{kernel,[{a,1} {b,2}]}].\\n"), fail, "config"),
		changed("DockYard/reefpoints#540", "no dot behind the configuration", config("[]\\n"), fail, "config"),
		changed("erlang/otp#10214", "a configuration of 7k", config("7k\\n"), fail, "config"),
		changed("erlang/otp#10342", "configuration file not found", "rm $vsn/sys.config", fail, "config"),
		bash, ipv6, readOnly, limit,
	}
	out = append(out, laterReports()...)
	out = append(out, lifelikeReports()...)
	for i := range out {
		out[i].sample = out[i].sample || i%7 == 0
	}
	return out
}

// laterReports are about what kernel, init and the boot script make of what they are
// given.
func laterReports() []publicReport {
	const fail, warn, unknown = check.Fail, check.Warn, check.Unknown
	config := func(text string) string { return "rm $vsn/sys.config; printf '" + text + "' > $vsn/sys.config" }
	needs := publicReport{where: "bitwalker/distillery#103", what: "an application that another needs is missing: asn1.app", said: fail, rule: "boot"}
	needs.start = startCase{name: needs.where, rewrite: "[case I of {apply,{application,load,[{application,oracle,P}]}} -> {apply,{application,load,[{application,oracle,lists:keystore(applications,1,P,{applications,[kernel,stdlib,asn1]})}]}}; _ -> I end || I <- L]"}
	return []publicReport{
		changed("vernemq/vernemq#2413", "Invalid logger handler config: function_not_exported", config("[{kernel,[{logger,[{handler,syslog,syslog_logger_h,#{}}]}]}].\\n"), fail, "config"),
		changed("bitwalker/distillery#117", "a cookie that begins with +", env("export RELEASE_COOKIE=+GUboXwlDkbKn"), fail, "vm-args"),
		changed("community-scripts/ProxmoxVE#16360", "unknown flag: a cookie that begins with +, in vm.args", arg("-setcookie +w2dDazBCrIZMsZu8edX4hn55QeRXOCi"), fail, "vm-args"),
		changed("burrito-elixir/burrito#53", "-start_epmd false, and no epmd runs: econnrefused", arg("-start_epmd false"), unknown, "vm-args"),
		changed("liamgriffiths/distributed-elixir-demo#1", "Can't set long node name: hello@", env("export RELEASE_DISTRIBUTION=name RELEASE_NODE=hello@$POD_IP9"), warn, "vm-args"),
		changed("tsloughter/epmdless#6", "undef: epmdless_client:start_link", arg("-epmd_module epmdless_client"), fail, "vm-args"),
		changed("apache/couchdb#3821", "Protocol 'couch': not supported", arg("-proto_dist couch"), fail, "vm-args"),
		changed("AntidoteDB/antidote#419", "Can't set short node name", env("export RELEASE_NODE=antidote@antidote-0.antidote"), fail, "vm-args"),
		changed("livebook-dev/livebook#1396", "Can't set long node name: the start script sets another", env("export RELEASE_DISTRIBUTION=name RELEASE_NODE=livebook_server"), warn, "vm-args"),
		changed("exthereum/abi#14", "on_load_function_failed: the NIF library was not built", "rm lib/oracle-0.1.0/ebin/c_plain.beam; cp $extra/returned/c_plain.beam lib/oracle-0.1.0/ebin/", fail, "on-load"),
		changed("sameersbn/docker-gitlab#216", "the start script's sed: unknown option to `s'", env("A=$(echo http://x/y | sed 's/x/a/b/')"), fail, "start"),
		needs,
	}
}

// TestPublicReports makes what people reported again, and compares what the machine,
// the check and, where files do not tell, a rehearsal say with the table.
func TestPublicReports(t *testing.T) {
	p := newReported(t)
	table := "| report | what happened | `dram check` | `dram rehearse` |\n|---|---|---|---|\n"
	for _, r := range publicReports() {
		if !whole && !r.sample {
			continue
		}
		t.Run(r.where, func(t *testing.T) {
			check, rehearsal := p.try(t, r)
			if rehearsal == "" {
				rehearsal = "-"
			}
			table += fmt.Sprintf("| %s | %s | %s | %s |\n", r.where, r.what, check, rehearsal)
		})
	}
	t.Log("\n" + table)
	if whole && *update && !t.Failed() {
		publish(t, map[string]string{"reports": table})
	}
}

// reported is what reports are made again with.
type reported struct {
	systems map[string]system
	headers string
	musl    place
	vm      string
	made    map[string]string // native files, by builder
	extra   string
}

func newReported(t *testing.T) *reported {
	p := &reported{systems: map[string]system{}, made: map[string]string{}}
	for _, s := range systems(t, "11", "12", "13", "forky") {
		p.systems[s.name] = s
	}
	p.headers = nifHeaders(p.systems["11"])
	p.musl, p.vm = muslPlace(t, p.headers)
	for _, builder := range []string{"11", "12", "13", "forky"} {
		wanted := slices.DeleteFunc(libraries(), func(n nativeCase) bool {
			return !slices.ContainsFunc(nativeReports(), func(r publicReport) bool { return (whole || r.sample) && r.builder == builder && r.file == n.name })
		})
		if len(wanted) > 0 {
			p.made[builder], _ = natives(t, builder, p.headers, p.systems[builder].root, "gcc", wanted)
		}
	}
	p.extra = modules(t, p.systems["13"])
	return p
}

// try says what the check and a rehearsal make of one report, and fails the test
// where that is not as the report says.
func (p *reported) try(t *testing.T, r publicReport) (said, rehearsal string) {
	t.Helper()
	if r.file != "" {
		return p.native(t, r), ""
	}
	s := p.systems["13"]
	rel, on := r.start.make(t, releaseOf(t, s, "oracle"), p.extra, small(t, s))
	started, words := r.start.start(t, on, rel)
	said = r.check(t, predict(t, rel, on), words)
	switch {
	case r.under != "":
		return said, r.rehearse(t, rel, on)
	case started:
		t.Errorf("it starts: %s", words)
	}
	return said, ""
}

func (p *reported) native(t *testing.T, r publicReport) string {
	t.Helper()
	on := place{system: p.systems[r.on]}
	c := complaint{builder: r.builder, file: r.file, on: r.on, without: r.without, rules: []string{r.rule}}
	base := p.systems["11"]
	if r.on == "musl" {
		on = p.musl
	} else if base = on.system; r.without != "" {
		on = incomplete(t, on.system, r.without)
	}
	rel := c.release(t, releaseOf(t, base, "oracle"), p.made[r.builder], p.systems[r.builder], p.vm)
	l := c.live(t, on, rel, []string{"nif:" + r.file})
	words := l.text
	if l.started {
		words = l.units["nif:"+r.file]
	}
	if words == worked && r.said == check.Fail {
		t.Errorf("it runs")
	}
	return r.check(t, predict(t, rel, on), words)
}

// check is what the check says of it, "FAIL, by symbol-version".
func (r publicReport) check(t *testing.T, report *check.Report, words string) string {
	t.Helper()
	t.Logf("the machine: %.300s", strings.TrimSpace(words))
	if r.rule == "" {
		if worst := report.Worst(); worst == check.Fail {
			t.Errorf("it says %s: %v", worst, report.Failed())
		}
		return "nothing"
	}
	worst := check.OK
	for _, f := range report.Findings {
		if f.Rule == r.rule {
			worst = max(worst, f.Verdict)
		}
	}
	if worst != r.said {
		t.Errorf("it says %s by %s, want %s; fails: %v", worst, r.rule, r.said, report.Failed())
	}
	return fmt.Sprintf("%s, by `%s`", worst, r.rule)
}

// rehearse has the release started under the circumstance that the report is about.
func (r publicReport) rehearse(t *testing.T, rel string, on place) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, "--quiet", "rehearse", rel, "--target", "dir:"+on.root, "--only", r.under, "--format", "json", "--env", "ORACLE_STAYS=1", "--env", "RELEASE_COOKIE=c")
	cmd.Env = append(cmd.Environ(), "DRAM_CACHE_DIR="+cache)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var doc struct {
		Circumstances []struct{ Name, Verdict, Summary string } `json:"circumstances"`
	}
	if jerr := json.Unmarshal(out, &doc); jerr != nil {
		t.Fatalf("%v, %v\n%s", jerr, err, out)
	}
	for _, c := range doc.Circumstances {
		if t.Logf("%s %s: %s", c.Verdict, c.Name, c.Summary); c.Name == r.under {
			if c.Verdict != "FAIL" {
				t.Errorf("a rehearsal says %s of %s in %s", c.Verdict, filepath.Base(rel), c.Name)
			}
			return fmt.Sprintf("%s, in `%s`", c.Verdict, c.Name)
		}
	}
	t.Errorf("no circumstance %q in %s", r.under, out)
	return ""
}
