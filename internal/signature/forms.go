package signature

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Types of media and of statements.
const (
	BundleType    = "application/vnd.dev.sigstore.bundle.v0.3+json"
	SimpleType    = "application/vnd.dev.cosign.simplesigning.v1+json"
	SignPredicate = "https://sigstore.dev/cosign/sign/v1"

	// StatementType is that of in-toto's statements v1, InTotoType is their media type.
	StatementType = "https://in-toto.io/Statement/v1"
	InTotoType    = "application/vnd.in-toto+json"

	simpleKind = "cosign container image signature"
)

// SimpleAnnotation has the signature of a simple signing payload, in base64.
const SimpleAnnotation = "dev.cosignproject.cosign/signature"

// BundleAnnotations are those of the manifest that a bundle with a statement of this
// predicate is kept in.
func BundleAnnotations(predicate string) map[string]string {
	return map[string]string{"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": predicate}
}

// Tag is where cosign keeps the simple signatures of an image: "sha256-….sig".
func Tag(digest string) string { return strings.Replace(digest, ":", "-", 1) + ".sig" }

// simple is a payload of simple signing (containers/image, "signature-protocols"), as
// cosign fills it.
type simple struct {
	Critical struct {
		Identity struct {
			Reference string `json:"docker-reference"`
		} `json:"identity"`
		Image struct {
			Digest string `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
	Optional map[string]any `json:"optional"`
}

// Simple signs an image, by its digest, as it lies in a repository.
func (s *Signer) Simple(digest, repository string) (payload []byte, signature string, err error) {
	var p simple
	p.Critical.Identity.Reference, p.Critical.Image.Digest, p.Critical.Type = repository, digest, simpleKind
	if payload, err = json.Marshal(p); err != nil {
		return nil, "", err
	}
	sig, err := s.sign(payload)
	return payload, base64.StdEncoding.EncodeToString(sig), err
}

// statement is an in-toto statement v1, as far as it is looked at.
type statement struct {
	Type      string          `json:"_type"`
	Subject   []subject       `json:"subject"`
	Predicate string          `json:"predicateType"`
	Content   json.RawMessage `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name,omitempty"`
	Digest map[string]string `json:"digest"`
}

// bundle is Sigstore's bundle, as far as keys go.
type bundle struct {
	MediaType string `json:"mediaType"`
	Material  struct {
		Key struct {
			Hint string `json:"hint,omitempty"`
		} `json:"publicKey"`
	} `json:"verificationMaterial"`
	Envelope *envelope `json:"dsseEnvelope,omitempty"`
}

// envelope is DSSE's.
type envelope struct {
	Payload    []byte          `json:"payload"`
	Type       string          `json:"payloadType"`
	Signatures []dsseSignature `json:"signatures"`
}

type dsseSignature struct {
	Sig []byte `json:"sig"`
}

// encoded is what DSSE signs (v1.0, "PAE").
func (e *envelope) encoded() []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(e.Type), e.Type, len(e.Payload), e.Payload)
}

// Bundle is a bundle that signs an image, by its digest.
func (s *Signer) Bundle(digest string) ([]byte, error) {
	return s.Attest(digest, "", SignPredicate, json.RawMessage("{}"))
}

// Attest is a bundle that says something of an image: what is said, in JSON, and its
// type.
func (s *Signer) Attest(digest, name, predicate string, content json.RawMessage) ([]byte, error) {
	algorithm, hex, _ := strings.Cut(digest, ":")
	payload, err := json.Marshal(statement{StatementType, []subject{{name, map[string]string{algorithm: hex}}}, predicate, content})
	if err != nil {
		return nil, err
	}
	e := &envelope{Payload: payload, Type: InTotoType}
	sig, err := s.sign(e.encoded())
	if err != nil {
		return nil, err
	}
	e.Signatures = []dsseSignature{{sig}}
	v, err := s.Verifier()
	if err != nil {
		return nil, err
	}
	b := bundle{MediaType: BundleType, Envelope: e}
	b.Material.Key.Hint = v.hint()
	return json.Marshal(b)
}

// Verdict is what came of a signature.
type Verdict int

// The verdicts, from the worst to the best.
const (
	Foreign Verdict = iota // not by this key, or what is signed is no longer what was
	Other                  // by this key, and of something else
	Signed                 // by this key, and of the image
)

// CheckSimple verifies a payload of simple signing and its signature, in base64.
func (v *Verifier) CheckSimple(payload []byte, signature, digest string) Verdict {
	sig, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || !v.verifies(payload, sig) {
		return Foreign
	}
	var p simple
	if json.Unmarshal(payload, &p) != nil || p.Critical.Type != simpleKind || p.Critical.Image.Digest != digest {
		return Other
	}
	return Signed
}

// CheckBundle verifies a bundle that signs an image; one that says something else of
// it does not.
func (v *Verifier) CheckBundle(raw []byte, digest string) Verdict {
	e, err := parseBundle(raw)
	if err != nil || !v.verifies(e.encoded(), e.Signatures[0].Sig) {
		return Foreign
	}
	var s statement
	if json.Unmarshal(e.Payload, &s) != nil || e.Type != InTotoType || s.Type != StatementType || s.Predicate != SignPredicate {
		return Other
	}
	algorithm, hex, _ := strings.Cut(digest, ":")
	for _, of := range s.Subject {
		if hex != "" && of.Digest[algorithm] == hex {
			return Signed
		}
	}
	return Other
}

func parseBundle(raw []byte) (*envelope, error) {
	var b bundle
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(b.MediaType, "application/vnd.dev.sigstore.bundle") || b.Envelope == nil || len(b.Envelope.Signatures) != 1 {
		return nil, errors.New("it is no bundle with one signed statement")
	}
	return b.Envelope, nil
}
