package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/problem"
	"dram/internal/source"
	"dram/internal/tool"
)

// Contents is what the image has beside the release and what that needs.
type Contents struct {
	Packages    []string                `json:"image_packages,omitempty"` // whole, and what they depend on
	TimeZones   bool                    `json:"tzdata,omitempty"`
	Locales     []string                `json:"locales,omitempty"`
	PackageList bool                    `json:"package_list,omitempty"`
	Files       []config.ImageFile      `json:"files,omitempty"`
	Directories []config.ImageDirectory `json:"directories,omitempty"`
}

// Starting is how the image is started and looked after.
type Starting struct {
	Entrypoint  []string            `json:"entrypoint,omitempty"` // in place of the release's script
	Command     []string            `json:"command,omitempty"`    // in place of what starts the release
	Healthcheck *config.Healthcheck `json:"healthcheck,omitempty"`
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
		Packages: c.ImagePackages, TimeZones: c.TZData, Locales: c.Locales, PackageList: c.PackageList,
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
	if err := set.fits(); err != nil {
		return err
	}
	return CheckImageFiles(ctx, m.plan.Dir, set)
}

// CheckImageFiles finds files that the image is to have and the project has not.
func CheckImageFiles(ctx context.Context, dir string, set ImageSettings) error {
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
	for _, f := range set.Files {
		m.decide("file", f.Source+" at /"+f.To()+rights(f.Mode, f.Owner), by)
	}
	for _, d := range set.Directories {
		volume := ""
		if d.Volume {
			volume = ", a volume"
		}
		m.decide("directory", d.Path+rights(d.Mode, d.Owner)+volume, by)
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
