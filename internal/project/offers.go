package project

import (
	"regexp"
	"strings"
)

// Files that say what a project is built with elsewhere. dram does not obey them:
// they speak of another build. But a plan names what they say.
const (
	dockerFile = "Dockerfile"
	buildpack  = "elixir_buildpack.config"
	maxLines   = 2_000 // of them
)

// offers reads what other files build with.
func (r *reader) offers() {
	if text, ok, err := r.Text(dockerFile, maxText); err == nil && ok {
		if o := dockerOffer(text); o.Image != "" {
			r.p.Offers = append(r.p.Offers, o)
		}
	}
	if text, ok, err := r.Text(buildpack, maxText); err == nil && ok {
		if o := buildpackOffer(text); o.Elixir != "" {
			r.p.Offers = append(r.p.Offers, o)
		}
	}
}

var (
	argLine   = regexp.MustCompile(`(?i)^ARG\s+([A-Za-z_][A-Za-z0-9_]*)=["']?([^"'\s]*)`)
	fromLine  = regexp.MustCompile(`(?i)^FROM\s+(?:--\S+\s+)*["']?([^"'\s]+)`)
	variable  = regexp.MustCompile(`\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))`)
	hexpmTag  = regexp.MustCompile(`^v?([0-9][0-9.]*(?:-rc\.[0-9]+)?)-erlang-([0-9][0-9.]*(?:-rc[0-9]+)?)`)
	officials = regexp.MustCompile(`^v?([0-9]+\.[0-9][0-9.]*)(?:-otp-([0-9]+))?(?:-|$)`)
)

// dockerOffer is the first image of Elixir that a Dockerfile builds in, with the
// defaults of its build arguments.
func dockerOffer(text string) Offer {
	args := map[string]string{}
	lines := strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")
	for _, line := range lines[:min(len(lines), maxLines)] {
		line = strings.TrimSpace(line)
		if m := argLine.FindStringSubmatch(line); m != nil {
			args[m[1]] = expand(m[2], args)
		}
		m := fromLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		image := expand(m[1], args)
		name, tag, _ := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
		tag, _, _ = strings.Cut(tag, "@")
		if name != "elixir" || strings.Contains(image, "$") {
			continue
		}
		o := Offer{File: dockerFile, Image: image}
		if v := hexpmTag.FindStringSubmatch(tag); v != nil {
			o.Elixir, o.Erlang = v[1], v[2]
		} else if v := officials.FindStringSubmatch(tag); v != nil {
			o.Elixir, o.Erlang = v[1], v[2]
		}
		return o
	}
	return Offer{}
}

// expand fills in build arguments; one that is not known stays as it is.
func expand(text string, args map[string]string) string {
	return variable.ReplaceAllStringFunc(text, func(ref string) string {
		m := variable.FindStringSubmatch(ref)
		if v, ok := args[m[1]+m[3]]; ok {
			return v
		}
		if m[2] != "" {
			return m[2]
		}
		return ref
	})
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
