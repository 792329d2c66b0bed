package debian

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/distro"
	"dram/internal/store"
	"dram/internal/untar"
)

// manifest is every entry below root: mode, and content or target.
func manifest(t testing.TB, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		switch {
		case d.IsDir():
			out[rel] = info.Mode().String()
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(p)
			out[rel] = "-> " + target
			return err
		default:
			raw, err := os.ReadFile(p)
			out[rel] = info.Mode().String() + " " + string(raw)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func unpackAll(t *testing.T, c *Client, a *archive, run distro.Configurer, packages ...string) (string, error) {
	t.Helper()
	set, err := c.Resolve(t.Context(), a.request(packages...))
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	return root, c.Unpack(t.Context(), set, root, run)
}

var wholesome = []testPackage{
	{
		control: controlOf("base", "Essential: yes\nMulti-Arch: same\n"),
		files: []tar.Header{
			dir(".", 0o755), dir("./bin", 0o755), dir("./tmp", 0o1777), dir("./usr", 0o755),
			file("./bin/tool", "tool", 0o4755), hard("./usr/bin/other", "./bin/tool"),
			dir("./var/closed", 0o500), file("./var/closed/f", "in", 0o400),
			link("./etc/alt", "/usr/bin/tool"), file("./usr/share/man/man1/tool.1.gz", "no", 0o644),
			file("./usr/share/doc/base/copyright", "licence", 0o644), file("./usr/share/doc/base/README", "no", 0o644),
			{Name: "./dev/null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3, Mode: 0o666},
		},
		scripts: map[string]string{"preinst": "#!/bin/sh\n", "triggers": "interest-noawait /usr/lib\ninterest named\n"},
	},
	{
		control: controlOf("app", "Depends: gone | lib (>= 1)\n"),
		files:   []tar.Header{file("./etc/app.conf", "x=1\n", 0o640), file("./bin/app", "app", 0o755)},
		scripts: map[string]string{"conffiles": "/etc/app.conf\n", "preinst": "#!/bin/sh\n"},
		ext:     ".xz",
	},
	{
		control: controlOf("lib", "Replaces: base\n"),
		files:   []tar.Header{file("./usr/lib/lib.so", "lib", 0o644), file("./usr/bin/other", "lib's", 0o755)},
		ext:     ".zst",
	},
	{control: controlOf("extra", ""), files: []tar.Header{file("./opt/extra", "e", 0o600)}, ext: "none"},
}

func TestUnpack(t *testing.T) {
	a := newArchive(t, wholesome...)
	root, err := unpackAll(t, newClient(t), a, nil, "app", "extra")
	if err != nil {
		t.Fatal(err)
	}
	got := manifest(t, root)
	for name := range got {
		if name == admin || strings.HasPrefix(name, admin+"/") || name == "." {
			delete(got, name)
		}
	}
	want := map[string]string{
		"bin": "-> usr/bin", "sbin": "-> usr/sbin", "lib": "-> usr/lib", "lib64": "-> usr/lib64",
		"dev": "drwxr-xr-x", "etc": "drwxr-xr-x", "opt": "drwxr-xr-x", "proc": "drwxr-xr-x", "run": "drwxr-xr-x",
		"sys": "drwxr-xr-x", "tmp": "dtrwxrwxrwx", "usr": "drwxr-xr-x", "usr/bin": "drwxr-xr-x", "usr/lib": "drwxr-xr-x",
		"usr/lib64": "drwxr-xr-x", "usr/sbin": "drwxr-xr-x", "usr/share": "drwxr-xr-x", "usr/share/doc": "drwxr-xr-x",
		"usr/share/doc/base": "drwxr-xr-x", "var": "drwxr-xr-x", "var/closed": "dr-x------", "var/lib": "drwxr-xr-x",
		"usr/bin/tool": "-rwxr-xr-x tool", "usr/bin/other": "-rwxr-xr-x lib's", "usr/bin/app": "-rwxr-xr-x app",
		"var/closed/f": "-r-------- in", "etc/alt": "-> /usr/bin/tool", "usr/share/doc/base/copyright": "-rw-r--r-- licence",
		"etc/app.conf": "-rw-r----- x=1\n", "usr/lib/lib.so": "-rw-r--r-- lib", "opt/extra": "-rw------- e",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
	info, err := os.Stat(filepath.Join(root, "usr/bin/tool"))
	if err != nil || !info.ModTime().Equal(noon) {
		t.Errorf("time of a file: %v, %v", info.ModTime(), err)
	}
	checkDatabase(t, root)
}

func checkDatabase(t *testing.T, root string) {
	t.Helper()
	for name, want := range map[string]string{
		"status": "Package: app\nStatus: install ok unpacked\nVersion: 1\nArchitecture: amd64\nDepends: gone | lib (>= 1)\n" +
			"Conffiles:\n /etc/app.conf f968f33f844c98de1d3b4fe70f2e1a0f\n\n" +
			"Package: base\nStatus: install ok unpacked\nVersion: 1\nArchitecture: amd64\nEssential: yes\nMulti-Arch: same\n\n" +
			"Package: extra\nStatus: install ok unpacked\nVersion: 1\nArchitecture: amd64\n\n" +
			"Package: lib\nStatus: install ok unpacked\nVersion: 1\nArchitecture: amd64\nReplaces: base\n\n",
		"info/app.list":           "/etc/app.conf\n/bin/app\n",
		"info/base:amd64.preinst": "#!/bin/sh\n",
		"triggers/File":           "/usr/lib base:amd64/noawait\n",
		"triggers/named":          "base:amd64\n",
		"info/format":             "1\n",
	} {
		raw, err := os.ReadFile(filepath.Join(root, admin, name))
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, string(raw)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestUnpackAgain makes the same root from scratch several times: in whatever
// order packages arrive, it is the same.
func TestUnpackAgain(t *testing.T) {
	a := newArchive(t, wholesome...)
	c := newClient(t)
	var first map[string]string
	for range 5 {
		root, err := unpackAll(t, c, a, nil, "app", "extra")
		if err != nil {
			t.Fatal(err)
		}
		got := manifest(t, root)
		if first == nil {
			first = got
		}
		if diff := cmp.Diff(first, got); diff != "" {
			t.Fatalf("roots differ:\n%s", diff)
		}
	}
}

// scripted is a Configurer that does to the root what scripts would.
type scripted struct {
	argv []string
	err  error
}

func (s *scripted) Run(_ context.Context, root string, argv, env []string, out io.Writer) error {
	s.argv = append(s.argv, argv[0])
	if !slices.Contains(env, fmt.Sprintf("SOURCE_DATE_EPOCH=%d", noon.Unix())) {
		return errors.New("no SOURCE_DATE_EPOCH")
	}
	if argv[0] == "/bin/sh" {
		base, app := strings.Index(argv[2], "base:amd64.preinst install"), strings.Index(argv[2], "app.preinst install")
		if base < 0 || app < 0 {
			return fmt.Errorf("script %q", argv[2])
		}
		return nil
	}
	fmt.Fprintln(out, "what the script says")
	if s.err != nil {
		return s.err
	}
	for _, name := range []string{"etc/passwd-", "var/log/dpkg.log", "var/cache/x/y", "etc/machine-id", "etc/made"} {
		p := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o750), os.WriteFile(p, []byte("made"), 0o600)); err != nil {
			return err
		}
	}
	raw, err := os.ReadFile(filepath.Join(root, policyFile))
	if err == nil && !strings.Contains(string(raw), "exit 101") {
		err = errors.New("services would start")
	}
	return err
}

func TestConfigure(t *testing.T) {
	a := newArchive(t, wholesome...)
	run := &scripted{}
	root, err := unpackAll(t, newClient(t), a, run, "app")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/bin/sh", "dpkg"}, run.argv); diff != "" {
		t.Error(diff)
	}
	got := manifest(t, root)
	for _, name := range []string{"etc/passwd-", "var/log/dpkg.log", "var/cache/x/y", policyFile} {
		if _, ok := got[name]; ok {
			t.Errorf("%s is still there", name)
		}
	}
	if got["etc/machine-id"] != "-r--r--r-- " {
		t.Errorf("machine-id is %q", got["etc/machine-id"])
	}
	info, err := os.Stat(filepath.Join(root, "etc/made"))
	if err != nil || !info.ModTime().Equal(noon) {
		t.Errorf("time of what a script made: %v, %v", info.ModTime(), err)
	}
	_, err = unpackAll(t, newClient(t), a, &scripted{err: errors.New("exit status 1")}, "app")
	if err == nil || !strings.Contains(err.Error(), "what the script says") {
		t.Errorf("error of a failing script: %v", err)
	}
}

// TestUnpackHostile: none of these gets out of the root or fills the disk.
func TestUnpackHostile(t *testing.T) {
	outside := t.TempDir()
	up := strings.Repeat("../", 30)
	for name, tc := range map[string]struct {
		files []tar.Header
		want  string // in the error; empty: unpacks
		has   map[string]string
	}{
		"absolute":        {files: []tar.Header{file(outside+"/f", "x", 0o644)}, want: "would leave the root"},
		"dotdot":          {files: []tar.Header{file("./a/../../f", "x", 0o644)}, want: "would leave the root"},
		"dotdot dir":      {files: []tar.Header{dir("..", 0o777)}, want: "would leave the root"},
		"absolute link":   {files: []tar.Header{link("./l", outside), file("./l/f", "x", 0o644)}, has: map[string]string{outside[1:] + "/f": "-rw-r--r-- x"}},
		"upward link":     {files: []tar.Header{link("./a/l", up+"esc"), file("./a/l/f", "x", 0o644)}, has: map[string]string{"esc/f": "-rw-r--r-- x"}},
		"link loop":       {files: []tar.Header{link("./a", "b"), link("./b", "a"), file("./a/f", "x", 0o644)}, want: "too many symbolic links"},
		"through a link":  {files: []tar.Header{link("./f", outside+"/f"), file("./f", "x", 0o644)}, has: map[string]string{"f": "-rw-r--r-- x"}},
		"below a file":    {files: []tar.Header{file("./f", "", 0o644), file("./f/g", "x", 0o644)}, want: "not a directory"},
		"file over dir":   {files: []tar.Header{dir("./d", 0o755), file("./d", "x", 0o644)}, want: "directory already"},
		"hard link out":   {files: []tar.Header{hard("./h", "/etc/passwd")}, want: "would leave the root"},
		"hard link up":    {files: []tar.Header{hard("./h", "../../etc/passwd")}, want: "would leave the root"},
		"hard by link":    {files: []tar.Header{link("./l", "/etc"), hard("./h", "./l/passwd")}, want: "not a file of this archive"},
		"empty link":      {files: []tar.Header{{Name: "./l", Typeflag: tar.TypeSymlink, Linkname: strings.Repeat("x", 5000)}}, want: "malformed symbolic link"},
		"device":          {files: []tar.Header{{Name: "./d", Typeflag: tar.TypeBlock, Mode: 0o666}, {Name: "./p", Typeflag: tar.TypeFifo}}},
		"dpkg's database": {files: []tar.Header{link("./var/lib/dpkg/status", outside+"/status")}},
		"bomb":            {files: []tar.Header{file("./z", strings.Repeat("\x00", 2<<20), 0o644)}, want: "larger than"},
		"excluded bomb":   {files: []tar.Header{file("./usr/share/man/z", strings.Repeat("\x00", 2<<20), 0o644)}, want: "larger than"},
		"entries":         {files: slices.Repeat([]tar.Header{dir("./d", 0o755)}, 200), want: "entries"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchive(t, testPackage{control: controlOf("evil", ""), files: tc.files})
			c := newClient(t)
			c.limits = limits{bytes: 1 << 20, entries: 100}
			root, err := unpackAll(t, c, a, nil, "evil")
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("error %v, want %q", err, tc.want)
			}
			got := manifest(t, root)
			for name, want := range tc.has {
				if got[name] != want {
					t.Errorf("%s is %q, want %q", name, got[name], want)
				}
			}
			for name, what := range got {
				if strings.ContainsAny(what[:1], "Dp") {
					t.Errorf("%s is %s", name, what)
				}
			}
			if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
				t.Errorf("outside the root: %v, %v", left, err)
			}
		})
	}
}

