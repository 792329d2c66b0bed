package debian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"dram/internal/distro"
	"dram/internal/httpbound"
	"dram/internal/problem"
	"dram/internal/store"
)

// fetcher gets files over HTTP: with retries, resuming what was cut, and
// giving up on servers that say nothing for a while.
type fetcher struct {
	store   *store.Store
	http    *http.Client
	stall   time.Duration // silence after which a request is given up
	backoff time.Duration // before the first retry; doubled for each further one
}

const (
	attempts    = 4
	maxSilences = 2               // attempts that end in silence: who said nothing twice will say nothing
	pageTime    = 2 * time.Minute // for a small file, all its attempts together
)

// errUnreachable marks failures of the mirror or the way to it, as opposed to
// wrong content.
var errUnreachable = errors.New("mirror is not usable")

// statusError is an answer other than the file.
type statusError struct{ code int }

func (e *statusError) Error() string {
	return fmt.Sprintf("the server answered %d %s", e.code, http.StatusText(e.code))
}

// lasting says whether trying again would not help.
func lasting(err error) bool {
	if errors.Is(err, httpbound.ErrRedirect) || errors.Is(err, httpbound.ErrSlow) || errors.Is(err, syscall.EMFILE) {
		return true
	}
	if status, ok := errors.AsType[*statusError](err); ok {
		return status.code < 500 && status.code != http.StatusTooManyRequests &&
			status.code != http.StatusRequestTimeout
	}
	var path *os.PathError // this machine's disk, not the network
	return errors.As(err, &path)
}

// retry calls try until it succeeds, fails for good, or has failed too often.
func (f *fetcher) retry(ctx context.Context, url string, try func() error) error {
	var err error
	silences := 0
	for n, wait := 0, f.backoff; n < attempts && silences < maxSilences; n, wait = n+1, wait*2 {
		if n > 0 {
			if err := httpbound.Pause(ctx, wait); err != nil {
				return err
			}
		}
		if err = try(); err == nil || lasting(err) || ctx.Err() != nil {
			break
		}
		if errors.Is(err, httpbound.ErrSilent) {
			silences++
		}
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return explain(url, err)
}

// explain says what to do about a failed request.
func explain(url string, err error) error {
	var status *statusError
	var path *os.PathError
	switch {
	case errors.As(err, &path):
		return problem.New(problem.Environment, "make room in the cache directory, or set DRAM_CACHE_DIR to another disk",
			"fetching %q: %w", url, err)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return problem.New(problem.Environment, "allow this process more open files: ulimit -n 4096", "fetching %q: %w", url, err)
	case errors.As(err, &status) && status.code == http.StatusNotFound:
		return problem.New(problem.Failure, "the mirror may be incomplete or in the middle of an update: try again later, or another mirror",
			"fetching %q: %w: %w", url, distro.ErrGone, err)
	}
	return problem.New(problem.Failure, "check the network and the mirror, or name another mirror; what was fetched is kept for the next run",
		"fetching %q: %w: %w", url, errUnreachable, err)
}

// do sends the request and calls use with the answer. The whole exchange is
// given up once the server is silent for f.stall, or dribbles.
func (f *fetcher) do(ctx context.Context, method, url string, header http.Header, use func(*http.Response) error) error {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return err
	}
	req.Header = header
	resp, err := f.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // only read
	return use(resp)
}

// bounded is client with bounds on silence, and on redirects.
func bounded(client *http.Client, silence time.Duration) *http.Client {
	var inner http.RoundTripper
	if client != nil {
		inner = client.Transport
	}
	return &http.Client{Transport: httpbound.New(inner, httpbound.Limits{Silence: silence})}
}

// page is a small file with what the server needs to tell whether it changed.
type page struct {
	Body               []byte
	ETag, LastModified string
}

const maxPage = 8 << 20 // bytes of an InRelease; sid's has 200 KB

