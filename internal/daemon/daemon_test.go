package daemon

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/problem"
)

// fake answers as a daemon does, for what the real one cannot be made to say.
func fake(t *testing.T, api, load string) []string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", api)
		switch {
		case strings.HasSuffix(r.URL.Path, "/version"):
			_, _ = fmt.Fprintf(w, `{"Version":"1.2.3","ApiVersion":%q}`, api)
		case strings.HasSuffix(r.URL.Path, "/images/load"):
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, load)
		}
	}))
	t.Cleanup(srv.Close)
	return []string{"DOCKER_HOST=" + strings.Replace(srv.URL, "http://", "tcp://", 1)}
}

func TestConnect(t *testing.T) {
	c, err := Connect(t.Context(), fake(t, "1.44", ""))
	if err != nil || c.Name() != "Docker 1.2.3" || c.Podman() {
		t.Fatalf("%+v, %v", c, err)
	}
	_ = c.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	at := strings.Replace(secure.URL, "https://", "tcp://", 1)
	for _, test := range []struct {
		environ    []string
		code       int
		says, hint string
	}{
		{fake(t, "1.20", ""), 5, "is too old", "update the daemon"},
		{[]string{"DOCKER_HOST=unix:///nonexistent/docker.sock"}, 5, "no Docker daemon answers at unix:///nonexistent", "start Docker or Podman"},
		{[]string{"DOCKER_HOST=tcp://127.0.0.1:1"}, 5, "no Docker daemon answers", "start Docker"},
		{[]string{"DOCKER_HOST=nonsense"}, 2, `"nonsense"`, "DOCKER_HOST"},
		{[]string{"DOCKER_HOST=" + at, "DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + t.TempDir()}, 2, "neither ca.pem nor cert.pem", "DOCKER_CERT_PATH"},
		{[]string{"DOCKER_HOST=" + at, "DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + otherCA(t)}, 5, "certificate", "DOCKER_CERT_PATH"},
	} {
		_, err := Connect(t.Context(), test.environ)
		if problem.Code(err) != test.code || !strings.Contains(fmt.Sprint(err), test.says) || !strings.Contains(problem.Hint(err), test.hint) {
			t.Errorf("%q: %v (%d), hint %q", test.environ, err, problem.Code(err), problem.Hint(err))
		}
	}
}

// otherCert is a certificate of nobody's; its key was thrown away.
const otherCert = `MIIBdjCCAR2gAwIBAgIUStv3z06h2DSw5coTUzSAxJVQMlQwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFb3RoZXIwIBcNMjYxMTIzMDUzMjQzWhgPMjEyNjEwMzAwNTMy
NDNaMBAxDjAMBgNVBAMMBW90aGVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
XNQyteV1c27OKexmA590XtEMAUxvkm7e5WH7X9vhBY/s7LeRXlt8oCXrOLju0Ui9
B2cKq+lwwjcEhiiu0ryhC6NTMFEwHQYDVR0OBBYEFGYIdh3nAc/wGBvnUBdMI1pf
q77CMB8GA1UdIwQYMBaAFGYIdh3nAc/wGBvnUBdMI1pfq77CMA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgSm/ycHqzJcf3pC/RWcrk5ScKDGOz330E
m7CH5CcN3i8CICAs8qeAD2YpGQudAEcXDWKTkj0c1fQJM7+AeWcm+gpa`

// otherCA is a directory with a ca.pem that signed nothing.
func otherCA(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), []byte("-----BEGIN CERTIFICATE-----\n"+otherCert+"\n-----END CERTIFICATE-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLocate(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "podman", "podman.sock")
	if err := errors.Join(os.MkdirAll(filepath.Dir(socket), 0o700), os.WriteFile(socket, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	usual := "unix:///var/run/docker.sock"
	t.Setenv("DOCKER_CONFIG", dir)
	for _, test := range []struct{ env, want string }{
		{"DOCKER_HOST=tcp://a:1", "tcp://a:1"},
		{"DOCKER_HOST=ssh://a", "ssh://a"},
		{"DOCKER_CONTEXT=default", "unix://"},
	} {
		ep, err := locate(variables([]string{test.env}))
		if err != nil || !strings.HasPrefix(ep.Host, test.want) {
			t.Errorf("%s: %q, %v", test.env, ep.Host, err)
		}
	}
	if there(usual) {
		return // the usual socket comes first
	}
	if got := usualSocket(map[string]string{"XDG_RUNTIME_DIR": dir}); got != "unix://"+socket {
		t.Errorf("Podman's socket: %q", got)
	}
}

func TestLoadFails(t *testing.T) {
	for answers, want := range map[string]struct {
		code int
		says string
	}{
		`{"stream":"Loaded image: a:1\n"}`: {0, ""},
		``:                                 {0, ""},
		`{"errorDetail":{"message":"write /x: no space left on device"},"error":"write"}`: {5, "disk of Docker 1.2.3 is full"},
		`{"stream":"x"}{"error":"invalid tar"}`:                                           {1, "invalid tar"},
		`<html>`:                                                                          {1, "reading the daemon's answer"},
	} {
		c, err := Connect(t.Context(), fake(t, "1.44", answers))
		if err != nil {
			t.Fatal(err)
		}
		err = c.Load(t.Context(), strings.NewReader("an archive"))
		if problem.Code(err) != want.code || err != nil && !strings.Contains(err.Error(), want.says) {
			t.Errorf("%s: %v (%d)", answers, err, problem.Code(err))
		}
	}
}

func TestParsePorts(t *testing.T) {
	for spec, want := range map[string][]string{
		"8080:4000":           {"8080->4000/tcp"},
		"127.0.0.1:8080:4000": {"127.0.0.1:8080->4000/tcp"},
		"[::1]:8080:53/udp":   {"::1:8080->53/udp"},
		"4000":                {"->4000/tcp"},
		"":                    nil, "x": nil, "1:2:3:4": nil, "70000:1": nil, "1:70000": nil, "here:1:2": nil,
	} {
		_, ports, err := ParsePorts([]string{spec})
		if (err == nil) != (want != nil) || err != nil && (problem.Code(err) != 2 || problem.Hint(err) == "") {
			t.Errorf("%q: %v", spec, err)
			continue
		}
		if d := cmp.Diff(want, published(ports)); d != "" {
			t.Errorf("%q: %s", spec, d)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(`{"stream":"x"}`)
	f.Add(`{"errorDetail":{"message":"x"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if err := answer(strings.NewReader(text)); err != nil && err.Error() == "" {
			t.Error("an error that says nothing")
		}
	})
}
