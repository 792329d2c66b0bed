package project

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"dram/internal/project/dockerfile"
)

// Files that say what a project is built with elsewhere. dram does not obey them:
// they speak of another build. But a plan names what they say.
const buildpack = "elixir_buildpack.config"

// dockerFiles is where a project's Dockerfile lies; the first that makes a release of
// it counts, or else the first that is there.
var dockerFiles = []string{
	"Dockerfile", "docker/Dockerfile", "ops/Dockerfile", "deploy/Dockerfile", ".docker/Dockerfile", "rel/Dockerfile",
	"Dockerfile.prod", "Dockerfile.production", "Dockerfile.release", "docker/prod/Dockerfile", "docker/production/Dockerfile",
}

// dockerFolders are where more of them may lie, by names that begin or end so.
var dockerFolders = []string{".", "docker", "deploy", ".docker", "rel", "ops", ".github/container"}

// docker reads the project's Dockerfile: its own, or one above that takes the
// project's directory and makes a release there.
func (r *reader) docker() {
	r.dockerIn(r.Dir, "")
	if !r.p.Docker.Makes {
		r.above(func(d *Dir, prefix string) bool {
			r.dockerIn(d, prefix)
			return r.p.Docker.Makes
		})
	}
	if o := dockerOffer(r.p.DockerFile, r.p.Docker.Images); o.Image != "" {
		r.p.Offers = append(r.p.Offers, o)
	}
}

// dockerIn reads the Dockerfiles of a directory; prefix leads to it.
func (r *reader) dockerIn(d *Dir, prefix string) {
	below, err := filepath.Rel(d.Path, r.Path)
	if err != nil {
		return
	}
	for _, name := range dockerNames(d) {
		text, ok, err := d.Text(name, dockerfile.MaxFile)
		if err != nil || !ok {
			continue
		}
		recipe := dockerfile.Read(text)
		ours := recipe.Makes && recipe.Takes(filepath.ToSlash(below))
		if prefix != "" && !ours {
			continue
		}
		if r.p.DockerFile == "" || recipe.Makes {
			r.p.DockerFile, r.p.Docker = prefix+name, recipe
		}
		if recipe.Makes {
			return
		}
	}
}

// dockerNames are the Dockerfiles that a directory has, those with a usual name first.
func dockerNames(d *Dir) []string {
	const most = 50
	names := slices.Clone(dockerFiles)
	for _, folder := range dockerFolders {
		for _, base := range d.Files(folder) {
			name := path.Join(folder, base)
			if (strings.HasPrefix(base, "Dockerfile") || strings.HasSuffix(base, ".Dockerfile")) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names[:min(len(names), most)]
}

// offers reads what other files build with.
func (r *reader) offers() {
	r.docker()
	if text, ok, err := r.Text(buildpack, maxText); err == nil && ok {
		if o := buildpackOffer(text); o.Elixir != "" {
			r.p.Offers = append(r.p.Offers, o)
		}
	}
}

var (
	hexpmTag  = regexp.MustCompile(`^v?([0-9][0-9.]*(?:-rc\.[0-9]+)?)-erlang-([0-9][0-9.]*(?:-rc[0-9]+)?)`)
	officials = regexp.MustCompile(`^v?([0-9]+\.[0-9][0-9.]*)(?:-otp-([0-9]+))?(?:-|$)`)
)

// dockerOffer is the first image of Elixir that a Dockerfile builds in.
func dockerOffer(file string, images []string) Offer {
	for _, image := range images {
		name, tag, _ := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
		tag, _, _ = strings.Cut(tag, "@")
		if name != "elixir" {
			continue
		}
		o := Offer{File: file, Image: image}
		if v := hexpmTag.FindStringSubmatch(tag); v != nil {
			o.Elixir, o.Erlang = v[1], v[2]
		} else if v := officials.FindStringSubmatch(tag); v != nil {
			o.Elixir, o.Erlang = v[1], v[2]
		}
		return o
	}
	return Offer{}
}

// buildpackOffer reads the settings of Heroku's buildpack for Elixir.
func buildpackOffer(text string) Offer {
	o := Offer{File: buildpack}
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		key, value, ok := strings.Cut(uncommented(line), "=")
		value = strings.TrimPrefix(strings.Trim(strings.TrimSpace(value), `"'`), "v")
		if !ok || !numeric(value) {
			continue
		}
		switch strings.TrimSpace(key) {
		case "elixir_version":
			o.Elixir = value
		case "erlang_version":
			o.Erlang = value
		}
	}
	return o
}
