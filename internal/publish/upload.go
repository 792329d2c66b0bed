package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"dram/internal/store"
)

// putBlob makes the registry have a blob, and is sure of it: where the registry
// did not say at once that it has it, it is asked once more at the end.
func (r *remote) putBlob(ctx context.Context, b blob) error {
	err := r.putBlobTo(ctx, b)
	if err != nil {
		return fmt.Errorf("sending blob %s: %w", b.digest, err)
	}
	return nil
}

func (r *remote) putBlobTo(ctx context.Context, b blob) error {
	if there, err := r.has(ctx, b); err != nil {
		return err
	} else if there {
		r.tally.came(b.digest, Existed)
		return nil
	}
	u := &upload{remote: r, blob: b}
	if err := u.run(ctx); err != nil {
		return err
	}
	there, err := r.has(ctx, b)
	if err == nil && !there {
		err = errors.New("the registry took it and does not have it")
	}
	return err
}

// has asks whether the repository has a blob.
func (r *remote) has(ctx context.Context, b blob) (there bool, err error) {
	err = r.retry(ctx, func() error {
		resp, err := r.do(ctx, request{
			method: http.MethodHead, url: r.url("/blobs/%s", b.digest), want: []int{http.StatusOK, http.StatusNotFound},
		})
		there = err == nil && resp.status == http.StatusOK && (resp.size < 0 || resp.size == b.size)
		return err
	})
	return there, err
}

// upload is one blob on its way ("Pushing a blob in chunks"): a session of the
// registry's, and how far the blob has come in it.
type upload struct {
	*remote
	blob     blob
	location string // of the session; "" for none
	offset   int64  // bytes that the registry has said it has
	furthest int64  // the most it ever had
	begun    bool   // a session was begun before
}

// run tries until the blob is there. Headway, as the registry sees it, makes
// up for a failure: a bad line takes longer, and nothing else.
func (u *upload) run(ctx context.Context) error {
	tries := 0
	for n := 1; ; n++ {
		done, err := u.step(ctx)
		if done || err == nil {
			return err
		}
		if !u.worth(ctx, err) && !u.lost(err) {
			return err
		}
		if tries++; tries == maxTries || n == maxResumes {
			return err
		}
		if err := u.pause(ctx, tries, err); err != nil {
			return err
		}
		was := u.furthest
		if err := u.ask(ctx, err); err != nil {
			return err
		}
		if u.furthest > was {
			tries = 0
		}
	}
}

// step goes on with the upload, or begins one, to its end.
func (u *upload) step(ctx context.Context) (done bool, err error) {
	if u.location == "" {
		if mounted, err := u.begin(ctx); mounted || err != nil {
			return mounted, err
		}
	}
	if u.offset < u.blob.size {
		if err := u.patch(ctx); err != nil {
			return false, err
		}
	}
	if err := u.commit(ctx); err != nil {
		return false, err
	}
	u.tally.came(u.blob.digest, Uploaded)
	return true, nil
}

// begin opens a session, or has the blob mounted from another repository
// ("Mounting a blob from another repository"), which is asked for once.
func (u *upload) begin(ctx context.Context) (mounted bool, err error) {
	to := u.url("/blobs/uploads/")
	from, ok := u.mounts[u.blob.digest]
	if ok && !u.begun {
		to += "?" + url.Values{"mount": {u.blob.digest.String()}, "from": {from.RepositoryStr()}}.Encode()
	}
	u.begun = true
	resp, err := u.do(ctx, request{method: http.MethodPost, url: to, want: []int{http.StatusCreated, http.StatusAccepted}})
	if err != nil && ok && refused(err) {
		return u.begin(ctx) // the other repository is not ours to read
	}
	if err != nil {
		return false, err
	}
	if resp.status == http.StatusCreated {
		u.tally.came(u.blob.digest, Mounted)
		return true, nil
	}
	u.offset = 0
	return false, u.move(resp)
}

// move notes where the session goes on.
func (u *upload) move(resp answer) error {
	loc := resp.header.Get("Location")
	if loc == "" && u.location != "" {
		return nil
	}
	parsed, err := url.Parse(loc)
	if err != nil || loc == "" {
		return fmt.Errorf("the registry names no place for the upload (Location: %q)", loc)
	}
	u.location = resp.url.ResolveReference(parsed).String()
	return nil
}

