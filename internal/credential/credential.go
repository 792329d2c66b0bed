// Package credential finds what of the user's own opens repositories of source:
// the agent of ssh with the hosts that the user knows, and entries of .netrc. It is
// given to steps that fetch, and only where the user asked for it: a project may
// not.
package credential

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dram/internal/engine"
	"dram/internal/environ"
	"dram/internal/fsutil"
	"dram/internal/problem"
)

const most = 1 << 20 // bytes of a file

// Gather finds the credentials of these kinds, "ssh" and "netrc", for remotes, URLs
// as git takes them; own is dram's environment. Of what none of them needs, nothing
// is looked for.
func Gather(kinds, own, remotes []string) (engine.Credentials, error) {
	var c engine.Credentials
	home := environ.Get(own, "HOME")
	if slices.Contains(kinds, "ssh") && slices.ContainsFunc(remotes, OverSSH) {
		socket := environ.Get(own, "SSH_AUTH_SOCK")
		if info, err := os.Stat(socket); err != nil || info.Mode().Type() != fs.ModeSocket {
			return c, problem.New(problem.Environment, "start one (eval \"$(ssh-agent)\"), and give it the key (ssh-add)",
				"no ssh agent answers at SSH_AUTH_SOCK=%q", socket)
		}
		c.Agent = socket
		for _, file := range []string{filepath.Join(home, ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"} {
			raw, err := read(file)
			if err != nil {
				return c, err
			}
			if len(raw) > 0 {
				c.KnownHosts = append(append(c.KnownHosts, raw...), '\n')
			}
		}
	}
	if hosts := overHTTP(remotes); slices.Contains(kinds, "netrc") && len(hosts) > 0 {
		file := environ.Get(own, "NETRC")
		if file == "" {
			file = filepath.Join(home, ".netrc")
		}
		raw, err := read(file)
		if err != nil {
			return c, err
		}
		c.Netrc, c.Passwords = netrcOf(raw, hosts)
	}
	return c, nil
}

// read is a file of the user's, nil if it is not there.
func read(file string) ([]byte, error) {
	raw, err := fsutil.Read(file, most)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return raw, err
}

// OverSSH says whether git fetches a URL by ssh: "ssh://…", "git+ssh://…", or its
// short form "[user@]host:path".
func OverSSH(remote string) bool {
	scheme, _, ok := strings.Cut(remote, "://")
	if ok {
		return scheme == "ssh" || scheme == "git+ssh" || scheme == "ssh+git"
	}
	host, _, colon := strings.Cut(remote, ":")
	return colon && !strings.Contains(host, "/")
}

// overHTTP are the hosts of remotes that git asks by HTTP.
func overHTTP(remotes []string) []string {
	var hosts []string
	for _, r := range remotes {
		if u, err := url.Parse(r); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" {
			hosts = append(hosts, u.Hostname())
		}
	}
	return hosts
}
