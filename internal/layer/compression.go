package layer

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"dram/internal/layer/dense"
)

// Format is a format of compression.
type Format string

// The formats.
const (
	Gzip Format = "" // what everything reads
	Zstd Format = "zstd"
)

// Compression is how an archive is compressed.
type Compression struct {
	Format Format
	// Level is that of all groups: 1 to 9 of gzip, 1 to 22 of zstd. 0 is the usual
	// way: groups that are Dense by package dense, all else by gzip's 9; by zstd its
	// smallest.
	Level int
}

// The highest levels.
const (
	MaxGzip = gzip.BestCompression
	MaxZstd = 22
)

// zstdWindow is how far back a zstd frame refers, in bytes: what every decoder has to
// support (RFC 8878, section 3.1.1.1.2).
const zstdWindow = 8 << 20

// method is how one group is compressed.
type method struct {
	format Format
	level  int
	dense  bool
}

func (c Compression) method(best bool) method {
	switch {
	case c.Format == Zstd && c.Level == 0:
		return method{Zstd, int(zstd.SpeedBestCompression), false}
	case c.Format == Zstd:
		return method{Zstd, int(zstd.EncoderLevelFromZstd(c.Level)), false}
	case c.Level == 0:
		return method{Gzip, gzip.BestCompression, best}
	}
	return method{Gzip, c.Level, false}
}

// String is part of keys.
func (m method) String() string {
	return fmt.Sprintf("%slevel %d dense %t", m.format, m.level, m.dense)
}

// compressor compresses into w. Its bytes depend on what is written alone, not on how
// many processors there are.
func (m method) compressor(w io.Writer) (io.WriteCloser, error) {
	switch {
	case m.format == Zstd:
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.EncoderLevel(m.level)), zstd.WithWindowSize(zstdWindow))
	case m.dense:
		return dense.NewWriter(w), nil
	}
	return gzip.NewWriterLevel(w, m.level)
}
