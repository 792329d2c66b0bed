package pipeline

import (
	"bytes"
	"cmp"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"

	"dram/internal/engine"
)

// leastSecret is how long a value is, in bytes, to be taken out of what steps
// print: what is shorter stands in every other line.
const leastSecret = 8

// secretValues is what of a job's secrets must not be printed. Of a URL that is
// the password alone, so that messages still say where something was fetched
// from; a path is none.
func secretValues(job engine.Job) []string {
	var all []string
	for _, s := range job.Steps {
		for _, kv := range s.Secrets {
			name, value, _ := strings.Cut(kv, "=")
			all = append(all, sensitive(name, value)...)
		}
	}
	for _, word := range job.Credentials.Passwords {
		all = append(all, word, url.QueryEscape(word), url.PathEscape(word))
	}
	var out []string
	for _, v := range all {
		if len(v) >= leastSecret && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return out
}

func sensitive(name, value string) []string {
	if strings.HasSuffix(name, "_PATH") || strings.HasPrefix(value, "/") || strings.EqualFold(name, "NO_PROXY") {
		return nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" {
		return []string{value}
	}
	if u.User == nil {
		return nil
	}
	word, _ := u.User.Password()
	return []string{u.User.String(), u.User.Username(), word, url.QueryEscape(word), url.PathEscape(word)}
}

// redactor writes through what is written to it, with stars in place of
// secrets, those that come in several pieces too.
type redactor struct {
	mu      sync.Mutex
	to      io.Writer
	secrets [][]byte // the longest first
	held    []byte   // may be the beginning of one
}

func newRedactor(to io.Writer, secrets []string) *redactor {
	r := &redactor{to: to}
	for _, s := range secrets {
		r.secrets = append(r.secrets, []byte(s))
	}
	return r
}

func (r *redactor) Write(p []byte) (int, error) {
	if len(r.secrets) == 0 {
		return r.to.Write(p)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err := r.to.Write(r.clean(append(r.held, p...), false))
	return len(p), err
}

// Flush writes what was held back: nothing follows that makes it a secret.
func (r *redactor) Flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.held) > 0 {
		_, _ = r.to.Write(r.clean(r.held, true)) // as good as the writes before
	}
}

// clean is b with stars in place of secrets, the first and longest first, up to
// what may be the beginning of one, which is held back unless b is the end.
func (r *redactor) clean(b []byte, end bool) []byte {
	out := make([]byte, 0, len(b))
	r.held = nil
	for i := 0; i < len(b); {
		n, more := r.at(b[i:])
		switch {
		case more && !end:
			r.held = slices.Clone(b[i:])
			return out
		case n > 0:
			out = append(out, "***"...)
			i += n
		default:
			out = append(out, b[i])
			i++
		}
	}
	return out
}

// at is how long the secret is that b begins with, 0 if it begins with none,
// and whether a longer one may begin here and go on behind the end of b.
func (r *redactor) at(b []byte) (n int, more bool) {
	for _, s := range r.secrets {
		switch {
		case b[0] != s[0]:
		case bytes.HasPrefix(b, s):
			return len(s), more
		case bytes.HasPrefix(s, b):
			more = true
		}
	}
	return 0, more
}
