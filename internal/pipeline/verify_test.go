package pipeline

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/output"
	"dram/internal/problem"
	"dram/internal/signature"
)

// keyPair is a private key, in a file, and its public half.
func keyPair(t *testing.T) (private string, public *signature.Verifier) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	private = filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(private, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := signature.OpenSigner(private, os.LookupEnv)
	if err == nil {
		public, err = s.Verifier()
	}
	if err != nil {
		t.Fatal(err)
	}
	return private, public
}

// registryAt is a registry that keeps lists of referrers itself, or does not.
func registryAt(t *testing.T, referrers bool, before func(*http.Request) int) string {
	t.Helper()
	real := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(referrers))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if code := before(r); code != 0 {
			w.WriteHeader(code)
			return
		}
		real.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func willing(*http.Request) int { return 0 }

func reference(t *testing.T, s string) name.Reference {
	t.Helper()
	at, err := name.ParseReference(s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestSignedImagesAreVerified(t *testing.T) {
	for title, referrers := range map[string]bool{"with referrers": true, "without": false} {
		t.Run(title, func(t *testing.T) {
			host := registryAt(t, referrers, willing)
			private, public := keyPair(t)
			_, stranger := keyPair(t)
			w := newWorld(t)
			to := host + "/team/hello:1"
			push := func(o output.Options, to string) *output.Result {
				outs := asked(t, o, output.Asked{Flag: "push", Value: to})
				r, err := w.Build(t.Context(), w.planned(t), outs)
				if err != nil {
					t.Fatal(err)
				}
				w.write(t, r, outs...)
				return r
			}
			push(output.Options{}, to)
			_, err := Verify(t.Context(), reference(t, to), public)
			is(t, err, problem.Check, "has no signature")

			r := push(output.Options{Sign: private, Attach: output.Attachable()}, to)
			v, err := Verify(t.Context(), reference(t, to), public)
			if err != nil || v.Image.String() != host+"/team/hello@"+string(r.Image) || v.Signed != 2 {
				t.Errorf("%+v, %v", v, err)
			}
			push(output.Options{Sign: private, Attach: output.Attachable()}, to)
			if again, err := Verify(t.Context(), reference(t, to), public); err != nil || again != v {
				t.Errorf("signed twice by one key: %+v, %v", again, err)
			}
			_, err = Verify(t.Context(), reference(t, to), stranger)
			is(t, err, problem.Check, "is not signed by this key: none of its 5 signatures is")

			second, other := keyPair(t)
			push(output.Options{Sign: second}, to)
			for who, v := range map[string]*signature.Verifier{"the first": public, "the second": other} {
				if got, err := Verify(t.Context(), reference(t, to), v); err != nil || got.Signed != 2 {
					t.Errorf("by %s of two keys: %+v, %v", who, got, err)
				}
			}
			_, err = Verify(t.Context(), reference(t, host+"/team/none:1"), public)
			is(t, err, problem.Usage, "there is no image")
		})
	}
}

func is(t *testing.T, err error, kind problem.Kind, text string) {
	t.Helper()
	if err == nil || problem.Code(err) != int(kind) || !strings.Contains(err.Error(), text) || problem.Hint(err) == "" {
		t.Errorf("%v (exit code %d), want … %s … (%d)", err, problem.Code(err), text, kind)
	}
}

// A signature that was copied from another image, or whose payload was changed, signs
// nothing.
func TestForgedSignatures(t *testing.T) {
	host := registryAt(t, true, willing)
	private, public := keyPair(t)
	w := newWorld(t)
	outs := asked(t, output.Options{Sign: private}, output.Asked{Flag: "push", Value: host + "/a:1"})
	r, err := w.Build(t.Context(), w.planned(t), outs)
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, r, outs...)
	img := pulled(t, host+"/a:1")
	evil, err := mutate.Config(img, mustConfig(t, img))
	if err != nil {
		t.Fatal(err)
	}
	digest, err := evil.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(reference(t, host+"/a:evil"), evil, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	copied := pulled(t, host+"/a:"+signature.Tag(string(r.Image)))
	under := reference(t, host+"/a:"+signature.Tag(digest.String()))
	if err := remote.Write(under, copied, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	_, err = Verify(t.Context(), reference(t, host+"/a:evil"), public)
	is(t, err, problem.Check, "what the key signed there is not this image")

	m, err := copied.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	payload, _, err := mustSigner(t, private).Simple(digest.String(), host+"/a")
	if err != nil {
		t.Fatal(err)
	}
	forged, err := mutate.Append(mutate.MediaType(copied, types.OCIManifestSchema1), mutate.Addendum{
		Layer:       static.NewLayer(payload, types.MediaType(signature.SimpleType)),
		Annotations: m.Layers[0].Annotations, // of the other payload
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(under, forged, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	_, err = Verify(t.Context(), reference(t, host+"/a:evil"), public)
	is(t, err, problem.Check, "is not signed")
}

func mustConfig(t *testing.T, img v1.Image) v1.Config {
	t.Helper()
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := file.Config
	c.User = "0"
	return c
}

func mustSigner(t *testing.T, at string) *signature.Signer {
	t.Helper()
	s, err := signature.OpenSigner(at, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What cannot be signed gets no tag, and a key that cannot be used is found before
// anything is built.
func TestNoTagWithoutItsSignature(t *testing.T) {
	private, _ := keyPair(t)
	for name, refused := range map[string]func(*http.Request) bool{
		"the simple signature": func(r *http.Request) bool {
			return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, ".sig")
		},
		"the list of referrers": func(r *http.Request) bool {
			return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/sha256-") && !strings.HasSuffix(r.URL.Path, ".sig")
		},
	} {
		t.Run(name, func(t *testing.T) {
			host := registryAt(t, false, func(r *http.Request) int {
				if refused(r) {
					return http.StatusForbidden
				}
				return 0
			})
			w := newWorld(t)
			outs := asked(t, output.Options{Sign: private}, output.Asked{Flag: "push", Value: host + "/a:1"})
			pl := w.planned(t)
			r, err := w.Build(t.Context(), pl, outs)
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.Write(t.Context(), pl, r, outs)
			is(t, err, problem.Failure, "signing sha256:")
			if _, err := remote.Head(reference(t, host+"/a:1"), remote.WithContext(t.Context())); err == nil {
				t.Error("a tag names what is not signed")
			}
		})
	}
	_, err := output.ParsePush("registry.example/a", output.Options{Sign: filepath.Join(t.TempDir(), "none")})
	is(t, err, problem.Usage, "reading key")
}
