package sbom

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
)

const unknown = "NOASSERTION"

// SPDX writes the bill as SPDX 2.3.
func (b *Bill) SPDX(w io.Writer) error {
	doc := &v2_3.Document{
		SPDXVersion: v2_3.Version, DataLicense: v2_3.DataLicense, SPDXIdentifier: "DOCUMENT", DocumentName: b.Subject.Name,
		DocumentNamespace: "urn:uuid:" + b.serial("spdx"),
		CreationInfo: &v2_3.CreationInfo{
			Creators: []common.Creator{{CreatorType: "Tool", Creator: "dram-" + b.Tool}}, Created: b.Created,
		},
	}
	relate := func(from, kind, to string) {
		doc.Relationships = append(doc.Relationships, &v2_3.Relationship{
			RefA: common.MakeDocElementID("", from), RefB: common.MakeDocElementID("", to), Relationship: kind,
		})
	}
	image := element(b.Subject)
	doc.Packages = append(doc.Packages, spdxPackage(b.Subject))
	relate("DOCUMENT", common.TypeRelationshipDescribe, image)
	for _, c := range b.Components {
		doc.Packages = append(doc.Packages, spdxPackage(c))
		relate(image, common.TypeRelationshipContains, element(c))
	}
	for _, c := range b.Components {
		for _, use := range c.Uses {
			relate(element(c), common.TypeRelationshipDependsOn, element(Component{Ref: use}))
		}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}

// element names a component in the letters that SPDX has; other letters by their
// numbers, so that no two components have one name.
func element(c Component) string {
	var out strings.Builder
	for _, r := range c.Ref {
		switch {
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-':
			out.WriteRune(r)
		case r == ':':
			out.WriteByte('-')
		default:
			fmt.Fprintf(&out, "-x%x-", r)
		}
	}
	return out.String()
}

func spdxPackage(c Component) *v2_3.Package {
	p := &v2_3.Package{
		PackageName: c.Name, PackageSPDXIdentifier: common.ElementID(element(c)), PackageVersion: c.Version,
		PackageDownloadLocation: cmp.Or(c.From, unknown), IsFilesAnalyzedTagPresent: true,
		PackageLicenseConcluded: unknown, PackageLicenseDeclared: cmp.Or(c.Licence, unknown), PackageCopyrightText: unknown,
		PrimaryPackagePurpose: strings.ReplaceAll(strings.ToUpper(string(c.Kind)), "-", "_"),
		PackageComment:        places(c),
	}
	if len(c.Licences) > 0 {
		p.PackageLicenseComments = "its copyright file names: " + strings.Join(c.Licences, ", ")
	}
	if c.Supplier != "" {
		p.PackageSupplier = &common.Supplier{SupplierType: "Organization", Supplier: strings.NewReplacer("<", "(", ">", ")").Replace(c.Supplier)}
	}
	if c.SHA256 != "" {
		p.PackageChecksums = []common.Checksum{{Algorithm: common.SHA256, Value: c.SHA256}}
	}
	if c.PURL != "" {
		p.PackageExternalReferences = append(p.PackageExternalReferences, &v2_3.PackageExternalReference{
			Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL, Locator: c.PURL,
		})
	}
	if c.CPE != "" {
		p.PackageExternalReferences = append(p.PackageExternalReferences, &v2_3.PackageExternalReference{
			Category: common.CategorySecurity, RefType: common.TypeSecurityCPE23Type, Locator: c.CPE,
		})
	}
	for _, f := range c.Facts {
		p.PackageAttributionTexts = append(p.PackageAttributionTexts, f[0]+": "+f[1])
	}
	return p
}

// places lists a component's files: SPDX wants the SHA-1 of those that are elements of
// their own, which nobody computes any more.
func places(c Component) string {
	if len(c.Files) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("files:")
	for _, f := range c.Files {
		b.WriteString("\n/" + f.Path)
	}
	return b.String()
}
