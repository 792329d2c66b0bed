package target

import (
	"bytes"
	"slices"
	"strings"
)

// CPULevel is the highest level of the x86-64 psABI ("x86-64-v3") whose
// instructions a processor has, by the flags of Linux's /proc/cpuinfo; "" if
// there are no such flags, as on other processors. Of several processors the
// weakest counts.
func CPULevel(cpuinfo []byte) string {
	level := ""
	for line := range bytes.Lines(cpuinfo) {
		name, flags, ok := bytes.Cut(line, []byte(":"))
		if !ok || strings.TrimSpace(string(name)) != "flags" {
			continue
		}
		this := levelOf(strings.Fields(string(flags)))
		if level == "" || this < level {
			level = this
		}
	}
	return level
}

// levelOf compares flags as Linux names them with the psABI's list
// (low-level/x86-64: "Micro-architecture levels"); "abm" has lzcnt.
func levelOf(flags []string) string {
	level := "x86-64"
	for _, l := range []struct{ name, flags string }{
		{"x86-64-v2", "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"},
		{"x86-64-v3", "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"},
		{"x86-64-v4", "avx512f avx512bw avx512cd avx512dq avx512vl"},
	} {
		for f := range strings.FieldsSeq(l.flags) {
			if !slices.Contains(flags, f) {
				return level
			}
		}
		level = l.name
	}
	return level
}
