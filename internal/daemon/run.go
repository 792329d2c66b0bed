package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/go-connections/nat"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"dram/internal/problem"
)

// stopAfter is how long a container has to end by itself when it is stopped.
const stopAfter = 10 * time.Second

// Run says how a container is run.
type Run struct {
	Image   string   // a name or an id that the daemon has
	Env     []string // "K=V", on top of the image's
	Command []string // instead of the image's; a program, if its first word has a slash
	// Publish are ports as docker run -p takes them. If it is empty, the ports that
	// the image declares are published under the same numbers on loopback.
	Publish        []string
	Name           string   // the container's, "" for one that the daemon makes
	Binds          []string // "/here:/there:ro"
	Terminal       *os.File // the terminal to hand over, or nil
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Started        func(ports []string) // told once, when it runs: "127.0.0.1:4000->4000/tcp"
}

// Run runs a container until it ends, removes it, and gives its exit code.
// When ctx is done it is asked to stop, and killed 10 seconds later: the code is
// then what the program ended with, and 137 if it had to be killed.
func (c *Client) Run(ctx context.Context, r Run) (code int, err error) {
	exposed, ports, err := c.ports(ctx, r)
	if err != nil {
		return 0, err
	}
	config := &container.Config{
		Image: r.Image, Env: r.Env, ExposedPorts: exposed, Tty: r.Terminal != nil,
		OpenStdin: r.Stdin != nil, StdinOnce: r.Stdin != nil,
		AttachStdin: r.Stdin != nil, AttachStdout: true, AttachStderr: true,
	}
	if len(r.Command) > 0 && strings.Contains(r.Command[0], "/") {
		config.Entrypoint, config.Cmd = r.Command[:1], r.Command[1:]
	} else {
		config.Cmd = r.Command
	}
	made, err := c.api.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: r.Name, Config: config, HostConfig: &container.HostConfig{AutoRemove: true, PortBindings: ports, Binds: r.Binds},
	})
	if errdefs.IsConflict(err) {
		return 0, problem.New(problem.Usage, "choose another name, or remove that one: docker rm -f "+r.Name, "%s has a container %q already: %w", c.name, r.Name, err)
	}
	if err != nil {
		return 0, c.failed("making a container", err)
	}
	code, err = c.follow(ctx, made.ID, r, ports)
	if err != nil {
		// One that never ran is not removed by itself.
		_, _ = c.api.ContainerRemove(context.WithoutCancel(ctx), made.ID, client.ContainerRemoveOptions{Force: true})
	}
	return code, err
}

// follow starts a container that was made and stays with it until its end.
func (c *Client) follow(ctx context.Context, id string, r Run, ports network.PortMap) (int, error) {
	always := context.WithoutCancel(ctx) // a container that is asked to stop is still listened to
	attached, err := c.api.ContainerAttach(always, id, client.ContainerAttachOptions{
		Stream: true, Stdin: r.Stdin != nil, Stdout: true, Stderr: true,
	})
	if err != nil {
		return 0, c.failed("attaching to the container", err)
	}
	defer attached.Close()
	until := container.WaitConditionRemoved
	if c.podman { // which has forgotten the exit code by then
		until = container.WaitConditionNextExit
	}
	ended := c.api.ContainerWait(always, id, client.ContainerWaitOptions{Condition: until})
	if _, err := c.api.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
		return 0, c.notStarted(err)
	}
	restore, err := c.terminal(always, id, r.Terminal)
	if err != nil {
		return 0, err
	}
	defer restore()
	if r.Started != nil {
		r.Started(published(ports))
	}
	copied := make(chan error, 1)
	go func() { copied <- copyOut(r, attached.Reader) }()
	if r.Stdin != nil {
		go func() {
			_, _ = io.Copy(attached.Conn, r.Stdin)
			_ = attached.CloseWrite()
		}()
	}
	code, err := c.wait(ctx, id, ended)
	if err != nil {
		return 0, err
	}
	select { // the last of its output
	case err = <-copied:
	case <-time.After(stopAfter):
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("reading the container's output: %w", err)
	}
	return code, nil
}

