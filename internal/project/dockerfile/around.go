package dockerfile

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Surroundings are what a Dockerfile is read with beside its own text.
type Surroundings struct {
	// Args are values of build arguments that have no default.
	Args map[string]string
	// Text is a file of the context, nil for none.
	Text func(name string) (text string, ok bool)
}

// ofContext is a path of a stage as one in the context, "" where what lies there was not
// copied as a directory.
func (s *scope) ofContext(at string) string {
	for to := path.Clean(at); path.IsAbs(to); to = path.Dir(to) {
		if from, ok := s.copied[to]; ok {
			return path.Join(from, strings.TrimPrefix(path.Clean(at), to))
		}
		if to == "/" {
			break
		}
	}
	return ""
}

// builds tells a script that builds from one that does anything else.
var builds = regexp.MustCompile(`(?m)^[^#\n]*\bmix\s[^#\n]*\b(release|escript\.build|compile|deps\.get)\b`)

// script takes in what a script of the context does that builds the project and is told
// nothing; it says whether words call one.
func (s *stage) script(words []string, at string) bool {
	if base := path.Base(words[0]); len(words) > 1 && (base == "sh" || base == "bash") {
		words = words[1:]
	}
	if len(words) > 1 {
		return false
	}
	name := s.expand(words[0])
	if s.text == nil || strings.ContainsAny(name, "$`") || !strings.Contains(name, "/") && !strings.HasSuffix(name, ".sh") {
		return false
	}
	if !path.IsAbs(name) {
		name = path.Join(at, name)
	}
	text, ok := s.text(s.ofContext(name))
	if !ok || !builds.MatchString(text) {
		return false
	}
	inside, dir := s.text, s.dir
	s.text, s.dir = nil, at // a script that calls itself ends here
	s.run(text)
	s.text, s.dir = inside, dir
	return true
}

// runsByMix has a last stage count as one that makes a release that does all but that: it
// compiles the project for production, and its image starts it by Mix.
func (r *reader) runsByMix() {
	if len(r.stages) == 0 || slices.ContainsFunc(r.stages, func(s *stage) bool { return s.makes }) {
		return
	}
	s := r.stages[len(r.stages)-1]
	all := map[*stage]bool{}
	gather(s, all)
	for one := range all {
		if one.compiles && s.startsByMix() && one.mixEnvironment() != "" && !forDevelopers.MatchString(one.mixEnvironment()) {
			s.makes = true
		}
	}
	if s.makes {
		s.part("release")
	}
}

var (
	startsMix     = regexp.MustCompile(`(^|[\s/;&])(mix|iex)(\s|$)`)
	forDevelopers = regexp.MustCompile(`^(dev|test)$`)
	// byMix is how an image starts a project that is no release.
	byMix = regexp.MustCompile(`^mix (phx\.server|phoenix\.server|run)\b|^iex -S mix\b|^elixir .*-S mix\b`)
	// toBuild are packages of a stage that builds and is the image, too, which serve to build.
	toBuild = regexp.MustCompile(`^(git|curl|wget|make|cmake|nodejs.*|npm|yarn.*|python[0-9.]*(-dev|-pip)?|py3?-pip|autoconf|automake|libtool|pkg-?conf(ig)?|rustup|rust|cargo|clang.*|llvm.*|` +
		`zstd|unzip|xz-utils|procps|patch|bison|flex|m4|perl)$`)
)

// onBase has the image's stage do what the stages do that it begins with, if the release
// is not made in them. What one of these installs that builds, too, may serve that alone.
func (s *stage) onBase(building map[*stage]bool) {
	if building[s] {
		return
	}
	for b := s.base; b != nil && !b.everMakes(); b = b.base {
		installs := slices.Clone(b.installs)
		if building[b] {
			installs = slices.DeleteFunc(installs, toBuild.MatchString)
		}
		s.installs, s.by = slices.Concat(installs, s.installs), cmp.Or(s.by, b.by)
		s.steps, s.open = slices.Concat(b.steps, s.steps), slices.Concat(b.open, s.open)
		s.files, s.dirs, s.taken = slices.Concat(b.files, s.files), slices.Concat(b.dirs, s.dirs), slices.Concat(b.taken, s.taken)
	}
}

// forImage are the packages of a stage that builds and is the image, too, with those that
// it begins with, beside what may serve to build alone.
func (s *stage) forImage() (names []string) {
	for b := s; b != nil; b = b.base {
		names = append(names, b.installs...)
	}
	return slices.DeleteFunc(names, toBuild.MatchString)
}

// under says whether a stage is one that another begins with.
func (s *stage) under(image *stage) bool {
	for b := image.base; b != nil; b = b.base {
		if b == s {
			return true
		}
	}
	return false
}

// other is what the stages do of a file that makes no release as far as is seen, beside
// what is the same in every image; nothing of one for developers, that Mix starts.
func (r *reader) other() []string {
	var installs, runs []string
	for _, s := range r.stages {
		installs = append(installs, s.installs...)
		runs = append(runs, s.open...)
		for _, step := range s.steps {
			if step.part == "" && step.taken == nil {
				runs = append(runs, step.Text)
			}
		}
	}
	if len(r.stages) == 0 || r.stages[len(r.stages)-1].startsByMix() {
		return nil
	}
	image := r.stages[len(r.stages)-1]
	command, first := start(image)
	runs = append(runs, first...)
	if len(command) > 0 {
		runs = append(runs, brief(command))
	}
	return slices.Concat(needed(installs, present, fetchers), distinct(append(runs, image.volumes...)))
}

// startsByMix says whether a stage is started by Mix.
func (s *stage) startsByMix() bool {
	return slices.ContainsFunc(slices.Concat(s.entry, s.cmd), startsMix.MatchString)
}
