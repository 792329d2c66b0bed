package publish_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"dram/internal/problem"
	"dram/internal/publish"
	"dram/internal/store"
)

// What cannot get better is said at once, with what to do.
func TestPushRefused(t *testing.T) {
	status := func(code int) string {
		return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/" && code != http.StatusUnauthorized {
				return
			}
			w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
			w.WriteHeader(code)
		}))
	}
	secure := httptest.NewTLSServer(newRegistry())
	t.Cleanup(secure.Close)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	for _, test := range []struct {
		name, ref  string
		keychain   authn.Keychain
		code       int
		says, hint string
	}{
		{name: "who?", ref: status(401) + "/hello", code: 1, says: "does not know who pushes", hint: "docker login 127.0.0.1:"},
		{name: "not you", ref: status(403) + "/hello", code: 1, says: "refuses a push to 127.0.0.1:", hint: "docker login"},
		{name: "too large", ref: status(413) + "/hello", code: 1, says: "too large", hint: "client_max_body_size"},
		{name: "no registry", ref: status(418) + "/hello", code: 1, says: "418", hint: "see that it is a registry"},
		{name: "untrusted", ref: strings.TrimPrefix(secure.URL, "https://") + "/hello", code: 1, says: "is not trusted", hint: "SSL_CERT_FILE"},
		{name: "no such host", ref: "registry.invalid/hello", code: 1, says: "there is no host registry.invalid", hint: "name is right"},
		{name: "nobody there", ref: "127.0.0.1:1/hello", code: 1, says: "connection refused", hint: "can be reached"},
		{name: "bad helper", ref: "127.0.0.1:1/hello", keychain: badKeychain{}, code: 5, says: "finding credentials for 127.0.0.1:1: no helper", hint: "credential helper"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := pusher()
			if test.keychain != nil {
				p.Keychain = test.keychain
			}
			_, err := p.Push(t.Context(), image(t, openStore(t), "one"), destination(t, test.ref))
			if err == nil || problem.Code(err) != test.code || !strings.Contains(err.Error(), test.says) || !strings.Contains(problem.Hint(err), test.hint) {
				t.Errorf("got %v (%d), hint %q", err, problem.Code(err), problem.Hint(err))
			}
		})
	}
}

type badKeychain struct{}

func (badKeychain) Resolve(authn.Resource) (authn.Authenticator, error) {
	return nil, errors.New("no helper")
}

// A private address may be anybody's: without TLS it is spoken to only if the
// user says so. Loopback is this machine.
func TestPushPlainHTTP(t *testing.T) {
	host := serve(t, newRegistry())
	dial := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, host)
	}}
	img := image(t, openStore(t), "one")
	for _, test := range []struct {
		ref   string
		plain bool
		ok    bool
	}{
		{"10.0.0.1:5000/hello", false, false},
		{"registry.example/hello", false, false},
		{"10.0.0.1:5000/hello", true, true},
		{"registry.example/hello", true, true},
		{"127.0.0.1:5000/hello", false, true},
		{"localhost:5000/hello", false, true},
		{"[::1]:5000/hello", false, true},
	} {
		var how []name.Option
		if test.plain {
			how = append(how, name.Insecure)
		}
		to, err := publish.ParseDestination(test.ref, nil, how...)
		if err != nil {
			t.Fatal(err)
		}
		p := pusher()
		p.Transport = dial
		_, err = p.Push(t.Context(), img, to)
		if (err == nil) != test.ok || err != nil && !strings.Contains(problem.Hint(err), "--plain-http") {
			t.Errorf("%s, plain %v: %v, hint %q", test.ref, test.plain, err, problem.Hint(err))
		}
	}
}

// An image that is damaged here is not tried again, and not said to be the
// registry's fault.
func TestPushOfADamagedImage(t *testing.T) {
	st := openStore(t)
	img := image(t, st, strings.Repeat("a file of some size\n", 1000))
	damage(t, st, img)
	seen := &requests{inner: newRegistry()}
	_, err := pusher().Push(t.Context(), img, destination(t, serve(t, seen)+"/hello:1"))
	if !errors.Is(err, store.ErrCorrupt) || problem.Hint(err) == "" {
		t.Errorf("got %v", err)
	}
	if got := seen.matching("PUT .*/manifests/"); len(got) != 0 {
		t.Errorf("yet there were %q", got)
	}
}

func TestPushCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	host := serve(t, &requests{inner: newRegistry(), answer: func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch {
			_, _ = io.Copy(io.Discard, r.Body) // else nobody sees the client leave
			cancel()
			<-r.Context().Done()
		}
		return false
	}})
	if _, err := pusher().Push(ctx, image(t, openStore(t), "one"), destination(t, host+"/hello")); problem.Code(err) != 130 {
		t.Errorf("got %v (%d)", err, problem.Code(err))
	}
}

func TestParseDestination(t *testing.T) {
	for _, test := range []struct {
		ref  string
		tags []string
		want string // "" for wrong usage
	}{
		{"registry.example/team/hello", nil, "registry.example/team/hello latest"},
		{"registry.example/team/hello:1", nil, "registry.example/team/hello 1"},
		{"registry.example/team/hello", []string{"1", "2"}, "registry.example/team/hello 1 2"},
		{"registry.example/team/hello:1", []string{"2", "1"}, "registry.example/team/hello 1 2"},
		{"registry.example:5000/hello", nil, "registry.example:5000/hello latest"},
		{"team/hello:1", nil, "index.docker.io/team/hello 1"},
		{"registry.example/Team/hello", nil, ""},
		{"registry.example/hello:", nil, ""},
		{"", nil, ""},
		{"registry.example/hello", []string{""}, ""},
		{"registry.example/hello", []string{"a:b"}, ""},
		{"registry.example/hello", []string{"a/b"}, ""},
		{"registry.example/hello", []string{"a b"}, ""},
		{"registry.example/hello", []string{strings.Repeat("a", 129)}, ""},
		{"registry.example/hello@sha256:" + strings.Repeat("0", 64), nil, ""},
	} {
		d, err := publish.ParseDestination(test.ref, test.tags)
		got := ""
		if err == nil {
			got = d.Repository.Name() + " " + strings.Join(d.Tags, " ")
		} else if problem.Code(err) != 2 || problem.Hint(err) == "" {
			t.Errorf("%q: %v (%d), hint %q", test.ref, err, problem.Code(err), problem.Hint(err))
		}
		if got != test.want {
			t.Errorf("%q %q: got %q, want %q", test.ref, test.tags, got, test.want)
		}
	}
}

func TestRangeEnd(t *testing.T) {
	for text, want := range map[string]int64{
		"0-9": 10, "bytes=0-9": 10, "0-0": -1, "": -1, "1-9": -1, "0-": -1, "-5": -1, "0--5": -1, "0-99999999999999999999": -1, "0-x": -1,
	} {
		got, ok := publish.RangeEnd(text)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "3": 3 * time.Second, "-3": 0, "soon": 0, "99999999999999": 0,
		"Thu, 01 Jan 2026 00:00:30 GMT": 30 * time.Second, "Thu, 01 Jan 1998 00:00:30 GMT": 0,
	} {
		if got := publish.RetryAfter(&http.Response{Header: http.Header{"Retry-After": {text}}}, now); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// Docker's own file of credentials is read where DOCKER_CONFIG says, and a
// helper that is not there is named.
func TestPushCredentials(t *testing.T) {
	reg := newRegistry()
	host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, pass, _ := r.BasicAuth(); user != "ann" || pass != "s3cret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		reg.ServeHTTP(w, r)
	}))
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	img := image(t, openStore(t), "one")
	for _, test := range []struct {
		file string
		code int
		says string
	}{
		{`{}`, 1, "does not know"},
		{`{"auths":{"` + host + `":{"auth":"YW5uOndyb25n"}}}`, 1, "does not know"},
		{`{"auths":{"` + host + `":{"auth":"YW5uOnMzY3JldA=="}}}`, 0, ""},
		{`{"credHelpers":{"` + host + `":"none-of-that-name"}}`, 5, "docker-credential-none-of-that-name"},
	} {
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(test.file), 0o600); err != nil {
			t.Fatal(err)
		}
		p := &publish.Pusher{}
		_, err := p.Push(t.Context(), img, destination(t, host+"/hello"))
		if problem.Code(err) != test.code || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v (%d)", test.file, err, problem.Code(err))
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}
