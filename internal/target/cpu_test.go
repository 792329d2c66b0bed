package target_test

import (
	"testing"

	"dram/internal/target"
)

func TestCPULevel(t *testing.T) {
	const (
		base = "flags\t\t: fpu sse sse2 pni"
		v2   = base + " cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3"
		v3   = v2 + " avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"
		v4   = v3 + " avx512f avx512bw avx512cd avx512dq avx512vl"
	)
	for _, tt := range []struct{ info, want string }{
		{base + "\n", "x86-64"},
		{v2 + "\n", "x86-64-v2"},
		{v3 + "\n", "x86-64-v3"},
		{"processor\t: 0\n" + v4 + "\nbugs\t: x\n", "x86-64-v4"},
		{v4 + "\n" + v2 + "\n", "x86-64-v2"},
		{base + " avx512f avx512bw avx512cd avx512dq avx512vl\n", "x86-64"},
		{"Features\t: fp asimd\n", ""},
		{"", ""},
	} {
		if got := target.CPULevel([]byte(tt.info)); got != tt.want {
			t.Errorf("%.60q: %q, want %q", tt.info, got, tt.want)
		}
	}
}
