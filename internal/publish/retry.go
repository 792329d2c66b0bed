package publish

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"dram/internal/httpbound"
	"dram/internal/registry"
)

const (
	maxTries   = 6                // of one request, or of one upload that makes no headway
	maxResumes = 200              // of one upload that makes headway each time
	firstWait  = time.Second / 4  // doubled each time
	longWait   = 15 * time.Second // at most, unless the registry names a time
	maxAfter   = 2 * time.Minute  // the longest Retry-After that is waited for
	maxWaited  = 30 * time.Minute // between tries, in one push
	maxSilent  = 2                // exchanges of one push that end in silence
)

// answerError is an answer that is not what was asked for.
type answerError struct {
	error
	after time.Duration // as Retry-After says; 0: it says nothing
}

func (e *answerError) Unwrap() error { return e.error }

// localError is a failure on this side: nothing that a registry could mend.
type localError struct{ error }

func (e *localError) Unwrap() error { return e.error }

// credentialsError is that a credential helper or its file fails.
type credentialsError struct{ error }

func (e *credentialsError) Unwrap() error { return e.error }

// retry does something until it works, fails for good, or failed too often.
func (r *remote) retry(ctx context.Context, try func() error) error {
	for n := 1; ; n++ {
		err := try()
		if err == nil || n == maxTries || !r.worth(ctx, err) {
			return err
		}
		if err := r.pause(ctx, n, err); err != nil {
			return err
		}
	}
}

// pause waits before the try that follows the n-th.
func (r *remote) pause(ctx context.Context, n int, failed error) error {
	after := r.asked(failed)
	if after > maxAfter {
		return failed
	}
	d := min(firstWait<<min(n-1, 10), longWait)
	d = d/2 + rand.N(d/2+1) //nolint:gosec // so that many clients do not come back at once; nothing secret
	if after > 0 {
		d = after
	}
	if time.Duration(r.waited.Add(int64(d))) > maxWaited {
		return failed
	}
	r.tally.add(func(p *Pushed) { p.Retries++ })
	if r.wait != nil {
		return r.wait(ctx, d)
	}
	return httpbound.Pause(ctx, d)
}

// asked is how long the registry asked to be left alone, if it did.
func (r *remote) asked(failed error) time.Duration {
	if a, ok := errors.AsType[*answerError](failed); ok {
		return a.after
	}
	if _, ok := errors.AsType[*transport.Error](failed); ok { // while the library logged in
		return time.Duration(r.lastAfter.Swap(0))
	}
	return 0
}

// worth says whether a failed request is worth another try. A server that was
// silent twice will be so again.
func (r *remote) worth(ctx context.Context, err error) bool {
	if errors.Is(err, httpbound.ErrSilent) && r.silences.Add(1) >= maxSilent {
		return false
	}
	return passing(ctx, err)
}

// passing says whether a failure may be gone the next time: the network's, or
// the registry's own.
func passing(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	if t, ok := errors.AsType[*transport.Error](err); ok && !plainQuestion(err) {
		return passingStatus(t.StatusCode)
	}
	return !permanent(err)
}

func passingStatus(code int) bool {
	switch code {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusTooEarly:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusInsufficientStorage:
		return false
	}
	return code >= 500
}

// permanent says whether a failed request will fail the next time too.
func permanent(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.IsNotFound
	}
	for _, bound := range []error{
		httpbound.ErrSlow, httpbound.ErrTooLarge, httpbound.ErrRedirect, registry.ErrInward, registry.ErrPlain, registry.ErrCredentials, syscall.EMFILE, syscall.ENFILE,
	} {
		if errors.Is(err, bound) {
			return true
		}
	}
	_, local := errors.AsType[*localError](err)
	return local || untrusted(err) || errors.Is(err, errPlain) || plainAnswer(err)
}

// untrusted says whether the registry's certificate was refused.
func untrusted(err error) bool {
	_, verify := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	return verify || authority || host || invalid
}

// plainQuestion says whether a registry on loopback was asked without TLS, since
// asking it with TLS had failed, and said that it wants TLS: the first failure
// is the one that counts.
func plainQuestion(err error) bool {
	return strings.Contains(err.Error(), "HTTP request to an HTTPS server")
}

// plainAnswer says whether something that knows no TLS answered.
func plainAnswer(err error) bool {
	return strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

func refused(err error) bool {
	t, ok := errors.AsType[*transport.Error](err)
	return ok && (t.StatusCode == http.StatusUnauthorized || t.StatusCode == http.StatusForbidden)
}

// retryAfter reads the header of that name (RFC 9110, 10.2.3): seconds or a date.
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	text := resp.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 && seconds < 1<<30 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}
