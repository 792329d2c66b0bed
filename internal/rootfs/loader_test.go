package rootfs_test

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/binary/binarytest"
	"dram/internal/rootfs"
)

const glibc, musl = "/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"

// lib is a library that needs others; path is its RUNPATH.
func lib(soname, path string, needed ...string) string {
	f := binarytest.New().Name(elf.DT_NEEDED, needed...)
	if soname != "" {
		f.Name(elf.DT_SONAME, soname)
	}
	if path != "" {
		f.Name(elf.DT_RUNPATH, path)
	}
	return string(f.Bytes())
}

// rlib is lib with an RPATH.
func rlib(rpath string, needed ...string) string {
	return string(binarytest.New().Name(elf.DT_NEEDED, needed...).Name(elf.DT_RPATH, rpath).Bytes())
}

// prog is a program with an interpreter.
func prog(interp, path string, needed ...string) string {
	f := binarytest.New().Name(elf.DT_NEEDED, needed...)
	f.Interp = interp
	if path != "" {
		f.Name(elf.DT_RUNPATH, path)
	}
	return string(f.Bytes())
}

// pie is a program that is linked as one, with the marks of a library.
func pie() string {
	f := binarytest.New()
	f.Tag(elf.DT_FLAGS_1, uint64(elf.DF_1_PIE))
	return string(f.Bytes())
}

func foreign() string {
	f := binarytest.New()
	f.Machine = elf.EM_AARCH64
	return string(f.Bytes())
}

// debian is a merged-/usr root with multiarch directories.
func debian(more tree) tree {
	tr := tree{
		"lib":                            "-> usr/lib",
		"lib64":                          "-> usr/lib64",
		"bin":                            "-> usr/bin",
		"usr/bin/":                       "",
		"usr/lib64/ld-linux-x86-64.so.2": "-> ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
		"usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2": lib("ld-linux-x86-64.so.2", ""),
		"usr/lib/x86_64-linux-gnu/libc.so.6":            lib("libc.so.6", "", "ld-linux-x86-64.so.2"),
	}
	maps.Copy(tr, more)
	return tr
}

// base is what every dynamic program of that root needs.
var base = []string{
	"lib64 -> usr/lib64",
	"usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
	"usr/lib64/ld-linux-x86-64.so.2 -> ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
}

var libc = append([]string{"lib -> usr/lib", "usr/lib/x86_64-linux-gnu/libc.so.6"}, base...)

func lines(c rootfs.Closure) (entries, missing []string) {
	for _, e := range c.Entries {
		if e.Link != "" {
			e.Path += " -> " + e.Link
		}
		entries = append(entries, e.Path)
	}
	for _, m := range c.Missing {
		missing = append(missing, m.File+" needs "+m.Soname)
	}
	return entries, missing
}

