// Package beam reads what Erlang compilers and tools write: BEAM files (the
// IFF container that beam_lib and the loader read, OTP 17 to 29, gzipped or
// not), terms in the external term format (erl_ext_dist), and terms as text
// (what file:consult reads: .app, .rel, .script, sys.config). It also knows
// what the loader of each OTP accepts, measured where it could be (see
// Generations), so that Module.RunsOn tells whether a module will load.
//
// Files are taken to be hostile. Bytes, entries and depth are limited; memory
// follows from bytes that are there, never from a number that stands in them
// (what is compressed may grow by maxRatio, and never beyond maxFile); what
// breaks a rule ends in an error that wraps ErrFormat and names the chunk and
// the offset. Nothing is executed and no atom table grows.
package beam

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/gzip"
)

// ErrFormat is what reading something that breaks its format's rules, or
// passes this package's limits, ends in.
var ErrFormat = errors.New("malformed")

// Limits of a BEAM file. The largest that OTP 23 to 29 ship has 1.2 MB, under
// 20 chunks; they shrink by half, literals to a seventeenth at most.
const (
	maxFile   = 32 << 20 // bytes, unpacked
	maxRatio  = 200      // unpacked bytes a packed one
	maxChunks = 64
	maxAtoms  = 1 << 20 // what a VM has room for
	maxRows   = 1 << 18 // imports or exports
)

// Module is a BEAM file. It keeps the bytes it was read from, for what its
// methods decode when asked; drop it to free them. It is immutable and safe
// for concurrent use.
type Module struct {
	Name      string
	Atoms     []string // the atom that the file numbers 1 is Atoms[0]
	AtomTable AtomTable
	Literals  LiteralTable
	Gzipped   bool

	MaxOpcode int   // the highest opcode that the compiler says it used
	Opcodes   OpSet // the opcodes that the code really uses
	// UnknownOpcode is the first opcode, above all that this package knows,
	// where reading the code had to stop (Opcodes lacks what follows); else 0.
	UnknownOpcode int

	chunks []chunk
	bifs   []bool // by import: instructions call it as a BIF
}

// AtomTable is how a file writes its atoms.
type AtomTable int

// The atom tables.
const (
	AtomsLatin1 AtomTable = iota // "Atom": before OTP 20
	AtomsUTF8                    // "AtU8": OTP 20 and later
	AtomsLong                    // "AtU8" with a negative count: OTP 28 and later
)

// LiteralTable is how a file writes its literals.
type LiteralTable int

// The literal tables.
const (
	NoLiterals         LiteralTable = iota
	LiteralsCompressed              // zlib
	LiteralsPlain                   // size 0, not compressed: OTP 28 and later
)

// Func names a function.
type Func struct {
	Module, Name string
	Arity        int
}

func (f Func) String() string {
	return fmt.Sprintf("%s:%s/%d", f.Module, f.Name, f.Arity)
}

type chunk struct {
	id     string
	offset int // of the content, in the unpacked file
	data   []byte
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

func (c chunk) malformed(at int, format string, args ...any) error {
	return malformed("chunk %q at offset %d: %s", c.id, c.offset+at, fmt.Sprintf(format, args...))
}

// Read reads a BEAM file: its container, atoms and code. The rest is decoded
// by the methods that give it. The module keeps data, which must not change.
func Read(data []byte) (*Module, error) {
	m := &Module{}
	if len(data) >= 2 && data[0] == 0x1f && data[1] == 0x8b {
		unpacked, err := gunzip(data)
		if err != nil {
			return nil, err
		}
		data, m.Gzipped = unpacked, true
	}
	if len(data) > maxFile {
		return nil, malformed("BEAM file of %d bytes, at most %d are read", len(data), maxFile)
	}
	var err error
	if m.chunks, err = split(data); err != nil {
		return nil, err
	}
	for _, read := range []func() error{m.readAtoms, m.readCode, m.readLiteralTable} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func gunzip(data []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, malformed("gzipped BEAM file: %v", err)
	}
	limit := unpackLimit(len(data))
	out, err := io.ReadAll(io.LimitReader(z, int64(limit)+1))
	if err != nil {
		return nil, malformed("gzipped BEAM file: %v", err)
	}
	if len(out) > limit {
		return nil, malformed("gzipped BEAM file of %d bytes unpacks to more than %d", len(data), limit)
	}
	return out, nil
}

func unpackLimit(packed int) int { return min(maxFile, packed*maxRatio+4096) }

// split walks the container: "FOR1", size, "BEAM", then chunks of id, size and
// content, each padded to four bytes. As the loader does, it takes what the
// size covers and passes over bytes behind it.
func split(data []byte) ([]chunk, error) {
	if len(data) < 12 || string(data[:4]) != "FOR1" || string(data[8:12]) != "BEAM" {
		return nil, malformed("no BEAM file: it starts with %.12q, not with FOR1, a size and BEAM", data[:min(12, len(data))])
	}
	size := uint64(binary.BigEndian.Uint32(data[4:])) + 8
	if size > uint64(len(data)) {
		return nil, malformed("truncated BEAM file: its header says %d bytes, there are %d", size, len(data))
	}
	data = data[:size]
	var chunks []chunk
	for at := 12; at < len(data); {
		if len(data)-at < 8 {
			return nil, malformed("BEAM file: %d bytes at offset %d are no chunk", len(data)-at, at)
		}
		if len(chunks) == maxChunks {
			return nil, malformed("BEAM file: more than %d chunks", maxChunks)
		}
		c := chunk{id: string(data[at : at+4]), offset: at + 8}
		n := uint64(binary.BigEndian.Uint32(data[at+4:]))
		if n > uint64(len(data)-c.offset) {
			return nil, c.malformed(0, "it says %d bytes, %d are left", n, len(data)-c.offset)
		}
		end := c.offset + int(n)
		c.data = data[c.offset:end:end]
		chunks = append(chunks, c)
		at = (end + 3) &^ 3
	}
	return chunks, nil
}

func (m *Module) chunk(ids ...string) (chunk, bool) {
	for _, id := range ids {
		if i := slices.IndexFunc(m.chunks, func(c chunk) bool { return c.id == id }); i >= 0 {
			return m.chunks[i], true
		}
	}
	return chunk{}, false
}

// Chunks are the ids of the file's chunks, in its order.
func (m *Module) Chunks() []string {
	ids := make([]string, len(m.chunks))
	for i, c := range m.chunks {
		ids[i] = c.id
	}
	return ids
}

// atom is the atom that the file numbers n.
func (m *Module) atom(n uint32) (string, bool) {
	if n < 1 || int64(n) > int64(len(m.Atoms)) {
		return "", false
	}
	return m.Atoms[n-1], true
}
