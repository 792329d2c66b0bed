package toolchain_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
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
