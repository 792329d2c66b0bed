package publish_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
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
	d, err := publish.ParseDestination(ref, tags)
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
		want := publish.Pushed{Ref: pushed.Ref, Total: pushed.Total, Blobs: asked, Mounted: 3, How: map[v1.Hash]publish.How{}}
		how := publish.Mounted
		if !mounts {
			how = publish.Uploaded
			want.Mounted, want.Uploaded, want.Sent, want.TagsUnchanged = 0, 3, pushed.Total, 1
		}
		for _, h := range asked {
			want.How[h] = how
		}
		if d := cmp.Diff(want, pushed); d != "" {
			t.Error(d)
		}
	}
}
