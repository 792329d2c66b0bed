package toolchain_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"

	"dram/internal/toolchain"
)

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
		_, _ = p.Tags(t.Context(), "registry.example/e", toolchain.Options{})
		_, _ = p.Tags(t.Context(), "registry.example/e", toolchain.Options{Prefix: "1"})
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
