package check_test

import (
	"bytes"
	stdelf "debug/elf"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dram/internal/check"
	"dram/internal/problem"
	"dram/internal/report"
	"dram/internal/target"
)

// cases are a release and a target each, and all that is found.
func cases() map[string]struct {
	rel, place tree
	want       []string
} {
	type world = struct {
		rel, place tree
		want       []string
	}
	one := func(nifFile string, want ...string) world { return world{hello().with(nif, nifFile), bookworm(), want} }
	return map[string]world{
		"a sound release": {hello(), bookworm(), nil},
		"a newer glibc": one(changed(func(l *lib) {
			l.Undefined = append(l.Undefined, symbols("__isoc23_strtol@GLIBC_2.38=libc.so.6", "old@GLIBC_2.2.5=libc.so.6")...)
		}),
			"FAIL symbol-version "+nif+": it needs GLIBC_2.38 of libc.so.6, the target's has GLIBC_2.36 at most",
			"FAIL symbol "+nif+": it needs the symbol old@GLIBC_2.2.5, which nothing that is loaded with it offers"),
		"a newer OpenSSL, same soname": one(changed(func(l *lib) {
			l.Needed = append(l.Needed, "libcrypto.so.3")
			l.Undefined = append(l.Undefined, symbols("EVP_z@OPENSSL_3.4.0=libcrypto.so.3", "EVP_y@OPENSSL_3.0.9=libcrypto.so.3")...)
		}), "FAIL symbol-version "+nif+": it needs OPENSSL_3.4.0 of libcrypto.so.3, the target's has OPENSSL_3.0.9 at most"),
		"a label that was never there": one(changed(func(l *lib) {
			l.Undefined = append(l.Undefined, symbols("x@GLIBC_2.30=libc.so.6", "y@FOO_1=libc.so.6")...)
		}), "FAIL symbol-version "+nif+": it needs GLIBC_2.30 of libc.so.6, the target's lacks it"),
		"a library without versions": one(changed(func(l *lib) {
			l.Needed = append(l.Needed, "libplain.so.1")
			l.Undefined = append(l.Undefined, symbols("plain@PLAIN_2=libplain.so.1")...)
		}), "WARN symbol-version "+nif+": the target's libplain.so.1 has no symbol versions at all, and PLAIN_2 is wanted of it"),
		"a missing library": one(changed(func(l *lib) {
			l.Needed = append(l.Needed, "libcrypto.so.1.1")
			l.Undefined = append(l.Undefined, symbols("EVP_x@OPENSSL_1_1_0=libcrypto.so.1.1", "perhaps_there")...)
		}), "FAIL soname "+nif+": it needs libcrypto.so.1.1, which is not on the target"),
		"a library beside the NIF": {hello().with(nif, changed(func(l *lib) {
			l.Needed, l.RunPath = append(l.Needed, "libown.so"), "$ORIGIN/lib"
			l.Undefined = append(l.Undefined, symbols("own")...)
		})).with("lib/exqlite-0.27.0/priv/lib/libown.so", elf(lib{
			Soname: "libown.so", Needed: []string{"libgone.so.1"}, Defined: symbols("own"),
		})), bookworm(), []string{"FAIL soname lib/exqlite-0.27.0/priv/lib/libown.so: it needs libgone.so.1, which is not on the target"}},
		"a library that nobody names": {
			hello().with("lib/hello-0.1.0/priv/x.so", elf(lib{Undefined: symbols("nowhere"), Needed: []string{"libgone.so.1"}})), bookworm(),
			[]string{"WARN soname lib/hello-0.1.0/priv/x.so: it needs libgone.so.1, which is not on the target"},
		},
		"an undefined symbol": one(changed(func(l *lib) { l.Undefined = append(l.Undefined, symbols("enif_term_size")...) }),
			"FAIL symbol "+nif+": it needs the symbol enif_term_size, which nothing that is loaded with it offers"),
		"a program that may never call it": {
			hello().with("lib/hello-0.1.0/priv/port", elf(lib{Interp: glibc, Undefined: symbols("dep")})), bookworm(),
			[]string{"WARN symbol lib/hello-0.1.0/priv/port: it needs the symbol dep, which nothing that is loaded with it offers"},
		},
		"a tool of development that cannot start": {
			hello().with(erts+"dialyzer", elf(lib{Interp: glibc, Needed: []string{"libgone.so.1"}})).
				with(erts+"epmd", elf(lib{Interp: glibc, Needed: []string{"libsystemd.so.0"}})).
				with("bin/hello", "#!/bin/sh\n"+strings.TrimSpace(execErl)+" -sname hello\n"), bookworm(),
			[]string{
				"FAIL soname " + erts + "epmd: it needs libsystemd.so.0, which is not on the target",
				"WARN soname " + erts + "dialyzer: it needs libgone.so.1, which is not on the target",
			},
		},
		"another processor": one(changed(func(l *lib) { l.Machine = stdelf.EM_AARCH64 }),
			"FAIL arch "+nif+": it is built for linux/arm64, the target is linux/amd64"),
		"another processor beside the right one": {
			hello().with("lib/exqlite-0.27.0/priv/x-aarch64.so", changed(func(l *lib) { l.Machine = stdelf.EM_AARCH64 })).
				with("lib/exqlite-0.27.0/priv/x-x86_64.so", elf(sqlite())), bookworm(),
			[]string{"WARN arch lib/exqlite-0.27.0/priv/x-aarch64.so: it is built for linux/arm64, the target is linux/amd64"},
		},
		"a Mach-O NIF":      one("\xcf\xfa\xed\xfe\x0c\x00\x00\x01"+strings.Repeat("\x00", 24), "FAIL format "+nif+": it is Mach-O for arm64, built for macOS, not an ELF file for Linux"),
		"a Git LFS pointer": one("version https://git-lfs.github.com/spec/v1\noid x\n", "FAIL format "+nif+": it is a Git LFS pointer, not the file itself"),
		"an empty NIF":      one("", "FAIL format "+nif+": it is an empty file"),
		"a damaged NIF":     one("\x7fELF\x02\x01\x01", "FAIL format "+nif+": it is a damaged ELF file"),
		"a NIF cut short":   one(cutShort(elf(sqlite())), "FAIL format "+nif+": it is cut short"),
		"a library that names half the world": one(changed(func(l *lib) {
			l.RunPath = "/" + strings.Repeat("x:/", 1300)
			for i := range 4000 {
				l.Needed = append(l.Needed, "lib"+strconv.Itoa(i))
			}
		}), "UNKNOWN loader "+nif+": what the loader does with it could not be told"),
		"a Windows program": {
			hello().with("lib/hello-0.1.0/priv/tool.exe", "MZ\x90"), bookworm(),
			[]string{"WARN format lib/hello-0.1.0/priv/tool.exe: it is a PE file, which Linux does not run"},
		},
		"packed relocations, with a loader that knows them": one(changed(func(l *lib) { l.RelR = true })),
		"an executable stack, before glibc 2.41":            one(changed(func(l *lib) { l.ExecStack = true })),
		"a NIF API too new": one(changed(func(l *lib) { l.NIF.Minor = 18 }),
			"FAIL nif-api "+nif+": it is compiled for NIF API 2.18, the release's ERTS 15.2.7 has 2.17"),
		"a NIF API too new, and one of its functions": one(changed(func(l *lib) {
			l.NIF.Minor = 18
			l.Undefined = append(l.Undefined, symbols("enif_term_size", "gone")...)
		}),
			"FAIL symbol "+nif+": it needs the symbol gone, which nothing that is loaded with it offers",
			"FAIL nif-api "+nif+": it is compiled for NIF API 2.18, the release's ERTS 15.2.7 has 2.17"),
		"a NIF API too new by its name": {
			hello().with("lib/exqlite-0.27.0/priv/native/libx-v1-nif-2.18-x86_64-unknown-linux-gnu.so", changed(func(l *lib) { l.NIF = nil })), bookworm(),
			[]string{"FAIL nif-api lib/exqlite-0.27.0/priv/native/libx-v1-nif-2.18-x86_64-unknown-linux-gnu.so: it is compiled for NIF API 2.18, the release's ERTS 15.2.7 has 2.17"},
		},
		"no bit to execute": {
			hello().with(erts+"erlexec", "644 "+hello()[erts+"erlexec"]).with("lib/hello-0.1.0/priv/port", "644 "+hello()["lib/hello-0.1.0/priv/port"]), bookworm(),
			[]string{
				"FAIL exec-bit lib/hello-0.1.0/priv/port: it has to be started and may not be: its mode is 0644",
				"FAIL exec-bit " + erts + "erlexec: it has to be started and may not be: its mode is 0644",
			},
		},
		"scripts": {
			hello().with("bin/hello", "#!/bin/sh\r\nexec x\r\n").with("bin/other", "#!/usr/bin/env bash\n").
				with("lib/hello-0.1.0/priv/x.py", "#!/usr/bin/python3\n"), bookworm(),
			[]string{
				"FAIL shebang bin/hello: its lines end in CR LF",
				"WARN shebang lib/hello-0.1.0/priv/x.py: it is run by /usr/bin/python3, which is not on the target",
				"WARN shebang bin/other: it is run by bash, which is not on the target",
			},
		},
		"programs that are not there": {
			hello().with("bin/hello", "#!/bin/sh\nset -e\nA=$(cat /dev/null)\nB=$(sed x | cut -c 1)\n"+execErl), bookworm().without("usr/bin/sed", "usr/bin/awk", "usr/bin/cat"),
			[]string{"FAIL program bin/hello: it calls cat, which is not on the target"},
		},
		"a release that was changed by hand": {
			hello().without("lib/kernel-10.2/ebin/kernel.app").with("lib/kernel-10.3/ebin/kernel.app", "644 {vsn,\"10.3\"}").
				with("lib/hello-0.1.0/ebin/hello.app", "644 {application,hello,[{vsn,\"0.2.0\"}]}.").with("releases/start_erl.data", "15.2.8 0.1.0"), bookworm(),
			[]string{
				"FAIL otp releases/start_erl.data: the release has no ERTS of its own, and the target has no Erlang/OTP",
				"FAIL consistency releases/start_erl.data: it names erts 15.2.8, the release has erts-15.2.7",
				"WARN consistency lib/hello-0.1.0/ebin/hello.app: it says version \"0.2.0\", releases/0.1.0/hello.rel says 0.1.0",
				"WARN consistency releases/0.1.0/hello.rel: it names erts 15.2.7, releases/start_erl.data 15.2.8",
			},
		},
		"links, cookies, secrets and what a machine left": {
			hello().with("lib/hello-0.1.0/priv/static", "-> /home/ann/static").with("releases/COOKIE", "644 abc").
				with("releases/0.1.0/vm.args", "644 -name x\n-setcookie abc\n").with("lib/hello-0.1.0/priv/key.pem", "644 -----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHx2ZkqC4mXyTn0uPb1RrQw9sLhVgE5aJd7oK3fGiYt8\n").
				with("lib/hello-0.1.0/priv/cert.pem", "644 -----BEGIN CERTIFICATE-----").with("lib/hello-0.1.0/priv/.env", "644 A=b").
				with("lib/hello-0.1.0/priv/.env.example", "644 A=b").with("lib/hello-0.1.0/priv/.DS_Store", "644 x"), bookworm(),
			[]string{
				"FAIL link lib/hello-0.1.0/priv/static: it is a link to /home/ann/static, outside the release",
				"FAIL secret lib/hello-0.1.0/priv/key.pem: it holds a private key",
				"WARN secret lib/hello-0.1.0/priv/.env: it looks like a secret",
				"WARN artefact lib/hello-0.1.0/priv/.DS_Store: it is left behind by macOS",
				"WARN cookie releases/COOKIE: it holds the distribution cookie, the same in every copy of the release",
				"WARN cookie releases/0.1.0/vm.args: it holds the distribution cookie, the same in every copy of the release",
			},
		},
		"no certificates, no locale": {
			hello().with("lib/ssl-11.2/ebin/ssl.app", "644 x"),
			bookworm().without("etc/ssl/certs/ca-certificates.crt", "usr/lib/locale/C.utf8/LC_CTYPE"),
			[]string{
				"WARN locale : the target has no UTF-8 locale",
				"WARN ca-bundle : the release has the application ssl, and the target has no certificates of authorities",
			},
		},
		"a place without a C library": {
			hello(), tree{"x": ""}.with("usr/bin/sh", "x").with("bin", "-> usr/bin").with("usr/bin/sed", "x").with("usr/bin/cut", "x").with("etc/ssl/cert.pem", "x"),
			append(foreign("lib/hello-0.1.0/priv/port", erts+"beam.smp", erts+"erl_child_setup", erts+"erlexec", erts+"inet_gethost"),
				"UNKNOWN platform : the target has no program loader that dram knows: it may be no root filesystem at all"),
		},
	}
}

