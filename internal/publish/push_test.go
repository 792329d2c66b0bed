package publish_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"dram/internal/problem"
	"dram/internal/publish"
	"dram/internal/store"
)

func newRegistry() http.Handler { return registry.New(registry.Logger(log.New(io.Discard, "", 0))) }

// serve serves h, seen through wrap, and gives HOST:PORT.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

func destination(t *testing.T, ref string, tags ...string) publish.Destination {
	t.Helper()
	d, err := publish.ParseDestination(ref, tags, false)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// pusher is one that nobody waits for, without credentials.
func pusher() *publish.Pusher {
	p := &publish.Pusher{Keychain: authn.NewMultiKeychain()}
	p.Waiting(func(time.Duration) {})
	return p
}

func push(t *testing.T, p *publish.Pusher, img v1.Image, ref string, tags ...string) publish.Pushed {
	t.Helper()
	pushed, err := p.Push(t.Context(), img, destination(t, ref, tags...))
	if err != nil {
		t.Fatal(err)
	}
	return pushed
}

// pull gives the digest of an image that was pulled whole.
func pull(t *testing.T, ref string) string {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(parsed, remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(img); err != nil {
		t.Errorf("%s: %v", ref, err)
	}
	return digest(t, img)
}

// requests notes what comes in, as "PUT /v2/…", and lets answer decide.
type requests struct {
	mu     sync.Mutex
	lines  []string
	inner  http.Handler
	answer func(n int, w http.ResponseWriter, r *http.Request) (done bool) // n from 1
}

func (q *requests) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q.mu.Lock()
	q.lines = append(q.lines, r.Method+" "+r.URL.Path)
	n := len(q.lines)
	q.mu.Unlock()
	if q.answer == nil || !q.answer(n, w, r) {
		q.inner.ServeHTTP(w, r)
	}
}

// matching are the requests so far that match.
func (q *requests) matching(pattern string) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	re := regexp.MustCompile(pattern)
	var out []string
	for _, l := range q.lines {
		if re.MatchString(l) {
			out = append(out, l)
		}
	}
	return out
}

func TestPush(t *testing.T) {
	seen := &requests{inner: newRegistry()}
	host := serve(t, seen)
	img := image(t, openStore(t), "one", "two", "one")
	want := digest(t, img)
	pushed := push(t, pusher(), img, host+"/team/hello:1", "1.0", "latest", "1")
	if pushed.Ref != host+"/team/hello@"+want {
		t.Errorf("it is at %q", pushed.Ref)
	}
	if pushed.Uploaded != 3 || pushed.Reused != 0 || pushed.Sent != pushed.Total || pushed.Retries != 0 { // two layers, one of them twice, and the configuration
		t.Errorf("%+v", pushed)
	}
	for _, at := range []string{":1", ":1.0", ":latest", "@" + want} {
		if got := pull(t, host+"/team/hello"+at); got != want {
			t.Errorf("%s is %s, want %s", at, got, want)
		}
	}
	if d := cmp.Diff([]string{
		"PUT /v2/team/hello/manifests/" + want, "PUT /v2/team/hello/manifests/1", "PUT /v2/team/hello/manifests/1.0", "PUT /v2/team/hello/manifests/latest",
	}, seen.matching("^PUT .*/manifests/")); d != "" {
		t.Error(d)
	}
	if all := seen.matching("."); slices.Index(all, "PUT /v2/team/hello/manifests/"+want) < lastIndex(all, "PUT /v2/team/hello/blobs/") {
		t.Errorf("the manifest came before a blob: %q", all)
	}

	again := push(t, pusher(), img, host+"/team/hello:1")
	if again.Uploaded != 0 || again.Reused != 3 || again.Sent != 0 || again.TagsUnchanged != 1 {
		t.Errorf("once more: %+v", again)
	}
	if n := len(seen.matching("^(POST|PATCH) ")); n != 6 {
		t.Errorf("%d requests of uploads, want the 6 of the first push", n)
	}
}

func lastIndex(lines []string, prefix string) int {
	for i, line := range slices.Backward(lines) {
		if strings.HasPrefix(line, prefix) {
			return i
		}
	}
	return -1
}

