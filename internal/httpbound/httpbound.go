// Package httpbound bounds HTTP exchanges with servers of unknown intent: how
// long they may be silent, how slow and how long they may be, how much they may
// answer, and where they may send the client on to.
//
// New wraps a http.RoundTripper, and so serves every client that takes one. An
// exchange ends with an error of this package when no byte comes or is taken for
// Limits.Silence, when an answer dribbles (less than 8 KiB in that time), when it
// is longer or takes longer than its Bound, and when a redirect leads from https
// to http, from elsewhere to this machine (by its name or, with Base, its address), or more
// than five times on. The end of the request's context ends it at once.
package httpbound

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// What an exchange that passes a bound ends in. None of them is worth many
// tries: a server that did it once will do it again.
var (
	ErrSilent   = errors.New("the server is silent")
	ErrSlow     = errors.New("the server is too slow")
	ErrTooLarge = errors.New("the answer is too large")
	ErrRedirect = errors.New("the redirect is refused")
)

const (
	// Silence is how long an exchange may go without a byte if nothing else is said.
	Silence = 30 * time.Second
	// dribble is how many bytes an answer that is not over must have brought
	// within the time of Silence.
	dribble = 8 << 10
	// maxRedirects is how often a server may send a client on.
	maxRedirects = 5
	maxHeader    = 1 << 20 // bytes of an answer's header
)

// Bound is what one answer may be.
type Bound struct {
	Bytes int64         // of its body, decompressed; 0: no bound
	Time  time.Duration // from the request to its last byte; 0: no bound
}

// Limits are the bounds of a client's exchanges.
type Limits struct {
	Silence time.Duration // default: the constant Silence
	// Answer is how long the answer may take to begin when a request brought
	// something: the server may have to store it first. Default: Silence.
	Answer time.Duration
	// Of is the bound of the answer to a request; nil: none.
	Of func(*http.Request) Bound
}

// Base is a transport for New to wrap: the proxies of the environment, bounds on
// connecting, on TLS and on the size of headers, and no decompression, which
// would hide how much was sent.
func Base() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dial,
		TLSHandshakeTimeout:    15 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxIdleConnsPerHost:    8,
		MaxResponseHeaderBytes: maxHeader,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		// A connection that died without a word is not used for the next try.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
	}
}

// New is inner, with bounds; a nil inner means Base.
func New(inner http.RoundTripper, limits Limits) http.RoundTripper {
	if inner == nil {
		inner = Base()
	}
	limits.Silence = cmp.Or(limits.Silence, Silence)
	limits.Answer = cmp.Or(limits.Answer, limits.Silence)
	return &transport{inner, limits}
}

type transport struct {
	inner  http.RoundTripper
	limits Limits
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := CheckRedirect(req); err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // as a RoundTripper must
		}
		return nil, err
	}
	x := t.begin(req)
	resp, err := t.inner.RoundTrip(x.request(req))
	x.answered.Store(true)
	x.timer.Stop()
	late := x.because(nil) // it came when the exchange had been given up
	if err == nil && late != nil {
		_ = resp.Body.Close()
	}
	if err = x.because(err); err != nil {
		x.end()
		return nil, err
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp, nil // no answer any more, but a connection
	}
	if x.bound.Bytes > 0 && resp.ContentLength > x.bound.Bytes && req.Method != http.MethodHead {
		x.end()
		_ = resp.Body.Close() // not read
		return nil, x.tooLarge()
	}
	resp.Body = &receiving{exchange: x, body: resp.Body}
	return resp, nil
}

// exchange is one request and its answer.
type exchange struct {
	limits   Limits
	bound    Bound
	host     string
	patience atomic.Int64 // that the timer was set to, in nanoseconds
	dribbles atomic.Bool  // some of the answer came, and not enough
	answered atomic.Bool  // the answer has begun: what is still sent does not count

	ctx    context.Context //nolint:containedctx // of this exchange, which it ends
	cancel context.CancelCauseFunc
	timer  *time.Timer // of silence
	whole  *time.Timer // of the whole exchange; nil: no bound
}

