package plan

import (
	"slices"
	"testing"

	"dram/internal/project"
	"dram/internal/source"
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

// A job carries what its toolchain's Erlang needs under emulation, with the flags that
// were set for it.
func TestJobForEmulation(t *testing.T) {
	in := inputs(project.Project{App: "shop"})
	in.Config.BuildEnv = []string{"ERL_FLAGS=+S 2"}
	pl, err := Make(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	j := pl.Job(&toolchain.Toolchain{ID: "sha256:1"}, "/root", toolchain.Facts{OTP: "27.1"}, &source.Tree{}, nil)
	if want := []string{"ERL_FLAGS=+S 2 +JMsingle true"}; !slices.Equal(j.Emulated, want) || !slices.Contains(j.Env, "ERL_FLAGS=+S 2") {
		t.Errorf("emulated %q of %q, want %q", j.Emulated, j.Env, want)
	}
}
