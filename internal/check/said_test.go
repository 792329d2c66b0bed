package check_test

import (
	stdelf "debug/elf"
	"strings"
	"testing"

	facts "dram/internal/binary"
	"dram/internal/check"
)

// What no other test brings about is said here, so that the goldens have each
// wording of each rule.
func TestRunSays(t *testing.T) {
	const (
		other = "lib/hello-0.1.0/priv/other.so"
		own   = "lib/hello-0.1.0/priv/own.so"
		named = "lib/hello-0.1.0/priv/native/libx-v1-nif-2.18-x86_64-unknown-linux-gnu.so"
	)
	libcOf := func(version string) tree {
		tr := bookworm()
		tr[in+"libc.so.6"] = strings.ReplaceAll(tr[in+"libc.so.6"], "stable release version 2.36.", version)
		return tr
	}
	onMusl := func() tree {
		rel := hello().with(erts+"beam.smp", beam(musl, "libc.so")).without("lib/hello-0.1.0/priv/port")
		for _, name := range []string{erts + "erlexec", erts + "erl_child_setup"} {
			rel[name] = elf(lib{Interp: musl, Needed: []string{"libc.so"}})
		}
		return rel
	}
	for _, tt := range []struct {
		name       string
		rel, place tree
	}{
		{"a library of text", hello().with(own, "644 text"), bookworm()},
		{"a pointer that is no library", hello().with("lib/hello-0.1.0/priv/model", "version https://git-lfs.github.com/spec/v1\noid x\n"), bookworm()},
		{"another processor, musl", onMusl().with(nif, changed(func(l *lib) { l.Machine = stdelf.EM_AARCH64 })), alpine()},
		{"a port for another processor", hello().with("lib/hello-0.1.0/priv/port", elf(lib{Interp: glibc, Machine: stdelf.EM_AARCH64})), bookworm()},
		{"a missing library, musl", onMusl().with(nif, changed(func(l *lib) { l.Needed = append(l.Needed, "libgone.so.1") })), alpine()},
		{
			"a target's library without its own", hello().with(nif, changed(func(l *lib) { l.Needed = append(l.Needed, "libz.so.1") })),
			bookworm().with(in+"libz.so.1", elf(lib{Soname: "libz.so.1", Needed: []string{"libgone.so.1"}})),
		},
		{"packed relocations, an unknown glibc", hello().with(nif, changed(func(l *lib) { l.RelR = true })), libcOf("")},
		{"packed relocations, and their label", hello().with(nif, changed(func(l *lib) {
			l.RelR = true
			l.Undefined = append(l.Undefined, symbols("x@GLIBC_ABI_DT_RELR=libc.so.6")...)
		})), libcOf("stable release version 2.31.")},
		{"an executable stack, an unknown glibc", hello().with(nif, changed(func(l *lib) { l.ExecStack = true })), libcOf("")},
		{"a port that looks for a symbol late, musl", onMusl().with("lib/hello-0.1.0/priv/port", elf(lib{Interp: musl, Needed: []string{"libc.so"}, Undefined: symbols("gone")})), alpine()},
		{"thread-local storage, musl", onMusl().with(nif, changed(func(l *lib) { l.StaticTLS = 64 })), alpine()},
		{"a NIF API too new, the project's own", hello().with(own, changed(func(l *lib) { l.NIF.Minor = 18 })), bookworm()},
		{"a NIF API too new, by its name", hello().with(named, changed(func(l *lib) { l.NIF = nil })), bookworm()},
		{"a NIF API too new, without its ERTS", hello().with(own, changed(func(l *lib) { l.NIF.Minor, l.NIF.MinERTS = 18, "" })), bookworm()},
		{
			"a library for a module that is gone, and one without its own",
			hello().with(nifModule, defining("Elixir.Exqlite.Other", false)), bookworm(),
		},
		{"two libraries of a module that is gone", hello().with(own, changed(func(l *lib) { l.NIF.Module = "Elixir.Gone" })).with(other, changed(func(l *lib) { l.NIF.Module = "Elixir.Gone" })), bookworm()},
		{"modules of all kinds", hello().with("lib/hello-0.1.0/ebin/a.beam", made("a", 100)).with("lib/hello-0.1.0/ebin/b.beam", made("c", 183)).
			with("lib/hello-0.1.0/ebin/d.beam", "644 x").with("lib/hello-0.1.0/ebin/e.beam", "644 x").with("lib/hello-0.1.0/ebin/f.beam", made("g", 183)), bookworm()},
		{"an .app file without a version", hello().with("lib/hello-0.1.0/ebin/hello.app", "644 {application,hello,[]}."), bookworm()},
		{"an .app file of another application", hello().with("lib/hello-0.1.0/ebin/hello.app", "644 {application,other,[{vsn,\"1\"}]}."), bookworm()},
		{"a link to nothing", hello().with("lib/hello-0.1.0/priv/gone", "-> nothing"), bookworm()},
		{"scripts without interpreters", hello().with("lib/hello-0.1.0/priv/a", "#!/usr/bin/env -S FOO=1 node\n").with("releases/0.1.0/env.sh", "644 #!/bin/sh\nexport A=b\r\n"), bookworm()},
		{"programs that some starts call", hello().with("bin/hello", "#!/bin/sh\nmkdir x\ndate\ndd | od | awk\n"), bookworm().without("usr/bin/awk", "usr/bin/dd")},
		{"a start that may not be", hello().with("bin/hello", "644 #!/bin/sh\n").with(erts+"beam.smp", "644 "+hello()[erts+"beam.smp"]).
			with(erts+"erl", "644 #!/bin/sh\n").with(erts+"erl_child_setup", "644 "+hello()[erts+"erl_child_setup"]).with(erts+"inet_gethost", "644 "+hello()[erts+"erlexec"]), bookworm()},
		{"a helper that may not be started", hello().with("lib/odbc-2.15/priv/bin/odbcserver", "644 "+elf(lib{Interp: glibc, Needed: []string{"libc.so.6"}})), bookworm()},
		{"many files for their owner alone, in a folder", hello().with("lib/hello-0.1.0/priv/a", "600 x").with("lib/hello-0.1.0/priv/b", "600 x").with("lib/hello-0.1.0/priv/c", "600 x").
			with("lib/hello-0.1.0/priv/d", "600 x").with("lib/hello-0.1.0/priv/e", "600 x").with("lib/hello-0.1.0/priv/f", "600 x").with("lib/hello-0.1.0/priv/g", "600 x").
			with("lib/hello-0.1.0/priv/h", "600 x").with("lib/hello-0.1.0/priv/i", "600 x").with("lib/hello-0.1.0/priv/j", "600 x"), bookworm()},
		{"many symbols that are nowhere", hello().with(nif, changed(func(l *lib) {
			l.Undefined = append(l.Undefined, symbols(strings.Fields("a b c d e f g h i j k l")...)...)
		})), bookworm()},
		{"a VM that does not start, and its tools", hello().with(erts+"beam.smp", elf(lib{Interp: glibc, Needed: []string{"libc.so.6", "libgone.so.1"}})).
			with(erts+"dialyzer", elf(lib{Interp: glibc, Needed: []string{"libgone.so.1"}})), bookworm()},
		{"several newer versions", hello().with(nif, changed(func(l *lib) {
			l.Needed = append(l.Needed, "libcrypto.so.3")
			l.Undefined = append(l.Undefined, symbols("a@GLIBC_2.38=libc.so.6", "EVP_z@OPENSSL_3.4.0=libcrypto.so.3")...)
		})), bookworm()},
		{"a script of a release that writes", mixed().with("bin/hello", "#!/bin/sh\nRELEASE_BOOT_SCRIPT=x\nRELEASE_MUTABLE_DIR=x\n"), bookworm()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := open(t, tt.rel, tt.place)
			in.Image = &check.Image{User: "1000", Env: []string{"LANG=C.UTF-8", "ERL_CRASH_DUMP=/tmp/x"}}
			got, err := check.Run(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			kept(t, got)
		})
	}
}

