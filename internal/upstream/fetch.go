package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"time"

	"dram/internal/fsutil"
	"dram/internal/httpbound"
	"dram/internal/problem"
)

const (
	maxFile = 512 << 20 // bytes; that of Erlang/OTP has 60 to 110 MB
	tries   = 3
	pause   = 500 * time.Millisecond // before the second try; doubled then
	// patience is how long a server may be silent.
	patience = 15 * time.Second
)

// Fetch brings a file into the cache; what it is there is what its checksum says.
func (c *Client) Fetch(ctx context.Context, f File) error {
	if c.Store.HasBlob(f.Digest, -1) && c.Store.VerifyBlob(f.Digest) == nil {
		return nil
	}
	c.tell("fetching %s", f.Name)
	keep := func(r io.Reader) error {
		got, _, err := c.Store.PutBlob(ctx, bounded(r, maxFile), "")
		if err == nil && got != f.Digest {
			return problem.New(problem.Failure, "fetch it from elsewhere: it is damaged, or somebody changed it",
				"%s has the SHA-256 %s, and not %s as its publisher says", f.At, got.Hex(), f.Digest.Hex())
		}
		return err
	}
	if isURL(f.At) {
		err := c.get(ctx, f.At, maxFile, func(resp *http.Response) error { return keep(resp.Body) })
		var known *problem.Error
		if err == nil || errors.As(err, &known) || ctx.Err() != nil {
			return err
		}
		return problem.New(problem.Failure, "see that it can be reached from here, or name a directory or a mirror that has it: --sources PLACE", "fetching %s: %w", f.At, err)
	}
	file, err := fsutil.Open(f.At)
	if err != nil {
		return problem.New(problem.Usage, "make it a regular file", "opening %q: %w", f.At, err)
	}
	defer func() { _ = file.Close() }() // only read
	return keep(file)
}

// Open opens a file that was fetched.
func (c *Client) Open(f File) (io.ReadCloser, error) { return c.Store.OpenBlob(f.Digest) }

// get gets a file, tries again what may pass, and gives the answer to use. A file
// that is not there is fs.ErrNotExist.
func (c *Client) get(ctx context.Context, at string, most int64, use func(*http.Response) error) error {
	var inner http.RoundTripper
	if c.HTTP != nil {
		inner = c.HTTP.Transport
	}
	client := &http.Client{Transport: httpbound.New(inner, httpbound.Limits{
		Silence: patience, Of: func(*http.Request) httpbound.Bound { return httpbound.Bound{Bytes: most} },
	})}
	var err error
	for try, wait := 1, pause; ; try, wait = try+1, wait*2 {
		err = once(ctx, client, at, use)
		if err == nil || try == tries || !passing(err) {
			return err
		}
		if err := httpbound.Pause(ctx, wait); err != nil {
			return err
		}
	}
}

// answerError is an answer that is not the file.
type answerError struct{ code int }

func (e answerError) Error() string {
	return fmt.Sprintf("the server answered %d %s", e.code, http.StatusText(e.code))
}

func (e answerError) Is(target error) bool {
	return target == fs.ErrNotExist && (e.code == http.StatusNotFound || e.code == http.StatusGone)
}

func once(ctx context.Context, client *http.Client, at string, use func(*http.Response) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // only read
	if resp.StatusCode != http.StatusOK {
		return answerError{resp.StatusCode}
	}
	return use(resp)
}

// passing says whether what failed may work the next time.
func passing(err error) bool {
	if answer, ok := errors.AsType[answerError](err); ok {
		return answer.code >= 500 || answer.code == http.StatusTooManyRequests
	}
	for _, lasting := range []error{httpbound.ErrSilent, httpbound.ErrSlow, httpbound.ErrRedirect, httpbound.ErrTooLarge, context.Canceled, errTooLarge} {
		if errors.Is(err, lasting) {
			return false
		}
	}
	var disk *fs.PathError
	var known *problem.Error
	return !errors.As(err, &disk) && !errors.As(err, &known)
}

var errTooLarge = errors.New("it is too large")

// bounded is r, failing once it gives more than n bytes.
func bounded(r io.Reader, n int64) io.Reader {
	return io.MultiReader(io.LimitReader(r, n), ends{r})
}

// ends is r where nothing may follow.
type ends struct{ r io.Reader }

func (e ends) Read(p []byte) (int, error) {
	n, err := e.r.Read(p[:min(len(p), 1)])
	if n > 0 {
		return 0, errTooLarge
	}
	return 0, err
}

func readAll(r io.Reader, most int64) ([]byte, error) { return io.ReadAll(bounded(r, most)) }
