package scaffold

import (
	"embed"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"dram/internal/distro"
	"dram/internal/distro/distros"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/toolchain"
)

//go:embed pipelines
var pipelines embed.FS

// service is a CI service that a pipeline can be written for.
type service struct {
	name, template, path string
	inImage              bool     // jobs run in an image
	many                 bool     // a directory of files, each of which it reads
	unless               []string // files that would no longer be read
}

func services() []service {
	return []service{
		{"github", "github.yml", ".github/workflows/image.yml", false, true, nil},
		{"gitlab", "gitlab.yml", ".gitlab-ci.yml", true, false, nil},
		{"woodpecker", "woodpecker.yaml", ".woodpecker/image.yaml", true, true, []string{".woodpecker.yaml", ".woodpecker.yml"}},
	}
}

// plainPath is a path that shells and YAML take as it is.
var plainPath = regexp.MustCompile(`^[\w][\w.-]*(/[\w][\w.-]*)*$`)

// Services names the CI services that there are pipelines for.
func Services() []string {
	var names []string
	for _, s := range services() {
		names = append(names, s.name)
	}
	return names
}

// Pipeline is the file that has a CI service build, check and push the image: at the top
// of the repository, in which the project lies below; "" for the top itself.
func Pipeline(name string, pl *plan.Plan, below string) (File, error) {
	i := slices.IndexFunc(services(), func(s service) bool { return s.name == name })
	if i < 0 {
		return File{}, problem.New(problem.Usage, "use one of: "+strings.Join(Services(), ", "), "unknown CI service %q", name)
	}
	s := services()[i]
	var image string
	var install []string
	if s.inImage {
		var err error
		if image, install, err = builderImage(pl); err != nil {
			return File{}, err
		}
	}
	if below != "" && !plainPath.MatchString(below) {
		return File{}, problem.New(problem.Usage, "give the directory a name of letters, digits, and . _ -",
			"no pipeline can be written for a project in %q", below)
	}
	in := ""
	if below != "" {
		in = below + "/"
	}
	text, err := render(s.template, map[string]any{"Release": pl.Release, "Image": image, "Install": install, "Below": below, "In": in})
	if err != nil {
		return File{}, fmt.Errorf("writing the pipeline for %s: %w", name, err)
	}
	at := s.path
	if below != "" && s.many {
		at = strings.TrimSuffix(at, path.Ext(at)) + "-" + pl.Release + path.Ext(at) // each project has its own
	}
	f := Whole(at, text)
	f.Unless = s.unless
	return f, nil
}

func render(name string, data any) ([]byte, error) {
	push, err := pipelines.ReadFile("pipelines/push.sh")
	if err != nil {
		return nil, err
	}
	t, err := template.New(name).Delims("[[", "]]").Funcs(template.FuncMap{
		// indent is how far the lines of a template stand to the right.
		"indent": func(n int, _ any) string { return strings.Repeat(" ", n) },
	}).ParseFS(pipelines, "pipelines/"+name)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("[[$by := .]]")
	for line := range strings.Lines(string(push)) {
		b.WriteString("[[$by]]" + line)
	}
	if _, err := t.New("push").Parse(b.String()); err != nil {
		return nil, err
	}
	b.Reset()
	err = t.Execute(&b, data)
	return []byte(b.String()), err
}

// builderImage is the image that CI jobs run in where those run in images, and
// what they first install there: the plan's toolchain, as far as a registry has
// it.
func builderImage(pl *plan.Plan) (image string, install []string, err error) {
	from, err := toolchain.ParseRef(pl.Toolchain)
	if err != nil {
		return "", nil, err
	}
	if up := pl.Upstream; up != (toolchain.Upstream{}) {
		return "", nil, problem.New(problem.Usage, "choose an image that has them: --toolchain image:REF",
			"no CI job can run in toolchain %s with %s: dram makes it on this machine", from, up)
	}
	switch from.Kind {
	case ref.Distro:
	case ref.Image: // one that dram chose is of the default distribution
		return quoted(from.Value), intoImage(pl), nil
	default:
		return "", nil, problem.New(problem.Usage, "choose a toolchain that a CI job can have: "+distros.All().Example()+", or image:REF",
			"no CI job can run in toolchain %s: it is a file of this machine", from)
	}
	d, suite, err := distros.All().Find(from.Value)
	if err != nil {
		return "", nil, err
	}
	packages := slices.Clone(pl.Packages)
	for _, n := range pl.Needs {
		packages = append(packages, n.Names(distro.System{ID: d.Info().ID}.Family())...)
	}
	job := d.CI(suite, packages)
	return quoted(job.Image), job.Install, nil
}

// intoImage is what a job installs into an image: what the plan adds to it, whether the
// image has it or not.
func intoImage(pl *plan.Plan) []string {
	d := distros.All().Default().Info()
	install := []string{d.Curl}
	var names []string
	for _, n := range pl.Needs {
		names = append(names, n.Names(distro.System{ID: d.ID}.Family())...)
	}
	for _, name := range pl.Packages {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		install = append(install, d.Add+" "+strings.Join(names, " "))
	}
	return install
}

// quoted is a string as YAML and JSON both take it.
func quoted(s string) string { return jsonWord(s) }
