package debian

import (
	"bytes"
	"context"
	"crypto"
	_ "crypto/sha1" //nolint:gosec // to see that it is refused
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/google/go-cmp/cmp"

	"dram/internal/distro"
	"dram/internal/problem"
	"dram/internal/store"
)

const (
	inRelease = "/debian/dists/forky/InRelease"
	appDeb    = "/debian/pool/app_1.deb"
)

func TestResolveSet(t *testing.T) {
	a := newArchive(t, wholesome...)
	c := newClient(t)
	set, err := c.Resolve(t.Context(), a.request("app"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range set.Packages {
		names = append(names, p.Name+" "+p.Version)
	}
	if diff := cmp.Diff([]string{"app 1", "base 1", "lib 1"}, names); diff != "" {
		t.Error(diff)
	}
	if v, ok := set.Version("lib"); v != "1" || !ok {
		t.Errorf("version of lib: %q, %v", v, ok)
	}
	if _, ok := set.Version("extra"); ok {
		t.Error("extra is in the set")
	}
	other := newArchive(t, wholesome...)
	again, err := newClient(t).Resolve(t.Context(), other.request("app"))
	if err != nil || again.ID() != set.ID() {
		t.Errorf("another mirror gives ID %s, not %s: %v", again.ID(), set.ID(), err)
	}
}

// TestSignature: what is not signed by the archive's key, for this suite and
// this time, is refused.
func TestSignature(t *testing.T) {
	stranger, err := openpgp.NewEntity("Stranger", "", "s@example.org", nil)
	if err != nil {
		t.Fatal(err)
	}
	const text = "Codename: forky\nSHA256:\n " + emptySum + " 0 main/binary-amd64/Packages.xz\n"
	for name, tc := range map[string]struct {
		raw  func(good []byte) []byte
		now  time.Time
		want string
	}{
		"unsigned":         {raw: func([]byte) []byte { return []byte(text) }, want: "not a clear-signed"},
		"empty":            {raw: func([]byte) []byte { return nil }, want: "not a clear-signed"},
		"altered":          {raw: func(g []byte) []byte { return bytes.Replace(g, []byte("Origin: Debian"), []byte("Origin: Fedora"), 1) }, want: "checking signature"},
		"text after":       {raw: func(g []byte) []byte { return append(bytes.Clone(g), "Codename: x\n"...) }, want: "outside the signed"},
		"text before":      {raw: func(g []byte) []byte { return append([]byte("Codename: x\n"), g...) }, want: "outside the signed"},
		"weak hash":        {raw: func([]byte) []byte { return weaklySigned(t, signer(t), text) }, want: "weak hash"},
		"another key":      {raw: func([]byte) []byte { return clearSign(t, stranger, text) }, want: "checking signature"},
		"another suite":    {raw: func([]byte) []byte { return clearSign(t, signer(t), strings.Replace(text, "forky", "sid", 1)) }, want: `says that it is "sid"`},
		"no digests":       {raw: func([]byte) []byte { return clearSign(t, signer(t), "Codename: forky\n") }, want: "no SHA-256"},
		"no such arch":     {raw: func([]byte) []byte { return clearSign(t, signer(t), strings.Replace(text, "amd64", "m68k", 1)) }, want: `no packages for "amd64"`},
		"past Valid-Until": {raw: func(g []byte) []byte { return g }, now: noon.AddDate(0, 0, 8), want: "was valid until"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchive(t, wholesome...)
			a.files[inRelease] = tc.raw(a.files[inRelease])
			now := tc.now
			if now.IsZero() {
				now = noon
			}
			_, err := newClient(t, withClock(func() time.Time { return now })).Resolve(t.Context(), a.request("app"))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if problem.Hint(err) == "" {
				t.Error("no hint")
			}
		})
	}
	a := newArchive(t, wholesome...)
	late := a.request("app")
	late.AllowExpired = true
	if _, err := newClient(t, withClock(func() time.Time { return noon.AddDate(0, 0, 8) })).Resolve(t.Context(), late); err != nil {
		t.Errorf("an expired index, allowed: %v", err)
	}
}

// weaklySigned signs with SHA-1, which the library's own writer refuses to do.
func weaklySigned(t *testing.T, key *openpgp.Entity, text string) []byte {
	t.Helper()
	sig := &packet.Signature{
		Version: 4, SigType: packet.SigTypeText, PubKeyAlgo: key.PrimaryKey.PubKeyAlgo, Hash: crypto.SHA1,
		CreationTime: noon.AddDate(0, 0, -1), IssuerKeyId: &key.PrimaryKey.KeyId,
	}
	sum := crypto.SHA1.New()
	_, _ = io.WriteString(sum, strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\r\n"))
	b := bytes.NewBufferString("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA1\n\n" + text)
	w, err := armor.Encode(b, openpgp.SignatureType, nil)
	if err == nil {
		err = errors.Join(sig.Sign(sum, key.PrivateKey, &packet.Config{NonDeterministicSignaturesViaNotation: new(false)}), sig.Serialize(w), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return append(b.Bytes(), '\n')
}

const emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestArchiveKeys(t *testing.T) {
	keys, err := ArchiveKeys()
	if err != nil || len(keys) != 9 {
		t.Fatalf("%d keys: %v", len(keys), err)
	}
	for _, k := range keys {
		if k.PrivateKey != nil || len(k.Revocations) > 0 {
			t.Errorf("key %X is private or revoked", k.PrimaryKey.KeyId)
		}
	}
}

// TestPackageTrouble: each way in which a server can fail to give a package.
func TestPackageTrouble(t *testing.T) {
	stalled := make(chan struct{})
	t.Cleanup(func() { close(stalled) })
	for name, tc := range map[string]struct {
		serve func(body []byte) http.HandlerFunc
		want  string // in the error; empty: it works in the end
		gone  bool
	}{
		"not found": {func([]byte) http.HandlerFunc { return http.NotFound }, "404", true},
		"broken": {func([]byte) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
		}, "502", false},
		"wrong digest": {func(body []byte) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), len(body))) }
		}, "wrong content", false},
		"too long": {func(body []byte) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(append(bytes.Clone(body), 'x')) }
		}, "longer than the index says", false},
		"truncated": {func(body []byte) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body[:len(body)/2]) }
		}, "bytes early", false},
		"silent": {func(body []byte) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				_, _ = w.Write(body[:len(body)/2])
				_ = http.NewResponseController(w).Flush()
				select {
				case <-stalled:
				case <-r.Context().Done():
				}
			}
		}, "nothing from", false},
		"dripping": {func([]byte) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					_, _ = w.Write([]byte("x"))
					_ = http.NewResponseController(w).Flush()
					time.Sleep(10 * time.Millisecond)
				}
			}
		}, "nothing from", false},
		"endless": {func([]byte) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					_, _ = w.Write(make([]byte, 32<<10))
				}
			}
		}, "longer than the index says", false},
		"redirected in a circle": {func([]byte) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }
		}, "more than 5", false},
		"redirected to what is no server": {func([]byte) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
			}
		}, "unsupported protocol", false},
		"cut each time": {func(body []byte) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { // gives a third of the file at each request
				from := 0
				if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
					w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(body)-1, len(body)))
					w.Header().Set("Content-Length", fmt.Sprint(len(body)-from))
					w.WriteHeader(http.StatusPartialContent)
				}
				_, _ = w.Write(body[from:min(from+len(body)/3+1, len(body))])
			}
		}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchive(t, wholesome...)
			a.serve[appDeb] = tc.serve(a.files[appDeb])
			patience := 10 * time.Second // a loaded machine is no silent mirror
			if tc.want == "nothing from" {
				patience = 100 * time.Millisecond
			}
			_, err := unpackAll(t, newClient(t, withPatience(patience, time.Millisecond)), a, nil, "app")
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || problem.Hint(err) == ""):
				t.Errorf("error %v (hint %q), want %q", err, problem.Hint(err), tc.want)
			}
			if errors.Is(err, distro.ErrGone) != tc.gone {
				t.Errorf("ErrGone is wrong for %v", err)
			}
		})
	}
}

