package publish_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

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