// page gets a small file; old, if it has a body, is what is known of it.
func (f *fetcher) page(ctx context.Context, url string, old page) (page, error) {
	header := http.Header{}
	if len(old.Body) > 0 && old.ETag != "" {
		header.Set("If-None-Match", old.ETag)
	}
	if len(old.Body) > 0 && old.LastModified != "" {
		header.Set("If-Modified-Since", old.LastModified)
	}
	slow := fmt.Errorf("%w: no answer in full within %v", httpbound.ErrSlow, pageTime)
	ctx, cancel := context.WithTimeoutCause(ctx, pageTime, explain(url, slow))
	defer cancel()
	got := old
	err := f.retry(ctx, url, func() error {
		return f.do(ctx, http.MethodGet, url, header, func(resp *http.Response) error {
			switch resp.StatusCode {
			case http.StatusNotModified:
				return nil
			case http.StatusOK:
			default:
				return &statusError{resp.StatusCode}
			}
			body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage+1))
			if err != nil {
				return err
			}
			if len(body) > maxPage {
				return fmt.Errorf("the file is larger than %d bytes", maxPage)
			}
			got = page{body, resp.Header.Get("ETag"), resp.Header.Get("Last-Modified")}
			return nil
		})
	})
	return got, err
}

// blob makes sure that the file with that digest and size is in the cache,
// taking it from the first URL that has it. A blob that is there is read once
// to see that it is sound.
func (f *fetcher) blob(ctx context.Context, want store.Digest, size int64, urls ...string) error {
	if f.sound(want, size) {
		return nil
	}
	// A few locks for all files: a lock leaves a file behind.
	unlock, err := f.store.Lock(ctx, "fetch-"+want.Hex()[:2], nil)
	if err != nil {
		return err
	}
	defer unlock()
	if f.store.HasBlob(want, size) {
		return nil // another process was faster
	}
	dir, err := f.store.Work("debian", "partial")
	if err != nil {
		return err
	}
	part := filepath.Join(dir, want.Hex())
	for i, url := range urls {
		err = f.fetch(ctx, url, part, want, size)
		var status *statusError
		if i+1 < len(urls) && errors.As(err, &status) && status.code == http.StatusNotFound {
			continue
		}
		break
	}
	return err
}

func (f *fetcher) sound(want store.Digest, size int64) bool {
	return f.store.HasBlob(want, size) && f.store.VerifyBlob(want) == nil
}

// fetch gets the file by way of part, which survives failures, and adopts it.
func (f *fetcher) fetch(ctx context.Context, url, part string, want store.Digest, size int64) error {
	resumed := true
	for {
		err := f.retry(ctx, url, func() error { return f.append(ctx, url, part, size, &resumed) })
		if err != nil {
			return err
		}
		err = f.store.AdoptBlob(part, want)
		if !errors.Is(err, store.ErrCorrupt) {
			return err
		}
		_ = os.Remove(part) // or the next try fails on it
		if !resumed {
			return problem.New(problem.Failure,
				"the mirror is broken or in the middle of an update, or a proxy alters what it passes on: try another mirror",
				"fetching %q: wrong content: %w", url, err)
		}
		resumed = false // the bytes of an earlier run may be the bad ones: once more, from the start
	}
}

// append gets what part lacks of the file; resumed becomes true if part had
// something.
func (f *fetcher) append(ctx context.Context, url, part string, size int64, resumed *bool) (err error) {
	out, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	have, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if have > size {
		have = 0
	}
	if *resumed = have > 0; have == size {
		return nil
	}
	header := http.Header{}
	if have > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	return f.do(ctx, http.MethodGet, url, header, func(resp *http.Response) error {
		at, err := startOf(resp, have)
		if err != nil {
			return err
		}
		if err := out.Truncate(at); err != nil {
			return err
		}
		if _, err := out.Seek(at, io.SeekStart); err != nil {
			return err
		}
		return receive(out, resp.Body, size-at)
	})
}

// startOf is the offset of the answer's first byte in the file.
func startOf(resp *http.Response, have int64) (int64, error) {
	switch resp.StatusCode {
	case http.StatusOK:
		return 0, nil
	case http.StatusPartialContent:
		if strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", have)) {
			return have, nil
		}
		return 0, fmt.Errorf("the server sent the range %q", resp.Header.Get("Content-Range"))
	}
	return 0, &statusError{resp.StatusCode}
}

// receive copies exactly n bytes.
func receive(out io.Writer, in io.Reader, n int64) error {
	got, err := io.Copy(out, io.LimitReader(in, n+1))
	switch {
	case err != nil:
		return err
	case got < n:
		return fmt.Errorf("the file ends %d bytes early", n-got)
	case got > n:
		return fmt.Errorf("the file is longer than the index says")
	}
	return nil
}
