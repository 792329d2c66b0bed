package image

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"dram/internal/beam"
	"dram/internal/binary"
	"dram/internal/distro"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/store"
)

// Inventory is what an image holds and where that is from: what a bill of materials
// is written of.
type Inventory struct {
	ERTS     string          `json:"erts"`
	OTP      string          `json:"otp,omitempty"` // "" where it is not known
	System   distro.System   `json:"system"`
	Apps     []AppInventory  `json:"apps"`
	Packages []SystemPackage `json:"packages,omitempty"`
	// Base is the image that it was made on top of, nil for none.
	Base *BaseInventory `json:"base,omitempty"`
	// Other are files of no application and no package.
	Other []FileSum `json:"other"`
}

// AppInventory is one application of the release; ERTS is one, "erts", and so is what
// lies in bin and releases, by the release's own name.
type AppInventory struct {
	Name    string    `json:"name"`
	Version string    `json:"version"`
	Origin  string    `json:"origin"` // as release.Origin says it
	Uses    []string  `json:"uses,omitempty"`
	Files   []FileSum `json:"files"`
	Native  []Native  `json:"native,omitempty"`
}

// FileSum is a file of the image.
type FileSum struct {
	Path   string       `json:"path"`
	Digest store.Digest `json:"digest"`
	Size   int64        `json:"size"` // bytes
}

// Native is compiled code of an application, and the libraries that it names.
type Native struct {
	Path   string   `json:"path"`
	Needed []string `json:"needed,omitempty"`
}

// inventory is that of the image; nil unless it is asked for.
func (d *Draft) inventory() *Inventory {
	if !d.opts.Inventory {
		return nil
	}
	inv := &Inventory{ERTS: d.rel.ERTS, System: distro.Identify(d.opts.Root), Packages: d.sys.Packages}
	if d.opts.Base != nil {
		inv.onBase(d.opts.Base)
	}
	apps := map[string]*AppInventory{}
	for _, f := range d.files {
		if !f.Mode.IsRegular() {
			continue
		}
		a := apps[f.key()]
		if a == nil {
			a = d.newApp(f)
			apps[f.key()] = a
		}
		a.take(f)
	}
	for _, a := range apps {
		inv.Apps = append(inv.Apps, *a)
	}
	slices.SortFunc(inv.Apps, func(a, b AppInventory) int { return strings.Compare(a.Name, b.Name) })
	inv.Other = d.others()
	return inv
}

func (f File) key() string {
	if f.Origin == release.ERTS {
		return "erts"
	}
	return f.App
}

func (d *Draft) newApp(f File) *AppInventory {
	a := &AppInventory{Origin: f.Origin.String()}
	switch {
	case f.Origin == release.ERTS:
		a.Name, a.Version = "erts", d.rel.ERTS
	case f.App == "":
		a.Name, a.Version = d.rel.Name+" release", d.rel.Version
	default:
		a.Name, a.Version, _ = strings.Cut(f.App, "-")
	}
	return a
}

// take takes in a file: the application's own description says what it uses, ELF files
// which libraries they need.
func (a *AppInventory) take(f File) {
	a.Files = append(a.Files, FileSum{appDir + "/" + f.Path, f.Digest, f.Size})
	switch {
	case path.Base(f.Path) == a.Name+".app" && f.Size < maxScript:
		if text, err := read(f); err == nil {
			app, _ := beam.ParseApp(text, a.Name) // of one that is broken, nothing is known
			a.Uses = app.Uses
			if app.Version != "" {
				a.Version = app.Version
			}
		}
	case mayNeed(f) && (f.made == nil || f.without > 0):
		if needed, is := neededBy(f); is {
			a.Native = append(a.Native, Native{appDir + "/" + f.Path, needed})
		}
	}
}

// neededBy is the libraries that an ELF file names.
func neededBy(f File) (needed []string, is bool) {
	const most = 256 << 20 // bytes
	if f.Size > most {
		return nil, false
	}
	r, err := f.Open()
	if err != nil {
		return nil, false
	}
	defer func() { _ = r.Close() }() // only read
	var buf bytes.Buffer
	if _, err := buf.ReadFrom(r); err != nil || binary.Sniff(buf.Bytes()) != binary.ELF {
		return nil, false
	}
	elf, err := binary.ReadELF(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	if err != nil {
		return nil, true
	}
	return elf.Needed, true
}

// others are the files of no application and no package: what dram wrote, and what
// the user added.
func (d *Draft) others() (out []FileSum) {
	owned := map[string]bool{}
	for _, p := range d.sys.Packages {
		for _, f := range p.Files {
			owned[f] = true
		}
	}
	for _, f := range d.sys.Files {
		if f.Mode.IsRegular() && !owned[f.Path] {
			out = append(out, FileSum{f.Path, f.Digest, f.Size})
		}
	}
	for _, e := range d.extra.entries {
		if e.Mode.IsRegular() {
			out = append(out, FileSum{e.Path, e.Digest, e.Size})
		}
	}
	return out
}

// licences of a package, as its copyright file names them.
func licences(root rootfs.FS, name string) []string {
	const most = 1 << 20
	text, err := rootfs.ReadFile(root, "usr/share/doc/"+name+"/copyright", most)
	if err != nil || !bytes.HasPrefix(text, []byte("Format:")) {
		return nil
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		value, ok := strings.CutPrefix(line, "License:")
		if value = strings.TrimSpace(value); ok && value != "" && !slices.Contains(out, value) {
			out = append(out, value)
		}
	}
	return out
}