// Which processor a root filesystem will run on is not known; of a machine it
// is.
func TestRunHoldsProcessorsAgainstFiles(t *testing.T) {
	wants := "x86-64-v3 processor, "
	for _, tt := range []struct {
		cpu, want string
	}{
		{"", "UNKNOWN isa " + nif + ": it wants an " + wants + "and nothing is known of the target's"},
		{"x86-64-v2", "FAIL isa " + nif + ": it wants an " + wants + "the target's is x86-64-v2"},
		{"x86-64-v3", ""},
		{"x86-64-v4", ""},
	} {
		t.Run("on "+tt.cpu, func(t *testing.T) {
			in := open(t, hello().with(nif, changed(func(l *lib) { l.ISA = facts.ISABaseline | facts.ISAV2 | facts.ISAV3 })), bookworm())
			in.Target.Facts.CPU = tt.cpu
			got, err := check.Run(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if found := strings.Join(lines(got), "\n"); found != tt.want {
				t.Errorf("got %q, want %q", found, tt.want)
			}
			kept(t, got)
		})
	}
}

// What a profile does not tell of several libraries is one finding.
func TestRunSaysOnceWhatAProfileLeavesOpen(t *testing.T) {
	rel := hello().with(nif, changed(func(l *lib) {
		l.Needed = append(l.Needed, strings.Fields("libpq.so.5 liba.so.1 libb.so.1 libc1.so.1 libd.so.1 libe.so.1 libf.so.1 libg.so.1 libh.so.1 libi.so.1")...)
	}))
	in := open(t, rel, bookworm())
	in.Target = profile(t, "rhel/9")
	got, err := check.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	kept(t, got)
}