// patch sends all that the registry does not have yet.
func (u *upload) patch(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	q := request{
		method: http.MethodPatch, url: u.location, size: u.blob.size - u.offset,
		header: map[string]string{"Content-Type": "application/octet-stream"},
		body:   func() (io.ReadCloser, error) { return u.open(ctx, cancel) },
		want:   []int{http.StatusAccepted, http.StatusNoContent, http.StatusCreated},
	}
	if u.offset > 0 { // some registries take no range at the first chunk, as docker sends none
		q.header["Content-Range"] = fmt.Sprintf("%d-%d", u.offset, u.blob.size-1)
		u.tally.add(func(p *Pushed) { p.Resumed++ })
	}
	resp, err := u.do(ctx, q)
	// A registry may have all of a small blob, and have answered, before the
	// connection is given up: that it was unsound here counts nevertheless.
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	if err != nil {
		return err
	}
	u.offset = u.blob.size
	u.furthest = u.blob.size
	return u.move(resp)
}

// commit ends the session. A blob without a byte is sent by it alone.
func (u *upload) commit(ctx context.Context) error {
	at, err := url.Parse(u.location)
	if err != nil {
		return err
	}
	query := at.Query()
	query.Set("digest", u.blob.digest.String())
	at.RawQuery = query.Encode()
	_, err = u.do(ctx, request{
		method: http.MethodPut, url: at.String(), want: []int{http.StatusCreated, http.StatusNoContent},
		header: map[string]string{"Content-Type": "application/octet-stream"},
	})
	return err
}

// lost says whether an error is the session's: it is gone, or not where it was
// thought to be. Another one may do better.
func (u *upload) lost(err error) bool {
	t, ok := errors.AsType[*transport.Error](err)
	if !ok || u.location == "" {
		return false
	}
	switch t.StatusCode {
	case http.StatusNotFound, http.StatusRequestedRangeNotSatisfiable, http.StatusConflict, http.StatusGone, http.StatusBadRequest:
		return true
	}
	return false
}

// ask finds out, after a failure, how far the upload came. A registry that
// cannot tell is given a new session.
func (u *upload) ask(ctx context.Context, failed error) error {
	if u.location == "" {
		return nil
	}
	at := u.location
	u.location, u.offset = "", 0
	if bad, ok := errors.AsType[*transport.Error](failed); ok && bad.StatusCode == http.StatusBadRequest {
		return nil // what it has is not what was sent
	}
	var resp answer
	err := u.retry(ctx, func() (err error) {
		resp, err = u.do(ctx, request{method: http.MethodGet, url: at, want: []int{http.StatusNoContent, http.StatusAccepted, http.StatusOK}})
		return err
	})
	if err != nil {
		if _, answered := errors.AsType[*transport.Error](err); answered {
			return nil
		}
		return err
	}
	has, ok := rangeEnd(resp.header.Get("Range"))
	if !ok || has > u.blob.size {
		return nil
	}
	u.location, u.offset, u.furthest = at, has, max(u.furthest, has)
	return u.move(resp)
}

// rangeEnd reads "0-N" as N+1 bytes. "0-0" is what registries say of nothing at
// all, too: it tells nothing.
func rangeEnd(text string) (size int64, ok bool) {
	first, last, found := strings.Cut(strings.TrimPrefix(text, "bytes="), "-")
	n, err := strconv.ParseInt(last, 10, 62)
	if !found || first != "0" || err != nil || n <= 0 {
		return 0, false
	}
	return n + 1, true
}

// open gives the blob from the upload's offset on. cancel is called when it
// cannot be read.
func (u *upload) open(ctx context.Context, cancel context.CancelCauseFunc) (io.ReadCloser, error) {
	r, err := u.blob.open()
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, store.WithContext(ctx, r), u.offset); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return &body{Reader: r, file: r, left: u.blob.size - u.offset, cancel: cancel, tally: u.tally}, nil
}

// body counts what is sent, and keeps an error of this side from being taken
// for one of the network's.
type body struct {
	io.Reader
	file   io.Closer
	left   int64 // bytes
	cancel context.CancelCauseFunc
	tally  *tally
	closed atomic.Bool
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if b.left -= int64(n); b.left == 0 && err == nil {
		_, err = b.Reader.Read(make([]byte, 1)) // whether it was the blob is said at its end, where nobody else would ask
	}
	if n > 0 {
		b.tally.add(func(p *Pushed) { p.Sent += int64(n) })
	}
	if err != nil && !errors.Is(err, io.EOF) && !b.closed.Load() { // a broken connection closes it under its reader
		b.cancel(&localError{err})
	}
	return n, err
}

func (b *body) Close() error {
	b.closed.Store(true)
	return b.file.Close()
}