func copyOut(r Run, from io.Reader) error {
	if r.Terminal != nil {
		_, err := io.Copy(r.Stdout, from)
		return err
	}
	_, err := stdcopy.StdCopy(r.Stdout, r.Stderr, from)
	return err
}

// wait waits for the end, and stops the container when ctx is done.
func (c *Client) wait(ctx context.Context, id string, ended client.ContainerWaitResult) (int, error) {
	stop := ctx.Done()
	for {
		select {
		case <-stop:
			stop = nil
			seconds := int(stopAfter / time.Second)
			go func() { // the wait tells how it went
				_, _ = c.api.ContainerStop(context.WithoutCancel(ctx), id, client.ContainerStopOptions{Timeout: &seconds})
			}()
		case end := <-ended.Result:
			if end.Error != nil && end.Error.Message != "" {
				return 0, fmt.Errorf("waiting for the container: %s", end.Error.Message)
			}
			return int(end.StatusCode), nil
		case err := <-ended.Error:
			return 0, c.failed("waiting for the container", err)
		}
	}
}

// notStarted says why a container did not start.
func (c *Client) notStarted(err error) error {
	text := err.Error()
	for _, says := range []string{"port is already allocated", "address already in use"} {
		if strings.Contains(text, says) {
			return problem.New(problem.Failure, "publish it under another number: -p 4001:4000", "starting the container: a port is in use: %w", err)
		}
	}
	return c.failed("starting the container", err)
}

// ports reads Publish, or makes one from what the image declares.
func (c *Client) ports(ctx context.Context, r Run) (network.PortSet, network.PortMap, error) {
	specs := r.Publish
	if len(specs) == 0 {
		img, err := c.api.ImageInspect(ctx, r.Image)
		if err != nil {
			return nil, nil, c.failed("looking at image "+r.Image, err)
		}
		if img.Config == nil {
			return nil, nil, nil
		}
		for p := range img.Config.ExposedPorts {
			number, _, _ := strings.Cut(p, "/")
			specs = append(specs, "127.0.0.1:"+number+":"+p)
		}
	}
	return ParsePorts(specs)
}

// ParsePorts reads what docker run -p takes: [[IP:]HOST:]CONTAINER[/PROTOCOL],
// ranges too.
func ParsePorts(specs []string) (network.PortSet, network.PortMap, error) {
	set, out := network.PortSet{}, network.PortMap{}
	for _, spec := range specs {
		mappings, err := nat.ParsePortSpec(spec)
		if err != nil {
			return nil, nil, badPort(spec, err)
		}
		for _, m := range mappings {
			port, err := network.ParsePort(string(m.Port))
			if err != nil {
				return nil, nil, badPort(spec, err)
			}
			binding := network.PortBinding{HostPort: m.Binding.HostPort}
			if m.Binding.HostIP != "" {
				if binding.HostIP, err = netip.ParseAddr(m.Binding.HostIP); err != nil {
					return nil, nil, badPort(spec, err)
				}
			}
			set[port] = struct{}{}
			out[port] = append(out[port], binding)
		}
	}
	return set, out, nil
}

func badPort(spec string, err error) error {
	return problem.New(problem.Usage, "write -p 8080:4000, or -p 127.0.0.1:8080:4000", "%q publishes no port: %w", spec, err)
}

// published writes ports as docker ps does.
func published(ports network.PortMap) []string {
	var out []string
	for port, bindings := range ports {
		for _, b := range bindings {
			at := b.HostPort
			if b.HostIP.IsValid() {
				at = netip.AddrPortFrom(b.HostIP, 0).Addr().String() + ":" + at
			}
			out = append(out, at+"->"+port.String())
		}
	}
	return out
}
