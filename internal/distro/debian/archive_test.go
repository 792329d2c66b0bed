package debian

import (
	"archive/tar"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"dram/internal/distro"
	"dram/internal/store"
)

// noon is when the tests play.
var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// testKey signs the archives of the tests.
var testKey = sync.OnceValues(func() (*openpgp.Entity, error) {
	return openpgp.NewEntity("Archive", "", "archive@example.org", &packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return noon.AddDate(-1, 0, 0) },
	})
})

func signer(t testing.TB) *openpgp.Entity {
	t.Helper()
	key, err := testKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// archive is a signed archive with the suite forky, served over HTTP.
type archive struct {
	*httptest.Server
	mu       sync.Mutex
	files    map[string][]byte
	requests []string                    // "GET /path", in order
	serve    map[string]http.HandlerFunc // in place of a file
}

// testPackage is one package of such an archive.
type testPackage struct {
	control string // without Filename, Size, SHA256
	scripts map[string]string
	files   []tar.Header // content in the PAX record "test" (see file)
	ext     string       // compression of data.tar, default ".gz"
}

func (p testPackage) name() string { return field(p.control, "Package") }

func file(name, content string, mode int64) tar.Header {
	return tar.Header{
		Name: name, Mode: mode, Typeflag: tar.TypeReg, Size: int64(len(content)), ModTime: noon,
		Xattrs: map[string]string{"test": content}, //nolint:staticcheck // carries the content to tarOf alone
	}
}

func dir(name string, mode int64) tar.Header {
	return tar.Header{Name: name + "/", Mode: mode, Typeflag: tar.TypeDir, ModTime: noon}
}

func link(name, target string) tar.Header {
	return tar.Header{Name: name, Linkname: target, Mode: 0o777, Typeflag: tar.TypeSymlink, ModTime: noon}
}

func hard(name, target string) tar.Header {
	return tar.Header{Name: name, Linkname: target, Mode: 0o644, Typeflag: tar.TypeLink, ModTime: noon}
}

func tarOf(t testing.TB, entries []tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		content := h.Xattrs["test"] //nolint:staticcheck // see file
		h.Xattrs = nil              //nolint:staticcheck // see file
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func compress(t testing.TB, ext string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch ext {
	case ".xz":
		w, err = xz.NewWriter(&b)
	case ".gz":
		w = gzip.NewWriter(&b)
	case ".zst":
		w, err = zstd.NewWriter(&b)
	default:
		return data
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func arOf(members ...[2]string) []byte {
	var b bytes.Buffer
	b.WriteString(arMagic)
	for _, m := range members {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8o%-10d`\n%s", m[0], 0, 0, 0, 0o100644, len(m[1]), m[1])
		if len(m[1])%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

// deb makes the package's .deb.
func (p testPackage) deb(t testing.TB) []byte {
	t.Helper()
	control := []tar.Header{dir(".", 0o755), file("./control", p.control, 0o644)}
	for _, name := range []string{"conffiles", "md5sums", "preinst", "postinst", "triggers"} {
		if text, ok := p.scripts[name]; ok {
			control = append(control, file("./"+name, text, 0o755))
		}
	}
	ext := cmp.Or(p.ext, ".gz")
	if ext == "none" {
		ext = ""
	}
	return arOf([2]string{"debian-binary", "2.0\n"},
		[2]string{"control.tar.gz", string(compress(t, ".gz", tarOf(t, control)))},
		[2]string{"data.tar" + ext, string(compress(t, ext, tarOf(t, p.files)))})
}

func hexOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// newArchive serves the packages.
func newArchive(t testing.TB, packages ...testPackage) *archive {
	t.Helper()
	a := &archive{files: map[string][]byte{}, serve: map[string]http.HandlerFunc{}}
	var index strings.Builder
	for _, p := range packages {
		raw := p.deb(t)
		name := "pool/" + p.name() + "_1.deb"
		a.files["/debian/"+name] = raw
		fmt.Fprintf(&index, "%s\nFilename: %s\nSize: %d\nSHA256: %s\n\n", strings.TrimSpace(p.control), name, len(raw), hexOf(raw))
	}
	a.sign(t, index.String(), noon.AddDate(0, 0, 7))
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

// sign publishes an index.
func (a *archive) sign(t testing.TB, index string, until time.Time) {
	t.Helper()
	packages := compress(t, ".xz", []byte(index))
	dist := "/debian/dists/forky/"
	a.files[dist+"main/binary-amd64/Packages.xz"] = packages
	a.files[dist+"main/binary-amd64/by-hash/SHA256/"+hexOf(packages)] = packages
	text := fmt.Sprintf("Origin: Debian\nSuite: testing\nCodename: forky\nValid-Until: %s\nAcquire-By-Hash: yes\nSHA256:\n %s %d main/binary-amd64/Packages.xz\n %s %d main/binary-amd64/Packages\n",
		until.UTC().Format(time.RFC1123), hexOf(packages), len(packages), hexOf([]byte(index)), len(index))
	a.files[dist+"InRelease"] = clearSign(t, signer(t), text)
}

func clearSign(t testing.TB, key *openpgp.Entity, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := clearsign.Encode(&b, key.PrivateKey, &packet.Config{Time: func() time.Time { return noon.AddDate(0, 0, -1) }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return append(b.Bytes(), '\n')
}

func (a *archive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.requests = append(a.requests, r.Method+" "+r.URL.Path)
	body, ok := a.files[r.URL.Path]
	special := a.serve[r.URL.Path]
	a.mu.Unlock()
	switch {
	case special != nil:
		special(w, r)
	case !ok:
		http.NotFound(w, r)
	default:
		http.ServeContent(w, r, path.Base(r.URL.Path), noon, bytes.NewReader(body))
	}
}

func (a *archive) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.requests)
}

func (a *archive) request(packages ...string) Request {
	return Request{
		Suite: distro.Suite{Distribution: "debian", Version: "forky", Codename: "forky"}, Arch: "amd64", Packages: packages, content: bare,
		Mirror: distro.Mirror{Archive: a.URL + "/debian", Security: a.URL + "/debian-security"},
	}
}

// option changes a Client.
type option func(*Client)

// withKeys sets who may sign the archive, in place of Debian's own keys.
func withKeys(keys openpgp.EntityList) option { return func(c *Client) { c.keys = keys } }

// withClock sets the clock that signatures and Valid-Until are checked against.
func withClock(now func() time.Time) option { return func(c *Client) { c.now = now } }

// withPatience sets after which silence a request is given up (default 30 s)
// and how long to wait before trying again (default 500 ms, doubled each time).
func withPatience(stall, backoff time.Duration) option {
	return func(c *Client) { c.fetch.stall, c.fetch.backoff = stall, backoff }
}

// client is a Client for such archives with a cache of its own.
func newClient(t testing.TB, options ...option) *Client {
	t.Helper()
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return clientOn(t, s, options...)
}

func clientOn(t testing.TB, s *store.Store, options ...option) *Client {
	t.Helper()
	options = append([]option{
		withKeys(openpgp.EntityList{signer(t)}), withClock(func() time.Time { return noon }),
		withPatience(500*time.Millisecond, time.Millisecond),
	}, options...)
	c := New(s, nil, func(format string, args ...any) { t.Logf(format, args...) })
	for _, o := range options {
		o(c)
	}
	c.fetch.http = bounded(nil, c.fetch.stall)
	return c
}

// controlOf is a control paragraph with what must be in one.
func controlOf(name, more string) string {
	return "Package: " + name + "\nVersion: 1\nArchitecture: amd64\n" + more
}
