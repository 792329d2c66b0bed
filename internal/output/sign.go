package output

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/oci"
	"dram/internal/publish"
	"dram/internal/signature"
	"dram/internal/store"
	"dram/internal/ui"
)

// sign signs an image, or an index of images, that is at the registry: as a bundle that
// is attached to it, which is what cosign 3 writes and looks for first, and as a simple
// signature under a tag, which is all that older ones and Podman's policies know.
func (p Push) sign(ctx context.Context, u *ui.UI, of publish.Subject) error {
	if p.Sign == nil {
		return nil
	}
	stage := u.Start("sign", p.To.Repository.String())
	raw, err := of.RawManifest()
	if err != nil {
		return err
	}
	digest := string(store.DigestOf(raw))
	bundle, err := p.Sign.Bundle(digest)
	if err != nil {
		return fmt.Errorf("signing %s: %w", digest, err)
	}
	a := publish.Artifact{Type: signature.BundleType, Content: bundle, Annotations: signature.BundleAnnotations(signature.SignPredicate)}
	if _, err := (&publish.Pusher{}).Attach(ctx, a, of, p.To.Repository); err != nil {
		return fmt.Errorf("signing %s: %w", digest, err)
	}
	if err := p.signSimply(ctx, digest); err != nil {
		return fmt.Errorf("signing %s: %w", digest, err)
	}
	stage.Done("%s", digest)
	return nil
}

// signSimply adds a simple signature to those that are under the image's tag.
func (p Push) signSimply(ctx context.Context, digest string) error {
	payload, sig, err := p.Sign.Simple(digest, p.To.Repository.Name())
	if err != nil {
		return err
	}
	tag := p.To.Repository.Tag(signature.Tag(digest))
	there, err := signatures(ctx, tag)
	if err != nil {
		return fmt.Errorf("reading the signatures that are there: %w", err)
	}
	signed := static.NewLayer(payload, types.MediaType(signature.SimpleType))
	if has, err := hasSignature(there, signed, sig); has || err != nil {
		return err
	}
	more, err := mutate.Append(there, mutate.Addendum{Layer: signed, Annotations: map[string]string{signature.SimpleAnnotation: sig}})
	if err != nil {
		return err
	}
	_, err = (&publish.Pusher{}).Push(ctx, more, publish.Destination{Repository: p.To.Repository, Tags: []string{tag.TagStr()}})
	return err
}

// signatures is what is under a tag, or nothing yet.
func signatures(ctx context.Context, tag name.Tag) (v1.Image, error) {
	there, err := oci.Registry{}.Image(ctx, tag, "")
	if oci.Missing(err) {
		return mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), nil
	}
	return there, err
}

func hasSignature(there v1.Image, signed v1.Layer, sig string) (bool, error) {
	m, err := there.Manifest()
	if err != nil {
		return false, err
	}
	digest, err := signed.Digest()
	for _, l := range m.Layers {
		if l.Digest == digest && l.Annotations[signature.SimpleAnnotation] == sig {
			return true, err
		}
	}
	return false, err
}
