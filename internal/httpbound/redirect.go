package httpbound

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// CheckRedirect says whether a request that a redirect led to may be made; one
// that no redirect led to may.
func CheckRedirect(req *http.Request) error {
	n := 0
	for r := req; r.Response != nil && r.Response.Request != nil; r = r.Response.Request {
		if n++; n > maxRedirects {
			return fmt.Errorf("%w: more than %d of them, the last one to %s", ErrRedirect, maxRedirects, req.URL.Host)
		}
	}
	if n == 0 {
		return nil
	}
	from, to := req.Response.Request.URL, req.URL
	switch {
	case from.Scheme == "https" && to.Scheme != "https":
		return fmt.Errorf("%w: from https to %s, at %s", ErrRedirect, to.Scheme, to.Host)
	case Inward(from.Host, to.Host):
		return fmt.Errorf("%w: from %s to %s, which is this machine or its link", ErrRedirect, from.Host, to.Host)
	}
	return nil
}

// Origin is the request that redirects led from to req; req, if none did.
func Origin(req *http.Request) *http.Request {
	for range maxRedirects + 1 {
		if req.Response == nil || req.Response.Request == nil {
			break
		}
		req = req.Response.Request
	}
	return req
}

// Inward says whether to ("HOST" or "HOST:PORT") is this machine or its link,
// where services listen that trust whoever reaches them, and from is not.
func Inward(from, to string) bool { return near(to) && !near(from) }

func near(host string) bool {
	name := strings.TrimSuffix(strings.ToLower((&url.URL{Host: host}).Hostname()), ".")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	if err != nil {
		return false
	}
	ip = ip.Unmap()
	return ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast()
}
