package toolchain_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/klauspost/compress/gzip"

	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/toolchain"
)

const (
	silence  = 200 * time.Millisecond // that the tests wait for
	maxTime  = 45 * time.Second       // that a hostile registry may cost, on a machine that is busy
	maxHeap  = 400 << 20              // bytes
	maxCache = 80 << 20               // bytes
	secret   = "s3cret"
)

// world is the network that a hostile registry is in: every host is the test's
// own server, and what is sent to each is noted.
type world struct {
	mu   sync.Mutex
	sent map[string]string // what requests to a host held, headers and body
}

func (n *world) note(r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	_ = r.Body.Close()
	r.Body = io.NopCloser(bytes.NewReader(body))
	n.mu.Lock()
	defer n.mu.Unlock()
	user, pass, _ := r.BasicAuth()
	n.sent[r.Host] += fmt.Sprintln(r.Header, r.URL, string(body), user, pass)
}

func (n *world) heard(host string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sent[host]
}

// client reaches every host at h, with TLS and without.
func (n *world) client(t *testing.T, h http.Handler) *http.Client {
	t.Helper()
	noted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.note(r)
		h.ServeHTTP(w, r)
	})
	plain, secure := httptest.NewServer(noted), httptest.NewTLSServer(noted)
	t.Cleanup(func() {
		plain.CloseClientConnections()
		secure.CloseClientConnections()
		plain.Close()
		secure.Close()
	})
	dialTo := func(addr string) func(context.Context, string, string) (net.Conn, error) {
		return func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}
	}
	return &http.Client{Transport: &http.Transport{
		DialContext: dialTo(plain.Listener.Addr().String()),
		DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			raw, err := dialTo(secure.Listener.Addr().String())(ctx, network, "")
			if err != nil {
				return nil, err
			}
			return tls.Client(raw, &tls.Config{InsecureSkipVerify: true}), nil
		},
	}}
}

// endless writes text until the client goes away.
func endless(w http.ResponseWriter, r *http.Request, text string) {
	block := []byte(strings.Repeat(text, max(1, 32<<10/len(text))))
	for r.Context().Err() == nil {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// dripping writes a byte now and then, never so long that it is silent.
func dripping(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		if _, err := w.Write([]byte(" ")); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		time.Sleep(silence / 10)
	}
}

func silent(r *http.Request) { <-r.Context().Done() }

// parts are an image as a registry has it.
type parts struct {
	manifest v1.Manifest
	blobs    map[string][]byte // by digest
}

func takenApart(t *testing.T, img v1.Image) parts {
	t.Helper()
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	p := parts{*m.DeepCopy(), map[string][]byte{}}
	config, err := img.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	p.blobs[m.Config.Digest.String()] = config
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range layers {
		r, err := l.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		if p.blobs[m.Layers[i].Digest.String()], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// ServeHTTP answers as an honest registry does that has one image, by whatever
// name.
func (p parts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/v2/":
	case strings.HasSuffix(r.URL.Path, "/tags/list"):
		_, _ = io.WriteString(w, `{"name":"e","tags":["1"]}`)
	case strings.Contains(r.URL.Path, "/manifests/"):
		raw, _ := json.Marshal(p.manifest)
		w.Header().Set("Content-Type", "application/vnd.docker.distribution.manifest.v2+json")
		_, _ = w.Write(raw)
	default:
		body, ok := p.blobs[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write(body)
	}
}

// bomb is a layer of so many zero bytes.
func bomb(t *testing.T, size int64) v1.Layer {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	header := make([]byte, 512)
	copy(header, "zeros")
	copy(header[100:], "0000644\x00")
	copy(header[124:], fmt.Sprintf("%011o\x00", size))
	copy(header[136:], "00000000000\x00")
	copy(header[148:], "        ")
	header[156] = '0'
	copy(header[257:], "ustar\x0000")
	sum := 0
	for _, b := range header {
		sum += int(b)
	}
	copy(header[148:], fmt.Sprintf("%06o\x00 ", sum))
	_, _ = z.Write(header)
	zeros := make([]byte, 1<<20)
	for left := size; left > 0; left -= int64(len(zeros)) {
		_, _ = z.Write(zeros[:min(left, int64(len(zeros)))])
	}
	_, _ = z.Write(make([]byte, 1024))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// hostile is a registry that does what no sound one does.
type hostile struct {
	name string
	// spoil answers a request in place of the honest registry, or not.
	spoil func(w http.ResponseWriter, r *http.Request) bool
	image func(t *testing.T, p *parts) // changed, before it is served
	tags  bool                         // it is the list of tags that is asked for
	says  string
	code  int // 0: 1
}

func on(part string, do func(w http.ResponseWriter, r *http.Request)) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, part) {
			return false
		}
		do(w, r)
		return true
	}
}

func redirect(to string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusTemporaryRedirect) }
}

func layerPath(t *testing.T) string {
	m, err := elixirImage(t).Manifest()
	if err != nil {
		t.Fatal(err)
	}
	return m.Layers[0].Digest.String()
}

