package check

import (
	"io"

	"dram/internal/binary"
)

// indirect says whether a file of the release has functions that the loader has to
// choose.
func (s *Survey) indirect(n *native) bool {
	f, err := s.rel.FS.Open(n.Path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // only read
	r, ok := f.(io.ReaderAt)
	if !ok {
		return false
	}
	yes, err := binary.ReadIndirect(r, n.Size)
	return err == nil && yes
}
