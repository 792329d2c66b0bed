package publish_test

import (
	"io"
	"log"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/publish"
)

// What is attached is found by those who look for it, in registries that list what
// refers to an image and in those that do not.
func TestAttach(t *testing.T) {
	quiet := registry.Logger(log.New(io.Discard, "", 0))
	listing := registry.New(quiet, registry.WithReferrersSupport(true))
	for _, tt := range []struct {
		name     string
		registry http.Handler
		byTag    bool
	}{
		{"a registry that says that it keeps referrers", saysSubject(listing), false},
		{"one that keeps them without a word", registry.New(quiet, registry.WithReferrersSupport(true)), true},
		{"one that keeps none", registry.New(quiet), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			host := serve(t, tt.registry)
			img, err := random.Image(512, 2)
			if err != nil {
				t.Fatal(err)
			}
			p := pusher()
			push(t, p, img, host+"/team/shop", "1.0")
			repo, err := name.NewRepository(host + "/team/shop")
			if err != nil {
				t.Fatal(err)
			}
			said := map[string]string{"application/vnd.cyclonedx+json": `{"bomFormat":"CycloneDX"}`, "application/vnd.in-toto+json": `{"_type":"statement"}`}
			refs := attachTwice(t, p, img, repo, said)
			hash, err := img.Digest()
			if err != nil {
				t.Fatal(err)
			}
			index, err := remote.Referrers(repo.Digest(hash.String()), remote.WithContext(t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			list, err := index.IndexManifest()
			if err != nil {
				t.Fatal(err)
			}
			if len(list.Manifests) != len(said) {
				t.Errorf("%d referrers, want %d", len(list.Manifests), len(said))
			}
			for _, d := range list.Manifests {
				kind, got := attached(t, repo.Digest(d.Digest.String()))
				if got != said[kind] || !strings.HasSuffix(refs[kind], d.Digest.String()) {
					t.Errorf("%s says %q", kind, got)
				}
				// That registry takes the type of the configuration for the artifact's.
				if own := !strings.HasPrefix(tt.name, "one that keeps none"); !own && d.ArtifactType != kind {
					t.Errorf("the list says %s of %s", d.ArtifactType, kind)
				}
			}
			tags, err := remote.List(repo, remote.WithContext(t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			if byTag := slices.Contains(tags, "sha256-"+hash.Hex); byTag != tt.byTag {
				t.Errorf("the tag that lists them is there: %t, want %t; %v", byTag, tt.byTag, tags)
			}
		})
	}
}

// attachTwice attaches what is said by its type, and gives the references: the second
// time nothing is added.
func attachTwice(t *testing.T, p *publish.Pusher, img v1.Image, repo name.Repository, said map[string]string) map[string]string {
	t.Helper()
	refs := map[string]string{}
	for range 2 {
		for kind, content := range said {
			ref, err := p.Attach(t.Context(), publish.Artifact{Type: kind, Content: []byte(content)}, img, repo)
			if err != nil {
				t.Fatal(err)
			}
			if refs[kind] != "" && refs[kind] != ref {
				t.Errorf("%s has other bytes the second time", kind)
			}
			refs[kind] = ref
		}
	}
	return refs
}

// saysSubject is a registry that answers as the distribution specification 1.1 has one
// that keeps referrers answer.
func saysSubject(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			if _, after, ok := strings.Cut(string(body), `"subject":`); ok {
				_, digest, _ := strings.Cut(after, `"digest":"`)
				digest, _, _ = strings.Cut(digest, `"`)
				w.Header().Set("OCI-Subject", digest)
			}
			r.Body = io.NopCloser(strings.NewReader(string(body)))
		}
		inner.ServeHTTP(w, r)
	})
}

// attached is the type and the content of an artifact.
func attached(t *testing.T, ref name.Digest) (kind, content string) {
	t.Helper()
	img, err := remote.Image(ref, remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if m.Config.MediaType != "application/vnd.oci.empty.v1+json" || m.MediaType != types.OCIManifestSchema1 || len(m.Layers) != 1 {
		t.Errorf("the manifest is %+v", m)
	}
	blob, err := remote.Layer(ref.Context().Digest(m.Layers[0].Digest.String()), remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	r, err := blob.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(m.Layers[0].MediaType), string(b)
}
