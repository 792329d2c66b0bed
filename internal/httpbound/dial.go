package httpbound

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"syscall"
	"time"
)

// ledFrom is the key of a context's value: the host that a redirect led from.
type ledFrom struct{}

// guarded is ctx, for a request that a redirect led to from another host that is not this
// machine: dial does not connect it to this machine either, whatever name that has there.
func guarded(ctx context.Context, req *http.Request) context.Context {
	from := Origin(req).URL.Hostname()
	if from == req.URL.Hostname() || near(Origin(req).URL.Host) {
		return ctx
	}
	if proxy, err := http.ProxyFromEnvironment(req); err != nil || proxy != nil {
		return ctx // who connects is the proxy
	}
	return context.WithValue(ctx, ledFrom{}, from)
}

// dial connects. By its address, not its name alone, a place is told to be this machine:
// anybody may give a name of theirs its address.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: 15 * time.Second, KeepAlive: 15 * time.Second}
	if from, led := ctx.Value(ledFrom{}).(string); led {
		d.ControlContext = func(ctx context.Context, _, address string, _ syscall.RawConn) error {
			if near(address) && !here(ctx, from) {
				return fmt.Errorf("%w: from %s to %s, which is this machine or its link (%s)", ErrRedirect, from, addr, address)
			}
			return nil
		}
	}
	return d.DialContext(ctx, network, addr)
}

// here says whether a name is one of this machine's.
func here(ctx context.Context, name string) bool {
	addresses, err := net.DefaultResolver.LookupHost(ctx, name)
	return err == nil && slices.ContainsFunc(addresses, func(a string) bool { return near(net.JoinHostPort(a, "0")) })
}
