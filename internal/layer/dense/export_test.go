package dense

import "io"

// NewSegmented is NewWriter with small segments, so that little data has many.
func NewSegmented(w io.Writer, segment int) *Writer { return newWriter(w, segment) }
