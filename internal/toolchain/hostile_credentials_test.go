package toolchain_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dram/internal/problem"
)

// A registry with credentials sends nobody else them: not by a redirect, nor by
// a challenge of whoever that leads to.
func TestCredentialsStayWithTheirRegistry(t *testing.T) {
	basic := func(w http.ResponseWriter, r *http.Request) bool {
		if _, pass, _ := r.BasicAuth(); pass == secret {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	evil := func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.Host, "evil.example") {
			return false
		}
		if r.URL.Path == "/token" {
			_, _ = io.WriteString(w, `{"token":"anonymous"}`)
			return true
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://evil.example/token",service="x"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	bearer := func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Path == "/token":
			_, _ = io.WriteString(w, `{"token":"`+secret+`"}`)
		case r.Header.Get("Authorization") != "Bearer "+secret:
			w.Header().Set("WWW-Authenticate", `Bearer realm="https://auth.example/token",service="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			return false
		}
		return true
	}
	to := func(part, where string) func(http.ResponseWriter, *http.Request) bool {
		return on(part, redirect(where))
	}
	for _, tt := range []struct {
		name  string
		steps []func(http.ResponseWriter, *http.Request) bool
		gets  string // the host that must have had the credentials, so that the test can fail
		ok    bool
	}{
		{"basic, and nothing bad", []func(http.ResponseWriter, *http.Request) bool{basic}, "registry.example", true},
		{"bearer, and nothing bad", []func(http.ResponseWriter, *http.Request) bool{bearer}, "auth.example", true},
		{"basic, a layer elsewhere", []func(http.ResponseWriter, *http.Request) bool{evil, basic, to("/blobs/", "https://evil.example/x")}, "registry.example", false},
		{"bearer, a layer elsewhere", []func(http.ResponseWriter, *http.Request) bool{evil, bearer, to("/blobs/", "https://evil.example/x")}, "auth.example", false},
		{"the greeting elsewhere", []func(http.ResponseWriter, *http.Request) bool{evil, to("/v2/", "https://evil.example/v2/")}, "", false},
		{"the token elsewhere", []func(http.ResponseWriter, *http.Request) bool{evil, to("/token", "https://evil.example/token"), bearer}, "auth.example", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			login(t, "registry.example")
			served := takenApart(t, elixirImage(t))
			net := &world{sent: map[string]string{}}
			p := provider(t)
			p.Patience(time.Minute, time.Minute)
			p.HTTP = net.client(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for _, step := range tt.steps {
					if step(w, r) {
						return
					}
				}
				served.ServeHTTP(w, r)
			}))
			err := ask(t.Context(), p, false)
			if (err == nil) != tt.ok {
				t.Errorf("pulling: %v", err)
			}
			if tt.gets != "" && !strings.Contains(net.heard(tt.gets), secret) {
				t.Errorf("%s was not sent the credentials, so nothing is shown", tt.gets)
			}
			if said := net.heard("evil.example"); strings.Contains(said, secret) {
				t.Errorf("evil.example was sent %s", said)
			}
		})
	}
}

// login has the credentials of a host known, as docker login leaves them.
func login(t *testing.T, host string) {
	t.Helper()
	dir := t.TempDir()
	text := fmt.Sprintf(`{"auths":{%q:{"username":"me","password":%q}}}`, host, secret)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_CONFIG", dir)
}

// The end of the context ends an exchange at once, wherever it is.
func TestHostileRegistryAndCancelling(t *testing.T) {
	layer := layerPath(t)
	for _, part := range []string{"/v2/", "/manifests/", layer} {
		t.Run(part, func(t *testing.T) {
			served := takenApart(t, elixirImage(t))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			p := provider(t)
			p.HTTP = (&world{sent: map[string]string{}}).client(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Path, part) {
					time.AfterFunc(50*time.Millisecond, cancel)
					silent(r)
					return
				}
				served.ServeHTTP(w, r)
			}))
			start := time.Now()
			err := ask(ctx, p, false)
			if took := time.Since(start); took > 2*time.Second || problem.Code(err) != 130 {
				t.Errorf("after %v: %v (exit %d)", took, err, problem.Code(err))
			}
		})
	}
}
