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

// chain calls visit with each record of size bytes from pos on, up to count of
// them or a distance of 0; next reads the distance. left is a budget shared
// between chains: chains of a hostile file can overlap, and multiply.
func (e *elfReader) chain(b []byte, pos, size, count uint64, left *int, next func([]byte) uint64,
	visit func(pos uint64, rec []byte) error,
) error {
	for ; count > 0; count-- {
		if *left--; *left < 0 {
			return malformed("more than %d version records", maxVersions)
		}
		if pos > uint64(len(b)) || size > uint64(len(b))-pos {
			return malformed("version record at %d is out of bounds", pos)
		}
		rec := b[pos : pos+size]
		if err := visit(pos, rec); err != nil {
			return err
		}
		step := next(rec)
		if step == 0 {
			return nil
		}
		pos += step
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
	return e.chain(b, 0, 16, e.tags[elf.DT_VERNEEDNUM], &left, func(r []byte) uint64 { return e.word(r, 12) },
		func(pos uint64, rec []byte) error {
			lib, err := e.str(e.word(rec, 4))
			if err != nil {
				return err
			}
			need := VersionNeed{Library: lib}
			count := uint64(e.order.Uint16(rec[2:]))
			err = e.chain(b, pos+e.word(rec, 8), 16, count, &left, func(r []byte) uint64 { return e.word(r, 12) },
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
	return e.chain(b, 0, 20, e.tags[elf.DT_VERDEFNUM], &left, func(r []byte) uint64 { return e.word(r, 16) },
		func(pos uint64, rec []byte) error {
			flags := e.order.Uint16(rec[2:])
			// The first auxiliary record is the name; the others are its parents.
			return e.chain(b, pos+e.word(rec, 12), 8, min(1, uint64(e.order.Uint16(rec[6:]))), &left,
				func([]byte) uint64 { return 0 },
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
