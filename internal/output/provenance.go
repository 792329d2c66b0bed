package output

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"dram/internal/plan"
	"dram/internal/publish"
	"dram/internal/signature"
)

// Provenance is how an image was made, in a file: SLSA provenance v1.
type Provenance struct{ Path string }

func openProvenance(_ context.Context, value string, _ Options) (Output, error) {
	if value == "" {
		return nil, noName()
	}
	return Provenance{value}, writable(value)
}

// Needs is the image.
func (Provenance) Needs() Needs { return Needs{Image: true, Inventory: true, Revision: true} }

// Check has nothing to find: the place was looked at when it was named.
func (Provenance) Check(*plan.Plan) error { return nil }

// Write writes it.
func (p Provenance) Write(_ context.Context, b *Build) (Written, error) {
	text, err := b.provenance()
	if err != nil {
		return Written{}, err
	}
	return Written{Name: "provenance", Place: p.Path, Size: int64(len(text))}, publish.Text(publish.Anywhere(p.Path), text)
}

const provenancePredicate = "https://slsa.dev/provenance/v1"

// statement is an in-toto statement v1 with a SLSA provenance v1.
type statement struct {
	Type          string     `json:"_type"`
	Subject       []resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     predicate  `json:"predicate"`
}

// resource is something by its digest.
type resource struct {
	Name   string            `json:"name,omitempty"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest,omitempty"`

	Annotations map[string]any `json:"annotations,omitempty"`
}

type predicate struct {
	Definition struct {
		Type     string         `json:"buildType"`
		External map[string]any `json:"externalParameters"`
		Internal map[string]any `json:"internalParameters"`
		Resolved []resource     `json:"resolvedDependencies"`
	} `json:"buildDefinition"`
	Details struct {
		Builder struct {
			ID      string            `json:"id"`
			Version map[string]string `json:"version"`
		} `json:"builder"`
	} `json:"runDetails"`
}

// provenance is how the image was made. It has no time and no machine: the same build
// gives the same bytes.
func (b *Build) provenance() ([]byte, error) {
	s := statement{
		Type: signature.StatementType, PredicateType: provenancePredicate,
		Subject: []resource{{Name: b.Release, Digest: sha256(string(b.Image))}},
	}
	d := &s.Predicate.Definition
	d.Type = "dram:release-image/v1"
	d.External = map[string]any{
		"release": b.Release, "version": b.Version, "platform": b.Plan.Platform, "toolchain": b.Plan.Toolchain,
		"tool": b.Plan.Tool, "mix_env": b.Plan.MixEnv, "image": b.Plan.Image,
	}
	d.Internal = map[string]any{"recipe": plan.Recipe, "engine": b.Plan.Engine, "network_while_compiling": b.Plan.Network}
	d.Resolved = b.materials()
	s.Predicate.Details.Builder.ID = "dram:builder"
	s.Predicate.Details.Builder.Version = map[string]string{"dram": b.Dram}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	err := enc.Encode(s)
	return text.Bytes(), err
}

// materials is what the build was made of: the toolchain, the source, what the lock
// names.
func (b *Build) materials() []resource {
	m := b.Materials
	out := []resource{{Name: "toolchain", URI: b.Plan.Toolchain, Digest: sha256(m.Toolchain)}}
	if m.Source != "" {
		out = append(out, b.source())
	}
	for _, d := range b.Plan.LockedDeps {
		switch {
		case d.Hex && d.Checksum != "":
			out = append(out, resource{Name: d.Name, URI: "pkg:hex/" + d.Package + "@" + d.Version, Digest: map[string]string{"sha256": d.Checksum}})
		case d.Commit != "":
			out = append(out, resource{Name: d.Name, Digest: map[string]string{"gitCommit": d.Commit}})
		}
	}
	return out
}

// source is what was compiled: by its files, and by its commit as far as it is what that
// has.
func (b *Build) source() resource {
	out := resource{Name: "source", Digest: sha256(b.Materials.Source)}
	r := b.Materials.Revision
	if r == nil {
		return out
	}
	if at := r.Address(); at != "" {
		out.URI = "git+" + at + "@" + r.Commit
	}
	if len(r.Changed) == 0 {
		out.Digest["gitCommit"] = r.Commit
		return out
	}
	out.Annotations = map[string]any{"changed_since_commit": r.Commit, "changed": r.Changed[:min(len(r.Changed), mostChanged)]}
	return out
}

// mostChanged is how many of a source's changed files are named.
const mostChanged = 20

// sha256 is a digest as in-toto has it.
func sha256(digest string) map[string]string {
	hex, ok := strings.CutPrefix(digest, "sha256:")
	if !ok {
		return nil
	}
	return map[string]string{"sha256": hex}
}