func TestClosure(t *testing.T) {
	const in = "usr/lib/x86_64-linux-gnu/"
	tests := map[string]struct {
		root    tree
		files   []string
		want    []string // besides the files, in any order
		missing []string
	}{
		"interpreter, transitive libraries and links": {
			root: debian(tree{
				"usr/bin/p": prog(glibc, "", "libfoo.so.1", "libc.so.6"), in + "libfoo.so.1": "-> libfoo.so.1.2",
				in + "libfoo.so.1.2": lib("libfoo.so.1", "", "libbar.so.2"), in + "libbar.so.2": lib("libbar.so.2", "", "libc.so.6"),
			}),
			files: []string{"usr/bin/p"},
			want:  append([]string{in + "libfoo.so.1 -> libfoo.so.1.2", in + "libfoo.so.1.2", in + "libbar.so.2"}, libc...),
		},
		"a static program": {
			root: debian(tree{"usr/bin/p": string(binarytest.New().Bytes())}), files: []string{"usr/bin/p"},
		},
		"a file of another format": {
			root: debian(tree{"usr/bin/p": "data"}), files: []string{"usr/bin/p"},
		},
		"RUNPATH with $ORIGIN, before the system's": {
			root: debian(tree{
				"opt/bin/p": prog(glibc, "$ORIGIN/../lib", "libz.so.1"), "opt/lib/libz.so.1": lib("libz.so.1", ""),
				in + "libz.so.1": lib("libz.so.1", ""),
			}),
			files: []string{"opt/bin/p"}, want: append([]string{"opt/lib/libz.so.1"}, base...),
		},
		"RUNPATH is not inherited": {
			root: debian(tree{
				"opt/p": prog(glibc, "/opt/lib", "liba.so"), "opt/lib/liba.so": lib("", "", "libb.so"), "opt/lib/libb.so": lib("", ""),
			}),
			files: []string{"opt/p"}, want: append([]string{"opt/lib/liba.so"}, base...),
			missing: []string{"opt/lib/liba.so needs libb.so"},
		},
		"RPATH is inherited": {
			root: debian(tree{
				"opt/p": rlib("/opt/lib", "liba.so"), "opt/lib/liba.so": lib("", "", "libb.so"), "opt/lib/libb.so": lib("", ""),
			}),
			files: []string{"opt/p"}, want: []string{"opt/lib/liba.so", "opt/lib/libb.so"},
		},
		"RUNPATH of a library turns inherited RPATH off": {
			root: debian(tree{
				"opt/p": rlib("/opt/lib", "liba.so"), "opt/lib/liba.so": lib("", "/nowhere", "libb.so"), "opt/lib/libb.so": lib("", ""),
			}),
			files: []string{"opt/p"}, want: []string{"opt/lib/liba.so"}, missing: []string{"opt/lib/liba.so needs libb.so"},
		},
		"what is loaded already serves all": {
			root: debian(tree{
				"opt/p": prog(glibc, "/opt/lib", "liba.so", "libb.so"), "opt/lib/liba.so": lib("", "", "libb.so"), "opt/lib/libb.so": lib("", ""),
			}),
			// Breadth first: the program's own needs come before liba's.
			files: []string{"opt/p"}, want: append([]string{"opt/lib/liba.so", "opt/lib/libb.so"}, base...),
		},
		"a folder behind one that is not there": {
			root: debian(tree{"opt/p": prog(glibc, "$ORIGIN/none/../lib", "liba.so"), "opt/lib/liba.so": lib("", "")}), files: []string{"opt/p"},
			want: base, missing: []string{"opt/p needs liba.so"},
		},
		"a folder behind one that is there": {
			root: debian(tree{"opt/p": prog(glibc, "$ORIGIN/some/../lib", "liba.so"), "opt/some/x": "x", "opt/lib/liba.so": lib("", "")}), files: []string{"opt/p"},
			want: append([]string{"opt/lib/liba.so"}, base...),
		},
		"a program where a library is needed": {
			root:  debian(tree{"opt/p": prog(glibc, "/opt/lib", "liba.so"), "opt/lib/liba.so": pie()}),
			files: []string{"opt/p"}, want: base, missing: []string{"opt/p needs liba.so"},
		},
		"$LIB and $PLATFORM": {
			root: debian(tree{
				"opt/p": prog(glibc, "/opt/$LIB:/opt/${PLATFORM}", "liba.so", "libb.so"), "opt/lib64/liba.so": lib("", ""),
				"opt/x86_64/libb.so": lib("", ""),
			}),
			files: []string{"opt/p"}, want: append([]string{"opt/lib64/liba.so", "opt/x86_64/libb.so"}, base...),
		},
		"libraries for another machine are passed over": {
			root: debian(tree{
				"opt/p": prog(glibc, "/opt/arm:/opt/x86", "liba.so"), "opt/arm/liba.so": foreign(), "opt/x86/liba.so": lib("", ""),
			}),
			files: []string{"opt/p"}, want: append([]string{"opt/x86/liba.so"}, base...),
		},
		"a script's interpreter": {
			root:  debian(tree{"usr/bin/s": "#! /bin/sh -e\n", "usr/bin/sh": "-> dash", "usr/bin/dash": prog(glibc, "", "libc.so.6")}),
			files: []string{"usr/bin/s"},
			want:  append([]string{"bin -> usr/bin", "usr/bin/sh -> dash", "usr/bin/dash"}, libc...),
		},
		"a script through env": {
			root: debian(tree{
				"usr/bin/s": "#!/usr/bin/env escript\n", "usr/bin/env": prog(glibc, ""), "usr/bin/escript": prog(glibc, ""),
			}),
			files: []string{"usr/bin/s"}, want: append([]string{"usr/bin/env", "usr/bin/escript"}, base...),
		},
		"a script with a carriage return": {
			root:  debian(tree{"usr/bin/s": "#!/bin/sh\r\n", "usr/bin/sh": ""}),
			files: []string{"usr/bin/s"}, missing: []string{"usr/bin/s needs /bin/sh\r"},
		},
		"no interpreter there": {
			root:  debian(tree{"usr/bin/p": prog(musl, "", "libc.so")}),
			files: []string{"usr/bin/p"}, missing: []string{"usr/bin/p needs " + musl},
		},
		"musl is its own libc, and its paths are inherited": {
			root: tree{
				"lib/ld-musl-x86_64.so.1": lib("", ""), "opt/p": prog(musl, "/opt/lib", "libm.so.6", "liba.so", "libc.musl-x86_64.so.1"),
				"opt/lib/liba.so": lib("", "", "libb.so"), "opt/lib/libb.so": lib("", "", "libc.so"),
				"usr/lib/libz.so.1": lib("", ""), "opt/nif.so": lib("", "", "libc.so.6", "libz.so.1"),
			},
			files: []string{"opt/p", "opt/nif.so"},
			want:  []string{"lib/ld-musl-x86_64.so.1", "opt/lib/liba.so", "opt/lib/libb.so", "usr/lib/libz.so.1"},
		},
		"musl's path file": {
			root: tree{
				"lib/ld-musl-x86_64.so.1": lib("", ""), "etc/ld-musl-x86_64.path": "/srv/lib\n/srv/more:/usr/lib\n",
				"srv/more/liba.so": lib("", ""), "p": prog(musl, "", "liba.so"),
			},
			files: []string{"p"}, want: []string{"lib/ld-musl-x86_64.so.1", "etc/ld-musl-x86_64.path", "srv/more/liba.so"},
		},
		"a needed path": {
			root:  debian(tree{"p": prog(glibc, "", "/opt/liba.so", "rel/libb.so"), "opt/liba.so": lib("", "")}),
			files: []string{"p"}, want: append([]string{"opt/liba.so"}, base...), missing: []string{"p needs rel/libb.so"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l, err := rootfs.NewLoader(tt.root.open(t))
			if err != nil {
				t.Fatal(err)
			}
			c, err := l.Closure(tt.files)
			if err != nil {
				t.Fatal(err)
			}
			entries, missing := lines(c)
			if diff := cmp.Diff(sorted(append(tt.files, tt.want...)), sorted(entries)); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.missing, missing); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
		})
	}
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