func hostiles(t *testing.T) []hostile {
	layer := layerPath(t)
	page := 0
	return append(hostileTags(&page), []hostile{
		{name: "never answers", spoil: on("/v2/", func(_ http.ResponseWriter, r *http.Request) { silent(r) }), says: "silent"},
		{name: "an endless greeting", spoil: on("/v2/", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/" {
				endless(w, r, "hello")
			}
		}), says: ""},
		{name: "an endless error", spoil: on("/manifests/", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			endless(w, r, "no")
		}), says: "pulling"},
		{name: "an endless manifest", spoil: on("/manifests/", func(w http.ResponseWriter, r *http.Request) { endless(w, r, " ") }), says: "too large"},
		{name: "a manifest that says it is huge", spoil: on("/manifests/", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(1<<40))
			w.WriteHeader(http.StatusOK)
		}), says: "too large"},
		{name: "a manifest that stops", spoil: on("/manifests/", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "{")
			w.(http.Flusher).Flush()
			silent(r)
		}), says: "silent"},
		{name: "a manifest that drips", spoil: on("/manifests/", dripping), says: "silent"},
		{name: "a manifest of deep brackets", spoil: on("/manifests/", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("[", 3<<20))
		}), says: "parsing the manifest"},
		{name: "an endless chain of indexes", spoil: on("/manifests/", indexChain()), says: "too many indexes"},
		{name: "a redirect in a circle", spoil: on("/manifests/", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}), says: "more than 5"},
		{name: "a redirect to plain http", spoil: on("/blobs/", redirect("http://other.example/x")), says: "from https to http"},
		{name: "a redirect to this machine", spoil: on("/blobs/", redirect("https://127.0.0.1:9/x")), says: "127.0.0.1"},
		{name: "a redirect to this machine by name", spoil: on("/manifests/", redirect("https://localhost:9/x")), says: "this machine"},
		{name: "a redirect to the link", spoil: on("/manifests/", redirect("https://169.254.169.254/latest/meta-data")), says: "169.254"},
		{name: "an endless layer", spoil: on(layer, func(w http.ResponseWriter, r *http.Request) { endless(w, r, "x") }), says: "longer than its"},
		{name: "a layer that ends early", spoil: on(layer, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }), says: "fetching layer"},
		{name: "a layer that stops", spoil: on(layer, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			silent(r)
		}), says: "silent"},
		{name: "a layer that never begins", spoil: on(layer, func(_ http.ResponseWriter, r *http.Request) { silent(r) }), says: "silent"},
		{name: "a layer that drips", spoil: on(layer, dripping), says: "silent"},
		{name: "a layer that says it is huge", spoil: on(layer, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(1<<50))
			w.WriteHeader(http.StatusOK)
		}), says: "fetching layer"},
		{name: "a layer of no size", image: func(_ *testing.T, p *parts) { p.manifest.Layers[0].Size = -1 }, says: "sizes are wrong"},
		{name: "a layer of an absurd size", image: func(_ *testing.T, p *parts) { p.manifest.Layers[0].Size = 1 << 60 }, says: "sizes are wrong"},
		{name: "a configuration of an absurd size", image: func(_ *testing.T, p *parts) { p.manifest.Config.Size = 1 << 40 }, says: "sizes are wrong"},
		{name: "a configuration of no size", image: func(_ *testing.T, p *parts) { p.manifest.Config.Size = -1 }, says: "sizes are wrong"},
		{name: "very many layers", image: func(_ *testing.T, p *parts) {
			for len(p.manifest.Layers) < 10_000 {
				p.manifest.Layers = append(p.manifest.Layers, p.manifest.Layers[0])
			}
		}, says: "10000 layers"},
		{name: "an endless configuration", image: func(_ *testing.T, p *parts) { p.manifest.Config.Size = 1 << 20 }, spoil: func(w http.ResponseWriter, r *http.Request) bool {
			if bad := strings.Contains(r.URL.Path, "/blobs/") && !strings.HasSuffix(r.URL.Path, layer); !bad {
				return false
			}
			endless(w, r, "x")
			return true
		}, says: "longer than its"},
		{name: "a layer of zeros", image: func(t *testing.T, p *parts) {
			img, err := mutate.AppendLayers(empty.Image, bomb(t, 320<<20))
			if err != nil {
				t.Fatal(err)
			}
			*p = takenApart(t, img)
		}, says: "unpacks to more"},
		{name: "an endless token", spoil: func(w http.ResponseWriter, r *http.Request) bool {
			switch {
			case r.URL.Path == "/token":
				endless(w, r, "{")
			case r.Header.Get("Authorization") == "":
				w.Header().Set("WWW-Authenticate", `Bearer realm="https://auth.example/token",service="x"`)
				w.WriteHeader(http.StatusUnauthorized)
			default:
				return false
			}
			return true
		}, says: "pulling"},
		{name: "tokens that never do", spoil: func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/token" {
				_, _ = io.WriteString(w, `{"token":"t"}`)
				return true
			}
			w.Header().Set("WWW-Authenticate", `Bearer realm="https://auth.example/token",service="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}, says: "refused"},
	}...)
}

// hostileTags are registries whose lists of tags do not end.
func hostileTags(page *int) []hostile {
	list := func(write func(w http.ResponseWriter, r *http.Request)) func(http.ResponseWriter, *http.Request) bool {
		return on("/tags/list", write)
	}
	return []hostile{
		{name: "endless pages of tags", tags: true, spoil: list(func(w http.ResponseWriter, r *http.Request) {
			*page++
			w.Header().Set("Link", fmt.Sprintf(`<%s?n=1000&last=%d>; rel="next"`, r.URL.Path, *page))
			_, _ = io.WriteString(w, `{"tags":["1"`+strings.Repeat(`,"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"`, 2000)+`]}`)
		}), says: "tags"},
		{name: "endless empty pages of tags", tags: true, spoil: list(func(w http.ResponseWriter, r *http.Request) {
			*page++
			w.Header().Set("Link", fmt.Sprintf(`<%s?n=1000&last=%d>; rel="next"`, r.URL.Path, *page))
			_, _ = io.WriteString(w, `{"tags":[]}`)
		}), says: "pulling"},
		{name: "pages of tags in a circle", tags: true, spoil: list(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", fmt.Sprintf(`<%s?last=a>; rel="next"`, r.URL.Path))
			_, _ = io.WriteString(w, `{"tags":["a"]}`)
		}), says: "leads back"},
		{name: "an endless page of tags", tags: true, spoil: list(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"tags":["1"`)
			endless(w, r, `,""`)
		}), says: "too large"},
		{name: "an endless tag", tags: true, spoil: list(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"tags":["`)
			endless(w, r, "x")
		}), says: "too large"},
		{name: "tags that drip", tags: true, spoil: list(dripping), says: "silent"},
		{name: "pages of tags that come slowly", tags: true, spoil: list(func(w http.ResponseWriter, r *http.Request) {
			*page++
			time.Sleep(silence / 2)
			w.Header().Set("Link", fmt.Sprintf(`<%s?last=%d>; rel="next"`, r.URL.Path, *page))
			_, _ = io.WriteString(w, `{"tags":["a"]}`)
		}), says: "too slow"},
		{name: "the next page elsewhere", tags: true, spoil: list(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", `<https://evil.example/v2/e/tags/list>; rel="next"`)
			_, _ = io.WriteString(w, `{"tags":["a"]}`)
		}), says: "does not match"},
	}
}

