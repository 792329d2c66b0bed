package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/oci"
	"dram/internal/registry"
)

// Artifact is what is said of an image: a bill of materials, a provenance.
type Artifact struct {
	Type    string // a media type, by which who looks finds it
	Content []byte // of that type
	// Annotations are those of its manifest.
	Annotations map[string]string
}

// Subject is an image, or an index of images.
type Subject interface {
	RawManifest() ([]byte, error)
	MediaType() (types.MediaType, error)
}

// emptyConfig is what an artifact has in the place of a configuration (OCI image
// specification 1.1).
var emptyConfig = []byte("{}")

// attachment is the manifest of an artifact.
type attachment struct {
	SchemaVersion int             `json:"schemaVersion"`
	MediaType     types.MediaType `json:"mediaType"`
	ArtifactType  string          `json:"artifactType"`
	Config        v1.Descriptor   `json:"config"`
	Layers        []v1.Descriptor `json:"layers"`
	Subject       v1.Descriptor   `json:"subject"`

	Annotations map[string]string `json:"annotations,omitempty"`
}

// Attach sends what is said of an image to the repository that the image is in, as its
// referrer. Where the registry does not keep referrers, they are listed under a tag
// made of the image's digest, as the distribution specification 1.1 says. It gives the
// artifact's reference, by its digest.
func (p *Pusher) Attach(ctx context.Context, a Artifact, of Subject, to name.Repository) (string, error) {
	subject, err := subjectOf(of)
	if err != nil {
		return "", err
	}
	blobs := []blob{bytesBlob(emptyConfig), bytesBlob(a.Content)}
	raw, err := json.Marshal(attachment{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: a.Type, Subject: subject, Annotations: a.Annotations,
		Config: v1.Descriptor{MediaType: oci.EmptyType, Digest: blobs[0].digest, Size: blobs[0].size},
		Layers: []v1.Descriptor{{MediaType: types.MediaType(a.Type), Digest: blobs[1].digest, Size: blobs[1].size}},
	})
	if err != nil {
		return "", err
	}
	m := manifest{bytesBlob(raw).digest, string(types.OCIManifestSchema1), raw}
	r := &remote{repo: to, transport: p.transport(), keychain: p.Keychain, wait: p.wait, tally: newTally(blobs, nil), limits: p.limits}
	if err := r.attach(ctx, blobs, m, a.Type, subject.Digest); err != nil {
		return "", pushProblem(to, err)
	}
	return repositoryName(to) + "@" + m.digest.String(), nil
}

func subjectOf(of Subject) (d v1.Descriptor, err error) {
	raw, err := of.RawManifest()
	if err != nil {
		return d, err
	}
	d.MediaType, err = of.MediaType()
	d.Digest, d.Size = bytesBlob(raw).digest, int64(len(raw))
	return d, err
}

func (r *remote) attach(ctx context.Context, blobs []blob, m manifest, artifactType string, subject v1.Hash) error {
	if err := r.connect(ctx); err != nil {
		return err
	}
	for _, b := range blobs {
		if err := r.putBlob(ctx, b); err != nil {
			return err
		}
	}
	header, err := r.put(ctx, m, m.digest.String())
	if err != nil || header.Get("OCI-Subject") == subject.String() {
		return err
	}
	return r.list(ctx, m, artifactType, subject)
}

// list has an artifact in the list of the image's, under the tag that stands in for a
// registry's own list.
func (r *remote) list(ctx context.Context, m manifest, artifactType string, subject v1.Hash) error {
	tag := subject.Algorithm + "-" + subject.Hex
	index, err := r.referrers(ctx, tag)
	if err != nil {
		return fmt.Errorf("reading what is attached to %s: %w", subject, err)
	}
	if slices.ContainsFunc(index.Manifests, func(d v1.Descriptor) bool { return d.Digest == m.digest }) {
		return nil
	}
	index.Manifests = append(index.Manifests, v1.Descriptor{
		MediaType: types.MediaType(m.mediaType), Digest: m.digest, Size: int64(len(m.raw)), ArtifactType: artifactType,
	})
	raw, err := json.Marshal(index)
	if err != nil {
		return err
	}
	return r.putManifest(ctx, manifest{bytesBlob(raw).digest, string(types.OCIImageIndex), raw}, tag)
}

// referrers is the list under a tag, or an empty one.
func (r *remote) referrers(ctx context.Context, tag string) (*v1.IndexManifest, error) {
	index := &v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	var body []byte
	err := r.retry(ctx, func() error {
		body = nil
		_, err := r.do(ctx, request{
			method: http.MethodGet, url: r.url("/manifests/%s", tag), want: []int{http.StatusOK, http.StatusNotFound}, into: &body,
			header: map[string]string{"Accept": string(types.OCIImageIndex)},
		})
		return err
	})
	if err != nil || body == nil {
		return index, err
	}
	return oci.ParseIndex(body)
}

// readInto reads an answer that is asked for.
func readInto(into *[]byte, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return nil
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(io.LimitReader(resp.Body, registry.MaxManifest+1)); err != nil {
		return err
	}
	if b.Len() > registry.MaxManifest {
		return fmt.Errorf("the answer is larger than %d bytes", registry.MaxManifest)
	}
	*into = b.Bytes()
	return nil
}
