package check_test

import (
	stdelf "debug/elf"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/binary/binarytest"
	"dram/internal/check"
	"dram/internal/portable"
	"dram/internal/release"
)

// portableHello is hello with the libraries of bookworm and a launcher in place of each
// program.
func portableHello(t *testing.T) tree {
	t.Helper()
	tr := hello()
	for _, lib := range []string{"ld-linux-x86-64.so.2", "libc.so.6"} {
		tr["portable/lib/"+lib] = bookworm()[in+lib]
	}
	tr["portable/lib/libc.so.6"] = string(abiTagged([]byte(tr["portable/lib/libc.so.6"])))
	tr["portable/cacerts.pem"] = "644 x"
	for _, name := range []string{erts + "beam.smp", erts + "erlexec", erts + "erl_child_setup", erts + "inet_gethost", "lib/hello-0.1.0/priv/port"} {
		tr[portable.Beside(name)], tr[name] = tr[name], launcher(t, name)
	}
	return tr
}

func launcher(t *testing.T, name string) string {
	t.Helper()
	b, err := portable.Launcher("amd64", name, "ld-linux-x86-64.so.2", portable.Glibc)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// abiTagged has the last program header, which is free, say that Linux 3.2.0 is
// needed.
func abiTagged(file []byte) []byte {
	note := []byte("\x04\x00\x00\x00\x10\x00\x00\x00\x01\x00\x00\x00GNU\x00\x00\x00\x00\x00\x03\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00")
	at := uint64(len(file))
	copy(file[64+56:], binarytest.Records(binary.LittleEndian, stdelf.Prog64{Type: uint32(stdelf.PT_NOTE), Off: at, Vaddr: at, Filesz: uint64(len(note))}))
	return append(file, note...)
}

// appImage is a program that says it is one, of type 2.
func appImage(program string) string { return program[:8] + "AI\x02" + program[11:] }

// A busybox that is linked statically, and a directory for it.
func scratch() tree {
	tr := tree{"etc/hosts": "644 127.0.0.1 localhost"}
	for p := range strings.FieldsSeq("sh env sed cut cat grep dirname basename readlink awk dd od tr") {
		tr["bin/"+p] = elf(lib{})
	}
	return tr
}

func TestPortable(t *testing.T) {
	const port = "lib/hello-0.1.0/priv/port"
	whole := func(change func(tree)) tree {
		tr := portableHello(t)
		change(tr)
		return tr
	}
	same := func(tree) {}
	for name, tt := range map[string]struct {
		rel, place tree
		want       []string
	}{
		"on glibc":         {whole(same), bookworm(), nil},
		"on musl":          {whole(same), alpine(), nil},
		"without any libc": {whole(same), scratch(), nil},
		"without any program": {
			whole(func(tr tree) {
				tr["bin/hello"] = strings.Replace(tr["bin/hello"], "#!/bin/sh\n", "#!/bin/sh\n"+string(portable.Path()), 1)
				for _, name := range []string{"portable/bin/sed", "portable/bin/cut"} {
					tr[portable.Beside(name)], tr[name] = elf(lib{Interp: glibc, Needed: []string{"libc.so.6"}}), launcher(t, name)
				}
			}), tree{"etc/hosts": "644 x", "bin/sh": elf(lib{})}, nil,
		},
		"a NIF that needs what nobody brings": {
			whole(func(tr tree) { tr[nif] = changed(func(l *lib) { l.Needed = append(l.Needed, "libcrypto.so.3") }) }), bookworm(),
			[]string{"FAIL soname " + nif + ": it needs libcrypto.so.3, which is not on the target"},
		},
		"a NIF that is newer than the libc it brings": {
			whole(func(tr tree) {
				tr[nif] = changed(func(l *lib) { l.Undefined = append(l.Undefined, symbols("new@GLIBC_2.38=libc.so.6")...) })
			}), scratch(),
			[]string{"FAIL symbol-version " + nif + ": it needs GLIBC_2.38 of libc.so.6, the target's has GLIBC_2.36 at most"},
		},
		"a program of another libc": {
			whole(func(tr tree) { tr["lib/hello-0.1.0/priv/tool"] = elf(lib{Interp: musl}) }), bookworm(),
			[]string{"FAIL interpreter lib/hello-0.1.0/priv/tool: it is made for musl, and its loader /lib/ld-musl-x86_64.so.1 is not on the target"},
		},
		"a program of another libc, where it is": {
			whole(func(tr tree) { tr["lib/hello-0.1.0/priv/tool"] = elf(lib{Interp: musl}) }), alpine(), nil,
		},
		"an AppImage": {
			whole(func(tr tree) { tr[port] = appImage(elf(lib{Interp: glibc})) }), bookworm(),
			[]string{"WARN portable " + port + ": it is an AppImage: it starts by the target's C library and FUSE, not by what the release brings"},
		},
		"a script with a bad interpreter": {
			whole(func(tr tree) { tr["lib/hello-0.1.0/priv/run"] = "#!/opt/none/bash\n" }), alpine(),
			[]string{"WARN shebang lib/hello-0.1.0/priv/run: it is run by /opt/none/bash, which is not on the target"},
		},
		"a launcher without its program": {
			whole(func(tr tree) { delete(tr, portable.Beside(port)) }), alpine(),
			[]string{"FAIL portable " + port + ": it is a launcher, and the program or the loader that it starts is not in the release"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := check.Run(t.Context(), open(t, tt.rel, tt.place))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(sorted(tt.want), sorted(lines(r))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			kept(t, r)
		})
	}
}

// A kernel that is older than the C library allows is all that keeps a portable
// release from a system of which only versions are known.
func TestPortableAgainstProfiles(t *testing.T) {
	for name, want := range map[string][]string{
		"rhel/6":       {"FAIL portable portable/lib/libc.so.6: the C library that it brings needs Linux 3.2.0, the target has 2.6.32"},
		"rhel/7":       nil,
		"ubuntu/14.04": nil,
		"alpine/3.22":  nil,
		"debian/11":    nil,
	} {
		t.Run(name, func(t *testing.T) {
			rel, err := release.Read(t.Context(), portableHello(t).open(t), release.Options{Survey: true})
			if err != nil {
				t.Fatal(err)
			}
			r, err := check.Run(t.Context(), check.Input{Release: rel, Target: profile(t, name)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, lines(r)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			kept(t, r)
		})
	}
}

// Without their loader, launchers are what is wrong, each by its name.
func TestPortableWithoutItsLoader(t *testing.T) {
	rel := portableHello(t).without("portable/lib/ld-linux-x86-64.so.2")
	r, err := check.Run(t.Context(), open(t, rel, bookworm()))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"beam.smp", "erlexec", "erl_child_setup"} {
		want := "FAIL portable " + erts + name + ": it is a launcher, and the program or the loader that it starts is not in the release"
		if !slices.Contains(lines(r), want) {
			t.Errorf("%q is not among %q", want, lines(r))
		}
	}
}
