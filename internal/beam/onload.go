package beam

import "slices"

// NIFLoad is what a module does about a NIF library when it is itself loaded.
type NIFLoad int

// The ways. A function of -on_load that gives anything but ok has the module
// unloaded, and ends a boot.
const (
	NoNIFLoad       NIFLoad = iota // it has no -on_load, or loads no library
	NIFLoadLooked                  // it looks at what erlang:load_nif/2 says, or somebody else does
	NIFLoadReturned                // what erlang:load_nif/2 says is what its -on_load gives
)

const (
	opCallExt     = 7
	opCallExtLast = 8
	opCallExtOnly = 78
	opOnLoad      = 149
)

// NIFLoad tells what the module does about a NIF library when it is loaded.
func (m *Module) NIFLoad() (NIFLoad, error) {
	if !m.Opcodes.Has(opOnLoad) {
		return NoNIFLoad, nil
	}
	imports, err := m.Imports()
	if err != nil {
		return NoNIFLoad, err
	}
	loadNIF := slices.Index(imports, Func{"erlang", "load_nif", 2})
	if loadNIF < 0 {
		return NoNIFLoad, nil
	}
	out, inside := NIFLoadLooked, false
	err = m.walkCode(func(s *codeReader, op byte) bool {
		switch op {
		case opFuncInfo:
			inside = false
		case opOnLoad:
			inside = true
		case opCallExtLast, opCallExtOnly:
			if f, ok := s.called(); inside && ok && f == uint64(loadNIF) { //nolint:gosec // an index
				out = NIFLoadReturned
			}
		}
		return false
	})
	return out, err
}

// called is the import that a call names, of which the operands are next: how many
// arguments, and which import.
func (s *codeReader) called() (uint64, bool) {
	_, _, next, ok := compact(s.b, s.at)
	if !ok {
		return 0, false
	}
	tag, v, _, ok := compact(s.b, next)
	return v, ok && tag == tagU
}