func (t *transport) begin(req *http.Request) *exchange {
	x := &exchange{limits: t.limits, host: req.URL.Host}
	if t.limits.Of != nil {
		x.bound = t.limits.Of(req)
	}
	x.ctx, x.cancel = context.WithCancelCause(req.Context())
	x.patience.Store(int64(t.limits.Silence))
	x.timer = time.AfterFunc(t.limits.Silence, func() {
		what := "nothing"
		if x.dribbles.Load() {
			what = "next to nothing"
		}
		x.cancel(fmt.Errorf("%w: %s from %s for %v", ErrSilent, what, x.host, time.Duration(x.patience.Load())))
	})
	if x.bound.Time > 0 {
		slow := fmt.Errorf("%w: %s has not answered in full within %v", ErrSlow, x.host, x.bound.Time)
		x.whole = time.AfterFunc(x.bound.Time, func() { x.cancel(slow) })
	}
	return x
}

// request is req with the exchange's context, and a body that is watched.
func (x *exchange) request(req *http.Request) *http.Request {
	out := req.WithContext(guarded(x.ctx, req))
	if req.Body == nil || req.Body == http.NoBody {
		return out
	}
	out.Body = &sending{exchange: x, ReadCloser: req.Body}
	if again := req.GetBody; again != nil {
		out.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			if err != nil {
				return nil, err
			}
			return &sending{exchange: x, ReadCloser: body}, nil
		}
	}
	return out
}

// because is err, or the bound that made it.
func (x *exchange) because(err error) error {
	if cause := context.Cause(x.ctx); errors.Is(cause, ErrSilent) || errors.Is(cause, ErrSlow) {
		return cause
	}
	return err
}

func (x *exchange) tooLarge() error {
	return fmt.Errorf("%w: %s sends more than the %d bytes that it may have", ErrTooLarge, x.host, x.bound.Bytes)
}

func (x *exchange) end() {
	x.timer.Stop()
	if x.whole != nil {
		x.whole.Stop()
	}
	x.cancel(nil)
}

// sending puts the timer off whenever the server takes a part of the body. When
// it has all of it, it may take as long to answer as Limits.Answer says.
type sending struct {
	*exchange
	io.ReadCloser
}

func (b *sending) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	patience := b.limits.Silence
	if err != nil {
		patience = b.limits.Answer
	}
	if !b.answered.Load() {
		b.patience.Store(int64(patience))
		b.timer.Reset(patience)
	}
	return n, err
}

// receiving is an answer's body. Only waiting counts: its reader may take its
// time.
type receiving struct {
	*exchange
	body   io.ReadCloser
	total  int64
	got    int64         // bytes since the window began
	waited time.Duration // for them
}

func (b *receiving) Read(p []byte) (int, error) {
	if b.bound.Bytes > 0 { // one more than it may have, to tell the end from too much
		p = p[:min(int64(len(p)), b.bound.Bytes+1-b.total)]
	}
	b.patience.Store(int64(b.limits.Silence))
	b.timer.Reset(max(b.limits.Silence-b.waited, time.Millisecond))
	start := time.Now()
	n, err := b.body.Read(p)
	b.timer.Stop()
	b.waited += time.Since(start)
	b.total += int64(n)
	if b.got += int64(n); b.got >= dribble {
		b.got, b.waited = 0, 0
	}
	b.dribbles.Store(b.got > 0)
	if b.bound.Bytes > 0 && b.total > b.bound.Bytes {
		return 0, b.tooLarge()
	}
	if err != nil { // an end, too: a server may end its answer when it sees that the connection goes
		err = b.because(err)
	}
	return n, err
}

func (b *receiving) Close() error {
	b.end()
	return b.body.Close()
}
