package project

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Where nothing of the project's own says what it is built with, its pipeline may: what
// that tests it with is what it works with. One that tries several series says nothing.

// pipelineFiles are those of services with one file, below the folder of one that has
// several.
var pipelineFiles = []string{".gitlab-ci.yml", ".circleci/config.yml", ".travis.yml", ".semaphore/semaphore.yml"}

const workflows = ".github/workflows"

// pipelines takes what the pipelines of the project, or of the repository that it lies in,
// build with.
func (r *reader) pipelines() {
	if slices.ContainsFunc(r.p.Offers, func(o Offer) bool { return o.Elixir != "" || o.Erlang != "" }) {
		return
	}
	o := r.pipeline("")
	if o == (Offer{}) {
		r.above(func(d *Dir, prefix string) bool {
			o = d.pipeline(prefix)
			return o != Offer{}
		})
	}
	if o.Elixir != "" || o.Erlang != "" {
		r.p.Offers = append(r.p.Offers, o)
	}
}

// pipeline is the one series that all of a directory's pipelines build with.
func (d *Dir) pipeline(prefix string) Offer {
	files := slices.Clone(pipelineFiles)
	for _, base := range d.Files(workflows) {
		if ext := path.Ext(base); ext == ".yml" || ext == ".yaml" {
			files = append(files, path.Join(workflows, base))
		}
	}
	var all piped
	for _, file := range files {
		text, ok, err := d.Text(file, maxText)
		var doc yaml.Node
		if err != nil || !ok || yaml.Unmarshal([]byte(text), &doc) != nil {
			continue
		}
		before := len(all.elixir) + len(all.erlang)
		all.walk(&doc, 0)
		if all.file == "" && len(all.elixir)+len(all.erlang) > before {
			all.file = prefix + file
		}
	}
	return Offer{File: all.file, Elixir: oneSeries(all.elixir, 2), Erlang: oneSeries(all.erlang, 1)}
}

// piped are the versions that pipelines name.
type piped struct {
	file           string
	elixir, erlang []string
}

var (
	elixirKey = regexp.MustCompile(`^(?i:elixir([-_]version)?)$`)
	erlangKey = regexp.MustCompile(`^(?i:(otp|erlang)([-_](version|release))?)$`)
	imageKey  = regexp.MustCompile(`^(image|container)$`)
	// begun is the version that a text begins with: "1.14.x", "v25", "25.3.2".
	begun = regexp.MustCompile(`^v?=?([0-9]+(?:\.[0-9]+)*)(?:\.x|-otp-[0-9]+)?$`)
)

const maxNested = 40 // how deep a pipeline's text is read

// walk goes through a text, whatever the service.
func (p *piped) walk(n *yaml.Node, depth int) {
	if depth > maxNested || n.Kind == yaml.AliasNode {
		return
	}
	if n.Kind != yaml.MappingNode {
		for _, c := range n.Content {
			p.walk(c, depth+1)
		}
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1]
		switch {
		case elixirKey.MatchString(key):
			p.elixir = append(p.elixir, versionsOf(value)...)
		case erlangKey.MatchString(key):
			p.erlang = append(p.erlang, versionsOf(value)...)
		case imageKey.MatchString(key) && value.Kind == yaml.ScalarNode:
			o := dockerOffer("", []string{value.Value})
			p.elixir, p.erlang = appended(p.elixir, o.Elixir), appended(p.erlang, o.Erlang)
		}
		p.walk(value, depth+1)
	}
}

func appended(list []string, text string) []string {
	if text == "" {
		return list
	}
	return append(list, text)
}

// versionsOf are the versions of one value, or of a list.
func versionsOf(n *yaml.Node) (out []string) {
	if n.Kind == yaml.SequenceNode {
		for _, c := range n.Content {
			out = append(out, versionsOf(c)...)
		}
		return out
	}
	if m := begun.FindStringSubmatch(strings.TrimSpace(n.Value)); n.Kind == yaml.ScalarNode && m != nil {
		out = append(out, m[1])
	}
	return out
}

// oneSeries is the longest of versions that are all of one series, told by its first n
// numbers; "" where they are of several.
func oneSeries(versions []string, n int) (longest string) {
	series := func(v string) string {
		parts := strings.Split(v, ".")
		return strings.Join(parts[:min(n, len(parts))], ".")
	}
	for _, v := range versions {
		if series(v) != series(versions[0]) {
			return ""
		}
		if len(v) > len(longest) {
			longest = v
		}
	}
	return longest
}
