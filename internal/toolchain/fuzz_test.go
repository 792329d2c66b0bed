package toolchain_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"dram/internal/toolchain"
)

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:` + strings.Repeat("0", 64) + `","size":3,"platform":{"os":"linux","architecture":"amd64"}}]}`))
	f.Add([]byte(`{"manifests":[{"platform":null}]}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := toolchain.ForPlatform(raw, "amd64")
		if err == nil && !d.MediaType.IsImage() && !d.MediaType.IsIndex() {
			t.Errorf("chose a %q", d.MediaType)
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"config":{"digest":"sha256:`+strings.Repeat("0", 64)+`","size":2},"layers":[{"size":1}]}`), []byte("{}"))
	f.Add([]byte(`{"layers":[{"size":-1}]}`), []byte("{}"))
	f.Fuzz(func(_ *testing.T, raw, config []byte) {
		_ = toolchain.ReadPulled(context.Background(), raw, config) //nolint:usetesting // t is not there
	})
}

// FuzzTags answers a question for tags with any two answers, headers and all.
func FuzzTags(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nLink: </v2/e/tags/list?last=a>; rel=\"next\"\r\n\r\n{\"tags\":[\"a\"]}", "HTTP/1.1 200 OK\r\n\r\n{\"tags\":[\"b\"]}")
	f.Add("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"https://registry.example/t\"\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n{\"token\":\"t\"}")
	f.Add("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://localhost/\r\n\r\n", "HTTP/1.1 200 OK\r\nLink: <\r\n\r\n{")
	f.Fuzz(func(t *testing.T, first, then string) {
		p := provider(t)
		p.Patience(time.Second, 200*time.Millisecond)
		n := 0
		p.HTTP = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			if req.URL.Hostname() == "localhost" {
				t.Errorf("asked %s", req.URL)
			}
			if err := req.Context().Err(); err != nil {
				return nil, err
			}
			text := then
			if n++; n == 1 {
				text = "HTTP/1.1 200 OK\r\n\r\n"
			} else if n == 2 {
				text = first
			}
			resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), req)
			if err != nil {
				return nil, err
			}
			switch resp.StatusCode {
			case 101, 408, 429, 499, 500, 502, 503, 504, 522: // the library tries again, which takes time
				resp.StatusCode = http.StatusNotFound
			}
			return resp, nil
		})}
		_, _ = p.Tags(t.Context(), "registry.example/e", nil)
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// Pages of tags end at a bound, whichever it is.
func TestPagesOfTags(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	many := func(n int, page []string) (pages [][]string, next []string) {
		for i := range n {
			pages, next = append(pages, page), append(next, strings.Repeat("n", i%50)+time.Duration(i).String())
		}
		return pages, next
	}
	for name, tt := range map[string]struct {
		n    int
		page []string
		says string
	}{
		"many tags":    {600, make([]string, 1000), "more than 500000 tags"},
		"long tags":    {100, []string{long}, "of more than 67108864 bytes"},
		"empty pages":  {10_002, nil, "more than 10000 pages"},
		"a few of all": {100, []string{"a", "b"}, ""},
	} {
		pages, next := many(tt.n, tt.page)
		_, err := toolchain.JoinTags(pages, next)
		if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
	}
}
