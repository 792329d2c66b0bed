package httpbound_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"dram/internal/httpbound"
)

// resolving has names resolve to these addresses of version 4, and others not at all.
func resolving(t *testing.T, names map[string][4]byte) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	t.Cleanup(func() { net.DefaultResolver = before; _ = conn.Close() })
	go func() {
		for {
			b := make([]byte, 1024)
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.Additionals = true, nil
			address, known := names[strings.TrimSuffix(q.Name.String(), ".")]
			switch {
			case !known:
				m.RCode = dnsmessage.RCodeNameError
			case q.Type == dnsmessage.TypeA:
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: address},
				}}
			}
			if out, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
}

// A name of somebody's own that has this machine's address leads a redirect here as
// little as the address does.
func TestRedirectToThisMachineByAnotherName(t *testing.T) {
	resolving(t, map[string][4]byte{"mine.example": {127, 0, 0, 1}, "local.example": {127, 0, 0, 1}, "elsewhere.example": {192, 0, 2, 1}})
	reached := false
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer srv.Close()
	at, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		from, to string // hosts; "" for no redirect
		ok       bool
	}{
		"from elsewhere":        {"elsewhere.example", "mine.example", false},
		"from nowhere":          {"unknown.example", "mine.example", false},
		"asked for by its name": {"", "mine.example", true},
		"from here":             {"local.example", "mine.example", true},
		"from the same host":    {"mine.example", "mine.example", true},
		"from this machine":     {"127.0.0.1", "mine.example", true},
	} {
		t.Run(name, func(t *testing.T) {
			reached = false
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+tt.to+":"+at.Port()+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.from != "" {
				req.Response = &http.Response{Request: &http.Request{URL: &url.URL{Scheme: "http", Host: tt.from, Path: "/"}}}
			}
			resp, err := httpbound.New(nil, httpbound.Limits{}).RoundTrip(req)
			if err == nil {
				_ = resp.Body.Close()
			}
			if (err == nil) != tt.ok || reached != tt.ok || !tt.ok && !errors.Is(err, httpbound.ErrRedirect) {
				t.Errorf("err = %v, reached: %t", err, reached)
			}
		})
	}
}
