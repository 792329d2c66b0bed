package binary

import (
	"fmt"
	"io"
	"strings"
)

const (
	ntGNUABITag = 1 // NT_GNU_ABI_TAG, of the name "GNU"
	maxNote     = 1 << 16
)

// MinKernel is the oldest Linux that an ELF file of size bytes says it runs on, as
// glibc does: "3.2.0", of its ABI tag (LSB, object format). It is "" of one that
// says nothing. Errors wrap ErrFormat, or are r's own.
func MinKernel(r io.ReaderAt, size int64) (string, error) {
	e := &elfReader{r: r, size: size, want: map[uint16]versionRef{}, offer: map[uint16]string{}}
	if err := e.header(); err != nil {
		return "", fmt.Errorf("reading ELF header: %w", err)
	}
	if err := e.segments(); err != nil {
		return "", fmt.Errorf("reading ELF program headers: %w", err)
	}
	for _, s := range e.notes {
		if s.filesz > maxNote {
			continue
		}
		b, err := e.bytes(s.off, s.filesz)
		if err != nil {
			return "", err
		}
		if v := e.abiTag(b); v != "" {
			return v, nil
		}
	}
	return "", nil
}

// abiTag finds the tag in a series of notes: the system, 0 for Linux, and three
// numbers.
func (e *elfReader) abiTag(b []byte) string {
	const align = 4
	for len(b) >= 12 {
		name, desc, typ := e.word(b, 0), e.word(b, 4), e.word(b, 8)
		start := padded(12+name, align)
		if start > uint64(len(b)) || desc > uint64(len(b))-start {
			return ""
		}
		if typ == ntGNUABITag && name == 4 && desc == 16 && string(b[12:15]) == "GNU" && e.word(b, int(start)) == 0 {
			var numbers []string
			for i := 1; i < 4; i++ {
				numbers = append(numbers, fmt.Sprint(e.word(b, int(start)+4*i)))
			}
			return strings.Join(numbers, ".")
		}
		b = b[min(padded(start+desc, align), uint64(len(b))):]
	}
	return ""
}
