package binary

import "debug/elf"

// Flags of verneed and verdef records; debug/elf keeps them to itself.
const (
	verBase = 1
	verWeak = 2
)

// maxVersionBytes bounds the version records of a file, needs and definitions
// each: more than maxVersions records of 16 and 20 bytes can take.
const maxVersionBytes = 1 << 20

// versions reads DT_VERNEED and DT_VERDEF: chains of records, each giving the
// distance to its auxiliary records and to the next one.
func (e *elfReader) versions() error {
	if err := e.versionNeeds(); err != nil {
		return err
	}
	return e.versionDefs()
}

// records is the part of the file at the address that tag holds; nil if there
// is no such tag.
func (e *elfReader) records(tag elf.DynTag) ([]byte, error) {
	addr, ok := e.tags[tag]
	if !ok {
		return nil, nil
	}
	off, left, err := e.at(addr)
	if err != nil {
		return nil, err
	}
	return e.bytes(off, min(left, maxVersionBytes))
}

// chain is records that name the distance to the next.
type chain struct {
	pos, size, count uint64
	next             int // where in a record the distance stands; 0: there is but one
}

// walk calls visit with each record of a chain, up to its count or a distance of
// 0. left is a budget shared between chains: chains of a hostile file can overlap,
// and multiply.
func (e *elfReader) walk(b []byte, c chain, left *int, visit func(pos uint64, rec []byte) error) error {
	for ; c.count > 0; c.count-- {
		if *left--; *left < 0 {
			return malformed("more than %d version records", maxVersions)
		}
		if c.pos > uint64(len(b)) || c.size > uint64(len(b))-c.pos {
			return malformed("version record at %d is out of bounds", c.pos)
		}
		rec := b[c.pos : c.pos+c.size]
		if err := visit(c.pos, rec); err != nil || c.next == 0 {
			return err
		}
		step := e.word(rec, c.next)
		if step == 0 {
			return nil
		}
		c.pos += step
	}
	return nil
}

func (e *elfReader) word(b []byte, at int) uint64 { return uint64(e.order.Uint32(b[at:])) }

func (e *elfReader) versionNeeds() error {
	b, err := e.records(elf.DT_VERNEED)
	if err != nil || b == nil {
		return err
	}
	left := maxVersions
	return e.walk(b, chain{0, 16, e.tags[elf.DT_VERNEEDNUM], 12}, &left,
		func(pos uint64, rec []byte) error {
			lib, err := e.str(e.word(rec, 4))
			if err != nil {
				return err
			}
			need := VersionNeed{Library: lib}
			count := uint64(e.order.Uint16(rec[2:]))
			err = e.walk(b, chain{pos + e.word(rec, 8), 16, count, 12}, &left,
				func(_ uint64, aux []byte) error {
					name, err := e.str(e.word(aux, 8))
					e.want[e.order.Uint16(aux[6:])] = versionRef{lib, name}
					need.Versions = append(need.Versions, Version{name, e.order.Uint16(aux[4:])&verWeak != 0})
					return err
				})
			e.out.VersionNeeds = append(e.out.VersionNeeds, need)
			return err
		})
}

func (e *elfReader) versionDefs() error {
	b, err := e.records(elf.DT_VERDEF)
	if err != nil || b == nil {
		return err
	}
	left := maxVersions
	return e.walk(b, chain{0, 20, e.tags[elf.DT_VERDEFNUM], 16}, &left,
		func(pos uint64, rec []byte) error {
			flags := e.order.Uint16(rec[2:])
			// The first auxiliary record is the name; the others are its parents.
			return e.walk(b, chain{pos + e.word(rec, 12), 8, min(1, uint64(e.order.Uint16(rec[6:]))), 0}, &left,
				func(_ uint64, aux []byte) error {
					name, err := e.str(e.word(aux, 0))
					if flags&verBase == 0 {
						e.offer[e.order.Uint16(rec[4:])&versionIndex] = name
					}
					def := VersionDef{Name: name, Base: flags&verBase != 0, Weak: flags&verWeak != 0}
					e.out.VersionDefs = append(e.out.VersionDefs, def)
					return err
				})
		})
}
