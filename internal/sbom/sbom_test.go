package sbom_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	spdx "github.com/spdx/tools-golang/json"

	"dram/internal/distro"
	"dram/internal/image"
	"dram/internal/project"
	"dram/internal/sbom"
)

// whole is an image with one of all that a bill may have, and with names that are near
// to one another.
func whole() *sbom.Bill {
	files := func(names ...string) (out []image.FileSum) {
		for _, n := range names {
			out = append(out, image.FileSum{Path: n, Digest: "sha256:" + "00", Size: 1})
		}
		return out
	}
	return sbom.Of(&image.Inventory{
		ERTS: "15.2.7", OTP: "27.3.4", System: distro.System{ID: "debian", Version: "13", Name: "Debian GNU/Linux 13 (trixie)"},
		Apps: []image.AppInventory{
			{Name: "erts", Version: "15.2.7", Origin: "erts", Files: files("app/erts-15.2.7/bin/beam.smp")},
			{Name: "hello", Version: "0.1.0", Origin: "own", Uses: []string{"kernel", "phoenix_html", "gone"}, Files: files("app/lib/hello-0.1.0/ebin/a.beam"), Native: []image.Native{{Path: "app/n.so", Needed: []string{"libc.so.6", "none.so"}}, {Path: "app/m.so"}}},
			{Name: "hello release", Version: "0.1.0", Origin: "metadata", Files: files("app/bin/hello")},
			{Name: "hello_release", Version: "1.0.0", Origin: "dependency"},
			{Name: "kernel", Version: "10.2", Origin: "otp"},
			{Name: "elixir", Version: "1.18.3", Origin: "elixir"},
			{Name: "phoenix_html", Version: "4.1.0", Origin: "dependency"},
			{Name: "phoenix_html", Version: "4.2.0", Origin: "dependency"},
			{Name: "private", Version: "1.0.0", Origin: "dependency"},
			{Name: "fork", Version: "0.2.0", Origin: "dependency"},
			{Name: "ünïcode", Version: "0.2.0+b:c", Origin: "dependency"},
		},
		Packages: []image.SystemPackage{
			{Package: distro.Package{Name: "libc6", Version: "2.41-12+deb13u5", Source: "glibc", SourceVersion: "2.41", Maintainer: "GNU Libc Maintainers <debian-glibc@lists.debian.org>"}, PURL: "pkg:deb/debian/libc6@2.41-12%2Bdeb13u5", Licences: []string{"LGPL-2.1+", "GPL-2+ with exception"}, Files: []string{"usr/lib/libc.so.6"}},
			{Package: distro.Package{Name: "g++", Version: "1:14"}, Files: []string{"usr/bin/g++"}},
			{Package: distro.Package{Name: "g--", Version: "1"}, Files: []string{"usr/bin/g--"}},
		},
		Other: files("etc/passwd"),
	}, sbom.About{
		Name: "hello", Version: "0.1.0+build 7", Digest: "sha256:" + strings.Repeat("0a", 32), Platform: "linux/arm64", OTP: "27.3.4", Tool: "1", Created: "1970-01-01T00:00:01Z",
		Licences: []string{"Apache-2.0", "MIT"},
		Locked: []project.LockedDep{
			{Name: "phoenix_html", Package: "phoenix_html", Version: "4.1.0", Hex: true, Repository: "hexpm", Checksum: strings.Repeat("0b", 32)},
			{Name: "private", Package: "private", Version: "1.0.0", Hex: true, Repository: "hexpm:acme", Checksum: strings.Repeat("0c", 32)},
			{Name: "fork", URL: "https://user:secret@example.org/a/fork.git", Commit: strings.Repeat("1", 40)},
		},
	})
}

func written(t *testing.T, write func(*bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b.Bytes(), []byte("secret")) {
		t.Error("a login is in the bill")
	}
	return b.Bytes()
}

// The schema that CycloneDX publishes is in the module of its library.
func TestCycloneDXIsValid(t *testing.T) {
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	const base = "http://cyclonedx.org/schema/"
	for _, name := range []string{"bom-1.6.schema.json", "spdx.schema.json", "jsf-0.82.schema.json"} {
		file := strings.Replace(name, "jsf-0.82.schema.json", "jsf-0.82.schemax.json", 1)
		raw, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "schema", file))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err == nil {
			err = c.AddResource(base+name, doc)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	schema, err := c.Compile(base + "bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	raw := written(t, func(b *bytes.Buffer) error { return whole().CycloneDX(b) })
	bill, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err == nil {
		err = schema.Validate(bill)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, raw)
	}
	bad, err := jsonschema.UnmarshalJSON(bytes.NewReader(bytes.Replace(raw, []byte(`"type": "library"`), []byte(`"type": "librarium"`), 1)))
	if err != nil || schema.Validate(bad) == nil {
		t.Errorf("the schema lets anything pass: %v", err)
	}
	refs(t, raw)
}

// refs looks whether all that is named is there, once.
func refs(t *testing.T, raw []byte) {
	t.Helper()
	var bill struct {
		Components []struct {
			Ref string `json:"bom-ref"`
		}
		Dependencies []struct {
			Ref       string
			DependsOn []string
		}
	}
	if err := json.Unmarshal(raw, &bill); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{"image": true}
	for _, c := range bill.Components {
		if seen[c.Ref] {
			t.Errorf("%q is there twice", c.Ref)
		}
		seen[c.Ref] = true
	}
	for _, d := range bill.Dependencies {
		for _, on := range append(d.DependsOn, d.Ref) {
			if !seen[on] {
				t.Errorf("%q is named and not there", on)
			}
		}
	}
}

// The schema of SPDX is in no module; what it asks for beyond the library that reads it
// are values of a list, names of a form, and what its text says of them.
func TestSPDXIsValid(t *testing.T) {
	raw := written(t, func(b *bytes.Buffer) error { return whole().SPDX(b) })
	doc, err := spdx.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	purposes := strings.Fields("APPLICATION FRAMEWORK LIBRARY CONTAINER OPERATING_SYSTEM DEVICE FIRMWARE SOURCE ARCHIVE FILE INSTALL OTHER")
	form := regexp.MustCompile(`^[a-zA-Z0-9.-]+$`)
	seen := map[string]bool{"DOCUMENT": true}
	for _, p := range doc.Packages {
		id := string(p.PackageSPDXIdentifier)
		if seen[id] || !form.MatchString(id) {
			t.Errorf("%q is there twice, or is no identifier", id)
		}
		seen[id] = true
		if !slices.Contains(purposes, p.PrimaryPackagePurpose) {
			t.Errorf("%s has the purpose %q", id, p.PrimaryPackagePurpose)
		}
		if p.PackageSupplier != nil && strings.ContainsAny(p.PackageSupplier.Supplier, "<>") {
			t.Errorf("%s has the supplier %q", id, p.PackageSupplier.Supplier)
		}
	}
	for _, r := range doc.Relationships {
		for _, of := range []string{string(r.RefA.ElementRefID), string(r.RefB.ElementRefID)} {
			if !seen[of] {
				t.Errorf("%q is named and not there", of)
			}
		}
	}
	if len(doc.Packages) != 17 {
		t.Errorf("%d packages", len(doc.Packages))
	}
}
