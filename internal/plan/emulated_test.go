package plan

import (
	"slices"
	"testing"

	"dram/internal/toolchain"
)

func TestEmulated(t *testing.T) {
	for _, tt := range []struct {
		otp  string
		env  []string
		want []string
	}{
		{"27.3.4.1", nil, []string{"ERL_FLAGS=+JMsingle true"}},
		{"26.0", []string{"ERL_FLAGS=+S 2", "A=1"}, []string{"ERL_FLAGS=+S 2 +JMsingle true"}},
		{"25.2.3", nil, []string{"ERL_FLAGS=+JPperf true"}},
		{"23.2.6", nil, nil},
		{"", nil, nil},
	} {
		if got := emulated(toolchain.Facts{OTP: tt.otp}, tt.env); !slices.Equal(got, tt.want) {
			t.Errorf("OTP %q with %q: %q, want %q", tt.otp, tt.env, got, tt.want)
		}
	}
}
