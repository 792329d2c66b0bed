package publish_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"dram/internal/problem"
)

const (
	silence = 200 * time.Millisecond // that these tests wait for
	secret  = "s3cret"
)

// web is a network in which every host is h, with TLS and without; it notes what
// each host is sent.
type web struct {
	mu   sync.Mutex
	sent map[string]string
}

func (n *web) heard(host string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sent[host]
}

func (n *web) transport(t *testing.T, h http.Handler) *http.Transport {
	t.Helper()
	noted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		r.Body = io.NopCloser(bytes.NewReader(body))
		user, pass, _ := r.BasicAuth()
		n.mu.Lock()
		n.sent[r.Host] += fmt.Sprintln(r.Method, r.URL, r.Header, user, pass)
		n.mu.Unlock()
		h.ServeHTTP(w, r)
	})
	plain, secure := httptest.NewServer(noted), httptest.NewTLSServer(noted)
	t.Cleanup(func() {
		plain.CloseClientConnections()
		secure.CloseClientConnections()
		plain.Close()
		secure.Close()
	})
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, plain.Listener.Addr().String())
		},
		DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			raw, err := (&net.Dialer{}).DialContext(ctx, network, secure.Listener.Addr().String())
			if err != nil {
				return nil, err
			}
			return tls.Client(raw, &tls.Config{InsecureSkipVerify: true}), nil
		},
	}
}

type step = func(w http.ResponseWriter, r *http.Request) (done bool)

// at answers what matches method and a part of the path.
func at(method, part string, do http.HandlerFunc) step {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if method != "" && r.Method != method || !strings.Contains(r.URL.Path, part) {
			return false
		}
		do(w, r)
		return true
	}
}

