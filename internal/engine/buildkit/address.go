package buildkit

import (
	"context"
	"net"
	"net/url"
	"strings"

	"github.com/moby/buildkit/client"
	_ "github.com/moby/buildkit/client/connhelper/dockercontainer" // docker-container://
	_ "github.com/moby/buildkit/client/connhelper/kubepod"         // kube-pod://
	_ "github.com/moby/buildkit/client/connhelper/podmancontainer" // podman-container://
	_ "github.com/moby/buildkit/client/connhelper/ssh"             // ssh://

	"dram/internal/daemon"
	"dram/internal/problem"
)

// Docker is the address of the BuildKit inside the Docker daemon, wherever the
// docker command would find that.
const Docker = "docker"

// Address says where a builder is.
type Address struct {
	// URL is Docker, or unix://PATH, tcp://HOST:PORT, ssh://, docker-container://,
	// podman-container:// or kube-pod://, as BuildKit's own client takes them. If
	// it is empty, it is BUILDKIT_HOST from Environ, or else Docker.
	URL string
	TLS TLS
	// Environ is dram's own environment, "K=V".
	Environ []string
}

// TLS are the files for tcp://, each a path to PEM, and each may be empty.
type TLS struct {
	CA         string // whom to believe; the system's if empty
	Cert, Key  string // who we are
	ServerName string // what the builder's certificate is to say, if not the host's name
}

func (a Address) variable(name string) string {
	for _, kv := range a.Environ {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

// String is the address in full.
func (a Address) String() string {
	if a.URL != "" {
		return a.URL
	}
	if host := a.variable("BUILDKIT_HOST"); host != "" {
		return host
	}
	return Docker
}

// builder is a connection to a builder that answered.
type builder struct {
	*client.Client
	docker  *daemon.Client // nil unless it is the one in a Docker daemon
	version string         // "" where BuildKit is too old to say
}

// Close ends the connection.
func (b *builder) Close() {
	_ = b.Client.Close()
	if b.docker != nil {
		_ = b.docker.Close()
	}
}

// dial connects to the builder and asks it who it is.
func dial(ctx context.Context, at Address) (*builder, error) {
	b := &builder{}
	var err error
	if at.String() == Docker {
		err = b.dialDocker(ctx, at)
	} else {
		err = b.dialAddress(ctx, at)
	}
	if err != nil {
		return nil, err
	}
	if err := b.hello(ctx); err != nil {
		b.Close()
		return nil, unreachable(ctx, at, err)
	}
	return b, nil
}

func (b *builder) dialDocker(ctx context.Context, at Address) error {
	d, err := daemon.Connect(ctx, at.Environ)
	if err != nil {
		return err
	}
	if d.Podman() {
		_ = d.Close()
		return problem.New(problem.Environment, "run buildkitd in a container and name it with --builder podman-container://NAME",
			"%s has no BuildKit inside", d.Name())
	}
	b.docker = d
	b.Client, err = client.New(ctx, "",
		client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return d.API().DialHijack(ctx, "/grpc", "h2c", nil)
		}),
		client.WithSessionDialer(func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return d.API().DialHijack(ctx, "/session", proto, meta)
		}))
	return err
}

func (b *builder) dialAddress(ctx context.Context, at Address) error {
	address := at.String()
	u, err := url.Parse(address)
	if err != nil || !known(u.Scheme) || (u.Host == "" && u.Path == "") {
		return problem.New(problem.Usage,
			"write docker, unix:///PATH, tcp://HOST:PORT, ssh://[USER@]HOST, docker-container://NAME, podman-container://NAME or kube-pod://POD",
			"builder address %q is not one that BuildKit knows", address)
	}
	opts, err := at.credentials(u.Scheme)
	if err != nil {
		return err
	}
	if b.Client, err = client.New(ctx, address, opts...); err != nil {
		return unreachable(ctx, at, err)
	}
	return nil
}

func known(scheme string) bool {
	switch scheme {
	case "unix", "tcp", "ssh", "docker-container", "podman-container", "kube-pod":
		return true
	}
	return false
}
