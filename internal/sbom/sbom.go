// Package sbom writes bills of materials: what an image is made of, by CycloneDX 1.6
// or SPDX 2.3, in JSON. What it is told is what was put into the image, file by file;
// nothing is guessed. The same image gives the same bytes: a bill bears no date of
// its own, and its serial number is made of its content.
package sbom

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"dram/internal/distro"
	"dram/internal/image"
	"dram/internal/project"
)

// Kind is what a component is.
type Kind string

// The kinds.
const (
	Application Kind = "application"
	Library     Kind = "library"
	System      Kind = "operating-system"
	Files       Kind = "file"
	Container   Kind = "container"
)

// Component is a part of an image.
type Component struct {
	Ref      string // names it in the bill
	Kind     Kind
	Name     string
	Version  string
	PURL     string // package URL, "" if there is none
	CPE      string
	SHA256   string   // of the package that it came as, in hex
	Licence  string   // an SPDX expression, "" where none is known
	Licences []string // or what it calls its licences, in words of its own
	Supplier string
	From     string // where it came from, a URL
	Files    []image.FileSum
	Uses     []string // refs
	Facts    [][2]string
}

// Bill is a bill of materials.
type Bill struct {
	Subject    Component // the image
	Components []Component
	Tool       string // dram's version
	Created    string // RFC 3339
}

// About is what a bill says of the image that it is of.
type About struct {
	Name, Version string
	Digest        string // "sha256:…"
	Platform      string
	OTP           string // "" where it is not known
	Locked        []project.LockedDep
	Licences      []string // that the project names its own
	Tool          string
	Created       string
}

// Of is the bill of an image.
func Of(inv *image.Inventory, about About) *Bill {
	b := &Bill{Tool: about.Tool, Created: about.Created, Subject: Component{
		Ref: "image", Kind: Container, Name: about.Name, Version: about.Version,
		SHA256:  strings.TrimPrefix(about.Digest, "sha256:"),
		Licence: Expression(about.Licences),
		PURL:    "pkg:oci/" + distro.EscapePURL(about.Name) + "@" + distro.EscapePURL(about.Digest) + "?arch=" + distro.EscapePURL(path.Base(about.Platform)),
		Facts:   [][2]string{{"dram:platform", about.Platform}},
	}}
	providers := b.packages(inv)
	b.apps(inv, about, providers)
	if inv.System.ID != "" {
		b.Components = append(b.Components, Component{Ref: "os", Kind: System, Name: inv.System.ID, Version: inv.System.Version, Facts: [][2]string{{"dram:name", inv.System.Name}}})
	}
	if len(inv.Other) > 0 {
		b.Components = append(b.Components, Component{Ref: "other", Kind: Files, Name: "files of no package", Files: inv.Other})
	}
	for _, c := range b.Components {
		b.Subject.Uses = append(b.Subject.Uses, c.Ref)
	}
	return b
}

// packages takes in the system's, and gives which has a library, by its name.
func (b *Bill) packages(inv *image.Inventory) map[string]string {
	providers, named := map[string]string{}, map[string]bool{}
	if inv.Base != nil {
		b.Components = append(b.Components, Component{
			Ref: "base", Kind: Container, Name: inv.Base.Name, Version: string(inv.Base.Digest), SHA256: strings.TrimPrefix(string(inv.Base.Digest), "sha256:"),
		})
	}
	for _, p := range inv.Packages {
		ref := "package:" + p.Name
		if named[ref] { // a base may have another version of it
			ref += "@" + p.Version
		}
		named[ref] = true
		var files []image.FileSum
		for _, f := range p.Files {
			files = append(files, image.FileSum{Path: f})
			providers[path.Base(f)] = ref
		}
		b.Components = append(b.Components, Component{
			Ref: ref, Kind: Library, Name: p.Name, Version: p.Version, PURL: p.PURL, Licences: p.Licences, Supplier: p.Maintainer, Files: files,
			Facts: [][2]string{{"dram:source", p.Source + " " + p.SourceVersion}},
		})
	}
	return providers
}

// apps takes in the release's applications.
func (b *Bill) apps(inv *image.Inventory, about About, providers map[string]string) {
	locked := map[string]project.LockedDep{}
	for _, d := range about.Locked {
		locked[d.Name] = d
	}
	there := map[string]bool{}
	for _, a := range inv.Apps {
		there[a.Name] = true
	}
	named := map[string]bool{}
	for _, a := range inv.Apps {
		ref := "app:" + a.Name
		if named[ref] { // of an application, a release may have several versions
			ref += "@" + a.Version
		}
		named[ref] = true
		c := Component{Ref: ref, Kind: Library, Name: a.Name, Version: a.Version, Files: a.Files, Facts: [][2]string{{"dram:origin", a.Origin}}}
		c.origin(a, locked[a.Name], about)
		for _, use := range a.Uses {
			if there[use] {
				c.Uses = append(c.Uses, "app:"+use)
			}
		}
		for _, n := range a.Native {
			for _, lib := range n.Needed {
				if ref, ok := providers[lib]; ok && !slices.Contains(c.Uses, ref) {
					c.Uses = append(c.Uses, ref)
				}
			}
			c.Facts = append(c.Facts, [2]string{"dram:native", n.Path + ": " + cmp.Or(strings.Join(n.Needed, " "), "needs no library")})
		}
		b.Components = append(b.Components, c)
	}
}