// foreign is what is said of programs for glibc where its loader is not.
func foreign(files ...string) (out []string) {
	for _, f := range files {
		out = append(out, "FAIL interpreter "+f+": it is made for glibc, and its loader /lib64/ld-linux-x86-64.so.2 is not on the target")
	}
	return out
}

// cutShort has the first program header map more than there is.
func cutShort(file string) string {
	b := []byte(file)
	b[64+32+2]++ // 64 KiB more
	return string(b)
}

func TestRun(t *testing.T) {
	for name, tt := range cases() {
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(name, "a library that names half the world") && testing.Short() {
				t.Skip("left out: as much work as a check ever does")
			}
			in := open(t, tt.rel, tt.place)
			got, err := check.Run(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, lines(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, f := range got.Findings {
				if said := report.Say(got, f); said.Remedy == "" || said.Symptom == "" && f.Verdict != check.Unknown || said.Needs == "" {
					t.Errorf("no remedy, symptom or need in %+v", said)
				}
			}
			captured(t, in, got)
			kept(t, got)
		})
	}
}

// captured: a check against the capture finds the same, to the letter.
func captured(t *testing.T, in check.Input, want *check.Report) {
	t.Helper()
	var b bytes.Buffer
	if err := in.Target.Capture(&b); err != nil {
		t.Fatal(err)
	}
	tg, err := target.Load(&b)
	if err != nil {
		t.Fatal(err)
	}
	in.Target = tg
	got, err := check.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Findings, got.Findings); diff != "" {
		t.Errorf("against the capture (-live +captured):\n%s", diff)
	}
}

