package dockerfile

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// recipe puts the stages together.
func (r *reader) recipe() Recipe {
	var out Recipe
	for _, s := range r.stages {
		if s.image != "" {
			out.Images = append(out.Images, s.image)
		}
	}
	building := map[*stage]bool{}
	if len(r.stages) == 1 && r.stages[0].startsMade() {
		r.stages[0].makes = true
	}
	r.runsByMix()
	for _, s := range r.stages {
		if s.makes {
			out.Makes = true
			gather(s, building)
		}
	}
	if len(r.stages) > 0 && !out.Makes && r.stages[len(r.stages)-1].ships() {
		out.Makes = true
	}
	if !out.Makes {
		return Recipe{Images: out.Images, Seen: Seen{Else: r.other()}}
	}
	image := r.stages[len(r.stages)-1]
	image.onBase(building)
	last := map[*stage]bool{}
	gather(image, last)
	var steps []step
	var unnamed []string
	for _, s := range r.stages {
		if building[s] && s.unnamed != "" {
			unnamed = append(unnamed, s.unnamed)
		}
		switch {
		case building[s]:
			steps = append(steps, out.build(s)...)
			if s == image {
				out.Run, out.RunBy = s.forImage(), cmp.Or(s.by, out.BuildBy)
			}
		case s == image:
			out.Run, out.RunBy = append(out.Run, s.installs...), s.by
			out.Args = append(out.Args, s.open...)
		case last[s] && !s.under(image) && len(s.steps)+len(s.installs) > 0:
			out.Beside = append(out.Beside, s.name)
		}
	}
	out.Start, out.First = start(image)
	out.Expose = image.expose
	out.Laid = image.laid(building[image] || image.image == "" && len(image.from) > 0 && image.from[0].everMakes())
	out.Unnamed, out.RunEnv = unnamed, image.runEnv(out.Place)
	out.Build, out.Run = needed(out.Build, usual, fetchers), needed(out.Run, present, shared)
	out.Commands = ordered(steps)
	for _, list := range []*[]string{&out.Args, &out.Copies, &out.First, &out.Volumes, &out.Dirs, &out.Also, &out.Taken} {
		*list = distinct(*list)
	}
	return out
}

// build takes in what a stage does that the release is made in or of, and says what it
// runs.
func (out *Recipe) build(s *stage) (steps []step) {
	out.Build, out.BuildBy = append(out.Build, s.installs...), cmp.Or(out.BuildBy, s.by)
	out.Args = append(out.Args, s.open...)
	out.Copies = append(out.Copies, s.copies...)
	out.Node = cmp.Or(out.Node, s.node)
	out.Git = out.Git || s.git
	if s.makes {
		out.In = cmp.Or(out.In, s.in)
		out.Release, out.BuildBy = s.release, cmp.Or(s.by, out.BuildBy)
		out.MixEnv = s.mixEnvironment()
		all := maps.Clone(s.args)
		maps.Copy(all, s.env)
		out.Env = pairs(all)
	}
	for _, step := range s.steps {
		step.Dir, step.Copied = s.place(step.at)
		step.Stage = s.name
		if t := step.taken; t != nil && !t.follow(s, &step.Command) {
			continue // it is there, in a project that is one
		}
		steps = append(steps, step)
	}
	return steps
}

// gather notes a stage and those that it is made of.
func gather(s *stage, into map[*stage]bool) {
	if into[s] {
		return
	}
	into[s] = true
	for _, from := range s.from {
		gather(from, into)
	}
}

// supervisors are programs that start others as a container's first process.
var supervisors = regexp.MustCompile(`(^|/)(tini|dumb-init|sh|bash|dash|env)$|^-|^exec$`)

// own is the release's own script, with the command that a release starts by.
var own = regexp.MustCompile(`(^|/)bin/[\w-]+$`)

// start is the first word of what an image starts that is no supervisor, and what it
// runs before.
func start(s *stage) (command, first []string) {
	words := slices.Concat(s.entry, s.cmd)
	if len(words) == 1 {
		words = []string{"sh", "-c", words[0]}
	}
	if i := slices.Index(words, "-c"); i > 0 && i+1 < len(words) {
		all := calls(words[i+1])
		all = slices.DeleteFunc(all, func(c []string) bool { return shellOwn.MatchString(c[0]) })
		if len(all) == 0 {
			return nil, nil
		}
		for _, before := range all[:len(all)-1] {
			first = append(first, brief(before))
		}
		words = all[len(all)-1]
	}
	for len(words) > 0 && supervisors.MatchString(words[0]) {
		words = words[1:]
	}
	if len(words) == 0 || strings.Contains(words[0], "$") || len(words[0]) > 200 {
		return nil, first
	}
	if byMix.MatchString(strings.Join(words, " ")) {
		return nil, first
	}
	found := !strings.Contains(words[0], "/") && strings.Contains(s.env["PATH"], "/bin")
	if (found || own.MatchString(words[0])) && (slices.Contains(words, "start") || slices.Contains(words, "foreground")) {
		return nil, first
	}
	return words[:min(len(words), maxWords)], first
}

// maxWords bounds a command that is shown.
const maxWords = 20

// shellOwn are commands that start nothing.
var shellOwn = regexp.MustCompile(`^(set|ulimit|cd|export|echo|true|:|umask|trap|wait|exit)$`)

// Takes says whether the stages that build take a directory, by its path in the
// context, or something in it: "apps/$SERVICE" may be any below apps.
func (out Recipe) Takes(dir string) bool {
	return out.In == dir || slices.ContainsFunc(out.Copies, func(from string) bool {
		want, has := strings.Split(dir, "/"), strings.Split(from, "/")
		if len(has) < len(want) {
			return false
		}
		for i, part := range want {
			if part != has[i] && !strings.Contains(has[i], "$") {
				return false
			}
		}
		return true
	})
}

// distinct is each text once, in order.
func distinct(texts []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, t := range texts {
		if !seen[t] && len(out) < maxNames {
			out = append(out, t)
		}
		seen[t] = true
	}
	return out
}

// needed is names, sorted, without those that are there in any case or that need no
// word.
func needed(names []string, there, besides *regexp.Regexp) []string {
	set := map[string]bool{}
	for _, n := range names {
		if !there.MatchString(n) && (!besides.MatchString(n) || programs.MatchString(n)) {
			set[n] = true
		}
	}
	sorted := slices.Sorted(maps.Keys(set))
	return sorted[:min(len(sorted), maxNames)]
}
