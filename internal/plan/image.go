package plan

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/layer"
	"dram/internal/problem"
	"dram/internal/source"
	"dram/internal/tool"
)

// Contents is what the image has beside the release and what that needs.
type Contents struct {
	Packages    []string                `json:"image_packages,omitempty"` // whole, and what they depend on
	Offered     []distro.Want           `json:"offered,omitempty"`        // the same, of those that the toolchain has
	TimeZones   bool                    `json:"tzdata,omitempty"`
	Locales     []string                `json:"locales,omitempty"`
	PackageList bool                    `json:"package_list,omitempty"`
	NoShell     bool                    `json:"no_shell,omitempty"`
	KeepDebug   bool                    `json:"keep_debug,omitempty"`
	Files       []config.ImageFile      `json:"files,omitempty"`
	Directories []config.ImageDirectory `json:"directories,omitempty"`
}

// Starting is how the image is started and looked after.
type Starting struct {
	Entrypoint  []string            `json:"entrypoint,omitempty"` // in place of the release's script
	Command     []string            `json:"command,omitempty"`    // in place of what starts the release
	Healthcheck *config.Healthcheck `json:"healthcheck,omitempty"`
}

// Packing is how the image's layers are compressed.
type Packing struct {
	Compression string `json:"compression,omitempty"`       // "zstd", "" for gzip
	Level       int    `json:"compression_level,omitempty"` // 0 for the usual
}

func packing(c config.Config) Packing {
	level, _ := strconv.Atoi(c.Level) // it was looked at when it was set
	return Packing{Compression: c.Compression, Level: level}
}

// How is it, as package layer has it.
func (p Packing) How() layer.Compression {
	how := layer.Compression{Level: p.Level}
	if p.Compression == "zstd" {
		how.Format = layer.Zstd
	}
	return how
}

// FileNames are the files of the project that the image has.
func (c Contents) FileNames() []string {
	var names []string
	for _, f := range c.Files {
		names = append(names, f.Source)
	}
	return names
}

func contents(c config.Config) Contents {
	return Contents{
		Packages: c.ImagePackages, TimeZones: c.TZData, Locales: c.Locales, PackageList: c.PackageList, NoShell: c.NoShell(), KeepDebug: c.KeepDebug(),
		Files: c.ImageFiles, Directories: c.Directories,
	}
}

// image decides what the image has of data, and finds before the build what cannot be
// put there.
func (m *maker) image(ctx context.Context) error {
	set := m.plan.Image
	if set.TimeZones {
		m.need(tool.Need{What: distro.TimeZones, Why: "image.tzdata"})
	}
	if len(set.Locales) > 0 {
		m.need(tool.Need{What: distro.Locales, Why: "image.locales"})
	}
	return CheckImage(ctx, m.plan.Dir, set)
}

// CheckImage finds settings of the image that do not go together, and files that it is
// to have and the project has not.
func CheckImage(ctx context.Context, dir string, set ImageSettings) error {
	if err := set.fits(); err != nil {
		return err
	}
	if len(set.Files) == 0 {
		return nil
	}
	if err := source.CheckNamed(ctx, dir, set.FileNames()); err != nil {
		return fmt.Errorf("image.files: %w", err)
	}
	return nil
}

// fits finds what does not go together.
func (s ImageSettings) fits() error {
	if len(s.Command) > 0 && strings.Contains(s.Command[0], "/") && len(s.Entrypoint) == 0 {
		return problem.New(problem.Usage, `a program is the entrypoint: entrypoint = ["`+s.Command[0]+`"]`,
			"image.command is what the release's script is given (start, eval …), and %q is a program", s.Command[0])
	}
	if how := s.How(); how.Format == layer.Gzip && how.Level > layer.MaxGzip {
		return problem.New(problem.Usage, fmt.Sprintf("use 1 to %d, or --compression zstd", layer.MaxGzip), "gzip has no level %d", how.Level)
	}
	return nil
}

// Starts is the entrypoint and what it is given; nil where the release's own script
// and command are used.
func (s ImageSettings) Starts() (entrypoint, command []string) {
	switch {
	case len(s.Entrypoint) > 0:
		return s.Entrypoint, s.Command
	case len(s.Command) > 0:
		return nil, s.Command
	case s.Start != "":
		return []string{"/app/" + s.Start}, nil
	}
	return nil, nil
}

// Asked are the programs that the image is asked to have by name; an entrypoint that is
// no path is one.
func (s ImageSettings) Asked() []string {
	entrypoint, _ := s.Starts()
	if len(entrypoint) == 0 || strings.Contains(entrypoint[0], "/") {
		return s.Programs
	}
	return append(slices.Clone(s.Programs), entrypoint[0])
}

// imageTables lists what dram.toml has of the image as decisions.
func (m *maker) imageTables() {
	set, by := m.plan.Image, "set by "+config.FileName
	whose := func(key, does string) string {
		if m.in.Config.Origin(key) != "" {
			return m.in.Config.Origin(key) + " " + does
		}
		return by
	}
	for _, f := range set.Files {
		m.decide("file", f.Source+" at /"+f.To()+rights(f.Mode, f.Owner), whose("image.files", "copies it into its image: so does dram"))
	}
	for _, d := range set.Directories {
		volume := ""
		if d.Volume {
			volume = ", a volume"
		}
		m.decide("directory", d.Path+rights(d.Mode, d.Owner)+volume, whose("image.directories", "makes it, or calls it a volume"))
	}
	if h := set.Healthcheck; h != nil {
		m.decide("health check", strings.Join(h.Command, " "), by)
	}
}

func rights(mode, owner string) string {
	out := ""
	if mode != "" {
		out += ", mode " + mode
	}
	if owner != "" {
		out += ", owner " + owner
	}
	return out
}

// sentence is words as one value.
func sentence(words []string) []string {
	if len(words) == 0 {
		return nil
	}
	return []string{strings.Join(words, " ")}
}

func onlyIf(is bool, value string) []string {
	if !is {
		return nil
	}
	return []string{value}
}

// baseLine is what the image is made on top of, as a part of what names a result; ""
// where it is made from scratch.
func (p *Plan) baseLine() string {
	if p.Image.Base == "" {
		return ""
	}
	return "base " + string(p.Image.BaseDigest) + "\n"
}