// A registry that fails for good at whatever request has no tag, and if it has
// a manifest, what the manifest names is there. Pushed again, all is well.
func TestPushFailsHalfWay(t *testing.T) {
	img := image(t, openStore(t), "one", "two")
	want := digest(t, img)
	for n := 1; ; n++ {
		var broken atomic.Bool
		reg := newRegistry()
		seen := &requests{inner: reg, answer: func(i int, w http.ResponseWriter, _ *http.Request) bool {
			broken.Store(broken.Load() || i >= n)
			if broken.Load() {
				http.Error(w, "out of order", http.StatusInternalServerError)
			}
			return broken.Load()
		}}
		_, err := pusher().Push(t.Context(), img, destination(t, serve(t, seen)+"/hello:1"))
		host := serve(t, reg)
		if err == nil {
			if n < 10 {
				t.Fatalf("a push of %d requests", n-1)
			}
			return // so many that none failed
		}
		if !strings.Contains(err.Error(), "has trouble") || problem.Code(err) != 1 || problem.Hint(err) == "" {
			t.Fatalf("request %d: %v, hint %q", n, err, problem.Hint(err))
		}
		for ref, may := range map[string]bool{host + "/hello:1": false, host + "/hello@" + want: true} {
			parsed, err := name.ParseReference(ref)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := remote.Head(parsed, remote.WithContext(t.Context())); err == nil {
				if !may {
					t.Errorf("after a failure at request %d there is %s", n, ref)
				}
				pull(t, ref)
			}
		}
		push(t, pusher(), img, host+"/hello:1")
		if got := pull(t, host+"/hello:1"); got != want {
			t.Errorf("pushed again it is %s, want %s", got, want)
		}
	}
}

// Answers that say that the trouble will pass are tried again, at the time that
// Retry-After names; any request may get one.
func TestPushTriesAgain(t *testing.T) {
	img := image(t, openStore(t), "one", "two")
	for _, status := range []int{429, 500, 502, 503, 504, 408} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			var mu sync.Mutex
			failed := map[string]bool{} // each kind of request once
			reg := newRegistry()
			seen := &requests{inner: reg, answer: func(_ int, w http.ResponseWriter, r *http.Request) bool {
				mu.Lock()
				defer mu.Unlock()
				kind := r.Method + regexp.MustCompile(`\d{5,}`).ReplaceAllString(r.URL.Path, "")
				if failed[kind] {
					return false
				}
				failed[kind] = true
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Retry-After", "7")
				http.Error(w, "busy", status)
				return true
			}}
			var waits []time.Duration
			p := pusher()
			p.Waiting(func(d time.Duration) {
				mu.Lock()
				defer mu.Unlock()
				waits = append(waits, d)
			})
			pushed := push(t, p, img, serve(t, seen)+"/hello:1")
			if pushed.Retries < 8 || pushed.Retries != len(waits) {
				t.Errorf("%d tries again, %d waits", pushed.Retries, len(waits))
			}
			for _, d := range waits {
				if d != 7*time.Second {
					t.Errorf("waited %s, the registry said 7s", d)
				}
			}
			if got, want := pull(t, serve(t, reg)+"/hello:1"), digest(t, img); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

// Without Retry-After each wait is longer than those before, up to a bound, and
// there is an end to them.
func TestPushGivesUp(t *testing.T) {
	host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	var waits []time.Duration
	p := pusher()
	p.Waiting(func(d time.Duration) { waits = append(waits, d) })
	_, err := p.Push(t.Context(), image(t, openStore(t), "one"), destination(t, host+"/hello"))
	if problem.Code(err) != 1 || !strings.Contains(err.Error(), "has trouble") {
		t.Errorf("got %v", err)
	}
	if len(waits) != 5 {
		t.Fatalf("%d waits: %v", len(waits), waits)
	}
	for i, d := range waits {
		if most := time.Second / 4 << i; d < most/2 || d > most {
			t.Errorf("wait %d is %s, want %s to %s", i+1, d, most/2, most)
		}
	}
}

// resumable is the upload protocol with resume, as distribution/distribution
// has it, for one blob at a time.
type resumable struct {
	mu       sync.Mutex
	sessions map[string]*bytes.Buffer
	patches  []string // their Content-Range
	inner    http.Handler
}

func (s *resumable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, ok := strings.CutPrefix(r.URL.Path, "/up/")
	if !ok && !strings.HasSuffix(r.URL.Path, "/blobs/uploads/") {
		s.inner.ServeHTTP(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ok {
		id = fmt.Sprint(len(s.sessions))
		s.sessions[id] = &bytes.Buffer{}
	}
	buf := s.sessions[id]
	w.Header().Set("Location", fmt.Sprintf("/up/%s?state=%d", id, buf.Len()))
	switch r.Method {
	case http.MethodPost:
		w.WriteHeader(http.StatusAccepted)
	case http.MethodGet:
		w.Header().Set("Range", fmt.Sprintf("0-%d", max(0, buf.Len()-1)))
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPatch:
		if r.URL.Query().Get("state") != fmt.Sprint(buf.Len()) {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		s.patches = append(s.patches, r.Header.Get("Content-Range"))
		if _, err := io.Copy(buf, r.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Location", fmt.Sprintf("/up/%s?state=%d", id, buf.Len()))
		w.WriteHeader(http.StatusAccepted)
	case http.MethodPut:
		q := r.URL.Query()
		post := httptest.NewRequestWithContext(r.Context(), http.MethodPost, "/v2/hello/blobs/uploads/?digest="+q.Get("digest"), buf)
		s.inner.ServeHTTP(w, post)
	}
}

// cutter is a TCP proxy that breaks each connection after as many bytes from
// the client as cut says.
func cutter(t *testing.T, to string, cut func() int64) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = in.Close() }()
				out, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer func() { _ = out.Close() }()
				go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
				_, _ = io.CopyN(out, in, cut())
			}()
		}
	}()
	return l.Addr().String()
}