// What depends on the version of the C library.
func TestRunByLibc(t *testing.T) {
	relr := hello().with(nif, changed(func(l *lib) { l.RelR = true }))
	stack := hello().with(nif, changed(func(l *lib) { l.ExecStack = true }))
	glibcOf := func(version string) tree {
		tr := bookworm()
		return tr.with(in+"libc.so.6", strings.ReplaceAll(tr[in+"libc.so.6"], "version 2.36", "version "+version))
	}
	for _, tt := range []struct {
		rel   tree
		libc  string
		wants string
	}{
		{relr, "2.31", "FAIL relr"},
		{relr, "2.36", ""},
		{stack, "2.40", ""},
		{stack, "2.41", "FAIL exec-stack"},
	} {
		t.Run(tt.wants+" of "+tt.libc, func(t *testing.T) {
			got, err := check.Run(t.Context(), open(t, tt.rel, glibcOf(tt.libc)))
			if err != nil {
				t.Fatal(err)
			}
			var found []string
			for _, f := range got.Findings {
				if f.Rule != "locale" {
					found = append(found, f.Verdict.String()+" "+f.Rule)
				}
			}
			if s := strings.Join(found, " "); s != tt.wants {
				t.Errorf("got %q, want %q", s, tt.wants)
			}
			kept(t, got)
		})
	}
}

