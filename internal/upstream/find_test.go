package upstream

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"dram/internal/problem"
	"dram/internal/store"
)

func sum(body string) string {
	h := sha256.Sum256([]byte(body))
	return hex.EncodeToString(h[:])
}

// line is what sha256sum(1) writes of a file.
func line(name, body string) string { return sum(body) + "  " + name + "\n" }

func client(t *testing.T, place string) *Client {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	return &Client{Store: st, Place: place}
}

// server serves files, and counts what is asked for.
func server(t *testing.T, files map[string]string) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		body, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = fmt.Fprint(w, body)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, asked
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var (
	otp272 = Wanted{Software: OTP, Version: "27.2"}
	elixir = Wanted{Software: Elixir, Version: "1.18.1", Runtime: "27.2"}
)

// Whatever the place, the file that costs least is found, with its checksum.
func TestFind(t *testing.T) {
	files := map[string]string{
		"otp_src_27.2.tar.gz": "otp", "v1.18.1.tar.gz": "source", "elixir-1.18.1-otp-26.zip": "beams of 26", "elixir-1.18.1-otp-25.zip": "beams of 25",
	}
	sums := ""
	served := map[string]string{}
	for name, body := range files {
		sums += line(name, body)
		served["/m/"+name] = body
	}
	served["/m/SHA256SUMS"] = sums
	url, _ := server(t, served)
	listed := folder(t, files)
	if err := os.WriteFile(filepath.Join(listed, "SHA256SUMS"), []byte(sums), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, place := range map[string]string{"a directory": folder(t, files), "one with a list": listed, "a mirror": url + "/m/", "without a slash": url + "/m"} {
		t.Run(name, func(t *testing.T) {
			c := client(t, place)
			for _, tt := range []struct {
				w    Wanted
				name string
				form Form
			}{
				{otp272, "otp_src_27.2.tar.gz", Source},
				{elixir, "elixir-1.18.1-otp-26.zip", Beams},
				{Wanted{Elixir, "1.18.1", "25.3.1"}, "elixir-1.18.1-otp-25.zip", Beams},
				{Wanted{Elixir, "1.18.1", "24.0"}, "v1.18.1.tar.gz", Source},
			} {
				f, err := c.Find(t.Context(), tt.w)
				if err != nil {
					t.Fatal(err)
				}
				if f.Name != tt.name || f.Form != tt.form || f.Digest != store.Digest("sha256:"+sum(files[tt.name])) {
					t.Errorf("%s: %+v", tt.w, f)
				}
				if err := c.Fetch(t.Context(), f); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// Projects publish Erlang/OTP with one list a release, Elixir with one a file. What was
// found is kept: asked once.
func TestFindReleases(t *testing.T) {
	url, asked := server(t, map[string]string{
		"/otp/OTP-27.2/SHA256.txt":                        line("otp_doc_27.2.tar.gz", "doc") + line("otp_src_27.2.tar.gz", "otp"),
		"/elixir/v1.18.1/elixir-otp-26.zip.sha256sum":     line("elixir-otp-26.zip", "beams"),
		"/elixir/v1.14.0/Precompiled.zip.sha256sum":       line("Precompiled.zip", "old"),
		"/elixir/v1.18.2/elixir-otp-27.zip.sha256sum":     "nonsense\n",
		"/elixir/v1.18.2/Precompiled.zip.sha256sum":       line("another.zip", "x"),
		"/elixir/v1.18.1/elixir-otp-26.zip":               "beams",
		"/archive/refs/tags/v1.17.0.tar.gz":               "tagged",
		"/elixir/v1.18.2/elixir-otp-27.zip":               "unlisted",
		"/elixir/releases/download/v1.17.0/irrelevant.tx": "",
	})
	c := client(t, "")
	c.releases = releases{otp: url + "/otp", elixir: url + "/elixir"}
	for _, tt := range []struct {
		w              Wanted
		name, at, body string
	}{
		{otp272, "otp_src_27.2.tar.gz", "/otp/OTP-27.2/otp_src_27.2.tar.gz", "otp"},
		{elixir, "elixir-1.18.1-otp-26.zip", "/elixir/v1.18.1/elixir-otp-26.zip", "beams"},
		{Wanted{Elixir, "1.14.0", "25.2.3"}, "elixir-1.14.0-precompiled.zip", "/elixir/v1.14.0/Precompiled.zip", "old"},
	} {
		f, err := c.Find(t.Context(), tt.w)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name != tt.name || f.At != url+tt.at || f.Digest.Hex() != sum(tt.body) {
			t.Errorf("%s: %+v", tt.w, f)
		}
		before := asked.Load()
		if again, err := c.Find(t.Context(), tt.w); err != nil || again != f || asked.Load() != before {
			t.Errorf("again: %+v, %v, %d more questions", again, err, asked.Load()-before)
		}
	}
	if _, err := c.Find(t.Context(), Wanted{Elixir, "1.18.2", "27.2"}); problem.Code(err) != 2 || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that no list has: %v", err)
	}
	if _, err := c.Find(t.Context(), Wanted{OTP, "27.9", ""}); problem.Code(err) != 2 || !strings.Contains(err.Error(), "Erlang/OTP 27.9") {
		t.Errorf("a version that there is not: %v", err)
	}
}

// A checksum that the user gave holds against the publisher's, and stands in where
// that gives none.
func TestChecksumsOfTheUser(t *testing.T) {
	url, _ := server(t, map[string]string{"/otp/OTP-27.2/SHA256.txt": line("otp_src_27.2.tar.gz", "otp"), "/SHA256SUMS": line("otp_src_27.2.tar.gz", "otp")})
	for name, set := range map[string]func(*Client){
		"a release": func(c *Client) { c.releases = releases{otp: url + "/otp"} },
		"a mirror":  func(c *Client) { c.Place = url },
		"a folder":  func(c *Client) { c.Place = folder(t, map[string]string{"otp_src_27.2.tar.gz": "otp"}) },
	} {
		t.Run(name, func(t *testing.T) {
			c := client(t, "")
			set(c)
			if _, err := c.Find(t.Context(), otp272); err != nil {
				t.Fatal(err)
			}
			c.Checksums = map[string]string{"otp_src_27.2.tar.gz": strings.ToUpper(sum("otp"))}
			if _, err := c.Find(t.Context(), otp272); err != nil {
				t.Error("the same:", err)
			}
			c.Checksums["otp_src_27.2.tar.gz"] = sum("another")
			if _, err := c.Find(t.Context(), otp272); problem.Code(err) != 2 || !strings.Contains(err.Error(), sum("another")) {
				t.Error("another:", err)
			}
		})
	}
	c := client(t, "")
	c.releases = releases{elixir: url + "/elixir/releases/download", otp: url + "/otp/releases/download"}
	c.Checksums = map[string]string{"v1.18.1.tar.gz": sum("source"), "OTP-27.1.tar.gz": sum("tag"), "elixir-1.17.0-otp-26.zip": sum("beams")}
	for _, tt := range []struct {
		w  Wanted
		at string
	}{
		{elixir, "/elixir/archive/refs/tags/v1.18.1.tar.gz"},
		{Wanted{OTP, "27.1", ""}, "/otp/archive/refs/tags/OTP-27.1.tar.gz"},
		{Wanted{Elixir, "1.17.0", "27.0"}, "/elixir/releases/download/v1.17.0/elixir-otp-26.zip"},
	} {
		if f, err := c.Find(t.Context(), tt.w); err != nil || f.At != url+tt.at {
			t.Errorf("what nobody lists: %+v, %v", f, err)
		}
	}
}

// Plain http from elsewhere says nothing that could be believed.
func TestPlainHTTP(t *testing.T) {
	c := client(t, "http://mirror.example/beam")
	if _, err := c.Find(t.Context(), otp272); problem.Code(err) != 2 || !strings.Contains(problem.Hint(err), "checksums") {
		t.Errorf("%v, hint %q", err, problem.Hint(err))
	}
	c.Checksums = map[string]string{"otp_src_27.2.tar.gz": sum("otp")}
	if f, err := c.Find(t.Context(), otp272); err != nil || f.At != "http://mirror.example/beam/otp_src_27.2.tar.gz" || f.Digest.Hex() != sum("otp") {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	url, _ := server(t, map[string]string{"/SHA256SUMS": line("otp_src_26.2.5.tar.gz", "x") + line("elixir-1.17.3-otp-27.zip", "y") + line("v1.16.0.tar.gz", "z") + line("README", "r")})
	for _, tt := range []struct {
		name, place string
		w           Wanted
		says, hint  string
	}{
		{"another OTP", url, otp272, "has no Erlang/OTP 27.2", "it has Erlang/OTP 26.2.5: ask for one of these"},
		{"another Elixir", url, elixir, "has no Elixir 1.18.1", "it has Elixir 1.16.0, 1.17.3: "},
		{"an empty directory", t.TempDir(), otp272, "neither otp_src_27.2.tar.gz", "SHA256SUMS"},
		{"no directory", filepath.Join(t.TempDir(), "no"), otp272, "no such file", "name a directory"},
		{"no list", url + "/deeper", otp272, "404", "see that there is such a version"},
		{"a part of a version", url, Wanted{OTP, "27", ""}, `"27" is no release`, "27.3.4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := client(t, tt.place).Find(t.Context(), tt.w)
			if problem.Code(err) != 2 || !strings.Contains(err.Error(), tt.says) || !strings.Contains(problem.Hint(err), tt.hint) {
				t.Errorf("%v (exit %d, hint %q)", err, problem.Code(err), problem.Hint(err))
			}
		})
	}
}

// In a directory a pipe, a link that leads out and a list that is too long are
// refused at once.
func TestHostileDirectory(t *testing.T) {
	for name, make := range map[string]func(dir string) error{
		"a link out":     func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, "otp_src_27.2.tar.gz")) },
		"a list, a link": func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, "SHA256SUMS")) },
		"a long list": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), make([]byte, maxSums+1), 0o600)
		},
		"a directory": func(dir string) error { return os.Mkdir(filepath.Join(dir, "otp_src_27.2.tar.gz"), 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := make(dir); err != nil {
				t.Fatal(err)
			}
			if f, err := client(t, dir).Find(t.Context(), otp272); problem.Code(err) != 2 {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
}

func FuzzParseSums(f *testing.F) {
	f.Add([]byte(line("otp_src_27.2.tar.gz", "x") + "\\" + line("a\\nb", "y") + strings.Repeat("0", 64) + " *./v1.18.1.tar.gz\r\n"))
	f.Add([]byte(line("a", "x") + line("a", "y")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for name, s := range parseSums(raw) {
			if name == "" || strings.ContainsAny(name, "/\n\x00") {
				t.Errorf("name %q", name)
			}
			if b, err := hex.DecodeString(s); s != "" && (err != nil || len(b) != sha256.Size) {
				t.Errorf("sum %q", s)
			}
		}
	})
}

func TestParseSums(t *testing.T) {
	got := parseSums([]byte(line("a.tar.gz", "a") + sum("b") + " *./b.zip\r\n" + strings.ToUpper(sum("c")) + "\tc\n" +
		line("twice", "1") + line("twice", "2") + line("dir/x", "x") + "abc  short\n# comment\n" + line("same", "1") + line("same", "1")))
	for name, want := range map[string]string{"a.tar.gz": sum("a"), "b.zip": sum("b"), "c": sum("c"), "twice": "", "same": sum("1")} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	if len(got) != 5 {
		t.Errorf("%v", got)
	}
}