func TestClosureByConfiguration(t *testing.T) {
	fsys := debian(tree{
		"etc/ld.so.conf":          "include /etc/ld.so.conf.d/*.conf # as Debian has it\nhwcap 1 nosegneg\n",
		"etc/ld.so.conf.d/a.conf": "/opt/vendor/lib\n/lib/x86_64-linux-gnu\n",
		"etc/ld.so.conf.d/b.txt":  "/opt/ignored\n",
		"etc/ld.so.cache":         "cache",
		"opt/vendor/lib/liba.so":  lib("", ""),
		"opt/ignored/libb.so":     lib("", ""),
		"p":                       prog(glibc, "", "liba.so", "libb.so", "libc.so.6"),
	}).open(t)
	l, err := rootfs.NewLoader(fsys)
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Closure([]string{"p"})
	if err != nil {
		t.Fatal(err)
	}
	entries, _ := lines(c)
	want := sorted(append([]string{"p", "etc/ld.so.cache", "opt/vendor/lib/liba.so"}, libc...))
	if diff := cmp.Diff(want, sorted(entries)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"opt/vendor/lib"}, c.ConfigDirs); diff != "" {
		t.Errorf("directories known by configuration (-want +got):\n%s", diff)
	}
	const in, in64 = "x86_64-linux-gnu/libb.so", "lib64/libb.so"
	missing := []rootfs.Missing{{File: "p", Soname: "libb.so", Considered: []string{
		"opt/vendor/lib/libb.so", "lib/" + in, "usr/lib/" + in, in64, "usr/" + in64, "lib/libb.so", "usr/lib/libb.so",
	}}}
	if diff := cmp.Diff(missing, c.Missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
}

