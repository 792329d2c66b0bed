package oci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/registry"
)

const (
	maxArtifacts = 100     // of one image, as far as they may be of a type
	maxParts     = 100     // of an artifact
	maxPart      = 4 << 20 // bytes
)

// Part is a blob of an artifact.
type Part struct {
	MediaType   types.MediaType
	Content     []byte
	Digest      v1.Hash
	Annotations map[string]string
}

// Resolve is the reference by its digest, of what is there now: an image or an index of
// images.
func (r Registry) Resolve(ctx context.Context, at name.Reference) (name.Digest, error) {
	client, err := r.client(at.Context())
	if err != nil {
		return name.Digest{}, err
	}
	ctx, cancel := r.within(ctx)
	defer cancel()
	desc, err := client.Get(ctx, at) // which computes the digest, and compares it with one that was asked for
	if err != nil {
		return name.Digest{}, because(ctx, err)
	}
	return at.Context().Digest(desc.Digest.String()), nil
}

// Artifact reads what is small and no image: all its parts; none where there is no such
// artifact.
func (r Registry) Artifact(ctx context.Context, at name.Reference) ([]Part, error) {
	client, err := r.client(at.Context())
	if err != nil {
		return nil, err
	}
	ctx, cancel := r.within(ctx)
	defer cancel()
	parts, err := artifact(ctx, client, at)
	if Missing(err) {
		return nil, nil
	}
	return parts, because(ctx, err)
}

func artifact(ctx context.Context, client *remote.Puller, at name.Reference) ([]Part, error) {
	desc, err := client.Get(ctx, at)
	if err != nil {
		return nil, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(desc.Manifest))
	if err != nil {
		return nil, err
	}
	if len(m.Layers) > maxParts {
		return nil, fmt.Errorf("%s has %d parts, more than %d", at, len(m.Layers), maxParts)
	}
	blobs := Blobs(func(d v1.Descriptor) (io.ReadCloser, error) { return openBlob(ctx, client, at.Context(), d) })
	var parts []Part
	for _, l := range m.Layers {
		if l.Size > maxPart {
			return nil, fmt.Errorf("%s has a part of %d bytes, more than %d", at, l.Size, maxPart)
		}
		content, err := readVerified(blobs.exact(), l)
		if err != nil {
			return nil, err
		}
		parts = append(parts, Part{l.MediaType, content, l.Digest, l.Annotations})
	}
	return parts, nil
}

// EmptyType is what artifacts have in the place of a configuration's type. Some
// registries list them by it.
const EmptyType types.MediaType = "application/vnd.oci.empty.v1+json"

// Attached reads what is attached to an image and of a type, from the registry's list or
// the one under the tag that stands in for it.
func (r Registry) Attached(ctx context.Context, to name.Digest, mediaType types.MediaType) ([]Part, error) {
	client, err := r.client(to.Context())
	if err != nil {
		return nil, err
	}
	ctx, cancel := r.within(ctx)
	defer cancel()
	list, err := remote.Referrers(to, remote.WithContext(ctx), remote.WithUserAgent("dram"), remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithTransport(registry.Transport(r.Transport, to.RegistryStr(), r.Limits)))
	if Missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, because(ctx, err)
	}
	index, err := list.IndexManifest()
	if err != nil {
		return nil, err
	}
	var all []Part
	read := 0
	for _, d := range index.Manifests {
		if d.ArtifactType != "" && d.ArtifactType != string(EmptyType) && d.ArtifactType != string(mediaType) {
			continue
		}
		if read++; read > maxArtifacts {
			return nil, fmt.Errorf("more than %d artifacts are attached to %s", maxArtifacts, to)
		}
		parts, err := artifact(ctx, client, to.Context().Digest(d.Digest.String()))
		if Missing(err) { // the list is older than what it lists
			continue
		}
		if err != nil {
			return nil, because(ctx, err)
		}
		for _, p := range parts {
			if p.MediaType == mediaType {
				all = append(all, p)
			}
		}
	}
	return all, nil
}

// Missing says whether the registry has no such thing.
func Missing(err error) bool {
	t, ok := errors.AsType[*transport.Error](err)
	return ok && t.StatusCode == http.StatusNotFound
}
