// Package daemon speaks to a container engine over Docker's API: Docker's own
// daemon, or Podman, whose service answers the same API.
//
// Which one is what the docker command would take: DOCKER_HOST (unix://,
// tcp://, ssh://, with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH), else the context
// that DOCKER_CONTEXT or docker context use names, else the usual socket; and,
// where nothing was named and that socket is not there, CONTAINER_HOST and the
// sockets of a rootless Docker and of Podman.
//
// A daemon that is absent, refuses, or is too old is a problem of the
// environment, and says what to do.
package daemon

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	"github.com/moby/moby/client"

	"dram/internal/problem"
)

// Client is a connection to a daemon that answered. It is safe for concurrent
// use.
type Client struct {
	api    *client.Client
	name   string // "Docker 28.3.0", "Podman Engine 5.4.2"
	podman bool
	arch   string // as Go names it, "" if it does not say

	patience time.Duration
}

// Connect finds the daemon and asks for its version; environ is the process's
// environment, "K=V".
func Connect(ctx context.Context, environ []string) (*Client, error) {
	return connect(ctx, environ, patience)
}

func connect(ctx context.Context, environ []string, patience time.Duration) (*Client, error) {
	where, err := locate(variables(environ))
	if err != nil {
		return nil, err
	}
	opts, err := where.ClientOpts()
	if err != nil {
		return nil, problem.New(problem.Usage, "see DOCKER_HOST and docker context ls", "Docker's address %q: %w", where.Host, err)
	}
	api, err := client.New(append(opts, client.WithUserAgent("dram"))...)
	if err != nil {
		return nil, problem.New(problem.Usage, "see DOCKER_HOST and docker context ls", "Docker's address %q: %w", where.Host, err)
	}
	c := &Client{api: api, patience: patience}
	if err := c.hello(ctx); err != nil {
		return nil, errors.Join(unreachable(where.Host, err), api.Close())
	}
	return c, nil
}

// hello negotiates the API's version and asks who answers.
func (c *Client) hello(ctx context.Context) error {
	ctx, cancel := c.soon(ctx)
	defer cancel()
	if _, err := c.api.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		return said(ctx, err)
	}
	v, err := c.api.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return said(ctx, err)
	}
	c.name, c.arch = "Docker "+v.Version, v.Arch
	for _, part := range v.Components {
		if strings.HasPrefix(part.Name, "Podman") {
			c.name, c.podman = part.Name+" "+part.Version, true
		}
	}
	return nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.api.Close() }

// Name is the daemon's name and version, for people.
func (c *Client) Name() string { return c.name }

// Podman says whether it is Podman that answers.
func (c *Client) Podman() bool { return c.podman }

// Arch is the architecture that the daemon runs on, as Go names it; "" where it does not
// say.
func (c *Client) Arch() string { return c.arch }

// Zstd says whether it reads layers that zstd compressed: Podman does, and Docker from
// version 23 on, whose API is 1.42.
func (c *Client) Zstd() bool {
	minor, err := strconv.Atoi(strings.TrimPrefix(c.api.ClientVersion(), "1."))
	const docker23 = 42
	return c.podman || err != nil || minor >= docker23
}

// API is the whole API: an engine that builds in the daemon dials its BuildKit
// by DialHijack(ctx, "/grpc", "h2c", nil) and "/session".
func (c *Client) API() *client.Client { return c.api }

// variables is an environment by name; the last one wins, as in os/exec.
func variables(environ []string) map[string]string {
	out := map[string]string{}
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok {
			out[k] = v
		}
	}
	return out
}

// locate finds the daemon's address, and what TLS needs for it.
func locate(env map[string]string) (docker.Endpoint, error) {
	if host := env[client.EnvOverrideHost]; host != "" {
		return hostEndpoint(host, env)
	}
	dir := config.Dir()
	name := env["DOCKER_CONTEXT"]
	if name == "" {
		file, err := config.Load(dir)
		if err != nil {
			return docker.Endpoint{}, problem.New(problem.Usage, "mend or remove the file", "reading Docker's settings in %q: %w", dir, err)
		}
		name = file.CurrentContext
	}
	if name == "" || name == "default" {
		return hostEndpoint(usualSocket(env), env)
	}
	return contextEndpoint(config.ContextStoreDir(), name)
}

func contextEndpoint(dir, name string) (docker.Endpoint, error) {
	contexts := store.New(dir, store.NewConfig(
		func() any { return &map[string]any{} },
		store.EndpointTypeGetter(docker.DockerEndpoint, func() any { return &docker.EndpointMeta{} })))
	meta, err := contexts.GetMetadata(name)
	var ep docker.EndpointMeta
	if err == nil {
		ep, err = docker.EndpointFromContext(meta)
	}
	var full docker.Endpoint
	if err == nil {
		full, err = docker.WithTLSData(contexts, name, ep)
	}
	if err != nil {
		return full, problem.New(problem.Usage, "see docker context ls, DOCKER_CONTEXT and DOCKER_HOST", "Docker's context %q: %w", name, err)
	}
	return full, nil
}

// hostEndpoint is an address with the TLS files that the environment names.
func hostEndpoint(host string, env map[string]string) (docker.Endpoint, error) {
	ep := docker.Endpoint{EndpointMeta: docker.EndpointMeta{Host: host}}
	dir := env[client.EnvOverrideCertPath]
	verify := env[client.EnvTLSVerify] != ""
	if !strings.HasPrefix(host, "tcp://") || dir == "" && !verify {
		return ep, nil
	}
	if dir == "" {
		dir = config.Dir()
	}
	ep.SkipTLSVerify = !verify
	data, err := tlsFiles(dir)
	if err != nil {
		return ep, problem.New(problem.Usage, "DOCKER_CERT_PATH names a directory with ca.pem, cert.pem and key.pem", "Docker's TLS files: %w", err)
	}
	ep.TLSData = data
	return ep, nil
}

// unreachable says why a daemon does not answer and what to do.
func unreachable(host string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	hint := "start Docker or Podman, or name another daemon in DOCKER_HOST"
	text := err.Error()
	switch {
	case strings.Contains(text, "minimum supported API version"), strings.Contains(text, "is too old"):
		return problem.New(problem.Environment, "update the daemon, or name another one in DOCKER_HOST", "Docker at %s is too old: %w", host, err)
	case isPermission(err) || strings.Contains(text, "permission denied"):
		return problem.New(problem.Environment,
			"put yourself into the socket's group and log in again: sudo usermod -aG docker \"$USER\"\nor use a rootless Docker or Podman",
			"the socket of Docker at %s refuses this user: %w", host, err)
	case strings.Contains(text, "certificate") || strings.Contains(text, "HTTPS client"):
		hint = "see DOCKER_TLS_VERIFY, and that DOCKER_CERT_PATH holds the ca.pem, cert.pem and key.pem of that daemon"
	case strings.HasPrefix(host, "ssh://"):
		hint = "see that ssh to that machine works without a password, and that docker is there"
	}
	return problem.New(problem.Environment, hint, "no Docker daemon answers at %s: %w", host, err)
}