func mute(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func forever(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		block := []byte(strings.Repeat(text, 8<<10))
		for r.Context().Err() == nil {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
}

func answering(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

func locate(to string) step {
	return at(http.MethodPost, "/blobs/uploads/", answering(http.StatusAccepted, "Location", to))
}

// A registry that is hostile to a push ends it soon, with an error that says
// what it did, and hears of nobody's credentials but its own.
func TestPushToAHostileRegistry(t *testing.T) {
	const challenge = `Bearer realm="https://auth.example/token",service="x"`
	evil := func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.Host, "evil.example") {
			return false
		}
		switch {
		case r.URL.Path == "/token":
			_, _ = io.WriteString(w, `{"token":"anonymous"}`)
		case r.Header.Get("Authorization") == "":
			answering(http.StatusUnauthorized, "WWW-Authenticate", `Bearer realm="https://evil.example/token",service="x"`)(w, r)
		default:
			answering(http.StatusUnauthorized, "WWW-Authenticate", `Basic realm="x"`)(w, r)
		}
		return true
	}
	for _, tt := range []struct {
		name  string
		steps []step
		says  string
		known bool // that the registry hears the credentials, so that the test can fail
	}{
		{"never answers", []step{at("", "/v2/", mute)}, "silent", false},
		{"an endless greeting", []step{at("", "/v2/", forever("x"))}, "silent", false},
		{"an endless refusal", []step{at(http.MethodPost, "", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			forever("x")(w, r)
		})}, "", true},
		{"never says whether it has a blob", []step{at(http.MethodHead, "/blobs/", mute)}, "silent", true},
		{"never opens an upload", []step{at(http.MethodPost, "/uploads/", mute)}, "silent", true},
		{"never takes a blob", []step{at(http.MethodPatch, "", mute)}, "silent", true},
		{"never commits", []step{at(http.MethodPut, "/blobs/", mute)}, "silent", true},
		{"never takes the manifest", []step{at(http.MethodPut, "/manifests/", mute)}, "silent", true},
		{"takes everything and has nothing", []step{at(http.MethodHead, "/blobs/", answering(http.StatusNotFound))}, "does not have it", true},
		{"no place for the upload", []step{locate("")}, "names no place", true},
		{"an upload elsewhere", []step{evil, locate("https://evil.example/upload")}, "", true},
		{"an upload without TLS", []step{evil, locate("http://evil.example/upload")}, "leads to a place without TLS", true},
		{"an upload to this machine", []step{locate("https://127.0.0.1:9/upload")}, "this machine", true},
		{"an upload to this machine by name", []step{locate("http://localhost:9/upload")}, "this machine", true},
		{"an upload to the link", []step{locate("https://169.254.169.254/latest")}, "this machine", true},
		{"an upload to a file", []step{locate("file:///etc/passwd")}, "without TLS", true},
		{"redirects in a circle", []step{at(http.MethodPost, "", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		})}, "more than 5", true},
		{"the manifest elsewhere", []step{evil, at(http.MethodPut, "/manifests/", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/m", http.StatusTemporaryRedirect)
		})}, "", true},
		{"the greeting elsewhere", []step{evil, at("", "/v2/", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/v2/", http.StatusTemporaryRedirect)
		})}, "", false},
		{"a greeting without TLS", []step{at("", "/v2/", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://registry.example/v2/", http.StatusTemporaryRedirect)
		})}, "https to http", false},
		{"asks to wait a year", []step{at(http.MethodPost, "", answering(http.StatusServiceUnavailable, "Retry-After", "31536000"))}, "has trouble", true},
		{"asks to wait till the end of time", []step{at(http.MethodPost, "", answering(http.StatusTooManyRequests, "Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"))}, "no more requests", true},
		{"asks to log in for ever", []step{
			at("", "/token", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"token":"t"}`) }),
			at("", "/v2/", answering(http.StatusUnauthorized, "WWW-Authenticate", challenge)),
		}, "does not know who", false},
		{"an endless token", []step{at("", "/token", forever("x")), at("", "/v2/", answering(http.StatusUnauthorized, "WWW-Authenticate", challenge))}, "pushing", false},
		{"a token service that is silent", []step{at("", "/token", mute), at("", "/v2/", answering(http.StatusUnauthorized, "WWW-Authenticate", challenge))}, "silent", false},
		{"a token service on this machine", []step{at("", "/v2/", answering(http.StatusUnauthorized, "WWW-Authenticate", `Bearer realm="https://localhost/token"`))}, "this machine", false},
		{"headway of a byte each time", []step{
			at(http.MethodPatch, "", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadGateway) }),
			at(http.MethodGet, "/uploads/", answering(http.StatusNoContent, "Range", "0-0")),
		}, "has trouble", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			net, honest := &web{sent: map[string]string{}}, newRegistry()
			p := pusher()
			p.Patience(time.Minute, time.Minute, time.Minute) // a busy machine is not a slow registry
			if tt.says == "silent" {
				p.Patience(silence, 2*silence, time.Minute)
			}
			p.Keychain = oneKey{}
			p.Transport = net.transport(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for _, s := range tt.steps {
					if s(w, r) {
						return
					}
				}
				if _, pass, _ := r.BasicAuth(); pass != secret {
					answering(http.StatusUnauthorized, "WWW-Authenticate", `Basic realm="x"`)(w, r)
					return
				}
				honest.ServeHTTP(w, r)
			}))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := p.Push(t.Context(), image(t, openStore(t), "one", "two"), destination(t, "registry.example/hello:1"))
			if took := time.Since(start); took > 45*time.Second {
				t.Errorf("it took %v", took)
			}
			runtime.ReadMemStats(&after)
			if grew := after.TotalAlloc - before.TotalAlloc; grew > 400<<20 {
				t.Errorf("%d MB were allocated", grew>>20)
			}
			if problem.Code(err) != 1 || !strings.Contains(fmt.Sprint(err), tt.says) || problem.Hint(err) == "" {
				t.Errorf("err = %v (exit %d, hint %q), want it to say %q", err, problem.Code(err), problem.Hint(err), tt.says)
			}
			if tt.known && !strings.Contains(net.heard("registry.example"), secret) {
				t.Error("the registry was not sent its own credentials, so nothing is shown")
			}
			for _, host := range []string{"evil.example", "localhost:9", "127.0.0.1:9", "169.254.169.254"} {
				if strings.Contains(net.heard(host), secret) {
					t.Errorf("%s was sent %s", host, net.heard(host))
				}
			}
			if heard := net.heard("localhost:9") + net.heard("127.0.0.1:9") + net.heard("localhost"); heard != "" {
				t.Errorf("this machine was sent %s", heard)
			}
		})
	}
}

type oneKey struct{}

func (oneKey) Resolve(to authn.Resource) (authn.Authenticator, error) {
	if to.RegistryStr() != "registry.example" {
		return authn.Anonymous, nil
	}
	return authn.FromConfig(authn.AuthConfig{Username: "me", Password: secret}), nil
}
