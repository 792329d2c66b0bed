package check_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dram/internal/binary"
	"dram/internal/binary/binarytest"
	"dram/internal/check"
	"dram/internal/release"
	"dram/internal/report"
	"dram/internal/rootfs"
	"dram/internal/target"
)

const (
	glibc = "/lib64/ld-linux-x86-64.so.2"
	musl  = "/lib/ld-musl-x86_64.so.1"
	in    = "usr/lib/x86_64-linux-gnu/"
	erts  = "erts-15.2.7/bin/"
	nif   = "lib/exqlite-0.27.0/priv/sqlite3_nif.so"
	// nifModule is the module that nif is for.
	nifModule = "lib/exqlite-0.27.0/ebin/Elixir.Exqlite.NIF.beam"
)

type lib = binarytest.Library

// tree is files by path: "-> target" is a link, "644 ", "600 " or "750 " before
// the content a mode.
type tree map[string]string

func (tr tree) with(name, body string) tree {
	tr[name] = body
	return tr
}

func (tr tree) without(names ...string) tree {
	for _, n := range names {
		delete(tr, n)
	}
	return tr
}

func (tr tree) open(t testing.TB) rootfs.FS {
	t.Helper()
	if testing.Short() {
		return tr.skeleton() // as sound a root as one on disk, and made without a thousand files
	}
	fsys, err := rootfs.Dir(tr.lay(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fsys.Close() })
	return fsys
}

