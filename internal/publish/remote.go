package publish

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"dram/internal/httpbound"
	"dram/internal/registry"
)

// remote is one repository while an image is pushed to it. Requests go through
// go-containerregistry's transport, which finds out how to log in. Its own
// upload, which begins anew after each broken connection, is not used.
type remote struct {
	repo      name.Repository
	transport http.RoundTripper
	keychain  authn.Keychain
	mounts    map[v1.Hash]name.Repository
	limits    registry.Limits
	wait      httpbound.Waiter
	tally     *tally
	client    *http.Client // once connected
	silences  atomic.Int32 // exchanges that were given up since nothing came
	waited    atomic.Int64 // between tries, all together, in nanoseconds
	lastAfter atomic.Int64 // Retry-After of the last answer that had one, in nanoseconds
}

func (p *Pusher) transport() http.RoundTripper {
	if p.Transport != nil {
		return p.Transport
	}
	return httpbound.Base()
}

// commitTime is how long a registry may take to answer when it has a blob: it
// may move a large one to where it keeps it.
const commitTime = 2 * time.Minute

// connect finds out how the registry wants to be spoken to, and logs in.
func (r *remote) connect(ctx context.Context) error {
	keychain := r.keychain
	if keychain == nil {
		keychain = authn.DefaultKeychain
	}
	auth, err := authn.Resolve(ctx, keychain, r.repo)
	if err != nil {
		return &credentialsError{err}
	}
	scopes := []string{r.repo.Scope(transport.PushScope)}
	for _, from := range r.mounts {
		if s := from.Scope(transport.PullScope); !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	limits := r.limits
	limits.Answer = cmp.Or(limits.Answer, commitTime)
	host := r.repo.RegistryStr()
	inner := &guard{registry.Transport(r.transport, host, limits), host, plainAllowed(r.repo.Registry), &r.lastAfter}
	return r.retry(ctx, func() error {
		t, err := transport.NewWithContext(ctx, r.repo.Registry, auth, transport.NewUserAgent(inner, "dram"), scopes)
		if err != nil && len(scopes) > 1 && refused(err) {
			scopes = scopes[:1] // a token may be had for this repository alone
			r.mounts = nil
			t, err = transport.NewWithContext(ctx, r.repo.Registry, auth, transport.NewUserAgent(inner, "dram"), scopes)
		}
		if err != nil {
			return err
		}
		r.client = &http.Client{Transport: t}
		return nil
	})
}

// plainAllowed says whether a registry may be spoken to without TLS: it is on
// this machine, or the user said so. The library would do it for every private
// address, where somebody else may listen.
func plainAllowed(reg name.Registry) func(host string) bool {
	named := reg.Scheme() == "http" && !privateAddress(reg)
	return func(host string) bool {
		name := (&url.URL{Host: host}).Hostname()
		ip := net.ParseIP(name)
		loopback := name == "localhost" || strings.HasSuffix(name, ".localhost") || ip != nil && ip.IsLoopback()
		return loopback || named && host == reg.RegistryStr()
	}
}

// privateAddress says whether http is only the library's guess for the address.
func privateAddress(reg name.Registry) bool {
	secure, err := name.NewRegistry(reg.RegistryStr())
	return err == nil && secure.Scheme() == "http" && secure == reg
}

// guard lets nothing through without TLS but where it is allowed.
type guard struct {
	inner http.RoundTripper
	home  string
	plain func(host string) bool
	after *atomic.Int64
}

// errPlain is that a request without TLS was about to be made.
var errPlain = errors.New("it does not speak TLS")

func (g *guard) secure(req *http.Request) error {
	if err := httpbound.CheckRedirect(req); err != nil {
		return err
	}
	switch {
	case req.URL.Scheme == "https", g.plain(req.URL.Host):
		return nil
	case req.URL.Host != g.home:
		return fmt.Errorf("%w: %s", registry.ErrPlain, req.URL.Host)
	}
	return errPlain
}

func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := g.secure(req); err != nil {
		return nil, err
	}
	if req.GetBody != nil {
		// When a token has run out, the library logs in and sends the request once
		// more, with the body that was read already.
		body, err := req.GetBody()
		if err != nil {
			return nil, &localError{err}
		}
		_ = req.Body.Close() // not read
		req = req.Clone(req.Context())
		req.Body = body
	}
	resp, err := g.inner.RoundTrip(req)
	if err == nil {
		if d := retryAfter(resp, time.Now()); d > 0 {
			g.after.Store(int64(d))
		}
	}
	return resp, err
}

