package beam

import (
	"cmp"
	"encoding/binary"
	"fmt"
)

// Function is a function that a module defines, exported or not.
type Function struct {
	Func
	// NIF says that the module declares it with -nifs (an instruction that
	// compilers write since OTP 25).
	NIF bool
}

const (
	opFuncInfo = 2
	opNIFStart = 179
	tagAtom    = 2
)

// Functions are the functions that the module's code defines, exported or not:
// those that erlang:load_nif/2 finds. Lambdas and comprehensions are among
// them, what the compiler inlined away is not.
func (m *Module) Functions() ([]Function, error) {
	var out []Function
	var broken error
	err := m.walkCode(func(s *codeReader, op byte) bool {
		switch op {
		case opFuncInfo:
			at := s.at
			f, ok := s.funcInfo()
			if !ok && broken == nil {
				broken = malformed(`chunk "Code" at %d: broken func_info`, at)
			}
			out = append(out, Function{Func: f})
			return true
		case opNIFStart:
			if len(out) > 0 {
				out[len(out)-1].NIF = true
			}
		}
		return false
	})
	if err = cmp.Or(broken, err); err != nil {
		return nil, err
	}
	return out, nil
}

// walkCode visits each instruction, with the reader at its operands. A visit that
// reads these says so.
func (m *Module) walkCode(visit func(s *codeReader, op byte) (read bool)) error {
	c, ok := m.chunk("Code")
	if !ok {
		return malformed(`BEAM file: chunk "Code" is missing`)
	}
	// readCode saw to the header and walked all that follows it.
	s := codeReader{m: &Module{Atoms: m.Atoms, MaxOpcode: m.MaxOpcode, bifs: make([]bool, len(m.bifs))}, b: c.data}
	s.at = int(binary.BigEndian.Uint32(c.data)) + 4
	for s.at < len(s.b) && s.b[s.at] != opCodeEnd {
		op := s.b[s.at]
		if int(op) > maxKnownOpcode || op == 0 {
			return c.malformed(s.at, "opcode %d is not known", op)
		}
		s.at++
		if visit(&s, op) {
			continue
		}
		if wrong := s.operands(&opcodes[op]); wrong != "" {
			return c.malformed(s.at, "%s", wrong)
		}
	}
	return nil
}

// funcInfo reads the operands of func_info: module, name, arity.
func (s *codeReader) funcInfo() (Func, bool) {
	var v [3]uint64
	for i, wants := range []byte{tagAtom, tagAtom, tagU} {
		tag, value, next, ok := compact(s.b, s.at)
		if !ok || tag != wants || value > maxAtoms {
			return Func{}, false
		}
		v[i], s.at = value, next
	}
	module, ok1 := s.m.atom(uint32(v[0]))                           //nolint:gosec // at most maxAtoms
	name, ok2 := s.m.atom(uint32(v[1]))                             //nolint:gosec // at most maxAtoms
	return Func{module, name, int(v[2])}, ok1 && ok2 && v[2] <= 255 //nolint:gosec // at most maxAtoms
}

// Defines tells what erlang:load_nif/2 of OTP 25 and later says of a function
// that a library brings: nothing (""), or why it refuses it. OTP 23 and 24 ask
// only that it is there.
func Defines(functions []Function, f Func, otp int) (refusal string) {
	declared, found := false, false
	for _, d := range functions {
		declared = declared || d.NIF
		if d.Name == f.Name && d.Arity == f.Arity {
			if found = true; d.NIF {
				return ""
			}
		}
	}
	switch {
	case !found:
		return fmt.Sprintf("Function not found %s", f)
	case declared && otp >= 25:
		return fmt.Sprintf("Function not declared as nif %s", f)
	}
	return ""
}