func TestClosureAcrossMount(t *testing.T) {
	root := debian(nil).open(t)
	release := tree{"lib/nif.so": lib("", "", "libc.so.6", "libown.so"), "lib/arm.so": foreign(), "lib/bad.so": "\x7fELF"}.open(t)
	l, err := rootfs.NewLoader(rootfs.Mount(root, "app", release))
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Closure([]string{"app/lib/nif.so", "app/lib/arm.so", "app/lib/bad.so"})
	if err != nil {
		t.Fatal(err)
	}
	want := []rootfs.Entry{
		{Path: "lib", Link: "usr/lib", By: "app/lib/nif.so"},
		{Path: "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", By: "lib/x86_64-linux-gnu/libc.so.6"},
		{Path: "usr/lib/x86_64-linux-gnu/libc.so.6", By: "app/lib/nif.so"},
	}
	if diff := cmp.Diff(want, c.Outside("app")); diff != "" {
		t.Errorf("outside (-want +got):\n%s", diff)
	}
	if _, missing := lines(c); !slices.Equal(missing, []string{"app/lib/nif.so needs libown.so"}) {
		t.Errorf("missing: %q", missing)
	}
	var skipped []string
	for _, s := range c.Skipped {
		skipped = append(skipped, s.File)
	}
	if diff := cmp.Diff([]string{"app/lib/arm.so", "app/lib/bad.so"}, skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
}

func TestClosureOfMissingFile(t *testing.T) {
	l, err := rootfs.NewLoader(debian(nil).open(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Closure([]string{"bin/nothing"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want ErrNotExist", err)
	}
}

func TestHostileLoaderConfiguration(t *testing.T) {
	many := tree{"etc/ld.so.conf": "include ld.so.conf.d/*\n"}
	for i := range 600 {
		many[fmt.Sprintf("etc/ld.so.conf.d/%d.conf", i)] = ""
	}
	tests := map[string]tree{
		"a file that includes itself": {"etc/ld.so.conf": "include ld.so.conf\n"},
		"600 files":                   many,
		"2 MB of spaces":              {"etc/ld.so.conf": strings.Repeat(" ", 2<<20)},
		"a link to itself":            {"etc/ld.so.conf": "-> ld.so.conf"},
	}
	for name, root := range tests {
		if _, err := rootfs.NewLoader(root.open(t)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A root of libraries that name each other in every way must end, soon.
func TestEntangledRoot(t *testing.T) {
	root := debian(nil)
	var names, dirs []string
	for i := range 60 {
		names = append(names, fmt.Sprintf("lib%d.so", i), fmt.Sprintf("missing%d.so", i))
		dirs = append(dirs, fmt.Sprintf("/d%d", i), "$ORIGIN/$LIB/$LIB")
	}
	for i := range 60 {
		root[fmt.Sprintf("d%d/lib%d.so", i, i)] = rlib(strings.Join(dirs, ":"), names...)
	}
	l, err := rootfs.NewLoader(root.open(t))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	c, err := l.Closure([]string{"d0/lib0.so"})
	t.Logf("%d entries, error %v, %v", len(c.Entries), err, time.Since(start))
	if err == nil && len(c.Missing) == 0 {
		t.Error("nothing is missing")
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("took %v", took)
	}
}