// request is one request of the protocol.
type request struct {
	method, url string
	header      map[string]string
	body        func() (io.ReadCloser, error) // nil: none
	size        int64                         // of the body, in bytes
	into        *[]byte                       // takes the answer, nil: nobody asks for it
	want        []int                         // statuses that are answers; any other is an error
}

// answer is what matters of a registry's answer.
type answer struct {
	status int
	header http.Header
	size   int64    // Content-Length, -1 where it was not said
	url    *url.URL // of the request, after redirects
}

// maxRest is how many bytes of an answer are read that nobody asks for.
const maxRest = 4 << 10

// do makes one request, once.
func (r *remote) do(ctx context.Context, q request) (a answer, err error) {
	req, err := http.NewRequestWithContext(ctx, q.method, q.url, nil)
	if err != nil {
		return a, err
	}
	for k, v := range q.header {
		req.Header.Set(k, v)
	}
	if q.body != nil && q.size > 0 {
		if req.Body, err = q.body(); err != nil {
			return a, &localError{err}
		}
		req.ContentLength, req.GetBody = q.size, q.body
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return a, err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := transport.CheckError(resp, q.want...); err != nil {
		return a, &answerError{error: err, after: retryAfter(resp, time.Now())}
	}
	if q.into != nil {
		if err := readInto(q.into, resp); err != nil {
			return a, err
		}
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxRest)) // so that the connection is used again
	return answer{resp.StatusCode, resp.Header, resp.ContentLength, resp.Request.URL}, nil
}

func (r *remote) url(format string, args ...any) string {
	u := url.URL{Scheme: r.repo.Scheme(), Host: r.repo.RegistryStr(), Path: "/v2/" + r.repo.RepositoryStr() + fmt.Sprintf(format, args...)}
	return u.String()
}

// tagged is the digest of what a tag names, "" for nothing.
func (r *remote) tagged(ctx context.Context, tag string) (digest string, err error) {
	err = r.retry(ctx, func() error {
		resp, err := r.do(ctx, request{
			method: http.MethodHead, url: r.url("/manifests/%s", tag), want: []int{http.StatusOK, http.StatusNotFound},
			header: map[string]string{"Accept": "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, " +
				"application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"},
		})
		if err == nil && resp.status == http.StatusOK {
			digest = resp.header.Get("Docker-Content-Digest")
		}
		return err
	})
	return digest, err
}

// putManifest puts the manifest under its digest or a tag.
func (r *remote) putManifest(ctx context.Context, m manifest, as string) error {
	_, err := r.put(ctx, m, as)
	return err
}

// put is putManifest that tells what the registry answered.
func (r *remote) put(ctx context.Context, m manifest, as string) (header http.Header, err error) {
	err = r.retry(ctx, func() error {
		resp, err := r.do(ctx, request{
			method: http.MethodPut, url: r.url("/manifests/%s", as),
			header: map[string]string{"Content-Type": m.mediaType}, size: int64(len(m.raw)),
			body: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(m.raw)), nil },
			want: []int{http.StatusOK, http.StatusCreated, http.StatusAccepted},
		})
		if err != nil {
			return err
		}
		header = resp.header
		if got := resp.header.Get("Docker-Content-Digest"); got != "" && got != m.digest.String() {
			return fmt.Errorf("the registry took the manifest for %s, not %s", got, m.digest)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("writing the manifest %s: %w", as, err)
	}
	return header, nil
}
