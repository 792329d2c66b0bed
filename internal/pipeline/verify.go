package pipeline

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"dram/internal/oci"
	"dram/internal/problem"
	"dram/internal/registry"
	"dram/internal/signature"
)

// Verified is an image at a registry that a key signed.
type Verified struct {
	Image  name.Digest
	Signed int // signatures by the key
}

// Verify finds the signatures of an image, or of an index of images, at a registry, as
// cosign keeps them, and says whether one is by the key.
func Verify(ctx context.Context, at name.Reference, v *signature.Verifier) (Verified, error) {
	r := oci.Registry{}
	image, err := r.Resolve(ctx, at)
	if err != nil {
		return Verified{}, notRead(at, err)
	}
	verdicts, err := verdicts(ctx, r, image, v)
	if err != nil {
		return Verified{}, notRead(at, err)
	}
	out := Verified{Image: image, Signed: verdicts[signature.Signed]}
	if out.Signed > 0 {
		return out, nil
	}
	all := verdicts[signature.Foreign] + verdicts[signature.Other]
	switch {
	case all == 0:
		return out, problem.New(problem.Check, "sign it: dram push --sign KEY, or cosign sign", "%s has no signature", image)
	case verdicts[signature.Other] > 0:
		return out, problem.New(problem.Check, "sign this image: what was signed is another one, or another statement",
			"%s is not signed: what the key signed there is not this image", image)
	}
	return out, problem.New(problem.Check, "see that it is the right key; a signature of what was changed since counts as none",
		"%s is not signed by this key: none of its %d signatures is", image, all)
}

// verdicts counts what came of each signature.
func verdicts(ctx context.Context, r oci.Registry, image name.Digest, v *signature.Verifier) (map[signature.Verdict]int, error) {
	out := map[signature.Verdict]int{}
	digest := image.DigestStr()
	bundles, err := r.Attached(ctx, image, signature.BundleType)
	if err != nil {
		return nil, err
	}
	for _, p := range bundles {
		out[v.CheckBundle(p.Content, digest)]++
	}
	simple, err := r.Artifact(ctx, image.Context().Tag(signature.Tag(digest)))
	if err != nil {
		return nil, err
	}
	for _, p := range simple {
		out[v.CheckSimple(p.Content, p.Annotations[signature.SimpleAnnotation], digest)]++
	}
	return out, nil
}

// notRead says why an image's signatures could not be read.
func notRead(at name.Reference, err error) error {
	if bound := registry.Problem("reading the signatures of "+at.Name(), err); bound != nil {
		return bound
	}
	t, answered := errors.AsType[*transport.Error](err)
	hint := "see that the registry can be reached from here"
	switch {
	case !answered:
	case t.StatusCode == http.StatusNotFound:
		return problem.New(problem.Usage, "see that its name is right", "there is no image %s: %w", at, err)
	case t.StatusCode == http.StatusUnauthorized, t.StatusCode == http.StatusForbidden:
		hint = "see that the name is right, or log in: docker login " + at.Context().RegistryStr()
	}
	return problem.New(problem.Failure, hint, "reading the signatures of %s: %w", at, err)
}
