package inspect

import (
	"maps"
	"path"
	"slices"
	"strings"

	"dram/internal/beam"
	"dram/internal/image"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/shell"
)

// reasons know why files are there.
type reasons struct {
	r    *reader
	root *rootfs.Skeleton
	by   map[string]string // who asked for a file first; "" is a beginning
	// called are programs by their real names: which script calls them.
	called map[string]string
	linked map[string]string // what links lead to: by which
	usedBy map[string]string // of applications, by name: which one uses it
}

func newReasons(r *reader, root *rootfs.Skeleton) *reasons {
	w := &reasons{r: r, root: root, by: map[string]string{}, called: map[string]string{}, linked: map[string]string{}, usedBy: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		if real, err := rootfs.Resolve(root, name); err == nil && r.files[name].Link != "" {
			w.linked[real] = name
		}
	}
	w.apps()
	w.programs()
	w.closure()
	return w
}

// programs finds what the release's scripts call, and then what these programs are.
func (w *reasons) programs() {
	for _, name := range slices.Sorted(maps.Keys(w.r.files)) {
		text := w.r.nodes[name].Text
		if !strings.HasPrefix(text, "#!") && path.Ext(name) != ".sh" {
			continue
		}
		for _, word := range shell.Commands(text) {
			w.call(word, "called by "+name)
		}
	}
	for _, p := range image.ScriptPrograms() {
		w.call(p.Name, p.Reason)
	}
}

func (w *reasons) call(name, why string) {
	found, _ := rootfs.Programs(w.root, []string{name})
	for _, p := range found {
		for _, at := range append([]string{p.Path, p.Real}, linkPaths(p.Links)...) {
			if w.called[at] == "" {
				w.called[at] = why
			}
		}
	}
}

func linkPaths(links []rootfs.Link) (out []string) {
	for _, l := range links {
		out = append(out, l.Path)
	}
	return out
}

// closure follows what loaders would load, from the release's own files first.
func (w *reasons) closure() {
	loader, err := rootfs.NewLoader(w.root)
	if err != nil {
		return
	}
	var inside, scripts, outside []string
	for _, name := range slices.Sorted(maps.Keys(w.r.files)) {
		f, node := w.r.files[name], w.r.nodes[name]
		if node.ELF == nil && !strings.HasPrefix(node.Text, "#!") || f.Link != "" {
			continue
		}
		if _, ok := w.r.inRelease(name); ok && node.ELF != nil {
			inside = append(inside, name)
		} else if ok {
			scripts = append(scripts, name)
		} else if w.called[name] != "" {
			outside = append(outside, name)
		}
	}
	for _, start := range [][]string{inside, scripts, outside} {
		found, err := loader.Closure(start)
		if err != nil {
			continue
		}
		for _, e := range found.Entries {
			by := e.By // as it was opened, perhaps through links
			if real, err := rootfs.Resolve(w.root, by); err == nil && by != "" {
				by = real
			}
			if _, known := w.by[e.Path]; !known && !slices.Contains(start, e.Path) && by != e.Path {
				w.by[e.Path] = by
			}
		}
	}
}

// apps finds which application uses which, from the release's own.
func (w *reasons) apps() {
	uses := map[string][]string{}
	for name, node := range w.r.nodes {
		rest, ok := w.r.inRelease(name)
		if !ok || path.Ext(name) != ".app" {
			continue
		}
		app := strings.TrimSuffix(path.Base(rest), ".app")
		parsed, err := beam.ParseApp([]byte(node.Text), app)
		if err == nil {
			uses[app] = parsed.Uses
		}
	}
	if w.r.rel == nil {
		return
	}
	queue := []string{w.r.rel.Name}
	for len(queue) > 0 {
		app := queue[0]
		queue = queue[1:]
		for _, use := range uses[app] {
			if w.usedBy[use] == "" && use != w.r.rel.Name {
				w.usedBy[use] = app
				queue = append(queue, use)
			}
		}
	}
}

// of is the chain from a file to what is wanted, nil if there is none.
func (w *reasons) of(name string) []string {
	if rest, ok := w.r.inRelease(name); ok {
		return w.ofRelease(rest)
	}
	var chain []string
	seen := map[string]bool{}
	for at := name; !seen[at]; {
		seen[at] = true
		if _, ok := w.r.inRelease(at); ok {
			return append(chain, w.of(at)...)
		}
		if why := w.called[at]; why != "" {
			return append(chain, why)
		}
		by, known := w.by[at]
		if !known || by == "" {
			break
		}
		chain, at = append(chain, "needed by "+by), by
	}
	if why := image.ReasonOf(name); why != "" {
		return []string{why}
	}
	if link := w.linked[name]; link != "" && image.ReasonOf(link) != "" {
		return []string{"a link leads to it: " + link, image.ReasonOf(link)}
	}
	if w.r.files[name].Layer < w.r.below {
		return []string{"the base has it (image.base)"}
	}
	if layer := w.r.files[name].Layer; layer < len(w.r.report.Layers) && w.r.report.Layers[layer].Name == "files" {
		return []string{"added by the project (image.files)"}
	}
	if led := w.ledTo(name); led != "" {
		return []string{"a link: " + led}
	}
	return nil
}

// ledTo is what a link leads to, if that is there for a reason of its own.
func (w *reasons) ledTo(name string) string {
	f := w.r.files[name]
	if f.Link == "" {
		return ""
	}
	real, err := rootfs.Resolve(w.root, name)
	if err != nil || w.called[real] == "" && w.by[real] == "" {
		if info, err := w.root.Stat(name); err == nil && info.IsDir() {
			return "/" + name + " stands for /" + strings.TrimPrefix(f.Link, "/")
		}
		return ""
	}
	return "it leads to /" + real
}

// ofRelease is why a file of the release is there: its application, and who uses that.
func (w *reasons) ofRelease(rest string) []string {
	origin, folder := release.OriginOf(rest, w.r.rel.Name)
	switch {
	case origin == release.ERTS:
		return []string{"the Erlang VM"}
	case folder == "":
		return []string{"the release's own scripts and configuration"}
	}
	app, _, _ := strings.Cut(folder, "-")
	chain := []string{"in application " + app}
	for by := w.usedBy[app]; by != "" && len(chain) < 64; by = w.usedBy[by] {
		chain = append(chain, "used by "+by)
	}
	if app != w.r.rel.Name && len(chain) == 1 {
		chain = append(chain, "listed by the release")
	}
	return chain
}
