package output

import (
	"context"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/problem"
	"dram/internal/publish"
	"dram/internal/ui"
)

// attached is a row of what can go to a registry with an image.
type attached struct {
	name, mediaType string
	text            func(b *Build) ([]byte, error)
}

func attachments() []attached {
	out := make([]attached, 0, 3)
	for _, f := range billForms() {
		out = append(out, attached{f.name, f.mediaType, func(b *Build) ([]byte, error) { return b.bill(f) }})
	}
	return append(out, attached{"provenance", inTotoType, func(b *Build) ([]byte, error) { return b.provenance() }})
}

// Attachable are the names of what can go to a registry with an image.
func Attachable() []string {
	var names []string
	for _, a := range attachments() {
		names = append(names, a.name)
	}
	return names
}

func attachable(names []string) error {
	for _, n := range names {
		if !slices.Contains(Attachable(), n) {
			return problem.New(problem.Usage, "use "+strings.Join(Attachable(), ", "), "there is nothing called %q to attach to an image", n)
		}
	}
	return nil
}

// attach sends what goes with an image that was sent.
func (p Push) attach(ctx context.Context, b *Build, img v1.Image) error {
	if len(p.Attach) == 0 {
		return nil
	}
	stage := b.UI.Start("attach", p.To.Repository.String())
	var size int
	for _, a := range attachments() {
		if !slices.Contains(p.Attach, a.name) {
			continue
		}
		text, err := a.text(b)
		if err != nil {
			return err
		}
		if _, err := (&publish.Pusher{}).Attach(ctx, publish.Artifact{Type: a.mediaType, Content: text}, img, p.To.Repository); err != nil {
			return err
		}
		size += len(text)
	}
	stage.Done("%s, %s", strings.Join(p.Attach, ", "), ui.Bytes(int64(size)))
	return nil
}