// lay puts the tree on disk.
func (tr tree) lay(t testing.TB) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, body := range tr {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		mode, body, to := node(body)
		var err error
		if to != "" {
			err = os.Symlink(to, at)
		} else {
			err = os.WriteFile(at, []byte(body), mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// node is what the text of a tree stands for: a mode and a content, or a link's target.
func node(body string) (mode fs.FileMode, text, to string) {
	if to, ok := strings.CutPrefix(body, "-> "); ok {
		return 0, "", to
	}
	for _, m := range []fs.FileMode{0o644, 0o600, 0o750} {
		if rest, ok := strings.CutPrefix(body, fmt.Sprintf("%o ", m)); ok {
			return m, rest, ""
		}
	}
	return 0o755, body, ""
}

// skeleton is the tree as a root in memory, of which nothing is known but its files.
func (tr tree) skeleton() rootfs.FS {
	nodes := map[string]rootfs.Node{}
	for name, body := range tr {
		mode, text, to := node(body)
		nodes[name] = rootfs.Node{Mode: mode, Text: text, Link: to}
	}
	return struct{ rootfs.FS }{rootfs.NewSkeleton(nodes)}
}

func elf(l lib) string { return string(l.Bytes()) }

// undefined makes symbols of "name@version=library"; a "?" in front is weak.
func symbols(list ...string) (out []binary.Symbol) {
	for _, s := range list {
		name, weak := strings.CutPrefix(s, "?")
		name, library, _ := strings.Cut(name, "=")
		name, version, _ := strings.Cut(name, "@")
		out = append(out, binary.Symbol{Name: name, Version: version, Library: library, Weak: weak})
	}
	return out
}

// bookworm is a target with glibc 2.36.
func bookworm() tree {
	tr := tree{
		"lib": "-> usr/lib", "lib64": "-> usr/lib64", "bin": "-> usr/bin",
		"usr/lib64/ld-linux-x86-64.so.2": "-> ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
		in + "ld-linux-x86-64.so.2":      elf(lib{Soname: "ld-linux-x86-64.so.2", Defined: symbols("__tls_get_addr@GLIBC_2.3")}),
		in + "libc.so.6": elf(lib{
			Soname: "libc.so.6", Needed: []string{"ld-linux-x86-64.so.2"}, Offers: []string{"GLIBC_2.36"},
			Defined: symbols("puts@GLIBC_2.2.5", "strtol@GLIBC_2.2.5", "stderr@GLIBC_2.2.5"),
		}) + "\nGNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\n",
		in + "libcrypto.so.3":               elf(lib{Soname: "libcrypto.so.3", Defined: symbols("EVP_x@OPENSSL_3.0.0", "EVP_y@OPENSSL_3.0.9")}),
		in + "libplain.so.1":                elf(lib{Soname: "libplain.so.1", Defined: symbols("plain")}),
		"etc/os-release":                    "644 ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n",
		"etc/ssl/certs/ca-certificates.crt": "644 x",
		"etc/hosts":                         "644 127.0.0.1 localhost",
		"usr/lib/locale/C.utf8/LC_CTYPE":    "644 x",
	}
	for p := range strings.FieldsSeq("sh env sed cut cat grep dirname basename readlink awk dd od tr") {
		tr["usr/bin/"+p] = elf(lib{Interp: glibc, Needed: []string{"libc.so.6"}})
	}
	return tr
}

// alpine is a target with musl.
func alpine() tree {
	tr := tree{
		"lib/ld-musl-x86_64.so.1": elf(lib{Soname: "libc.musl-x86_64.so.1", Defined: symbols("puts", "strtol")}),
		"lib/apk/db/installed":    "644 P:musl\nV:1.2.5-r0\n",
		"etc/ssl/cert.pem":        "644 x",
		"etc/hosts":               "644 127.0.0.1 localhost",
	}
	for p := range strings.FieldsSeq("sh sed cut cat grep dirname basename readlink awk dd od tr") {
		tr["bin/"+p] = elf(lib{Interp: musl})
	}
	return tr
}

// beam is a VM for a loader.
func beam(interp, libc string) string {
	return elf(lib{Interp: interp, Needed: []string{libc}, Defined: symbols("enif_make_int", "enif_raise")})
}

// execErl is the end of a start script.
const execErl = "exec \"${0%/*}/../erts-15.2.7/bin/erl\" -noshell\n"

// hello is a sound release for bookworm.
func hello() tree {
	program := elf(lib{Interp: glibc, Needed: []string{"libc.so.6"}, Undefined: symbols("puts@GLIBC_2.2.5=libc.so.6")})
	return tree{
		"bin/hello": "#!/bin/sh\n# uses perl\nsed -n x < /dev/null | cut -c 1\n" + execErl, erts + "beam.smp": beam(glibc, "libc.so.6"),
		erts + "erlexec": program, erts + "erl_child_setup": program, erts + "inet_gethost": program, erts + "erl": "#!/bin/sh\nexec \"${0%/*}/erlexec\" \"$@\"\n",
		"releases/start_erl.data": "644 15.2.7 0.1.0", "releases/0.1.0/env.sh": "644 #!/bin/sh\n",
		"releases/0.1.0/hello.rel":            "644 {release,{\"hello\",\"0.1.0\"},{erts,\"15.2.7\"},[{kernel,\"10.2\"},{exqlite,\"0.27.0\"},{hello,\"0.1.0\",temporary}]}.\n",
		"lib/kernel-10.2/ebin/kernel.app":     "644 {application,kernel,[{vsn,\"10.2\"}]}.",
		"lib/hello-0.1.0/ebin/hello.app":      "644 {application,hello,[{vsn,\"0.1.0\"}]}.",
		"lib/exqlite-0.27.0/ebin/exqlite.app": "644 {application,exqlite,[{vsn,\"0.27.0\"}]}.",
		nif:                                   elf(sqlite()),
		nifModule:                             made("Elixir.Exqlite.NIF", 170),
		"lib/hello-0.1.0/priv/port":           program,
	}
}

// sqlite is a sound NIF.
func sqlite() lib {
	return lib{
		Needed: []string{"libc.so.6"}, Defined: symbols("nif_init"),
		Undefined: symbols("strtol@GLIBC_2.2.5=libc.so.6", "enif_make_int", "?__gmon_start__", "?maybe@GLIBC_2.99=libc.so.6"),
		NIF:       &binary.NIF{Major: 2, Minor: 16, Module: "Elixir.Exqlite.NIF", MinERTS: "erts-12.0"},
	}
}

// changed is sqlite with something else.
func changed(change func(*lib)) string {
	l := sqlite()
	change(&l)
	return elf(l)
}

func open(t *testing.T, rel, place tree) check.Input {
	t.Helper()
	tg, err := target.New("dir:place", place.open(t))
	if err != nil {
		t.Fatal(err)
	}
	r, err := release.Read(t.Context(), rel.open(t), release.Options{Survey: true})
	if err != nil {
		t.Fatal(err)
	}
	return check.Input{Release: r, Target: tg}
}

// profile is a target that is built in.
func profile(t *testing.T, name string) *target.Target {
	t.Helper()
	tg, err := target.Open(t.Context(), "profile:"+name+"/amd64", nil)
	if err != nil {
		t.Fatal(err)
	}
	return tg
}

// lines is findings as a test reads them.
func lines(r *check.Report) (out []string) {
	for _, f := range r.Findings {
		out = append(out, fmt.Sprintf("%s %s %s: %s", f.Verdict, f.Rule, f.Subject.File, report.Say(r, f).Summary))
	}
	return out
}
