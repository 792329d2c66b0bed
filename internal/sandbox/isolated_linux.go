package sandbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"dram/internal/problem"
)

// An isolated network is a network namespace whose only way out is a program of
// the host's, slirp4netns, that makes the connections in its stead. What is to
// be out of reach is so by routes of the namespace, which the process cannot
// change: this machine's own addresses, which the program would reach as it
// reaches others, and those of private networks. The machine's resolver is
// reached by an address that stands for it and for port 53 alone.

const (
	outletProgram = "slirp4netns"
	outletHint    = "install slirp4netns (its package has that name), or leave fetching the host's network: --build-network none"
	tunHint       = "the user who runs dram needs /dev/net/tun (sudo modprobe tun && sudo chmod 666 /dev/net/tun; in a container: " +
		"--device /dev/net/tun), or leave fetching the host's network: --build-network none"
	outletResolver = "10.0.2.3" // slirp4netns's for its network, 10.0.2.0/24
	outletPatience = 10 * time.Second
)

// privateNetworks are IPv4's special ranges (IANA's registry) that lead to
// no public host. slirp4netns's own network is a part of one; it has a narrower
// route. There is no IPv6.
func privateNetworks() []string {
	return []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
		"192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
	}
}

// closedNetworks are the private ones, and this machine's own addresses.
func closedNetworks() ([]string, error) {
	closed := privateNetworks()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("looking for this machine's addresses: %w", err)
	}
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err == nil && p.Addr().Is4() && !p.Addr().IsLoopback() {
			closed = append(closed, netip.PrefixFrom(p.Addr(), 32).String())
		}
	}
	return closed, nil
}

func errNoOutlet() error {
	return problem.New(problem.Environment, outletHint, "making an isolated network: %s is not installed here", outletProgram)
}

// Isolates says, as an error with a remedy, why there can be no Isolated network
// on this machine; nil if there can.
func Isolates() error {
	if _, err := exec.LookPath(outletProgram); err != nil {
		return errNoOutlet()
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return problem.New(problem.Environment, tunHint, "making an isolated network: opening /dev/net/tun: %w", err)
	}
	return unix.Close(fd)
}

// isolation is Isolates for Preconditions.
func isolation() Precondition {
	p := Precondition{Name: "isolated network", Optional: true, OK: true, Detail: "can be had: --build-network isolated"}
	if err := Isolates(); err != nil {
		p.OK, p.Detail, p.Remedy = false, err.Error(), problem.Hint(err)
	}
	return p
}

// outlet is the program that a sandbox's network leads through.
type outlet struct {
	cmd   *exec.Cmd
	alive *os.File // the program ends when this is closed, by us or by our end
	log   *bytes.Buffer
	ended chan struct{}
}

// openOutlet gives the network namespace of an init its way out.
func openOutlet(ctx context.Context, pid int) (*outlet, error) {
	path, err := exec.LookPath(outletProgram)
	if err != nil {
		return nil, errNoOutlet()
	}
	readyR, readyW, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	defer func() { _ = readyR.Close() }()
	aliveR, aliveW, err := os.Pipe()
	if err != nil {
		_ = readyW.Close()
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	o := &outlet{alive: aliveW, log: new(bytes.Buffer), ended: make(chan struct{})}
	o.cmd = exec.CommandContext(context.WithoutCancel(ctx), path, //nolint:gosec // the program of that name
		"--configure", "--mtu=65520", "--disable-host-loopback", "--enable-sandbox", "--enable-seccomp",
		"--ready-fd=3", "--exit-fd=4", fmt.Sprint(pid), "tap0")
	o.cmd.ExtraFiles = []*os.File{readyW, aliveR}
	o.cmd.Stdout, o.cmd.Stderr = o.log, o.log
	err = o.cmd.Start()
	_, _ = readyW.Close(), aliveR.Close()
	if err != nil {
		_ = aliveW.Close()
		return nil, problem.New(problem.Environment, outletHint, "making an isolated network: %w", err)
	}
	go func() {
		_ = o.cmd.Wait() // how it ended, its output says
		close(o.ended)
	}()
	if err := o.ready(ctx, readyR); err != nil {
		return nil, err
	}
	return o, nil
}

// isolate gives an isolated network its way out, while the init waits for its job.
func (c *child) isolate(ctx context.Context, j *job) (err error) {
	if j.Spec.Network != Isolated {
		return nil
	}
	if j.Closed, err = closedNetworks(); err != nil {
		return err
	}
	c.outlet, err = openOutlet(ctx, c.cmd.Process.Pid)
	return err
}

// ready waits until the network is there.
func (o *outlet) ready(ctx context.Context, r *os.File) error {
	stop := context.AfterFunc(ctx, func() { _ = r.SetReadDeadline(time.Now()) })
	defer stop()
	if err := r.SetReadDeadline(time.Now().Add(outletPatience)); err != nil {
		return err
	}
	if _, err := r.Read(make([]byte, 1)); err != nil {
		o.close()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return o.problem()
	}
	return nil
}

// problem is why there is no network, once the program has ended.
func (o *outlet) problem() error {
	var says []string
	for line := range strings.Lines(o.log.String()) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "WARNING") && len(says) < 3 {
			says = append(says, line)
		}
	}
	hint := outletHint
	if strings.Contains(o.log.String(), "/dev/net/tun") {
		hint = tunHint
	}
	return problem.New(problem.Environment, hint, "making an isolated network: %s: %s", outletProgram, strings.Join(says, "; "))
}

