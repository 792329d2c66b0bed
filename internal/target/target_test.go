package target_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/binary"
	"dram/internal/binary/binarytest"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/rootfs"
	"dram/internal/target"
)

var update = flag.Bool("update", false, "write golden files anew")

// tree is files by path; "-> target" is a link.
type tree map[string]string

func (tr tree) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range tr {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if to, ok := strings.CutPrefix(body, "-> "); ok {
			err = os.Symlink(to, at)
		} else {
			err = os.WriteFile(at, []byte(body), 0o755) //nolint:gosec // programs
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func (tr tree) open(t *testing.T) *target.Target {
	t.Helper()
	root, err := rootfs.Dir(tr.write(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	got, err := target.New("dir:root", root)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

const glibc = "/lib64/ld-linux-x86-64.so.2"

// debian is a small root like Debian's, with one library in a directory of its
// own and an Erlang/OTP.
func debian() tree {
	const in = "usr/lib/x86_64-linux-gnu/"
	libc := binarytest.Library{
		Soname: "libc.so.6", Needed: []string{"ld-linux-x86-64.so.2"}, Offers: []string{"GLIBC_2.9", "GLIBC_2.36"},
		Defined: []binary.Symbol{{Name: "puts", Version: "GLIBC_2.2.5"}, {Name: "abs", Version: "GLIBC_2.2.5"}, {Name: "arc4random", Version: "GLIBC_2.36"}},
	}
	return tree{
		"lib": "-> usr/lib", "lib64": "-> usr/lib64", "bin": "-> usr/bin",
		"usr/lib64/ld-linux-x86-64.so.2":             "-> ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
		in + "ld-linux-x86-64.so.2":                  string(binarytest.Library{Soname: "ld-linux-x86-64.so.2"}.Bytes()),
		in + "libc.so.6":                             string(libc.Bytes()) + "\x00GNU C Library (Debian GLIBC 2.36-9+deb12u13) stable release version 2.36.\n",
		in + "libc.so":                               "/* GNU ld script */",
		in + "dangling.so":                           "-> nowhere.so",
		"opt/own/libown.so.1":                        string(binarytest.Library{Soname: "libown.so.1", RunPath: "$ORIGIN", Defined: []binary.Symbol{{Name: "own"}}}.Bytes()),
		"etc/ld.so.conf":                             "include /etc/ld.so.conf.d/*.conf\n",
		"etc/ld.so.conf.d/own.conf":                  "/opt/own\n",
		"etc/os-release":                             "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n",
		"etc/ssl/certs/ca-certificates.crt":          "-----BEGIN CERTIFICATE-----\n",
		"usr/lib/locale/C.utf8/LC_CTYPE":             "x",
		"usr/bin/dash":                               string(binarytest.Library{Interp: glibc, Needed: []string{"libc.so.6"}}.Bytes()),
		"usr/bin/sh":                                 "-> dash",
		"usr/lib/erlang/releases/start_erl.data":     "13.1.5 25",
		"usr/lib/erlang/lib/kernel-8.5.3/ebin/k.app": "",
		"usr/lib/erlang/erts-13.1.5/bin/beam.smp":    string(binarytest.Library{Interp: glibc, Needed: []string{"libc.so.6"}, Defined: []binary.Symbol{{Name: "enif_make_int"}}}.Bytes()),
	}
}

func facts() target.Facts {
	return target.Facts{
		Platform: "linux/amd64", Libc: target.Libc{Kind: "glibc", Version: "2.36", Loader: "lib64/ld-linux-x86-64.so.2"},
		OS:    target.OS{ID: "debian", Version: "12", Name: "Debian GNU/Linux 12 (bookworm)"},
		OTP:   &target.OTP{Root: "usr/lib/erlang", Release: "25", ERTS: "13.1.5", Apps: map[string]string{"kernel": "8.5.3"}},
		Shell: "usr/bin/dash", CABundle: "etc/ssl/certs/ca-certificates.crt", UTF8: true,
	}
}

func TestFacts(t *testing.T) {
	musl := tree{
		"lib/ld-musl-x86_64.so.1": string(binarytest.Library{}.Bytes()),
		"lib/apk/db/installed":    "P:busybox\nV:1.36.1-r2\n\nP:musl\nV:1.2.5-r0\n",
		"bin/sh":                  string(binarytest.Library{Interp: "/lib/ld-musl-x86_64.so.1"}.Bytes()),
		"usr/lib/os-release":      "ID=alpine\nVERSION_ID=3.20.0\nPRETTY_NAME='Alpine Linux v3.20'\n",
	}
	both := debian()
	both["usr/lib/ld-musl-x86_64.so.1"] = musl["lib/ld-musl-x86_64.so.1"]
	for name, tt := range map[string]struct {
		tree tree
		want target.Facts
	}{
		"debian": {debian(), facts()},
		"alpine": {musl, target.Facts{
			Platform: "linux/amd64", Libc: target.Libc{Kind: "musl", Version: "1.2.5", Loader: "lib/ld-musl-x86_64.so.1"},
			OS: target.OS{ID: "alpine", Version: "3.20.0", Name: "Alpine Linux v3.20"}, Shell: "bin/sh", UTF8: true,
		}},
		"the shell tells which C library counts": {both, facts()},
		"nothing at all":                         {tree{"app": ""}, target.Facts{}},
		"a label where there is no banner": {
			tree{
				"lib64/ld-linux-x86-64.so.2": string(binarytest.Library{}.Bytes()),
				"lib64/libc.so.6":            string(binarytest.Library{Offers: []string{"GLIBC_2.9", "GLIBC_2.17", "GLIBC_PRIVATE"}}.Bytes()),
			},
			target.Facts{Platform: "linux/amd64", Libc: target.Libc{Kind: "glibc", Version: "2.17", Loader: "lib64/ld-linux-x86-64.so.2"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.tree.open(t).Facts); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A capture is readable, and made anew from what it was read into it is the
// same.
func TestCapture(t *testing.T) {
	var first, second bytes.Buffer
	if err := debian().open(t).Capture(&first); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "debian.json")
	if *update {
		if err := os.WriteFile(golden, first.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), first.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again, err := target.Load(bytes.NewReader(first.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(facts(), again.Facts); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	if err := again.Capture(&second); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.String(), second.String()); diff != "" {
		t.Errorf("captured again (-want +got):\n%s", diff)
	}
}

// What the loader finds in a target, it finds in the capture.
func TestCapturedTargetLoadsTheSame(t *testing.T) {
	live := debian().open(t)
	var doc bytes.Buffer
	z := gzip.NewWriter(&doc)
	if err := errors.Join(live.Capture(z), z.Close()); err != nil {
		t.Fatal(err)
	}
	captured, err := target.Load(&doc)
	if err != nil {
		t.Fatal(err)
	}
	app := tree{"p": string(binarytest.Library{Interp: glibc, Needed: []string{"libown.so.1", "libgone.so.2", "libc.so.6"}}.Bytes())}.write(t)
	var got []string
	for _, tg := range []*target.Target{live, captured} {
		sub, err := rootfs.Dir(app)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sub.Close() })
		loader, err := rootfs.NewLoader(rootfs.Mount(tg.Root(), "app", sub))
		if err != nil {
			t.Fatal(err)
		}
		p, err := loader.Session().Load("app/p")
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, o := range p.Objects {
			exports, err := tg.Exports(o.Real)
			if o.Real == "app/p" {
				exports, err = nil, nil
			}
			if err != nil {
				t.Fatal(err)
			}
			names := map[string]bool{}
			for _, s := range exports {
				names[s.String()] = true
			}
			lines = append(lines, fmt.Sprint(o.Path, o.Real, o.File.Soname, len(o.File.VersionDefs), names))
		}
		got = append(got, fmt.Sprint(strings.Join(lines, "\n"), p.Missing))
	}
	if diff := cmp.Diff(got[0], got[1]); diff != "" || !strings.Contains(got[0], "opt/own/libown.so.1") || !strings.Contains(got[0], "libgone.so.2") {
		t.Errorf("live %s\n(-live +captured):\n%s", got[0], diff)
	}
}

func TestLoadRefusesHostileDocuments(t *testing.T) {
	for name, doc := range map[string]string{
		"no JSON":             "junk",
		"another schema":      `{"schema":"dram.target/99"}`,
		"a path that is none": `{"schema":"dram.target/1","files":["../etc/passwd"]}`,
		"an absolute path":    `{"schema":"dram.target/1","texts":{"/etc/x":"y"}}`,
		"the root itself":     `{"schema":"dram.target/1","files":["."]}`,
		"an empty link":       `{"schema":"dram.target/1","links":{"a":""}}`,
		"gzip cut short":      "\x1f\x8b\x08",
	} {
		if _, err := target.Load(strings.NewReader(doc)); problem.Code(err) != int(problem.Usage) || problem.Hint(err) == "" {
			t.Errorf("%s: %v, want a usage problem with a hint", name, err)
		}
	}
}

type unpacked string

func (unpacked) HasDistro(name string) bool { return name == "debian/12" }

func (u unpacked) Unpack(_ context.Context, r ref.Ref) (string, error) {
	if r.Value == "none" {
		return "", errors.New("no such " + string(r.Kind))
	}
	return string(u), nil
}

func TestOpen(t *testing.T) {
	dir := debian().write(t)
	capture := filepath.Join(t.TempDir(), "t.json")
	live, err := target.Open(t.Context(), "dir:"+dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := errors.Join(live.Capture(&b), live.Close(), os.WriteFile(capture, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	for ref, wrong := range map[string]string{
		"dir:" + dir: "", "file:" + capture: "", "oci:x": "", "tar:x": "", "image:x": "", "distro:debian/12": "", "host:": "-",
		"image:none": "no such image", "dir:" + dir + "/none": "none", "file:none.json": "none.json",
		"host:x": "nothing follows it", "debian": "which kind", "dir:": "nothing follows", "ftp:x": "no kind", "ssh:-oProxyCommand=x": "names no host",
	} {
		got, err := target.Open(t.Context(), ref, unpacked(dir))
		switch {
		case wrong == "-":
			continue // whatever this machine is
		case wrong != "":
			if err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s: %v, want %q", ref, err, wrong)
			}
			continue
		case err != nil:
			t.Errorf("%s: %v", ref, err)
			continue
		}
		if diff := cmp.Diff(facts(), got.Facts); diff != "" || got.Name != ref {
			t.Errorf("%s: %q (-want +got):\n%s", ref, got.Name, diff)
		}
		if err := got.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"2.9", "2.38", -1},
		{"2.38", "2.38", 0},
		{"2.38.1", "2.38", 1},
		{"1_1_0", "1_1_1", -1},
		{"", "1", -1},
		{"99999999999999999999999", "3", 1},
	} {
		if got := target.CompareVersions(tt.a, tt.b); got != tt.want {
			t.Errorf("CompareVersions(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func FuzzLoad(f *testing.F) {
	golden, err := os.ReadFile(filepath.Join("testdata", "debian.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Add([]byte(`{"schema":"dram.target/1","links":{"a":"b","b":"a"},"programs":{"a/b":["..","/"]},"files":["a","a/b/c"]}`))
	f.Add([]byte(`{"schema":"dram.target/1","profile":{"open":["libraries"],"absent":["x"],"known":[{"fact":"glibc"}]},` +
		`"libraries":[{"path":"lib64/libx.so.1","soname":"libx.so.1","partial":true,"families":["X_"],"later":["X_2"],"optional":true,"package":"x"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := target.Load(bytes.NewReader(b))
		if err != nil {
			return
		}
		if err := got.Capture(&bytes.Buffer{}); err != nil {
			t.Logf("capturing again: %v", err)
		}
	})
}
