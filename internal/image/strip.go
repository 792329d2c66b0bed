package image

import (
	"io"

	"dram/internal/binary"
	"dram/internal/store"
)

// maxStripped bounds a file that debug information is left out of, in bytes.
const maxStripped = 256 << 20

// stripped is a file of the release without what debuggers alone read of it.
func (c *collector) stripped(f File) (File, error) {
	if c.debug || f.source == "" || !mayNeed(f) || f.Size > maxStripped {
		return f, nil
	}
	r, err := f.Open()
	if err != nil {
		return f, err
	}
	defer func() { _ = r.Close() }() // only read from
	head := make([]byte, binary.HeaderLen)
	if n, err := io.ReadFull(r, head); err != nil || binary.Sniff(head[:n]) != binary.ELF {
		return f, nil //nolint:nilerr // a file that is too short for one; who packs it says what cannot be read
	}
	rest, err := io.ReadAll(io.LimitReader(r, maxStripped))
	if err != nil {
		return f, err
	}
	was := append(head, rest...)
	is := binary.WithoutDebug(was)
	if f.without = int64(len(was) - len(is)); f.without == 0 {
		return f, nil
	}
	f.Size, f.Digest, f.Open, f.made = int64(len(is)), store.DigestOf(is), bytesOpener(is), is
	return f, nil
}

// Stripped is how many files of the release have no debug information in the image
// although they had some, and how many bytes that was.
func (d *Draft) Stripped() (files int, bytes int64) {
	for _, f := range d.files {
		if f.without > 0 {
			files, bytes = files+1, bytes+f.without
		}
	}
	return files, bytes
}
