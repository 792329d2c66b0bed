package scaffold

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"dram/internal/config"
	"dram/internal/engine/dockerfile"
	"dram/internal/tool"
)

// files puts files of the project into the image, over what is there.
func (b *bottle) files() {
	for _, f := range b.pl.Image.Files {
		flags := "--chown=" + cmp.Or(f.Owner, "0:0")
		if f.Mode != "" {
			flags += " --chmod=" + f.Mode
		}
		b.line("COPY %s [%s, %s]", flags, jsonWord(f.Source), jsonWord(f.Destination))
	}
}

// contents is what settings say of the image's volumes and of its health, and what it
// lacks of them.
func (b *bottle) contents() {
	set := b.pl.Image
	for _, d := range set.Directories {
		if d.Volume {
			b.line("VOLUME [%s]", jsonWord(d.Path))
		}
	}
	h := set.Healthcheck
	bare := h != nil && h.Command[0] == tool.HealthCommand // of images without a shell
	if h != nil && !bare {
		b.line("%s", health(h, b.pl.Release))
	}
	for _, left := range []struct {
		setting string
		is      bool
	}{{"image.packages", len(set.Packages) > 0}, {"image.package_list", set.PackageList}, {"image.healthcheck", bare}, {"image.shell", set.NoShell}, {"image.git_labels", set.GitLabels}, {"image.compression", set.Compression != ""}} {
		if left.is {
			b.line("# Not in this image, though %s asks for it: `dram image` makes one that has it.", left.setting)
		}
	}
}

func health(h *config.Healthcheck, release string) string {
	var s strings.Builder
	s.WriteString("HEALTHCHECK")
	for _, o := range []struct{ flag, value string }{{"interval", h.Interval}, {"timeout", h.Timeout}, {"start-period", h.StartPeriod}} {
		if o.value != "" {
			fmt.Fprintf(&s, " --%s=%s", o.flag, o.value)
		}
	}
	if h.Retries > 0 {
		fmt.Fprintf(&s, " --retries=%d", h.Retries)
	}
	argv := h.Command
	if !strings.Contains(argv[0], "/") {
		argv = append([]string{path.Join("/app/bin", release)}, argv...)
	}
	return s.String() + " CMD [" + jsonWords(argv) + "]"
}

// starts is the entrypoint and what it is given.
func (b *bottle) starts() {
	entrypoint, command := b.pl.Image.Starts()
	if len(entrypoint) == 0 {
		entrypoint = []string{path.Join("/app/bin", b.pl.Release)}
		if len(command) == 0 && b.boot.Command != "" {
			command = []string{b.boot.Command}
		}
	}
	b.line("ENTRYPOINT [%s]", jsonWords(entrypoint))
	if len(command) > 0 {
		b.line("CMD [%s]", jsonWords(command))
	}
}

func jsonWords(words []string) string {
	out := make([]string, 0, len(words))
	for _, w := range words {
		out = append(out, jsonWord(w))
	}
	return strings.Join(out, ", ")
}

// data is what the script puts into the image besides: time zones, locales, places to
// write to.
func (b *bottle) data(s *strings.Builder) {
	set := b.pl.Image
	if set.TimeZones {
		s.WriteString("\n# Time zones.\nmkdir -p \"$out/usr/share\"\ncp -a /usr/share/zoneinfo \"$out/usr/share/\"\nrm -rf \"$out/usr/share/zoneinfo/right\" \"$out/usr/share/zoneinfo/posix\"\n")
	}
	for _, l := range set.Locales {
		language, modifier, has := strings.Cut(l, "@")
		language, _, _ = strings.Cut(language, ".")
		if has {
			modifier = "@" + modifier
		}
		fmt.Fprintf(s, "\nmkdir -p \"$out/usr/lib/locale\"\ncp -a /usr/lib/locale/%s.utf8%s \"$out/usr/lib/locale/\"\n", language, modifier)
	}
	for _, d := range set.Directories {
		at := dockerfile.Word(path.Clean(d.Path))
		fmt.Fprintf(s, "\nmkdir -p \"$out\"%s\nchown %s \"$out\"%s\nchmod %s \"$out\"%s\n", at, cmp.Or(d.Owner, b.user()), at, cmp.Or(d.Mode, "0755"), at)
	}
}
