package debian

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ProtonMail/go-crypto/openpgp"

	"dram/internal/untar"
)

func FuzzFields(f *testing.F) {
	f.Add("A: 1\nB: x\n y\n\nC: 2\n")
	f.Add("\n\n: x\n#\n \n")
	f.Fuzz(func(t *testing.T, text string) {
		n := 0
		for par := range paragraphs(text) {
			if par == "" || strings.Contains(par, "\n\n") {
				t.Fatalf("paragraph %q", par)
			}
			for name, value := range fields(par) {
				n += len(name) + len(value)
				if name == "" {
					t.Fatal("a field without a name")
				}
			}
		}
		if n > len(text) {
			t.Fatalf("%d bytes out of %d", n, len(text))
		}
		_ = newUniverse("amd64").add(text, "b") // must not panic
		parseRelations(text, "amd64")
	})
}

func FuzzCompareVersions(f *testing.F) {
	for _, line := range versionOrder {
		f.Add(line[0], "1:2.3~rc1-4", "2")
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		ab, bc, ac := compareVersions(a, b), compareVersions(b, c), compareVersions(a, c)
		if ab != -compareVersions(b, a) {
			t.Fatalf("%q against %q is %d both ways", a, b, ab)
		}
		if ab <= 0 && bc <= 0 && ac > 0 {
			t.Fatalf("%q <= %q <= %q, but not the first and the last", a, b, c)
		}
		if compareVersions(a, a) != 0 {
			t.Fatalf("%q is not itself", a)
		}
	})
}

func FuzzAr(f *testing.F) {
	f.Add(arOf([2]string{"debian-binary", "2.0\n"}, [2]string{"x", "odd"}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := newArReader(bytes.NewReader(raw))
		if err != nil {
			return
		}
		total := int64(0)
		for {
			_, body, err := r.next()
			if err != nil {
				break
			}
			n, _ := io.Copy(io.Discard, body)
			total += n
		}
		if total > int64(len(raw)) {
			t.Fatalf("%d bytes out of %d", total, len(raw))
		}
	})
}

// FuzzDeb unpacks anything: nothing may come to lie outside the root.
func FuzzDeb(f *testing.F) {
	for _, p := range wholesome {
		f.Add(p.deb(f))
	}
	f.Add(testPackage{control: "Package: x\n", ext: "none", files: []tar.Header{
		link("./l", "../../../x"), file("./l/f", "x", 0o644), hard("./h", "l/f"),
	}}.deb(f))
	f.Fuzz(func(t *testing.T, raw []byte) {
		outer := t.TempDir()
		inner := filepath.Join(outer, "root")
		if err := os.Mkdir(inner, 0o700); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(inner)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = root.Close() }()
		d, err := openDeb(bytes.NewReader(raw))
		if err != nil {
			return
		}
		tree, err := untar.NewTree(root)
		if err != nil {
			t.Fatal(err)
		}
		u := &unpacking{client: &Client{limits: limits{1 << 20, 100}}, tree: tree}
		x := &extractor{to: u.writer(0), out: &installed{conffiles: map[string]string{}}}
		_ = d.data(func(r io.Reader) error { return x.extract(t.Context(), r) }) // errors are fine
		_ = tree.Finish()
		left, err := os.ReadDir(outer)
		if err != nil || len(left) != 1 {
			t.Fatalf("outside the root: %v, %v", left, err)
		}
		_ = os.Chmod(inner, 0o700) //nolint:gosec // so that it can be removed
		_ = filepath.WalkDir(inner, func(p string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				return os.Chmod(p, 0o700) //nolint:gosec // likewise
			}
			return nil
		})
	})
}

func FuzzSources(f *testing.F) {
	f.Add("deb [a=b] http://a.example/debian trixie main\n", "Types: deb\nURIs: http://a.example/debian\nComponents: main\n")
	f.Fuzz(func(t *testing.T, list, sources string) {
		m, ok := hostMirror(fstest.MapFS{
			"apt/sources.list":             {Data: []byte(list)},
			"apt/sources.list.d/x.sources": {Data: []byte(sources)},
		})
		if m.Archive == "" || m.Security == "" || (!ok && m.Archive != defaultMirror().Archive) {
			t.Fatalf("mirror %+v, %v", m, ok)
		}
	})
}

func FuzzRelease(f *testing.F) {
	f.Add("Codename: forky\nValid-Until: Fri, 06 Nov 2026 08:08:01 UTC\nSHA256:\n " + emptySum + " 0 main/binary-amd64/Packages.xz\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseRelease(text)
		if err != nil {
			return
		}
		if _, file, err := r.packages(component, "amd64"); err == nil && (!isSHA256(file.SHA256) || file.Size < 0) {
			t.Fatalf("file %+v", file)
		}
	})
}

// FuzzVerify: nothing but the signed message itself passes.
func FuzzVerify(f *testing.F) {
	key := signer(f)
	good := clearSign(f, key, "Codename: forky\n")
	f.Add(good)
	f.Add([]byte("-----BEGIN PGP SIGNED MESSAGE-----\n\nx\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		text, err := verify(raw, openpgp.EntityList{key}, noon)
		if err == nil && strings.TrimSpace(text) != "Codename: forky" {
			t.Fatalf("verified %q", text)
		}
	})
}
