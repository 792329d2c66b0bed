package debian

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

const (
	arMagic  = "!<arch>\n"
	arHeader = 60
	maxParts = 16 // members of a .deb; three are usual
)

// arReader reads the members of an ar(5) archive in order, as deb(5) uses it:
// short names only.
type arReader struct {
	r     io.Reader
	part  io.LimitedReader
	odd   bool // the member is followed by a byte of padding
	count int
	made  time.Time // the newest member's, among those that were read
}

func newArReader(r io.Reader) (*arReader, error) {
	magic := make([]byte, len(arMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != arMagic {
		return nil, errors.New("not a Debian package: no ar archive")
	}
	return &arReader{r: r}, nil
}

// next goes to the next member; io.EOF after the last.
func (a *arReader) next() (name string, body io.Reader, err error) {
	skip := a.part.N
	if a.odd {
		skip++
	}
	if n, err := io.CopyN(io.Discard, a.r, skip); err != nil {
		// Some writers leave the padding out after the last member.
		if errors.Is(err, io.EOF) && a.odd && n == skip-1 {
			return "", nil, io.EOF
		}
		return "", nil, fmt.Errorf("reading ar archive: %w", noEOF(err))
	}
	var h [arHeader]byte
	if _, err := io.ReadFull(a.r, h[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return "", nil, io.EOF
		}
		return "", nil, fmt.Errorf("reading ar archive: %w", err)
	}
	if a.count++; a.count > maxParts {
		return "", nil, fmt.Errorf("ar archive has more than %d members", maxParts)
	}
	size, err := strconv.ParseUint(strings.TrimRight(string(h[48:58]), " "), 10, 40)
	if err != nil || string(h[58:]) != "`\n" {
		return "", nil, fmt.Errorf("ar archive has a malformed header at member %d", a.count)
	}
	if made, err := strconv.ParseInt(strings.TrimRight(string(h[16:28]), " "), 10, 40); err == nil && made > 0 && time.Unix(made, 0).After(a.made) {
		a.made = time.Unix(made, 0)
	}
	a.part = io.LimitedReader{R: a.r, N: int64(size)} //nolint:gosec // 40 bits
	a.odd = size%2 == 1
	return strings.TrimRight(strings.TrimRight(string(h[:16]), " "), "/"), &a.part, nil
}

// noEOF makes an end in the middle an error.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
