package output

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/problem"
	"dram/internal/publish"
	"dram/internal/signature"
	"dram/internal/ui"
)

// attached is a row of what can go to a registry with an image.
type attached struct {
	name, mediaType string
	text            func(b *Build) ([]byte, error)
	// predicate is what in-toto calls it, and said is what it says.
	predicate string
	said      func(text []byte) (json.RawMessage, error)
}

func attachments() []attached {
	out := make([]attached, 0, 3)
	for _, f := range billForms() {
		out = append(out, attached{f.name, f.mediaType, func(b *Build) ([]byte, error) { return b.bill(f) }, f.predicate, whole})
	}
	return append(out, attached{"provenance", signature.InTotoType, func(b *Build) ([]byte, error) { return b.provenance() }, provenancePredicate, predicateOf})
}

func whole(text []byte) (json.RawMessage, error) { return text, nil }

// predicateOf is what a statement says.
func predicateOf(text []byte) (json.RawMessage, error) {
	var s struct {
		Predicate json.RawMessage `json:"predicate"`
	}
	err := json.Unmarshal(text, &s)
	return s.Predicate, err
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
		if err := p.attest(ctx, a, text, b, img); err != nil {
			return err
		}
		size += len(text)
	}
	signed := ""
	if p.Sign != nil {
		signed = ", each signed too"
	}
	stage.Done("%s, %s%s", strings.Join(p.Attach, ", "), ui.Bytes(int64(size)), signed)
	return nil
}

// attest attaches the same once more as a statement that is signed, if the image is: who
// reads it can tell whose word it is.
func (p Push) attest(ctx context.Context, a attached, text []byte, b *Build, img v1.Image) error {
	if p.Sign == nil {
		return nil
	}
	said, err := a.said(text)
	if err != nil {
		return err
	}
	bundle, err := p.Sign.Attest(string(b.Image), b.Release, a.predicate, said)
	if err != nil {
		return fmt.Errorf("signing the %s: %w", a.name, err)
	}
	_, err = (&publish.Pusher{}).Attach(ctx, publish.Artifact{Type: signature.BundleType, Content: bundle, Annotations: signature.BundleAnnotations(a.predicate)}, img, p.To.Repository)
	return err
}
