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
	"deploy/prod/Dockerfile", "deploy/production/Dockerfile",
}

// dockerFolders are where more of them may lie, by names that begin or end so.
var dockerFolders = []string{".", "docker", "deploy", ".docker", "rel", "ops", ".github/container"}

// docker reads the project's Dockerfile: its own, or one above that takes the
// project's directory and makes a release there.
func (r *reader) docker() {
	r.argued = map[string]string{}
	r.dockerIn(r.Dir, "")
	if !r.p.Docker.Makes {
		r.above(func(d *Dir, prefix string) bool {
			r.dockerIn(d, prefix)
			return r.p.Docker.Makes
		})
	}
	o := dockerOffer(r.p.DockerFile+r.argued[r.p.DockerFile], r.p.Docker.Images)
	if o.Image == "" {
		o = r.beside // what that begins with, another may make
	}
	if o.Image != "" {
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
		recipe, from := d.recipe(path.Dir(name), text)
		r.argued[prefix+name] = from
		if o := dockerOffer(prefix+name, recipe.Images); r.beside.Image == "" && prefix == "" {
			r.beside = o
		}
		for i, c := range recipe.Commands {
			if at := filepath.ToSlash(below); c.Copied && at != "." { // relative to the directory above
				recipe.Commands[i].Dir = strings.TrimPrefix(strings.TrimPrefix(c.Dir, at), "/")
				if c.Dir != at && !strings.HasPrefix(c.Dir, at+"/") {
					recipe.Commands[i].Dir = ""
				}
			}
		}
		ours := recipe.Makes && recipe.Takes(filepath.ToSlash(below))
		if prefix != "" && !ours {
			continue
		}
		deeper := strings.Count(prefix+name, "/") > strings.Count(r.p.DockerFile, "/")
		if r.p.DockerFile == "" || recipe.Makes && (!r.p.Docker.Makes || followed(recipe) && !deeper) {
			r.p.DockerFile, r.p.Docker = prefix+name, recipe
		}
		if recipe.Makes && (followed(recipe) || slices.Contains(dockerFiles, name)) {
			return
		}
	}
}

// followed says whether a Dockerfile installs packages as the default distribution does:
// of several for as many systems, that one is followed furthest.
func followed(recipe dockerfile.Recipe) bool { return strings.HasPrefix(recipe.BuildBy, "apt") }

// dockerNames are the Dockerfiles that a directory has, those with a usual name first.
func dockerNames(d *Dir) []string {
	const most = 50
	names := slices.Clone(dockerFiles)
	folders := slices.Concat(dockerFolders, d.folders("."))
	for _, folder := range folders {
		if folder != "." && len(folders) < mostFolders {
			folders = append(folders, d.folders(folder)...)
		}
	}
	for _, folder := range folders {
		for _, base := range d.Files(folder) {
			if name := path.Join(folder, base); dockerName.MatchString(base) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names[:min(len(names), most)]
}

// dockerName is how Dockerfiles are called: Dockerfile.prod, web.dockerfile, Containerfile.
var dockerName = regexp.MustCompile(`^(Docker|Container)file|(?i:(docker|container)file)$`)

// mostFolders bounds the directories that Dockerfiles are looked for in.
const mostFolders = 200

// folders are the directories in one that may have Dockerfiles: neither projects of
// their own, nor what tools make.
func (d *Dir) folders(in string) (names []string) {
	const most = 100
	for _, e := range d.entries(in) {
		name := path.Join(in, e.Name())
		own := d.Has(path.Join(name, "mix.exs"))
		if e.IsDir() && !own && !slices.Contains(dockerFolders, name) && !made.MatchString(e.Name()) && len(names) < most {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// made are directories that tools make, and those of examples and tests.
var made = regexp.MustCompile(`^(_build|deps|node_modules|releases|\.git|\.elixir_ls|apps|lib|src|priv|test|tests|examples?|samples?|vendor|integration.*)$`)

// offers reads what other files build with.
func (r *reader) offers() {
	r.docker()
	for _, name := range nixFiles {
		if text, ok, err := r.Text(name, maxText); err == nil && ok {
			if o := nixOffer(name, text); o.Elixir != "" {
				r.p.Offers = append(r.p.Offers, o)
				break
			}
		}
	}
	if text, ok, err := r.Text(buildpack, maxText); err == nil && ok {
		if o := buildpackOffer(text); o.Elixir != "" {
			r.p.Offers = append(r.p.Offers, o)
		}
	}
	r.pipelines()
}

var (
	hexpmTag = regexp.MustCompile(`^v?([0-9][0-9.]*(?:-rc\.[0-9]+)?)-erlang-([0-9][0-9.]*(?:-rc[0-9]+)?)`)
	erlangs  = regexp.MustCompile(`^v?([0-9]+(?:\.[0-9]+)*)(?:-|$)`)
	// ofElixir are images of Elixir, whoever makes them: alpine-elixir-phoenix.
	ofElixir  = regexp.MustCompile(`(^|[-_])elixir([-_]|$)`)
	officials = regexp.MustCompile(`^v?([0-9]+\.[0-9][0-9.]*)(?:-otp-([0-9]+))?(?:-|$)`)
)

// dockerOffer is the first image of Elixir that a Dockerfile builds in.
func dockerOffer(file string, images []string) Offer {
	for _, image := range images {
		name, tag, _ := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
		tag, _, _ = strings.Cut(tag, "@")
		o := Offer{File: file, Image: image}
		if v := erlangs.FindStringSubmatch(tag); name == "erlang" && v != nil {
			o.Erlang = v[1]
			return o
		}
		if !ofElixir.MatchString(name) {
			continue
		}
		if v := hexpmTag.FindStringSubmatch(tag); v != nil {
			o.Elixir, o.Erlang = v[1], v[2]
		} else if v := officials.FindStringSubmatch(tag); v != nil {
			o.Elixir, o.Erlang = v[1], v[2]
		}
		return o
	}
	return Offer{}
}

// nixFiles say which of the packages of Nix a shell or a build has.
var nixFiles = []string{"flake.nix", "shell.nix", "devenv.nix", "default.nix"}

var (
	nixElixir = regexp.MustCompile(`\belixir_(1)_([0-9]{1,2})\b`)
	nixErlang = regexp.MustCompile(`\b(?:beam([0-9]{2})Packages|erlang_?R?([0-9]{2}))\b`)
	nixNote   = regexp.MustCompile(`(?m)#.*$`)
)

// nixOffer reads the series of Elixir and of Erlang that attributes of nixpkgs name:
// beam28Packages.elixir_1_19, beam.packages.erlang_27.elixir_1_18.
func nixOffer(file, text string) Offer {
	o := Offer{File: file}
	text = nixNote.ReplaceAllString(text, "")
	m := nixElixir.FindStringSubmatch(text)
	if m == nil {
		return o
	}
	o.Elixir = m[1] + "." + m[2]
	if v := nixErlang.FindStringSubmatch(text); v != nil {
		o.Erlang = v[1] + v[2]
	}
	return o
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
