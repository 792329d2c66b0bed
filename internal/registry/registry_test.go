package registry_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/registry"
)

// sent is a network that notes what it is asked, and answers 401 with a
// challenge where there is one.
type sent struct {
	challenges map[string]string // by host
	auth       map[string]string // what each host was sent
	bodies     map[string]string
}

func (s *sent) RoundTrip(req *http.Request) (*http.Response, error) {
	s.auth[req.URL.Host] += req.Header.Get("Authorization")
	if req.Body != nil {
		raw, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		s.bodies[req.URL.Host] += string(raw)
	}
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("")), Request: req}
	if c := s.challenges[req.URL.Host]; c != "" {
		resp.StatusCode = http.StatusUnauthorized
		resp.Header.Set("WWW-Authenticate", c)
	}
	return resp, nil
}

func TestCredentials(t *testing.T) {
	type ask struct{ url, auth, form string }
	home := ask{"https://home.example/v2/", "", ""}
	for _, tt := range []struct {
		name      string
		asks      []ask
		challenge map[string]string
		host      string // of which it is asked
		auth      string // what it was sent
		err       error  // of the last
	}{
		{"to the registry", []ask{{"https://home.example/v2/", "Basic x", ""}}, nil, "home.example", "Basic x", nil},
		{"its port named", []ask{{"https://home.example:443/v2/", "Basic x", ""}}, nil, "home.example:443", "Basic x", nil},
		{"another port", []ask{{"https://home.example:444/v2/", "Basic x", ""}}, nil, "home.example:444", "", nil},
		{
			"to its token service",
			[]ask{home, {"https://auth.example/token", "Basic x", ""}},
			map[string]string{"home.example": `Bearer realm="https://auth.example/token"`},
			"auth.example", "Basic x", nil,
		},
		{
			"to a token service that another names",
			[]ask{home, {"https://evil.example/v2/", "", ""}, {"https://evil.example/token", "Basic x", ""}},
			map[string]string{"evil.example": `Bearer realm="https://evil.example/token"`},
			"evil.example", "", nil,
		},
		{
			"to its token service without TLS",
			[]ask{home, {"http://auth.example/token", "Basic x", ""}},
			map[string]string{"home.example": `Bearer realm="http://auth.example/token"`},
			"auth.example", "", nil,
		},
		{"a token of its own, elsewhere", []ask{{"https://home.example/v2/", "Bearer t", ""}, {"https://evil.example/x", "Bearer t", ""}}, nil, "evil.example", "", nil},
		{"another's token", []ask{home, {"https://blobs.example/x", "Bearer anonymous", ""}}, nil, "blobs.example", "Bearer anonymous", nil},
		{"a refresh token, elsewhere", []ask{home, {"https://evil.example/token", "", "refresh_token=s"}}, nil, "evil.example", "", registry.ErrCredentials},
		{"this machine", []ask{home, {"https://127.0.0.1:8080/x", "", ""}}, nil, "127.0.0.1:8080", "", registry.ErrInward},
	} {
		t.Run(tt.name, func(t *testing.T) {
			net := &sent{tt.challenge, map[string]string{}, map[string]string{}}
			transport := registry.Transport(net, "home.example", registry.Limits{})
			var err error
			for _, a := range tt.asks {
				method, body := http.MethodGet, io.Reader(nil)
				if a.form != "" {
					method, body = http.MethodPost, strings.NewReader(a.form)
				}
				req, reqErr := http.NewRequestWithContext(t.Context(), method, a.url, body)
				if reqErr != nil {
					t.Fatal(reqErr)
				}
				if a.auth != "" {
					req.Header.Set("Authorization", a.auth)
				}
				if a.form != "" {
					req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				}
				_, err = transport.RoundTrip(req)
			}
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Errorf("err = %v, want %v", err, tt.err)
			}
			if got := net.auth[tt.host]; got != tt.auth {
				t.Errorf("%s was sent %q, want %q", tt.host, got, tt.auth)
			}
			if tt.err != nil && net.bodies[tt.host] != "" {
				t.Errorf("%s was sent %q", tt.host, net.bodies[tt.host])
			}
		})
	}
}

// A registry on this machine may lead to this machine.
func TestRegistryOnThisMachine(t *testing.T) {
	net := &sent{nil, map[string]string{}, map[string]string{}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:6000/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Transport(net, "localhost:5000", registry.Limits{}).RoundTrip(req); err != nil {
		t.Error(err)
	}
}

func TestCheckSizes(t *testing.T) {
	layers := func(sizes ...int64) (out []v1.Descriptor) {
		for _, s := range sizes {
			out = append(out, v1.Descriptor{Size: s})
		}
		return out
	}
	for _, tt := range []struct {
		name   string
		config int64
		layers []v1.Descriptor
		ok     bool
	}{
		{"an image", 3000, layers(30<<20, 0, 1<<30), true},
		{"no layers", 3000, nil, true},
		{"a negative layer", 3000, layers(-1), false},
		{"a huge layer", 3000, layers(registry.MaxLayer + 1), false},
		{"huge together", 3000, layers(registry.MaxLayer, registry.MaxLayer, 1), false},
		{"sizes that overflow", 3000, layers(1<<62, 1<<62, 1<<62), false},
		{"too many", 3000, make([]v1.Descriptor, registry.MaxLayers+1), false},
		{"a huge configuration", registry.MaxManifest + 1, nil, false},
		{"a negative configuration", -1, nil, false},
	} {
		err := registry.CheckSizes(&v1.Manifest{Config: v1.Descriptor{Size: tt.config}, Layers: tt.layers})
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, registry.ErrSize) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestExactly(t *testing.T) {
	for _, tt := range []struct {
		text string
		size int64
		ok   bool
	}{{"abc", 3, true}, {"", 0, true}, {"abc", 2, false}, {"abc", 4, false}, {"", 1, false}, {"a", 0, false}} {
		from := strings.NewReader(tt.text)
		got, err := io.ReadAll(registry.Exactly(io.NopCloser(from), tt.size))
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, registry.ErrSize) || int64(len(got)) > tt.size {
			t.Errorf("%q as %d bytes: %q, %v", tt.text, tt.size, got, err)
		}
	}
}

// A challenge is read as the library that answers it reads it.
func TestRealms(t *testing.T) {
	for header, want := range map[string]string{
		`Bearer realm="https://a.example/t",service="s",scope="r:x:pull"`: "https://a.example/t",
		`Bearer service="realm=https://evil.example",realm="https://a/"`:  "https://a/",
		`bearer REALM=token`:             "token",
		`Bearer realm = "https://a/"`:    "https://a/",
		`Bearer service="s\"",realm="b"`: "b",
		`Negotiate`:                      "",
		``:                               "",
		`Bearer realm="unclosed`:         "unclosed",
	} {
		if got := strings.Join(registry.Realms(header), " "); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
}

func FuzzRealms(f *testing.F) {
	f.Add(`Bearer realm="https://a.example/t",service="s"`)
	f.Add(`a=b,c="\`)
	f.Add(`====`)
	f.Fuzz(func(t *testing.T, header string) {
		total := 0
		for _, r := range registry.Realms(header) {
			total += len(r)
		}
		if total > len(header) {
			t.Errorf("%q has realms of %d bytes", header, total)
		}
	})
}
