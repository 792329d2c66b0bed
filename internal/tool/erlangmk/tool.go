// Package erlangmk is erlang.mk, which has relx assemble a release (make rel). See
// erlang.mk's guide, and its plugins deps and relx.
//
// Of the Makefile are read the assignments of a few variables, as far as they are
// literal; what make computes is unknown.
package erlangmk

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/release"
	"dram/internal/source"
	"dram/internal/tool"
	"dram/internal/tool/relx"
)

// The files of a project.
const (
	File     = "erlang.mk"
	makeFile = "Makefile"
	relxFile = "relx.config" // unless the Makefile names another
	suffix   = ".script"
)

// Bounds of what is read, in bytes; erlang.mk itself has 300,000.
const (
	maxFile = 1 << 20
	maxMk   = 4 << 20
)

// Where it builds, relative to the project.
const (
	depsDir = "deps"
	tmpDir  = ".erlang.mk"
	relDir  = "_rel"
)

// Tool is erlang.mk.
type Tool struct{}

// About says what it is.
func (Tool) About() tool.About {
	return tool.About{
		Name: "erlang.mk", Title: "erlang.mk", Files: []string{File}, Built: []string{depsDir, tmpDir, relDir},
		Declared: relxFile,
	}
}

// Made is said by relx's other tool: both have it assemble releases, and how these
// start is the same.
func (Tool) Made(*release.Release) bool { return false }

// Boot is as relx has it.
func (Tool) Boot(rel *release.Release) tool.Boot { return relx.Boot(rel) }

// Project is a project of which erlang.mk makes the release.
type Project struct {
	facts  *project.Project
	config relx.Config
	file   string   // relx's configuration
	names  []string // of releases: erlang.mk makes the first alone
	script bool     // a script computes more
	args   bool     // config/ has the arguments of the VM
	git    bool     // the build sees .git
	mk     string   // what of erlang.mk this version has
	remote []string // dependencies that come over the network
	open   bool     // the Makefile computes dependencies
	copied []copied // dependencies that are directories
	// relxHere says that relx is among the dependencies, or comes with erlang.mk.
	relxHere bool
	sources  []project.Dep
}

// copied is a dependency that erlang.mk copies, or links to, from a directory.
type copied struct{ name, dir string }

// Read goes by erlang.mk. Beside a file of another tool, of which many libraries have
// one for those who depend on them, it goes by relx.config.
func (Tool) Read(d *project.Dir) (tool.Project, error) {
	mk, ok, err := d.Text(File, maxMk)
	if err != nil || !ok {
		return nil, err
	}
	text, _, err := d.Text(makeFile, maxFile)
	if err != nil {
		return nil, err
	}
	vars := assignments(text)
	file := vars.config()
	has := d.Has(file) || d.Has(file+suffix)
	if !has && slices.ContainsFunc(others[:], d.Has) {
		return nil, nil //nolint:nilnil // none of the tool's, as Tool has it
	}
	facts, err := d.Plain()
	if err != nil {
		return nil, err
	}
	p := &Project{
		facts: facts, file: file, script: d.Has(file + suffix), mk: mk, git: source.Sees(d.Path, ".git/HEAD"),
		args: relx.BringsArgs(d),
	}
	if err := p.relx(d); err != nil {
		return nil, err
	}
	p.variables(vars)
	p.native(d)
	return p, nil
}

// others are files of other tools.
var others = [...]string{"mix.exs", "rebar.config"}

// relx reads relx's configuration.
func (p *Project) relx(d *project.Dir) error {
	terms, ok, err := relx.Consult(d, p.file, "relx")
	if err != nil || !ok {
		return err
	}
	p.config = relx.Read(terms)
	p.names = p.config.Names()
	return nil
}

// assignment is NAME = value, in a Makefile whose continued lines were joined.
var assignment = regexp.MustCompile(`(?m)^ *(?:export +)?([A-Za-z_][A-Za-z0-9_.-]*) *(?:[:?+]|::)?= *(.*)$`)

// variables are those of a Makefile, by what is assigned to them in all.
type variables map[string]string

// assignments reads a Makefile. What is set where there is nothing, or under a
// condition, counts with the rest.
func assignments(text string) variables {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\\\n", " ")
	parts := map[string][]string{}
	for _, m := range assignment.FindAllStringSubmatch(text, -1) {
		value, _, _ := strings.Cut(m[2], "#")
		if value = strings.TrimSpace(value); value != "" {
			parts[m[1]] = append(parts[m[1]], value)
		}
	}
	values := make(variables, len(parts))
	for name, all := range parts {
		values[name] = strings.Join(all, " ")
	}
	return values
}

