package check_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/check"
)

// Each of these was found by comparing the check with the truth (test/oracle).
func TestWhatTheOracleFound(t *testing.T) {
	opening := func(l *lib) { l.Undefined = append(l.Undefined, symbols("dlopen")...) }
	bullseye := func() tree {
		return bookworm().with(in+"libc.so.6", elf(lib{
			Soname: "libc.so.6", Offers: []string{"GLIBC_2.31"}, Defined: symbols("puts@GLIBC_2.2.5", "strtol@GLIBC_2.2.5", "stderr@GLIBC_2.2.5", "dlopen"),
		})+"\nGNU C Library (Debian GLIBC 2.31-13) stable release version 2.31.\n").with("usr/lib/locale/C.UTF-8/LC_CTYPE", "644 x")
	}
	trixie := func(version string) tree {
		tr := bookworm()
		tr[in+"libc.so.6"] = strings.ReplaceAll(tr[in+"libc.so.6"], "stable release version 2.36.", "stable release version "+version+".")
		return tr
	}
	noVersions := func(needed ...string) tree {
		l := lib{Soname: "libplain.so", Defined: symbols("plain"), Needed: needed}
		if len(needed) > 0 {
			l.Undefined = symbols("puts@GLIBC_2.2.5=libc.so.6")
		}
		return hello().with("lib/exqlite-0.27.0/priv/libplain.so", elf(l)).with(nif, changed(func(l *lib) {
			l.Needed, l.RunPath = append(l.Needed, "libplain.so"), "$ORIGIN"
			l.Undefined = append(l.Undefined, symbols("plain@PLAIN_2=libplain.so")...)
		}))
	}
	noLabels := " symbol-version " + nif + ": the target's libplain.so has no symbol versions at all, and PLAIN_2 is wanted of it"
	for name, c := range map[string]struct {
		rel, place tree
		want       []string
	}{
		"a NIF that opens a library that is not there": {
			hello().with(nif, changed(opening)+"\x00libnowhere.so.7\x00liberal\x00"), bullseye(),
			[]string{"WARN opened " + nif + ": it calls dlopen and holds the name libnowhere.so.7, which is not on the target"},
		},
		"a NIF that holds a longer name": {hello().with(nif, changed(opening)+"\x00/opt/libnowhere.so.7\x00notlibnowhere.so.7\x00"), bullseye(), nil},
		"a NIF that opens libraries that are there": {
			hello().with(nif, changed(opening)+"\x00libplain.so.1\x00libbeside.so\x00").with("lib/exqlite-0.27.0/priv/libbeside.so", elf(lib{})), bullseye(), nil,
		},
		"a library that opens musl by one of its names": {
			hello().without("lib/hello-0.1.0/priv/port").with(erts+"beam.smp", beam(musl, "libc.musl-x86_64.so.1")).
				with(erts+"erl_child_setup", elf(lib{Interp: musl})).with(erts+"erlexec", elf(lib{Interp: musl})).with(erts+"inet_gethost", elf(lib{Interp: musl})).with(nif, changed(func(l *lib) {
				l.Needed, l.Undefined = []string{"libc.so"}, symbols("dlopen", "enif_make_int")
			})+"\x00libm.so.6\x00libnowhere.so.7\x00"), alpine().with("lib/ld-musl-x86_64.so.1", elf(lib{Soname: "libc.musl-x86_64.so.1", Defined: symbols("puts", "strtol", "dlopen")})),
			[]string{"WARN opened " + nif + ": it calls dlopen and holds the name libnowhere.so.7, which is not on the target"},
		},
		"a NIF that names a library and opens none": {hello().with(nif, changed(func(*lib) {})+"\x00libnowhere.so.7\x00"), bullseye(), nil},
		"a NIF without its entry": {
			hello().with(nif, changed(func(l *lib) { l.Defined, l.NIF = nil, nil })), bookworm(),
			[]string{"WARN nif-entry " + nif + ": it calls functions of the VM as a NIF library does, and does not export nif_init"},
		},
		"a NIF linked as a program": {
			hello().with(nif, changed(func(l *lib) { l.PIE = true })), bookworm(),
			[]string{"FAIL format " + nif + ": it is linked as a program, not as a library"},
		},
		"a port that is an empty file":     {hello().with("lib/hello-0.1.0/priv/tool", ""), bookworm(), []string{"WARN shebang lib/hello-0.1.0/priv/tool: it may be started, and is empty"}},
		"a port without a first line":      {hello().with("lib/hello-0.1.0/priv/run.sh", "echo\n"), bookworm(), []string{"WARN shebang lib/hello-0.1.0/priv/run.sh: it may be started, and is neither a program nor a script with a first line #!"}},
		"a script that may not be started": {hello().with("lib/hello-0.1.0/priv/run", "644 #!/bin/sh\n"), bookworm(), []string{"WARN exec-bit lib/hello-0.1.0/priv/run: it is a script that may not be started: its mode is 0644"}},
		"a NIF with much initial-exec TLS": {
			hello().with(nif, changed(func(l *lib) { l.StaticTLS = 4096 })), bookworm(),
			[]string{"FAIL static-tls " + nif + ": it wants 4096 bytes of thread-local storage at a fixed place, and for what is opened later there are at most 1792"},
		},
		"a NIF with some initial-exec TLS": {
			hello().with(nif, changed(func(l *lib) { l.StaticTLS = 1700 })), bookworm(),
			[]string{"UNKNOWN static-tls " + nif + ": it wants 1700 bytes of thread-local storage at a fixed place, and how much of that is left is not known"},
		},
		"a NIF with little initial-exec TLS": {hello().with(nif, changed(func(l *lib) { l.StaticTLS = 64 })), bookworm(), nil},
		"a NIF that tells its API at run time": {
			hello().with(nif, changed(func(l *lib) { l.NIF = nil })), bookworm(),
			[]string{"UNKNOWN nif-api " + nif + ": it fills its NIF entry when it is loaded; which NIF API it was compiled for cannot be told"},
		},
		"what a web server serves":                {hello().with("lib/hello-0.1.0/priv/static/LICENSE", "text\n"), bookworm(), nil},
		"a library without any versions, old":     {noVersions(), bullseye(), []string{"FAIL" + noLabels}},
		"a library without any versions, 2.36":    {noVersions(), bookworm(), []string{"FAIL" + noLabels}},
		"a library without any versions, between": {noVersions(), trixie("2.38"), []string{"UNKNOWN" + noLabels + "; whether glibc 2.38 bears that is not known"}},
		"a library without any versions, new":     {noVersions(), trixie("2.41"), []string{"WARN" + noLabels}},
		"a library that has versions of its libc": {noVersions("libc.so.6"), bullseye(), []string{"WARN" + noLabels}},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := check.Run(t.Context(), open(t, c.rel, c.place))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, lines(r)); d != "" {
				t.Errorf("findings (-want +got):\n%s", d)
			}
			kept(t, r)
		})
	}
}
