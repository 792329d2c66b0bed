package sbom

import (
	"io"
	"slices"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// CycloneDX writes the bill as CycloneDX 1.6.
func (b *Bill) CycloneDX(w io.Writer) error {
	out := cdx.NewBOM()
	out.SerialNumber = "urn:uuid:" + b.serial("cyclonedx")
	subject := cyclone(b.Subject)
	out.Metadata = &cdx.Metadata{
		Timestamp: b.Created, Component: &subject,
		Tools: &cdx.ToolsChoice{Components: &[]cdx.Component{{Type: cdx.ComponentTypeApplication, Name: "dram", Version: b.Tool}}},
	}
	components, depends := []cdx.Component{}, []cdx.Dependency{dependency(b.Subject)}
	for _, c := range b.Components {
		components = append(components, cyclone(c))
		depends = append(depends, dependency(c))
	}
	out.Components, out.Dependencies = &components, &depends
	return cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(out, cdx.SpecVersion1_6)
}

func dependency(c Component) cdx.Dependency {
	d := cdx.Dependency{Ref: c.Ref}
	if len(c.Uses) > 0 {
		uses := slices.Clone(c.Uses)
		d.Dependencies = &uses
	}
	return d
}

func cyclone(c Component) cdx.Component {
	out := cdx.Component{
		BOMRef: c.Ref, Type: cdx.ComponentType(c.Kind), Name: c.Name, Version: c.Version, PackageURL: c.PURL, CPE: c.CPE,
		Licenses: cycloneLicences(c),
	}
	if c.Supplier != "" {
		out.Supplier = &cdx.OrganizationalEntity{Name: c.Supplier}
	}
	if c.SHA256 != "" {
		out.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: c.SHA256}}
	}
	if c.From != "" {
		out.ExternalReferences = &[]cdx.ExternalReference{{Type: cdx.ERTypeVCS, URL: c.From}}
	}
	if len(c.Facts) > 0 {
		facts := make([]cdx.Property, 0, len(c.Facts))
		for _, f := range c.Facts {
			facts = append(facts, cdx.Property{Name: f[0], Value: f[1]})
		}
		out.Properties = &facts
	}
	if len(c.Files) > 0 {
		places := make([]cdx.EvidenceOccurrence, 0, len(c.Files))
		for _, f := range c.Files {
			places = append(places, cdx.EvidenceOccurrence{Location: "/" + f.Path, AdditionalContext: string(f.Digest)})
		}
		out.Evidence = &cdx.Evidence{Occurrences: &places}
	}
	return out
}

func cycloneLicences(c Component) *cdx.Licenses {
	var out cdx.Licenses
	if c.Licence != "" {
		out = append(out, cdx.LicenseChoice{Expression: c.Licence})
	}
	for _, l := range c.Licences {
		out = append(out, cdx.LicenseChoice{License: &cdx.License{Name: l}})
	}
	if out == nil {
		return nil
	}
	return &out
}