// TestResume: what an earlier run left half-fetched is not fetched again, and
// does no harm if it is wrong.
func TestResume(t *testing.T) {
	for name, tc := range map[string]struct {
		alter    byte
		requests int
	}{"sound": {0, 1}, "wrong": {1, 2}} {
		t.Run(name, func(t *testing.T) {
			a := newArchive(t, wholesome...)
			var ranges []string
			body := a.files[appDeb]
			a.serve[appDeb] = func(w http.ResponseWriter, r *http.Request) {
				ranges = append(ranges, r.Header.Get("Range"))
				http.ServeContent(w, r, "app.deb", noon, bytes.NewReader(body))
			}
			c := newClient(t)
			work, err := c.store.Work("debian", "partial")
			if err != nil {
				t.Fatal(err)
			}
			part := bytes.Clone(body[:50])
			part[49] ^= tc.alter
			if err := os.WriteFile(filepath.Join(work, hexOf(body)), part, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := unpackAll(t, c, a, nil, "app"); err != nil {
				t.Fatal(err)
			}
			if len(ranges) != tc.requests || ranges[0] != "bytes=50-" {
				t.Errorf("ranges asked for: %q", ranges)
			}
		})
	}
}

// TestIndexDigest: an index other than the signed one is refused, wherever it
// is asked for.
func TestIndexDigest(t *testing.T) {
	a := newArchive(t, wholesome...)
	for name, body := range a.files {
		if strings.Contains(name, "binary-amd64") {
			a.files[name] = bytes.Repeat([]byte("x"), len(body))
		}
	}
	_, err := newClient(t).Resolve(t.Context(), a.request("app"))
	if err == nil || !strings.Contains(err.Error(), "wrong content") {
		t.Errorf("error %v", err)
	}
	b := newArchive(t, wholesome...)
	for name := range b.files {
		if strings.Contains(name, "by-hash") {
			delete(b.files, name)
		}
	}
	if _, err := newClient(t).Resolve(t.Context(), b.request("app")); err != nil {
		t.Errorf("without by-hash: %v", err)
	}
}

// TestCached: within a day the mirror is not asked; after it, by condition;
// when it is down, the old answer serves.
func TestCached(t *testing.T) {
	a := newArchive(t, wholesome...)
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	resolve := func(now time.Time, refresh bool) (int, error) {
		before := a.count()
		r := a.request("app")
		r.Refresh = refresh
		set, err := clientOn(t, s, withClock(func() time.Time { return now })).Resolve(t.Context(), r)
		if err == nil && len(set.Packages) != 3 {
			t.Errorf("%d packages", len(set.Packages))
		}
		return a.count() - before, err
	}
	for _, step := range []struct {
		what     string
		now      time.Time
		refresh  bool
		requests int
	}{
		{"first", noon, false, 2},
		{"within a day", noon.Add(23 * time.Hour), false, 0},
		{"refresh", noon.Add(time.Hour), true, 1},
		{"after a day", noon.Add(26 * time.Hour), false, 1},
		{"and then again", noon.Add(27 * time.Hour), false, 0},
		{"a clock set back", noon.Add(-time.Hour), false, 1},
	} {
		if n, err := resolve(step.now, step.refresh); n != step.requests || err != nil {
			t.Errorf("%s: %d requests, want %d; %v", step.what, n, step.requests, err)
		}
	}
	a.Close()
	if _, err := resolve(noon.Add(100*time.Hour), false); err != nil {
		t.Errorf("mirror down: %v", err)
	}
	_, err = newClient(t).Resolve(t.Context(), a.request("app"))
	if err == nil || problem.Code(err) != int(problem.Failure) || problem.Hint(err) == "" {
		t.Errorf("mirror down and nothing known: %v", err)
	}
}

func TestVersions(t *testing.T) {
	a := newArchive(t,
		testPackage{control: "Package: elixir\nVersion: 1.18.3.dfsg-1\nArchitecture: all\n"},
		testPackage{control: "Package: erlang-base\nVersion: 1:27.3.4.1+dfsg-1+deb13u3\nArchitecture: amd64\n"})
	got, err := newClient(t).Versions(t.Context(), a.request())
	if diff := cmp.Diff(distro.Versions{Elixir: "1.18.3", Erlang: "27.3.4.1"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestCancel(t *testing.T) {
	a := newArchive(t, wholesome...)
	ctx, cancel := context.WithCancel(t.Context())
	a.serve[appDeb] = func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() }
	c := newClient(t)
	set, err := c.Resolve(ctx, a.request("app"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Unpack(ctx, set, t.TempDir(), nil); problem.Code(err) != int(problem.Cancelled) {
		t.Errorf("error %v", err)
	}
}

// TestFrozen: what an archived suite's security pool has lost is taken, source
// package by source package, as the main archive has it.
func TestFrozen(t *testing.T) {
	entry := func(name, version, file string) string {
		return fmt.Sprintf("Package: %s\nSource: src\nVersion: %s\nArchitecture: all\nFilename: %s\nSize: 1\nSHA256: %s\n\n",
			name, version, file, emptySum)
	}
	a := newArchive(t)
	a.files["/sec/a2"] = []byte("x")
	u := newUniverse("amd64")
	if err := errors.Join(u.add(entry("a", "1", "a1")+entry("b", "1", "b1"), a.URL+"/main"),
		u.add(entry("a", "2", "a2")+entry("b", "2", "b2"), a.URL+"/sec")); err != nil {
		t.Fatal(err)
	}
	u.index()
	find := func(u *universe) (resolved, error) {
		set, err := u.resolve(a.request("a", "b"))
		return resolved{Set: set}, err
	}
	first, err := find(u)
	if err != nil {
		t.Fatal(err)
	}
	got, err := newClient(t).withoutGone(t.Context(), u, []index{{base: a.URL + "/sec", frozen: true}}, first, find)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if v, _ := got.Set.Version(name); v != "1" {
			t.Errorf("version of %s is %q", name, v)
		}
	}
}
