package sandbox

import (
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestAbstractSockets has a server in the host's network namespace that has no
// path, of each kind.
func TestAbstractSockets(t *testing.T) {
	if abi, err := landlockABI(); err != nil || abi < scopesABI {
		t.Skip(scopes(abi, err).Detail)
	}
	for _, network := range []string{"unix", "unixpacket", "unixgram"} {
		for _, reap := range []bool{false, true} {
			name := fmt.Sprintf("@dram-attack-%d-%s-%v", os.Getpid(), network, reap)
			var touched func() string
			if network == "unixgram" {
				c, err := net.ListenUnixgram(network, &net.UnixAddr{Name: name, Net: network})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = c.Close() })
				touched = func() string {
					_ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
					n, _ := c.Read(make([]byte, 8))
					return fmt.Sprint(n, " bytes")
				}
			} else {
				_, touched = accepts(t, network, name)
			}
			before := touched()
			spec := inside(t, "attack", "abstract "+network, "own abstract")
			spec.Network, spec.Reap, spec.Env = Host, reap, []string{"TARGET=" + name}
			if out := mustOutput(t, spec); out != "abstract "+network+"=EPERM\nown abstract=DONE\n" {
				t.Errorf("%s, reap %v: %q", network, reap, out)
			}
			if after := touched(); after != before {
				t.Errorf("%s, reap %v: the host was reached: %s", network, reap, after)
			}
		}
	}
}

func TestScopesAreSaid(t *testing.T) {
	tests := []struct {
		abi  int
		err  error
		ok   bool
		says string
	}{
		{7, nil, true, "scoped: steps with the host's network do not reach them (Landlock, ABI 7)"},
		{6, nil, true, "scoped: steps with the host's network do not reach them (Landlock, ABI 6)"},
		{5, nil, false, "not scoped: steps with the host's network reach them (this kernel's Landlock has ABI 5, scopes came with 6)"},
		{0, unix.ENOSYS, false, "not scoped: steps with the host's network reach them (this kernel has no Landlock)"},
		{0, unix.EOPNOTSUPP, false, "not scoped: steps with the host's network reach them (this kernel has Landlock, but it was not switched on)"},
		{0, unix.EPERM, false, "not scoped: steps with the host's network reach them (Landlock is forbidden here: operation not permitted)"},
	}
	for _, tt := range tests {
		p := scopes(tt.abi, tt.err)
		if p.OK != tt.ok || p.Detail != tt.says || !p.Optional || p.OK != (p.Remedy == "") {
			t.Errorf("ABI %d, %v: %+v", tt.abi, tt.err, p)
		}
	}
}
