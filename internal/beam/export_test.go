package beam

import "slices"

// Probes are made modules that put one question to a loader each, by file
// name; why a loader of that OTP release refuses it is in the answer.
func Probes(otp int) map[string][]byte {
	probes := map[string][]byte{}
	add := func(s source) { probes[s.atoms[0]] = s.bytes() }
	g, _ := LookupGeneration(otp)
	for op := 1; op <= g.MaxOpcode; op++ {
		if otp < 25 && !retiredBy(otp).Has(op) {
			continue // with operands that make no sense, the loader of OTP 23 dies of some
		}
		if opcodes[op].calls {
			continue // the BIFs below are their probes
		}
		add(source{
			atoms: []string{"op" + opcodes[op].name, "f"}, code: usesOpcodes(byte(op)),
			maxOpcode: max(op, minMaxOpcode), atomTable: AtomsUTF8,
		})
	}
	names := slices.Clone(steadyBIFs)
	for name := range otherBIFs {
		names = append(names, name)
	}
	for _, name := range names {
		f := Func{"erlang", name[:len(name)-2], int(name[len(name)-1] - '0')}
		add(bifSource("bif"+escape(name), f))
	}
	for _, s := range []source{plain(), {maxOpcode: minMaxOpcode - 1}, {maxOpcode: g.MaxOpcode}, {maxOpcode: g.MaxOpcode + 1}} {
		add(source{atoms: []string{"max" + opcodeName(s.maxOpcode), "f"}, code: function(), maxOpcode: s.maxOpcode, atomTable: AtomsUTF8})
	}
	add(source{atoms: []string{"latin1", "f"}, code: function(), maxOpcode: minMaxOpcode})
	literals := source{atoms: []string{"literals", "f"}, code: function(), maxOpcode: minMaxOpcode, atomTable: AtomsUTF8}
	plainLiteral(&literals)
	add(literals)
	featured := source{atoms: []string{"featured", "f"}, code: function(), maxOpcode: minMaxOpcode, atomTable: AtomsUTF8}
	feature(&featured)
	add(featured)
	if otp >= 25 { // OTP 23 dies of it
		add(source{atoms: []string{"longatoms", "f"}, code: function(), maxOpcode: minMaxOpcode, atomTable: AtomsLong})
	}
	return probes
}

func retiredBy(otp int) OpSet {
	var s OpSet
	for _, r := range retired {
		if otp >= r.refusedAgain {
			for _, op := range r.ops {
				s.add(op)
			}
		}
	}
	return s
}

// escape makes a file name of a function's.
func escape(name string) string {
	out := []byte(name)
	for i, c := range out {
		if c == '/' {
			out[i] = '~'
		}
	}
	return string(out)
}