func TestRunOnMusl(t *testing.T) {
	rel := hello().with(erts+"beam.smp", beam(musl, "libc.so"))
	for _, name := range []string{erts + "erlexec", erts + "erl_child_setup", erts + "inet_gethost"} {
		rel[name] = elf(lib{Interp: musl, Needed: []string{"libc.so"}})
	}
	rel.with(nif, changed(func(l *lib) { l.Undefined = append(l.Undefined, symbols("__isoc23_strtol@GLIBC_2.38=libc.so.6")...) }))
	rel.with("lib/exqlite-0.27.0/priv/other.so", elf(sqlite()))
	got, err := check.Run(t.Context(), open(t, rel, alpine()))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"FAIL symbol " + nif + ": it needs the symbol __isoc23_strtol@GLIBC_2.38, which nothing that is loaded with it offers",
		"FAIL interpreter lib/hello-0.1.0/priv/port: it is made for glibc, and its loader /lib64/ld-linux-x86-64.so.2 is not on the target",
		"WARN libc-mix lib/exqlite-0.27.0/priv/other.so: it is made for glibc, the target has musl 1.2.5",
		"WARN libc-mix " + nif + ": it is made for glibc, the target has musl 1.2.5",
	}
	if diff := cmp.Diff(want, lines(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	kept(t, got)
}

func TestRunWithoutERTS(t *testing.T) {
	rel := hello().without(erts+"beam.smp", erts+"erlexec", erts+"erl_child_setup", erts+"erl", erts+"inet_gethost", "lib/kernel-10.2/ebin/kernel.app").
		with("bin/hello", "#!/bin/sh\nexec \"${0%/*}/../releases/0.1.0/elixir\"\n")
	place := func(version, kernel string) tree {
		return bookworm().with("usr/lib/erlang/releases/start_erl.data", version+" 27").
			with("usr/lib/erlang/lib/kernel-"+kernel+"/ebin/kernel.app", "x").
			with("usr/lib/erlang/erts-"+version+"/bin/beam.smp", beam(glibc, "libc.so.6")).
			with("usr/lib/erlang/bin/erl", "#!/bin/sh\nexec /usr/lib/erlang/erts-"+version+"/bin/beam.smp\n").with("usr/bin/erl", "-> ../lib/erlang/bin/erl")
	}
	const f = "FAIL otp releases/start_erl.data: the release has no ERTS of its own"
	rel["releases/0.1.0/elixir"] = "#!/bin/sh\nERTS_BIN=\nexec erl\n"
	for _, tt := range []struct {
		name  string
		place tree
		want  []string
	}{
		{"the same", place("15.2.7", "10.2"), nil},
		{"another kernel", place("15.2.7", "10.3"), []string{f + ", and 1 of the target's applications have other versions"}},
		{"another ERTS", place("13.1.5", "8.5"), []string{f + " and wants 15.2.7, the target's Erlang/OTP 27 has 13.1.5"}},
		{"none", bookworm(), []string{f + ", and the target has no Erlang/OTP"}},
		{"none, and it calls its own", place("15.2.7", "10.2").with("calls its own", ""), []string{
			"FAIL start releases/0.1.0/elixir: line 3 starts erts-15.2.7/bin/erl, which is not in the release",
		}},
	} {
		if _, ok := tt.place["calls its own"]; ok {
			rel["releases/0.1.0/elixir"] = "#!/bin/sh\nERTS_BIN=\"${0%/*}/../../erts-15.2.7/bin/\"\nexec \"$ERTS_BIN\"erl\n"
		}
		t.Run(tt.name, func(t *testing.T) {
			in := open(t, rel, tt.place)
			got, err := check.Run(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, lines(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			captured(t, in, got)
			kept(t, got)
		})
	}
}

// One finding in full.
func TestFinding(t *testing.T) {
	rel := hello().with(nif, changed(func(l *lib) { l.Undefined = symbols("__isoc23_strtol@GLIBC_2.38=libc.so.6") }))
	got, err := check.Run(t.Context(), open(t, rel, bookworm()))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Findings) != 1 {
		t.Fatalf("%d findings", len(got.Findings))
	}
	f := got.Findings[0]
	evidence := check.Evidence{
		Wants: []string{"__isoc23_strtol@GLIBC_2.38"}, Label: "GLIBC_2.38", Library: "libc.so.6",
		Provider: "usr/lib/x86_64-linux-gnu/libc.so.6", Newest: "GLIBC_2.36",
	}
	want := check.Finding{
		Rule: "symbol-version", Verdict: check.Fail,
		Subject: check.Subject{File: nif, App: "exqlite-0.27.0", Origin: "dependency", Use: check.UsePlugin},
		Cause:   f.Cause,
		Params:  check.Params{"library": "libc.so.6", "version": "GLIBC_2.38"},
		Facts:   check.Params{"object": "lib/x86_64-linux-gnu/libc.so.6", "lacks": "GLIBC_2.38"}, Evidence: evidence,
	}
	if diff := cmp.Diff(want, f); diff != "" || f.Cause.ID != "too-old" {
		t.Errorf("cause %q (-want +got):\n%s", f.Cause.ID, diff)
	}
	said := report.Words{
		Summary: "it needs GLIBC_2.38 of libc.so.6, the target's has GLIBC_2.36 at most", Evidence: evidence,
		Symptom: "loading the NIF or driver fails: \"/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /app/" + nif + ")\"",
		Remedy: "build the release with --toolchain distro:debian/12; if exqlite ships this file compiled, have it compiled in your build: " +
			"`config :elixir_make, :force_build, exqlite: true`",
		Needs: "GLIBC_2.38 in libc.so.6",
	}
	if diff := cmp.Diff(said, report.Say(got, f), cmpopts.IgnoreUnexported(report.Words{})); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
}

func TestAllow(t *testing.T) {
	in := open(t, hello().with("releases/COOKIE", "644 x").with(nif, "\xcf\xfa\xed\xfe\x0c\x00\x00\x01"), bookworm())
	for _, tt := range []struct {
		allow []string
		want  check.Verdict
	}{{nil, check.Fail}, {[]string{"format"}, check.Warn}, {[]string{"format", "cookie"}, check.OK}} {
		in.Allow = tt.allow
		got, err := check.Run(t.Context(), in)
		if err != nil || got.Worst() != tt.want || len(got.Findings) != 2 {
			t.Errorf("allowing %v: %v, %v; want %v", tt.allow, got.Worst(), err, tt.want)
		}
	}
	in.Allow = []string{"bogus"}
	if _, err := check.Run(t.Context(), in); problem.Code(err) != int(problem.Usage) {
		t.Errorf("an unknown rule: %v, want a usage problem", err)
	}
}

// Each rule has a name of its own and all that dram explain says.
func TestRulesAreDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range check.Rules() {
		if seen[r.ID] || r.Title == "" || r.Worst == check.OK || r.Doc.Looks == "" || r.Doc.Seen == "" || r.Doc.Do == "" {
			t.Errorf("rule %q is there twice, or lacks something: %+v", r.ID, r.Doc)
		}
		seen[r.ID] = true
	}
}

func TestLookupNamesTheNearest(t *testing.T) {
	for _, tt := range []struct {
		name string
		near []string
	}{
		{"soname", nil},
		{"so-name", []string{"soname"}},
		{"version", []string{"symbol-version"}},
		{"cokie", []string{"cookie"}},
		{"ca", []string{"ca-bundle", "locale"}},
	} {
		rule, near, ok := check.Lookup(tt.name)
		if diff := cmp.Diff(tt.near, near); diff != "" || ok != (tt.near == nil) || ok && rule.ID != tt.name {
			t.Errorf("%s: got %q %t (-want +got):\n%s", tt.name, rule.ID, ok, diff)
		}
	}
}

// What decides of a build: the rules that fail, and of those that were not
// allowed the ones that refuse it, each once and in order.
func TestFailedAndRefused(t *testing.T) {
	finding := func(rule string, v check.Verdict, allowed bool) check.Finding {
		return check.Finding{Rule: rule, Verdict: v, Allowed: allowed}
	}
	for name, tt := range map[string]struct {
		findings        []check.Finding
		failed, refused []string
		worst           check.Verdict
	}{
		"nothing":  {nil, nil, nil, check.OK},
		"warnings": {[]check.Finding{finding("cookie", check.Warn, false), finding("cookie", check.Warn, false)}, nil, []string{"cookie"}, check.Warn},
		"failures": {
			[]check.Finding{finding("soname", check.Fail, false), finding("arch", check.Fail, true), finding("soname", check.Fail, false), finding("isa", check.Unknown, false)},
			[]string{"soname", "arch"},
			[]string{"soname"},
			check.Fail,
		},
		"all allowed": {[]check.Finding{finding("arch", check.Fail, true), finding("isa", check.Unknown, false)}, []string{"arch"}, []string{"isa"}, check.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			r := &check.Report{Findings: tt.findings}
			if r.Worst() != tt.worst {
				t.Errorf("worst %s, want %s", r.Worst(), tt.worst)
			}
			if diff := cmp.Diff(tt.failed, r.Failed()); diff != "" {
				t.Errorf("failed (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.refused, r.Refused()); diff != "" && tt.worst != check.OK {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
		})
	}
}

// A result that was checked by fewer rules is checked again.
func TestRecipeNamesEachRule(t *testing.T) {
	words := strings.Fields(check.Recipe())
	for _, r := range check.Rules() {
		if !slices.Contains(words, r.ID) {
			t.Errorf("the recipe lacks rule %q", r.ID)
		}
	}
	if err := check.Known([]string{"soname", "nope"}); problem.Code(err) != int(problem.Usage) {
		t.Errorf("got %v for an unknown rule", err)
	}
}
