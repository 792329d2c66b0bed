package toolchain_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dram/internal/problem"
	"dram/internal/store"
	"dram/internal/toolchain"
)

// taggery is a registry that has many tags, a thousand a page, and counts what it is
// asked.
func taggery(t *testing.T, many int) (repository string, asked *atomic.Int64, srv *httptest.Server) {
	t.Helper()
	asked = &atomic.Int64{}
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/tags/list") {
			return
		}
		asked.Add(1)
		var from int
		_, _ = fmt.Sscan(r.URL.Query().Get("last"), &from)
		to := min(from+1000, many)
		tags := make([]string, 0, to-from)
		for i := from; i < to; i++ {
			tags = append(tags, fmt.Sprintf("1.%d.%d-erlang-27.%d-debian-bookworm-20250203", i/1000, i%1000, i%7))
		}
		if to < many {
			w.Header().Set("Link", fmt.Sprintf(`</v2/team/elixir/tags/list?n=1000&last=%d>; rel="next"`, to))
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"name": "team/elixir", "tags": tags})
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://") + "/team/elixir", asked, srv
}

// A list of tags is asked for once a day, and what was last said counts where the
// registry is gone.
func TestTagsAreKept(t *testing.T) {
	const many = 137_000
	repository, asked, srv := taggery(t, many)
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var warned []string
	p := &toolchain.Provider{Store: st, Arch: "amd64", Warn: func(format string, args ...any) { warned = append(warned, fmt.Sprintf(format, args...)) }}
	get := func(opts toolchain.Options) []string {
		t.Helper()
		tags, err := p.Tags(t.Context(), repository, opts)
		if err != nil {
			t.Fatal(err)
		}
		return tags
	}
	if n := len(get(toolchain.Options{})); n != many || asked.Load() != many/1000 {
		t.Fatalf("%d tags by %d questions", n, asked.Load())
	}
	if n := len(get(toolchain.Options{})); n != many || asked.Load() != many/1000 {
		t.Errorf("again: %d tags, %d questions in all", n, asked.Load())
	}
	if get(toolchain.Options{Refresh: true}); asked.Load() != 2*many/1000 {
		t.Errorf("asked for anew: %d questions in all", asked.Load())
	}
	srv.Close()
	if n := len(get(toolchain.Options{Refresh: true})); n != many || len(warned) != 1 || !strings.Contains(warned[0], "are those of "+time.Now().Format(time.DateOnly)) {
		t.Errorf("with the registry gone: %d tags, warnings %q", n, warned)
	}
	p.Store, err = store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Tags(t.Context(), repository, toolchain.Options{}); problem.Hint(err) == "" {
		t.Errorf("with nothing known: %v", err)
	}
}

// ordered is a registry whose tags are in lexical order and can be asked for from any
// on, a thousand a page and 150 ms each; or, unordered, one that knows no order.
func ordered(t *testing.T, many int, order bool) (repository string, asked *atomic.Int64, srv *httptest.Server) {
	t.Helper()
	tags := make([]string, 0, many)
	for i := range many {
		tags = append(tags, fmt.Sprintf("1.%02d.%d-erlang-27.%d-debian-bookworm-%08d", i/8000, i/1600%5, i%7, i))
	}
	slices.Sort(tags)
	asked = &atomic.Int64{}
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/tags/list") {
			return
		}
		asked.Add(1)
		from := 0
		if last := r.URL.Query().Get("last"); order {
			time.Sleep(150 * time.Millisecond)
			from, _ = slices.BinarySearch(tags, last+"\x00")
		} else {
			_, _ = fmt.Sscan(last, &from)
		}
		page := slices.Clone(tags[from:min(from+1000, many)])
		if !order {
			slices.Reverse(page)
		}
		if from+1000 < many {
			next := page[len(page)-1]
			if !order {
				next = fmt.Sprint(from + 1000)
			}
			w.Header().Set("Link", `</v2/team/elixir/tags/list?n=1000&last=`+url.QueryEscape(next)+`>; rel="next"`)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"name": "team/elixir", "tags": page})
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://") + "/team/elixir", asked, srv
}

// Of 137,000 tags those that are asked for come within a second, and at once without
// the registry; one that keeps no order is asked for all.
func TestTagsOfOneVersion(t *testing.T) {
	const many = 137_000
	repository, asked, srv := ordered(t, many, true)
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &toolchain.Provider{Store: st, Arch: "amd64", Warn: t.Logf}
	get := func(repository, prefix string) (int, time.Duration) {
		t.Helper()
		start := time.Now()
		tags, err := p.Tags(t.Context(), repository, toolchain.Options{Prefix: prefix})
		if err != nil || slices.ContainsFunc(tags, func(tag string) bool { return !strings.HasPrefix(tag, prefix) }) {
			t.Errorf("%q: %v", prefix, err)
		}
		return len(tags), time.Since(start)
	}
	n, took := get(repository, "1.07.3")
	if n != 1600 || asked.Load() != 2 {
		t.Errorf("%d tags by %d questions", n, asked.Load())
	}
	t.Logf("%d tags in %v", n, took)
	if n, _ := get(repository, "9.9"); n != 0 || asked.Load() != 3 {
		t.Errorf("of none: %d tags, %d questions", n, asked.Load())
	}
	srv.Close()
	if n, took := get(repository, "1.07.3"); n != 1600 || took > 100*time.Millisecond {
		t.Errorf("without the registry: %d tags in %v", n, took)
	}
	other, asked, _ := ordered(t, 5000, false)
	tags, err := p.Tags(t.Context(), other, toolchain.Options{Prefix: "1.00.1"})
	if err != nil || len(tags) != 5000 {
		t.Errorf("without an order: %d tags, %v, %d questions", len(tags), err, asked.Load())
	}
}