// indexChain answers each question for a manifest with an index of another one.
func indexChain() func(http.ResponseWriter, *http.Request) {
	byDigest := map[string][]byte{}
	top := []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`)
	for range 50 {
		h, size, err := v1.SHA256(bytes.NewReader(top))
		if err != nil {
			panic(err)
		}
		byDigest[h.String()] = top
		top = fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":%q,"size":%d}]}`, h, size)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
		if raw, ok := byDigest[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]; ok {
			_, _ = w.Write(raw)
			return
		}
		_, _ = w.Write(top)
	}
}

// What a hostile registry does ends soon, with an error that says it, a bounded
// heap and a bounded cache.
func TestHostileRegistry(t *testing.T) {
	for _, tt := range hostiles(t) {
		t.Run(tt.name, func(t *testing.T) {
			if testing.Short() && slices.Contains([]string{"endless empty pages of tags", "a layer of zeros"}, tt.name) {
				t.Skip("left out: it goes on to the bound")
			}
			served := takenApart(t, elixirImage(t))
			if tt.image != nil {
				tt.image(t, &served)
			}
			net := &world{sent: map[string]string{}}
			cache := filepath.Join(t.TempDir(), "cache")
			p := providerAt(t, cache)
			switch tt.says {
			case "silent":
				p.Patience(silence, time.Minute)
			case "too slow":
				p.Patience(time.Minute, 2*time.Second)
			default: // so that a busy machine is not taken for a slow registry
				p.Patience(time.Minute, time.Minute)
			}
			p.HTTP = net.client(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tt.spoil == nil || !tt.spoil(w, r) {
					served.ServeHTTP(w, r)
				}
			}))
			heap := peakHeap(t)
			start := time.Now()
			err := ask(t.Context(), p, tt.tags)
			if took := time.Since(start); took > maxTime {
				t.Errorf("it took %v", took)
			}
			if got := heap(); got > maxHeap {
				t.Errorf("the heap grew to %d MB", got>>20)
			}
			if got := sizeOf(t, cache); got > maxCache {
				t.Errorf("the cache has %d MB", got>>20)
			}
			if problem.Code(err) != max(tt.code, 1) || !strings.Contains(fmt.Sprint(err), tt.says) || problem.Hint(err) == "" {
				t.Errorf("err = %v (exit %d, hint %q), want it to say %q", err, problem.Code(err), problem.Hint(err), tt.says)
			}
		})
	}
}

func ask(ctx context.Context, p *toolchain.Provider, tags bool) error {
	if tags {
		_, err := p.Tags(ctx, "registry.example/e", toolchain.Options{})
		return err
	}
	tc, err := p.Open(ctx, ref.Ref{Kind: ref.Image, Value: "registry.example/e:1"}, toolchain.Options{})
	if err == nil {
		_, err = tc.Root(ctx)
	}
	return err
}
