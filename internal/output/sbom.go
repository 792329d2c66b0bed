package output

import (
	"bytes"
	"context"
	"strings"
	"time"

	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/publish"
	"dram/internal/sbom"
)

// SBOM is a bill of materials of the image, in a file.
type SBOM struct {
	Path string
	form billForm
}

// billForm is a form that bills are written in.
type billForm struct {
	name      string // asked for by
	suffix    string // of files
	mediaType string
	predicate string // of a statement that has it
	write     func(*sbom.Bill, *bytes.Buffer) error
}

func billForms() []billForm {
	return []billForm{
		{"cyclonedx", ".cdx.json", "application/vnd.cyclonedx+json", "https://cyclonedx.org/bom", func(b *sbom.Bill, w *bytes.Buffer) error { return b.CycloneDX(w) }},
		{"spdx", ".spdx.json", "application/spdx+json", "https://spdx.dev/Document", func(b *sbom.Bill, w *bytes.Buffer) error { return b.SPDX(w) }},
	}
}

func openSBOM(_ context.Context, value string, _ Options) (Output, error) {
	for _, f := range billForms() {
		if strings.HasSuffix(value, f.suffix) && len(value) > len(f.suffix) {
			return SBOM{value, f}, writable(value)
		}
	}
	return nil, problem.New(problem.Usage, "name a file FILE.cdx.json for CycloneDX, or FILE.spdx.json for SPDX", "%q tells no form of a bill of materials", value)
}

// Needs is the image, and what it holds.
func (SBOM) Needs() Needs { return Needs{Image: true, Inventory: true} }

// Check has nothing to find: the place was looked at when it was named.
func (SBOM) Check(*plan.Plan) error { return nil }

// Write writes the bill.
func (s SBOM) Write(_ context.Context, b *Build) (Written, error) {
	text, err := b.bill(s.form)
	if err != nil {
		return Written{}, err
	}
	return Written{Name: "sbom", Place: s.Path, Size: int64(len(text))}, publish.Text(publish.Anywhere(s.Path), text)
}

// bill is the image's bill of materials in a form.
func (b *Build) bill(form billForm) ([]byte, error) {
	about := sbom.About{
		Name: b.Release, Version: b.Version, Digest: string(b.Image), Platform: b.Plan.Platform, OTP: b.Inventory.OTP,
		Locked: b.Plan.LockedDeps, Licences: b.Plan.Licences, Tool: b.Dram, Created: time.Unix(plan.Epoch, 0).UTC().Format(time.RFC3339),
	}
	var text bytes.Buffer
	err := form.write(sbom.Of(b.Inventory, about), &text)
	return text.Bytes(), err
}