// On a line that breaks all the time, an upload goes on where the registry says
// that it is; nothing much is sent twice.
func TestPushResumes(t *testing.T) {
	st := openStore(t)
	noise := make([]byte, 4<<20)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(noise)
	img := image(t, st, string(noise), "small")
	srv := &resumable{sessions: map[string]*bytes.Buffer{}, inner: newRegistry()}
	host := serve(t, srv)
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(1, 2))
	through := cutter(t, host, func() int64 {
		mu.Lock()
		defer mu.Unlock()
		return 300_000 + random.Int64N(600_000)
	})
	p := pusher()
	p.Waiting(func(time.Duration) { time.Sleep(10 * time.Millisecond) }) // until the server has seen the end
	pushed := push(t, p, img, through+"/hello:1")
	if got, want := pull(t, host+"/hello:1"), digest(t, img); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var at int64
	for _, r := range srv.patches {
		if r == "" {
			continue // the first of a blob
		}
		var from, to int64
		if _, err := fmt.Sscanf(r, "%d-%d", &from, &to); err != nil || from <= at {
			t.Errorf("went on at %q, having been at %d: %v", r, at, err)
		}
		at = from
	}
	if pushed.Resumed < 3 || len(srv.patches) < 6 {
		t.Errorf("ranges %q: %+v", srv.patches, pushed)
	}
}

// A registry that cannot resume is sent the blob anew, a few times.
func TestPushWithoutResume(t *testing.T) {
	img := image(t, openStore(t), "one")
	var cuts atomic.Int32
	seen := &requests{inner: newRegistry(), answer: func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch && cuts.Add(1) <= 4 {
			panic(http.ErrAbortHandler)
		}
		return false
	}}
	host := serve(t, seen)
	pushed := push(t, pusher(), img, host+"/hello:1")
	if pull(t, host+"/hello:1") != digest(t, img) || pushed.Resumed != 0 || pushed.Retries == 0 {
		t.Errorf("%+v", pushed)
	}
}

// A blob that another repository of the registry has is mounted: not a byte is
// sent. Where the registry does not mount, it is sent.
func TestPushMounts(t *testing.T) {
	img := image(t, openStore(t), "one", "two")
	reg := newRegistry()
	for _, mounts := range []bool{true, false} {
		seen := &requests{inner: reg, answer: func(_ int, w http.ResponseWriter, r *http.Request) bool {
			q := r.URL.Query()
			if r.Method != http.MethodPost || q.Get("mount") == "" || !mounts {
				return false
			}
			if q.Get("from") != "team/base" {
				t.Errorf("mount from %q", q.Get("from"))
			}
			w.WriteHeader(http.StatusCreated) // this registry's blobs are common to all repositories
			return true
		}}
		host := serve(t, seen)
		push(t, pusher(), img, host+"/team/base:1")
		var asked []v1.Hash
		var hidden atomic.Bool
		hidden.Store(true)
		inner := seen.answer
		seen.answer = func(n int, w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodHead && strings.HasPrefix(r.URL.Path, "/v2/other/blobs/") && len(seen.matching("HEAD "+r.URL.Path)) == 1 {
				w.WriteHeader(http.StatusNotFound)
				return true
			}
			return inner(n, w, r)
		}
		p := pusher()
		p.Sources = func(h v1.Hash) []name.Repository {
			asked = append(asked, h)
			elsewhere, err1 := name.NewRepository("registry.example/team/base")
			same, err2 := name.NewRepository(host + "/other")
			base, err3 := name.NewRepository(host + "/team/base")
			if err := errors.Join(err1, err2, err3); err != nil {
				t.Error(err)
			}
			return []name.Repository{elsewhere, same, base}
		}
		pushed := push(t, p, img, host+"/other:1")
		want := publish.Pushed{Ref: pushed.Ref, Total: pushed.Total, Blobs: asked, Mounted: 3}
		if !mounts {
			want.Mounted, want.Uploaded, want.Sent, want.TagsUnchanged = 0, 3, pushed.Total, 1
		}
		if d := cmp.Diff(want, pushed); d != "" {
			t.Error(d)
		}
	}
}

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
		to, err := publish.ParseDestination(test.ref, nil, test.plain)
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
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	d, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	path := st.BlobPath(store.Digest(d.String()))
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, raw, 0o600)); err != nil {
		t.Fatal(err)
	}
	seen := &requests{inner: newRegistry()}
	_, err = pusher().Push(t.Context(), img, destination(t, serve(t, seen)+"/hello:1"))
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
		d, err := publish.ParseDestination(test.ref, test.tags, false)
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
