package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/moby/moby/client"

	"dram/internal/problem"
)

// Tag has the daemon know an image, by its configuration's digest, under all
// names: Podman takes one name of an archive.
func (c *Client) Tag(ctx context.Context, id string, names []string) error {
	for _, name := range names {
		if err := c.tag(ctx, id, name); err != nil {
			return c.failed("naming the image "+name, err)
		}
	}
	return nil
}

func (c *Client) tag(ctx context.Context, id, name string) error {
	ctx, cancel := c.soon(ctx)
	defer cancel()
	if _, err := c.api.ImageInspect(ctx, name); err == nil && !c.podman {
		return nil
	}
	_, err := c.api.ImageTag(ctx, client.ImageTagOptions{Source: id, Target: name})
	return said(ctx, err)
}

// Load hands the daemon an archive as docker load takes it.
func (c *Client) Load(ctx context.Context, archive io.Reader) error {
	resp, err := c.api.ImageLoad(ctx, archive, client.ImageLoadWithQuiet(true))
	if err != nil {
		return c.failed("loading the image", err)
	}
	err = answer(resp)
	return c.failed("loading the image", errors.Join(err, resp.Close()))
}

// answer reads the stream of messages that a daemon answers with: one of them
// may be an error, though the status was 200.
func answer(r io.Reader) error {
	messages := json.NewDecoder(io.LimitReader(r, maxAnswer))
	for {
		var m struct {
			Error  string `json:"error"`
			Detail struct {
				Message string `json:"message"`
			} `json:"errorDetail"`
		}
		err := messages.Decode(&m)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the daemon's answer: %w", err)
		}
		if m.Detail.Message != "" {
			return errors.New(m.Detail.Message)
		}
		if m.Error != "" {
			return errors.New(m.Error)
		}
	}
}

// Layers are the DiffIDs of an image that the daemon has, lowest first, if a
// load may leave them out. Docker's own store takes an archive that lacks the
// files of layers it has (it looks a layer up by what lies under it and itself,
// and opens the file only if it is new); containerd's store and Podman's do not.
func (c *Client) Layers(ctx context.Context, image string) []string {
	if c.podman {
		return nil
	}
	ctx, cancel := c.soon(ctx)
	defer cancel()
	info, err := c.api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return nil
	}
	for _, pair := range info.Info.DriverStatus {
		if strings.Contains(pair[1], "containerd.snapshotter") {
			return nil
		}
	}
	img, err := c.api.ImageInspect(ctx, image)
	if err != nil {
		return nil
	}
	return img.RootFS.Layers
}

// failed says what a daemon's error means; nil for nil.
func (c *Client) failed(doing string, err error) error {
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return err
	case strings.Contains(err.Error(), "no space left on device"):
		return problem.New(problem.Environment, "make room on the daemon's disk: docker system df, docker system prune",
			"%s: the disk of %s is full: %w", doing, c.name, err)
	case client.IsErrConnectionFailed(err):
		return problem.New(problem.Environment, "see that the daemon still runs, and run it again", "%s: %s went away: %w", doing, c.name, err)
	}
	return problem.New(problem.Failure, "see the daemon's own log", "%s into %s: %w", doing, c.name, err)
}