// close ends the program and says whether it had ended before.
func (o *outlet) close() (before bool) {
	select {
	case <-o.ended:
		before = true
	default:
	}
	_ = o.alive.Close()
	select {
	case <-o.ended:
	case <-time.After(time.Second):
		_ = o.cmd.Process.Kill()
		<-o.ended
	}
	return before
}

// resolver is the resolv.conf of an isolated network: the host's, but for its
// servers.
func resolver(host string) string {
	lines := []string{"nameserver " + outletResolver}
	for line := range strings.Lines(host) {
		line = strings.TrimSpace(line)
		switch word, _, _ := strings.Cut(line, " "); word {
		case "search", "domain", "options":
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// closeNetworks makes networks unreachable in this namespace.
func closeNetworks(networks []string) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	for i, network := range networks {
		p, err := netip.ParsePrefix(network)
		if err != nil {
			return err
		}
		if err := addUnreachable(fd, i+1, p); err != nil {
			return fmt.Errorf("%s: %w", network, err)
		}
	}
	return nil
}

// addUnreachable is rtnetlink(7)'s RTM_NEWROUTE, and its answer.
func addUnreachable(fd, seq int, p netip.Prefix) error {
	order := binary.NativeEndian
	msg := make([]byte, 0, 64)
	const length = unix.NLMSG_HDRLEN + unix.SizeofRtMsg + unix.SizeofRtAttr + 4
	msg = order.AppendUint32(msg, length)
	msg = order.AppendUint16(msg, unix.RTM_NEWROUTE)
	msg = order.AppendUint16(msg, unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
	msg = order.AppendUint32(msg, uint32(seq)) //nolint:gosec // a few
	msg = order.AppendUint32(msg, 0)
	msg = append(msg, unix.AF_INET, byte(p.Bits()), 0, 0, unix.RT_TABLE_MAIN, unix.RTPROT_STATIC, unix.RT_SCOPE_UNIVERSE, unix.RTN_UNREACHABLE)
	msg = order.AppendUint32(msg, 0)
	msg = order.AppendUint16(msg, unix.SizeofRtAttr+4)
	msg = order.AppendUint16(msg, unix.RTA_DST)
	to := p.Masked().Addr().As4()
	msg = append(msg, to[:]...)
	if err := unix.Sendto(fd, msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	switch {
	case err != nil:
		return err
	case n < unix.NLMSG_HDRLEN+4 || order.Uint16(answer[4:]) != unix.NLMSG_ERROR:
		return errors.New("no answer of the kernel's")
	}
	if code := int32(order.Uint32(answer[unix.NLMSG_HDRLEN:])); code != 0 { //nolint:gosec // a negative error number
		return unix.Errno(-code)
	}
	return nil
}
