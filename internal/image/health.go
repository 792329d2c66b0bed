package image

import (
	"io/fs"
	"path"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/tool"
)

// Healthcheck is how a container engine sees that the release serves. It is Docker's
// own addition to an image's configuration; others pass it over.
type Healthcheck struct {
	// Command is a program of the image by its path, or a command of the release.
	Command                        []string
	Interval, Timeout, StartPeriod time.Duration
	Retries                        int
}

func (h *Healthcheck) argv(rel *release.Release) []string {
	if strings.Contains(h.Command[0], "/") {
		return h.Command
	}
	return append([]string{"/" + appDir + "/bin/" + rel.Name}, h.Command...)
}

func (h *Healthcheck) config(rel *release.Release) *v1.HealthConfig {
	if h == nil {
		return nil
	}
	return &v1.HealthConfig{
		Test: append([]string{"CMD"}, h.argv(rel)...), Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, Retries: h.Retries,
	}
}

// starts finds what the image is to run and does not have.
func (d *Draft) starts(entrypoint []string) error {
	var asked [][2]string
	if len(entrypoint) > 0 {
		asked = append(asked, [2]string{entrypoint[0], "image.entrypoint"})
	}
	if h := d.opts.Healthcheck; h != nil && h.Command[0] == tool.HealthCommand && d.opts.Shell != NoShell {
		return problem.New(problem.Usage, "take a command of the start script (rpc, with an expression) or a program, or leave the shell out: image.shell = false",
			"image.healthcheck: the release has the command %q in images without a shell alone", tool.HealthCommand)
	}
	if d.opts.Healthcheck != nil {
		asked = append(asked, [2]string{d.opts.Healthcheck.argv(d.rel)[0], "image.healthcheck"})
	}
	system, shipped := d.View()
	whole := rootfs.Mount(system, appDir, shipped)
	for _, a := range asked {
		program, by := a[0], a[1]
		at := strings.TrimPrefix(path.Join("/"+appDir, program), "/")
		if path.IsAbs(program) {
			at = strings.TrimPrefix(path.Clean(program), "/")
		}
		if !strings.Contains(program, "/") {
			if _, missing := rootfs.Programs(whole, []string{program}); len(missing) > 0 {
				return noStart(by, program, "is not in the image")
			}
			continue
		}
		info, err := whole.Stat(at)
		switch {
		case err != nil:
			return noStart(by, program, "is not in the image")
		case info.Mode()&fs.ModeType != 0 || info.Mode()&0o111 == 0:
			return noStart(by, program, "is no program: nothing may execute it")
		}
	}
	return nil
}

func noStart(by, program, why string) error {
	return problem.New(problem.Usage, "name a program of the release (/app/bin/…), or put it into the image: image.files, --program or --image-package",
		"%s: %q %s", by, program, why)
}
