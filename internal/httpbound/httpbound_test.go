package httpbound_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"dram/internal/httpbound"
)

const silence = 300 * time.Millisecond

// An exchange that passes a bound ends in that bound's error, and soon; one that
// does not is left alone.
func TestBounds(t *testing.T) {
	flush := func(w http.ResponseWriter) { w.(http.Flusher).Flush() }
	for _, tt := range []struct {
		name   string
		bound  httpbound.Bound
		answer http.HandlerFunc
		want   error
	}{
		{"an answer", httpbound.Bound{Bytes: 2, Time: time.Minute}, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }, nil},
		{"no answer", httpbound.Bound{}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, httpbound.ErrSilent},
		{"an answer that stops", httpbound.Bound{}, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("x", 100_000))
			flush(w)
			<-r.Context().Done()
		}, httpbound.ErrSilent},
		{"an answer that drips", httpbound.Bound{}, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "x")
				flush(w)
				time.Sleep(silence / 10)
			}
		}, httpbound.ErrSilent},
		{"an answer that takes long, and goes on", httpbound.Bound{}, func(w http.ResponseWriter, _ *http.Request) {
			for range 6 {
				_, _ = io.WriteString(w, strings.Repeat("x", 10<<10))
				flush(w)
				time.Sleep(silence / 3)
			}
		}, nil},
		{"an answer that takes too long", httpbound.Bound{Time: silence}, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, strings.Repeat("x", 10<<10))
				flush(w)
				time.Sleep(silence / 5)
			}
		}, httpbound.ErrSlow},
		{"a byte too much", httpbound.Bound{Bytes: 2}, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "o")
			flush(w)
			_, _ = io.WriteString(w, "ky")
		}, httpbound.ErrTooLarge},
		{"a length too much", httpbound.Bound{Bytes: 2}, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "3") }, httpbound.ErrTooLarge},
		{"an endless answer", httpbound.Bound{Bytes: 1 << 20}, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = w.Write(make([]byte, 32<<10))
			}
		}, httpbound.ErrTooLarge},
		{"a redirect in a circle", httpbound.Bound{}, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }, httpbound.ErrRedirect},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(tt.answer)
			defer srv.Close()
			client := &http.Client{Transport: httpbound.New(nil, httpbound.Limits{
				Silence: silence, Of: func(*http.Request) httpbound.Bound { return tt.bound },
			})}
			start := time.Now()
			err := get(t.Context(), client, srv.URL)
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Errorf("err = %v, want %v", err, tt.want)
			}
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("it took %v", took)
			}
			srv.CloseClientConnections()
		})
	}
}

func get(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}

// A reader of an answer may take its time: only waiting for the server counts.
func TestSlowReaderIsNotTheServersSilence(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 100)) }))
	defer srv.Close()
	client := &http.Client{Transport: httpbound.New(nil, httpbound.Limits{Silence: silence})}
	resp, err := client.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	time.Sleep(2 * silence)
	if got, err := io.ReadAll(resp.Body); len(got) != 100 || err != nil {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

// A server that takes nothing of what is sent is silent; one that has all of it
// may take longer to answer.
func TestSending(t *testing.T) {
	over := make(chan struct{}) // a server does not see that a client goes whose body it does not read
	defer close(over)
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		want   error
	}{
		{"takes nothing", func(http.ResponseWriter, *http.Request) { <-over }, httpbound.ErrSilent},
		{"stores it", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			time.Sleep(2 * silence)
		}, nil},
		{"never answers", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}, httpbound.ErrSilent},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(tt.answer)
			t.Cleanup(srv.CloseClientConnections)
			client := &http.Client{Transport: httpbound.New(nil, httpbound.Limits{Silence: silence, Answer: 5 * silence})}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodPut, srv.URL, io.LimitReader(zeros{}, 64<<20))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(req)
			if err == nil {
				_ = resp.Body.Close()
			}
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Errorf("err = %v, want %v", err, tt.want)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestCheckRedirect(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		ok       bool
	}{
		{"https://a.example/x", "https://b.example/y", true},
		{"http://a.example/x", "https://a.example/x", true},
		{"http://a.example/x", "http://b.example/x", true},
		{"https://a.example/x", "http://a.example/x", false},
		{"https://a.example/x", "file:///etc/passwd", false},
		{"https://a.example/x", "https://127.0.0.1/x", false},
		{"https://a.example/x", "https://127.1.2.3:80/x", false},
		{"http://a.example/x", "http://[::1]:5000/x", false},
		{"http://a.example/x", "http://[::ffff:127.0.0.1]/x", false},
		{"http://a.example/x", "http://0.0.0.0/x", false},
		{"http://a.example/x", "http://169.254.169.254/latest", false},
		{"http://a.example/x", "http://[fe80::1]/x", false},
		{"http://a.example/x", "http://LOCALHOST./x", false},
		{"http://a.example/x", "http://x.localhost/x", false},
		{"http://localhost:5000/x", "http://127.0.0.1:5001/x", true},
	} {
		req := func(at string) *http.Request {
			u, err := url.Parse(at)
			if err != nil {
				t.Fatal(err)
			}
			return &http.Request{URL: u}
		}
		next := req(tt.to)
		next.Response = &http.Response{Request: req(tt.from)}
		if err := httpbound.CheckRedirect(next); (err == nil) != tt.ok || err != nil && !errors.Is(err, httpbound.ErrRedirect) {
			t.Errorf("from %s to %s: %v", tt.from, tt.to, err)
		}
	}
	if err := httpbound.CheckRedirect(&http.Request{URL: &url.URL{Scheme: "http", Host: "127.0.0.1"}}); err != nil {
		t.Errorf("no redirect: %v", err)
	}
}

// What is refused names who did it.
func TestErrorsNameTheHost(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer srv.Close()
	defer srv.CloseClientConnections()
	err := get(t.Context(), &http.Client{Transport: httpbound.New(nil, httpbound.Limits{Silence: silence})}, srv.URL)
	host := strings.TrimPrefix(srv.URL, "http://")
	if want := "nothing from " + host + " for 300ms"; !strings.Contains(fmt.Sprint(err), want) {
		t.Errorf("%v, want it to say %q", err, want)
	}
}