// TestBombIsCut: what decompresses without end stops early, whatever the tar
// in it promises.
func TestBombIsCut(t *testing.T) {
	h := file("./z", "", 0o644)
	h.Size = 10 << 30
	var b strings.Builder
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&h); err != nil {
		t.Fatal(err)
	}
	u := &unpacking{client: &Client{limits: limits{maxDataBytes, maxDataEntries}}, tree: &untar.Tree{}}
	x := &extractor{to: u.writer(0), out: &installed{}}
	started := time.Now()
	err := x.extract(t.Context(), strings.NewReader(b.String()))
	if err == nil || !strings.Contains(err.Error(), "larger than") || time.Since(started) > time.Second {
		t.Errorf("error %v after %v", err, time.Since(started))
	}
}

// TestCorruptBlob: a package damaged in the cache is fetched again.
func TestCorruptBlob(t *testing.T) {
	a := newArchive(t, wholesome...)
	c := newClient(t)
	set, err := c.Resolve(t.Context(), a.request("app"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Unpack(t.Context(), set, t.TempDir(), nil); err != nil {
		t.Fatal(err)
	}
	blob := c.store.BlobPath(store.Digest("sha256:" + set.Packages[0].SHA256))
	raw, err := os.ReadFile(blob)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := errors.Join(os.Remove(blob), os.WriteFile(blob, raw, 0o400)); err != nil {
		t.Fatal(err)
	}
	before := a.count()
	if err := c.Unpack(t.Context(), set, t.TempDir(), nil); err != nil {
		t.Fatal(err)
	}
	if n := a.count() - before; n != 1 {
		t.Errorf("%d requests, want the one of the damaged package", n)
	}
}
