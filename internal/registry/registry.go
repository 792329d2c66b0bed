// Package registry bounds what is said between dram and a container registry
// (OCI distribution specification 1.1), and keeps credentials where they belong.
//
// A transport of this package knows the kinds of answers: a manifest, a page of
// tags, a token, a word on an upload each have a bound in bytes and time. Blobs
// have none here; whoever reads one knows its size. Credentials and the tokens
// that were had for them are sent to the registry itself and to the token
// services that it names, and to nobody that a redirect, the place of an upload
// or another's challenge leads to. None of these leads to this machine, unless
// the registry is there itself.
package registry

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"dram/internal/httpbound"
)

// MaxManifest bounds a manifest, an index or a configuration, in bytes: what
// registries take at most.
const MaxManifest = 4 << 20

const (
	maxPage = 16 << 20  // bytes of a page of tags: some registries know no pages
	maxWord = 128 << 10 // bytes of any other answer: a token, an error
)

// whole is how long a small answer may take.
const whole = 2 * time.Minute

// ErrInward is that a registry elsewhere leads to this machine.
var ErrInward = errors.New("the registry leads to this machine")

// ErrPlain is that a registry leads to a place without TLS.
var ErrPlain = errors.New("the registry leads to a place without TLS")

// ErrCredentials is that credentials would have gone to somebody else.
var ErrCredentials = errors.New("the registry leads credentials elsewhere")

// Limits are those of exchanges with registries.
type Limits struct {
	Silence time.Duration // default: httpbound.Silence
	Answer  time.Duration // to what was sent; default: Silence
	Whole   time.Duration // an exchange whose answer is small; default: two minutes
}

// Transport is inner for one registry, by its host ("HOST" or "HOST:PORT").
func Transport(inner http.RoundTripper, host string, limits Limits) http.RoundTripper {
	return &keeper{
		inner: httpbound.New(inner, httpbound.Limits{Silence: limits.Silence, Answer: limits.Answer, Of: func(req *http.Request) httpbound.Bound {
			return bound(req, cmp.Or(limits.Whole, whole))
		}}),
		home: host, realms: map[string]bool{}, ours: map[string]bool{},
	}
}

// bound is what the answer to a request may be; wherever a redirect led, it is
// the answer to the first one.
func bound(req *http.Request, whole time.Duration) httpbound.Bound {
	first := httpbound.Origin(req)
	at := first.URL.Path
	switch {
	case strings.HasPrefix(at, "/v2/") && strings.HasSuffix(at, "/tags/list"):
		return httpbound.Bound{Bytes: maxPage, Time: whole}
	case strings.Contains(at, "/manifests/"), strings.Contains(at, "/referrers/"):
		return httpbound.Bound{Bytes: MaxManifest, Time: whole}
	case first.Method == http.MethodGet && strings.Contains(at, "/blobs/") && !strings.Contains(at, "/blobs/uploads/"):
		return httpbound.Bound{}
	case first.Method == http.MethodPatch || first.Method == http.MethodPut:
		return httpbound.Bound{Bytes: maxWord} // what is sent may take its time
	}
	return httpbound.Bound{Bytes: maxWord, Time: whole}
}

// keeper lets credentials go to the registry and its token services only.
type keeper struct {
	inner http.RoundTripper
	home  string

	mu     sync.Mutex
	realms map[string]bool // hosts of token services that the registry named
	ours   map[string]bool // what was sent to either to be let in
}

func (k *keeper) RoundTrip(req *http.Request) (*http.Response, error) {
	out, err := k.permitted(req)
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // as a RoundTripper must
		}
		return nil, err
	}
	resp, err := k.inner.RoundTrip(out)
	if err == nil && resp.StatusCode == http.StatusUnauthorized && sameHost(req.URL, k.home) {
		k.learn(req.URL.Scheme, resp.Header)
	}
	return resp, err
}

// permitted is req without what is not for whom it goes to.
func (k *keeper) permitted(req *http.Request) (*http.Request, error) {
	if !sameHost(req.URL, k.home) && httpbound.Inward(k.home, req.URL.Host) {
		return nil, fmt.Errorf("%w: %s sends to %s", ErrInward, k.home, req.URL.Host)
	}
	auth := req.Header.Get("Authorization")
	k.mu.Lock()
	defer k.mu.Unlock()
	if sameHost(req.URL, k.home) || k.realms[origin(req.URL)] {
		if auth != "" {
			k.ours[auth] = true
		}
		return req, nil
	}
	if isForm(req) { // a refresh token, in the body
		return nil, fmt.Errorf("%w: from %s to %s", ErrCredentials, k.home, req.URL.Host)
	}
	if auth == "" || !k.ours[auth] && !strings.HasPrefix(strings.ToLower(auth), "basic ") {
		return req, nil
	}
	req = req.Clone(req.Context())
	req.Header.Del("Authorization")
	return req, nil
}

func isForm(req *http.Request) bool {
	return strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

// learn notes the token services that an answer of the registry's own names. One
// without TLS is none for a registry with it.
func (k *keeper) learn(scheme string, header http.Header) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, text := range header.Values("WWW-Authenticate") {
		for _, realm := range realms(text) {
			u, err := url.Parse(realm)
			if err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == scheme) {
				k.realms[origin(u)] = true
			}
		}
	}
}

// origin tells services apart (RFC 6454).
func origin(u *url.URL) string { return u.Scheme + "://" + hostPort(u) }

func sameHost(u *url.URL, host string) bool {
	return hostPort(u) == hostPort(&url.URL{Scheme: u.Scheme, Host: host})
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}
