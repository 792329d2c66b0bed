package upstream

import (
	"context"
	"errors"
	"fmt"
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

func fileAt(at, body string) File {
	return File{Name: "otp_src_27.2.tar.gz", Version: "27.2", Form: Source, Digest: store.Digest("sha256:" + sum(body)), At: at}
}

// A server that fails for a while is asked again; one that has not the file, or
// another one, is not.
func TestFetch(t *testing.T) {
	for _, tt := range []struct {
		name  string
		serve func(n int64, w http.ResponseWriter)
		asked int64
		says  string // nothing where it is fetched
		code  int
	}{
		{"at once", func(_ int64, w http.ResponseWriter) { _, _ = fmt.Fprint(w, "otp") }, 1, "", 0},
		{"after a failure", func(n int64, w http.ResponseWriter) {
			if n == 1 {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			_, _ = fmt.Fprint(w, "otp")
		}, 2, "", 0},
		{"cut short, once", func(n int64, w http.ResponseWriter) {
			if n == 1 {
				w.Header().Set("Content-Length", "3")
				_, _ = fmt.Fprint(w, "o")
				return
			}
			_, _ = fmt.Fprint(w, "otp")
		}, 2, "", 0},
		{"always failing", func(_ int64, w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }, 3, "502", 1},
		{"not there", func(_ int64, w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, 1, "404", 1},
		{"another file", func(_ int64, w http.ResponseWriter) { _, _ = fmt.Fprint(w, "evil") }, 1, "has the SHA-256 " + sum("evil"), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var asked atomic.Int64
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { tt.serve(asked.Add(1), w) }))
			defer srv.Close()
			c := client(t, "")
			f := fileAt(srv.URL+"/x", "otp")
			err := c.Fetch(t.Context(), f)
			if asked.Load() != tt.asked || problem.Code(err) != tt.code || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("asked %d times; %v", asked.Load(), err)
			}
			if has := c.Store.HasBlob(f.Digest, 3); has != (tt.says == "") {
				t.Errorf("kept: %v", has)
			}
			if tt.says != "" {
				return
			}
			srv.Close() // what was fetched needs nobody
			if err := c.Fetch(t.Context(), f); err != nil {
				t.Error("again:", err)
			}
		})
	}
}

func TestFetchCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	defer srv.Close()
	if err := client(t, "").Fetch(ctx, fileAt(srv.URL, "otp")); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

// A file of a directory that changed since it was looked at is not taken.
func TestFetchFromADirectory(t *testing.T) {
	at := filepath.Join(folder(t, map[string]string{"f": "otp"}), "f")
	c := client(t, "")
	if err := c.Fetch(t.Context(), fileAt(at, "another")); problem.Code(err) != 1 || !strings.Contains(err.Error(), sum("otp")) {
		t.Errorf("changed: %v", err)
	}
	if err := c.Fetch(t.Context(), fileAt(at, "otp")); err != nil {
		t.Error(err)
	}
	if err := os.Remove(at); err != nil {
		t.Fatal(err)
	}
	if err := client(t, "").Fetch(t.Context(), fileAt(at, "otp")); problem.Code(err) != 2 {
		t.Errorf("gone: %v", err)
	}
}

// One byte more than is allowed is an error, and not a shorter file.
func TestBounded(t *testing.T) {
	if raw, err := readAll(strings.NewReader("abcd"), 4); err != nil || string(raw) != "abcd" {
		t.Errorf("%q, %v", raw, err)
	}
	if _, err := readAll(strings.NewReader("abcde"), 4); !errors.Is(err, errTooLarge) {
		t.Errorf("err = %v", err)
	}
}