// reference is $(NAME), and no call of a function.
var reference = regexp.MustCompile(`\$[({]([A-Za-z_][A-Za-z0-9_.-]*)[)}]`)

// expand is a value with those variables in it that the Makefile itself assigns, within
// a bound; the project's directory is ".".
func (v variables) expand(value string) string {
	const deepest, longest = 8, 4096
	if len(value) > longest {
		return value
	}
	for range deepest {
		grown := len(value)
		next := reference.ReplaceAllStringFunc(value, func(whole string) string {
			name := reference.FindStringSubmatch(whole)[1]
			if name == "CURDIR" {
				return "."
			}
			set, ok := v[name]
			if grown += len(set); !ok || grown > longest {
				return whole
			}
			return set
		})
		if next == value || grown > longest {
			break
		}
		value = next
	}
	return value
}

// literal is the one word that a variable comes to, "" where it is none.
func (v variables) literal(name string) string {
	value := v.expand(v[name])
	if strings.ContainsAny(value, "$ \t") {
		return ""
	}
	return value
}

// config is where relx's configuration lies, relative to the project.
func (v variables) config() string {
	if file := path.Clean(v.literal("RELX_CONFIG")); file != "." && !path.IsAbs(file) && !relx.Outside(file) {
		return file
	}
	return relxFile
}

// variables takes in what the Makefile says.
func (p *Project) variables(values variables) {
	literal := values.literal
	p.facts.App, p.facts.Version = literal("PROJECT"), literal("PROJECT_VERSION")
	if grammar.Name(p.facts.App) != nil {
		p.facts.App = "" // erlang.mk is to refuse it
	}
	if p.facts.App != "" {
		p.facts.OwnApps = []string{p.facts.App}
	}
	seen := map[string]bool{}
	for _, list := range []string{"DEPS", "BUILD_DEPS", "REL_DEPS"} {
		p.open = p.open || strings.Contains(values[list], "$")
		for name := range strings.FieldsSeq(values[list]) {
			how := strings.Fields(values["dep_"+name])
			switch {
			case strings.Contains(name, "$") || seen[name]:
			case len(how) > 1 && (how[0] == "cp" || how[0] == "ln"):
				seen[name] = true
				if grammar.Name(name) == nil {
					p.copied = append(p.copied, copied{name, path.Clean(values.expand(how[1]))})
				}
				p.relxHere = p.relxHere || name == "relx"
			default:
				seen[name] = true
				p.remote = append(p.remote, name)
				p.locate(name, how)
			}
		}
	}
	p.relxHere = p.relxHere || p.open || slices.Contains(p.remote, "relx") || p.has("RELX_URL")
}

// locate says where a dependency comes from: "git URL ref", "hex 1.0"; what erlang.mk
// knows of itself by name is mostly git's.
func (p *Project) locate(name string, how []string) {
	d := project.Dep{Name: name, Source: project.Git}
	switch {
	case len(how) > 1 && how[0] != "git" && how[0] != "git-subfolder" && how[0] != "git-submodule":
		d.Source = project.Computed
	case len(how) > 1:
		d.Where = how[1]
	}
	p.sources = append(p.sources, d)
}

// native finds C code, and the project's other applications.
func (p *Project) native(d *project.Dir) {
	if len(d.Files("c_src")) > 0 {
		p.facts.NativeCode = append(p.facts.NativeCode, "c_src/")
	}
	for _, app := range d.Folders("apps") {
		p.facts.OwnApps = append(p.facts.OwnApps, app)
		if len(d.Files("apps/"+app+"/c_src")) > 0 {
			p.facts.NativeCode = append(p.facts.NativeCode, "apps/"+app+"/c_src/")
		}
	}
	slices.Sort(p.facts.OwnApps)
	p.facts.OwnApps = slices.Compact(p.facts.OwnApps)
}

// Tool is erlang.mk.
func (*Project) Tool() tool.Tool { return Tool{} }

// Facts is what the files say.
func (p *Project) Facts() *project.Project { return p.facts }

// Releases is the one that erlang.mk makes.
func (p *Project) Releases() ([]string, error) {
	if p.script {
		return nil, problem.New(problem.Usage, "name it: --release NAME", "%s computes the release, so its name is not known", p.file+suffix)
	}
	return p.names[:min(len(p.names), 1)], nil
}