// origin says where an application came from.
func (c *Component) origin(a image.AppInventory, locked project.LockedDep, about About) {
	switch {
	case a.Origin == "erts":
		c.PURL = "pkg:otp/erts@" + distro.EscapePURL(a.Version)
		c.Licence, c.Supplier = "Apache-2.0", "Ericsson AB"
		if about.OTP != "" {
			c.CPE = "cpe:2.3:a:erlang:erlang\\/otp:" + about.OTP + ":*:*:*:*:*:*:*"
		}
	case a.Origin == "otp":
		c.PURL, c.Licence, c.Supplier = "pkg:otp/"+distro.EscapePURL(a.Name)+"@"+distro.EscapePURL(a.Version), "Apache-2.0", "Ericsson AB"
	case a.Origin == "elixir":
		c.PURL, c.Licence = "pkg:otp/"+distro.EscapePURL(a.Name)+"@"+distro.EscapePURL(a.Version), "Apache-2.0"
		if a.Name == "elixir" {
			c.CPE = "cpe:2.3:a:elixir-lang:elixir:" + a.Version + ":*:*:*:*:*:*:*"
		}
	case a.Origin == "own", a.Origin == "metadata":
		c.Kind, c.Licence = Application, Expression(about.Licences)
	case locked.Hex:
		c.hex(locked)
	case locked.URL != "":
		c.git(a, locked)
	default: // a directory of the project, or of a release that was built elsewhere
		c.PURL = "pkg:otp/" + distro.EscapePURL(a.Name) + "@" + distro.EscapePURL(a.Version)
	}
}

func (c *Component) hex(d project.LockedDep) {
	name := distro.EscapePURL(d.Package)
	if organisation, ok := strings.CutPrefix(d.Repository, "hexpm:"); ok {
		name = distro.EscapePURL(organisation) + "/" + name
	}
	c.PURL, c.Version, c.SHA256 = "pkg:hex/"+name+"@"+distro.EscapePURL(d.Version), d.Version, d.Checksum
	if d.Repository != "" && d.Repository != "hexpm" && !strings.HasPrefix(d.Repository, "hexpm:") {
		c.Facts = append(c.Facts, [2]string{"dram:repository", d.Repository})
	}
}

// git names a dependency by the commit that it was taken at. A login in the address is
// nobody's business.
func (c *Component) git(a image.AppInventory, d project.LockedDep) {
	from := plainURL(d.URL)
	c.From = "git+" + from + "@" + d.Commit
	for _, host := range []string{"github", "gitlab", "bitbucket"} {
		if at := strings.Index(from, host+".com"); at >= 0 {
			repo := strings.Trim(strings.TrimSuffix(from[at+len(host+".com"):], ".git"), "/:")
			if host != "gitlab" || strings.Count(repo, "/") == 1 {
				c.PURL = "pkg:" + host + "/" + strings.ToLower(repo) + "@" + d.Commit
			}
		}
	}
	if c.PURL == "" {
		c.PURL = "pkg:generic/" + distro.EscapePURL(a.Name) + "@" + distro.EscapePURL(a.Version) + "?vcs_url=" + url.QueryEscape(c.From)
	}
	c.Facts = append(c.Facts, [2]string{"dram:commit", d.Commit})
}

// plainURL is an address of git without a login and as a URL.
func plainURL(at string) string {
	if u, err := url.Parse(at); err == nil && u.Host != "" {
		u.User = nil
		return u.String()
	}
	if host, name, ok := strings.Cut(at, ":"); ok && !strings.Contains(host, "/") { // git@host:owner/name
		if _, after, login := strings.Cut(host, "@"); login {
			host = after
		}
		return "ssh://" + host + "/" + strings.TrimPrefix(name, "/")
	}
	return at
}

// Expression is several licences as one SPDX expression: of each, a package may be had
// under all that it names. It is "" where one is not of SPDX's list, by its form.
func Expression(licences []string) string {
	for _, l := range licences {
		if !isSPDX(l) {
			return ""
		}
	}
	return strings.Join(licences, " AND ")
}

// isSPDX says whether a text has the form of an identifier of SPDX's list.
func isSPDX(s string) bool {
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-+") == "" && !strings.EqualFold(s, "proprietary")
}

// serial is a UUID made of what the bill says of the image, version 8 (RFC 9562).
func (b *Bill) serial(form string) string {
	sum := sha256.Sum256([]byte(form + b.Subject.SHA256 + b.Tool))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
