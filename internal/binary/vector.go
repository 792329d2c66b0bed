package binary

import (
	"bytes"
	"debug/elf"
	"io"
)

// maxCode bounds, in bytes, how much of a file's code is looked at.
const maxCode = 8 << 20

// Vector is how often the code of a file for x86-64 moves data by instructions of each
// kind. It is counted by patterns of bytes, not by reading instructions one by one, so
// that it tells what a file was compiled for and nothing of a single instruction.
type Vector struct {
	SSE    int  // of the baseline
	AVX    int  // with a VEX prefix
	Wide   int  // of these on 256 bits
	AVX512 int  // on 512 bits
	Asks   bool // it may ask the processor what it knows (CPUID, XGETBV)
}

// ReadVector counts in the code of the ELF file of size bytes in r. Errors are as for
// ReadELF.
func ReadVector(r io.ReaderAt, size int64) (Vector, error) {
	e, err := readELF(r, size)
	if err != nil || e.out.Machine != elf.EM_X86_64 {
		return Vector{}, err
	}
	var v Vector
	left := uint64(maxCode)
	for _, s := range e.loads {
		if !s.code || s.filesz == 0 {
			continue
		}
		n := min(s.filesz, left)
		b, err := e.bytes(s.off, n)
		if err != nil {
			return Vector{}, err
		}
		v.count(b)
		left -= n
	}
	return v, nil
}

// count looks for three bytes of vmovups and its like: C5, a second byte of a prefix
// that takes no other source (which as an opcode of its own is one of clc to std),
// and an opcode of a move. Of the baseline's it looks for the same opcodes.
func (v *Vector) count(b []byte) {
	v.Asks = v.Asks || bytes.Contains(b, []byte("\x0f\xa2")) || bytes.Contains(b, []byte("\x0f\x01\xd0"))
	for i := 0; i+5 < len(b); i++ {
		switch b[i] {
		case 0xc5:
			if b[i+1] >= 0xf8 && b[i+1] <= 0xfe && moves(b[i+2]) {
				v.AVX++
				v.Wide += int(b[i+1] >> 2 & 1)
			}
		case 0x0f:
			if op := b[i+1]; op == 0x10 || op == 0x11 || op == 0x28 || op == 0x29 || i > 0 && b[i-1] == 0x66 && (op == 0x6f || op == 0x7f || op == 0xd6) {
				v.SSE++
			}
		case 0x62:
			if b[i+1]&0x0c == 0 && b[i+1]&3 != 0 && b[i+2]&0x7c == 0x7c && b[i+3] == 0x48 && moves(b[i+4]) {
				v.AVX512++
			}
		}
	}
}

// moves says whether an opcode is that of a move, or of vzeroupper.
func moves(op byte) bool {
	switch op {
	case 0x10, 0x11, 0x28, 0x29, 0x6e, 0x6f, 0x77, 0x7e, 0x7f, 0xd6:
		return true
	}
	return false
}

// Least counts below this say nothing.
const leastMoves = 12

// Level is the level of x86-64 processors for which the code was compiled throughout,
// or which it uses without asking; 0 if it is the baseline, for all that is seen.
func (v Vector) Level() ISA {
	switch {
	case v.AVX512 >= leastMoves && !v.Asks:
		return ISAV4
	case v.AVX >= leastMoves && v.AVX > 2*v.SSE, v.Wide >= leastMoves && !v.Asks:
		return ISAV3
	}
	return 0
}
