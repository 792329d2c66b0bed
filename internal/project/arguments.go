package project

import (
	"maps"
	"path"
	"regexp"
	"strings"

	"dram/internal/project/dockerfile"
)

// recipe reads a Dockerfile of the directory, with what lies around it: the scripts that
// it calls, and where it leaves it to others in which image it builds, the files that
// say that; from is these as what follows the Dockerfile's name.
func (d *Dir) recipe(folder, text string) (recipe dockerfile.Recipe, from string) {
	around := dockerfile.Surroundings{Text: func(name string) (string, bool) {
		text, ok, err := d.Text(name, maxScript)
		return text, ok && err == nil && name != ""
	}}
	recipe = dockerfile.Read(text, around)
	for _, image := range recipe.Unnamed {
		for _, m := range argument.FindAllStringSubmatch(image, -1) {
			if around.Args[m[1]] != "" {
				continue
			}
			args, file := d.given(folder, m[1])
			if args == nil {
				return recipe, ""
			}
			around.Args, from = merged(around.Args, args), " with "+m[1]+" of "+file
		}
	}
	if len(around.Args) > 0 {
		recipe = dockerfile.Read(text, around)
	}
	return recipe, from
}

func merged(a, b map[string]string) map[string]string {
	out := maps.Clone(b)
	maps.Copy(out, a)
	return out
}

const maxScript = 16 << 10 // bytes of a script that a Dockerfile calls

// argument is a build argument in the name of an image.
var argument = regexp.MustCompile(`\$\{?([A-Za-z_]\w*)`)

// given looks for what gives a build argument a value where the image is built: the
// environment's file of Docker Compose, Compose's own, a Makefile. Settings of the first
// give all arguments but secrets, since it is there for that.
func (d *Dir) given(folder, name string) (args map[string]string, file string) {
	for _, in := range []string{folder, "."} {
		file := path.Join(in, ".env")
		if all := settings(d.lines(file), envLine); all[name] != "" {
			return withoutSecrets(all), file
		}
		for _, base := range []string{"docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml", "Makefile"} {
			file := path.Join(in, base)
			all := settings(d.lines(file), assigning)
			if value := all[name]; value != "" {
				return map[string]string{name: value}, file
			}
		}
	}
	return nil, ""
}

func (d *Dir) lines(file string) string {
	text, _, err := d.Text(file, maxText)
	if err != nil {
		return ""
	}
	return text
}

var (
	envLine = regexp.MustCompile(`(?m)^(?:export )?([A-Za-z_]\w*)=["']?([\w./:@+-]+)["']?\s*$`)
	// assigning is a line of a Makefile, "NAME ?= value", or of Compose, "NAME: value" or "- NAME=value".
	assigning = regexp.MustCompile(`(?m)^[ \t]*(?:- )?["']?([A-Za-z_]\w*)["']?[ \t]*(?:[?:]?=|:)[ \t]*["']?([\w./:@+-]+)["']?[ \t]*$`)
	secretive = regexp.MustCompile(`(?i)secret|passw|pwd|token|key|credential|cookie|salt|auth|dsn|url`)
)

// settings are the pairs that lines of a form have; one that has two values has none.
func settings(text string, form *regexp.Regexp) map[string]string {
	all := map[string]string{}
	for _, m := range form.FindAllStringSubmatch(text, -1) {
		if value, has := all[m[1]]; has && value != m[2] {
			all[m[1]] = ""
			continue
		}
		all[m[1]] = m[2]
	}
	return all
}

func withoutSecrets(all map[string]string) map[string]string {
	out := map[string]string{}
	for name, value := range all {
		if !secretive.MatchString(name) && strings.TrimSpace(value) != "" {
			out[name] = value
		}
	}
	return out
}
