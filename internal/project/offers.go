package project

import (
	"regexp"
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

// docker reads the project's Dockerfile.
func (r *reader) docker() {
	for _, name := range dockerFiles {
		text, ok, err := r.Text(name, dockerfile.MaxFile)
		if err != nil || !ok {
			continue
		}
		d := dockerfile.Read(text)
		if r.p.DockerFile == "" || d.Makes {
			r.p.DockerFile, r.p.Docker = name, d
		}
		if d.Makes {
			break
		}
	}
	if o := dockerOffer(r.p.DockerFile, r.p.Docker.Images); o.Image != "" {
		r.p.Offers = append(r.p.Offers, o)
	}
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
