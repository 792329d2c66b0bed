package plan

import (
	"cmp"
	"context"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/config"
	"dram/internal/fsutil"
	"dram/internal/project"
	"dram/internal/project/dockerfile"
	"dram/internal/source"
	"dram/internal/tool"
)

// What the Dockerfile's image has beside the release is in dram's, where it can be: files
// of the project, directories that are made to be written to, and the script that starts
// the release. All else of it is noted: nobody is to find out from the result.

// laid takes in what the Dockerfile lays into its image.
func (m *maker) laid(ctx context.Context) {
	l := m.facts.Docker.Laid
	l.Files = m.matched(l.Files)
	var left []string
	if len(m.in.Config.ImageFiles) == 0 {
		left = m.laidFiles(ctx, l)
	}
	if len(m.in.Config.Directories) == 0 {
		m.laidDirectories(l)
	}
	if len(m.in.Config.Entrypoint)+len(m.in.Config.Command) == 0 {
		m.starting(ctx, l)
	}
	file := tool.Dockerfile{Facts: m.facts, Planner: planner{m}}
	file.Note("copies %s into its image, and dram's has none of it: [[image.files]] in dram.toml puts files of the project there", left)
	file.Note("takes %s into its image, and dram's has none of it: put it into the project and [[image.files]] in dram.toml, or into the toolchain", l.Taken)
	file.Note("also runs, to make its image: %s; dram's has nothing of it: packages = [\"…\"] under [image] in dram.toml adds programs, [[image.files]] files", l.Also)
}

// matched has the files that a pattern of COPY matches in its place. One of which these
// are not known stays, and is noted.
func (m *maker) matched(files []dockerfile.File) (out []dockerfile.File) {
	for _, f := range files {
		names := []string{f.From}
		if strings.ContainsAny(f.From, pattern) {
			if found := m.byPattern(f.From); len(found) > 0 {
				names = found
			}
		}
		for _, name := range names {
			out = append(out, dockerfile.File{From: name, To: f.To})
		}
	}
	return out
}

// pattern is what makes a name one.
const pattern = "*?["

// byPattern are the files of the project that a pattern matches, whose last part alone is
// one; none where a directory is among them, of which COPY takes what it holds.
func (m *maker) byPattern(from string) (names []string) {
	dir, last := path.Split(from)
	if at, inside := m.ofProject(from); at != from || !inside || strings.ContainsAny(dir, pattern) {
		return nil
	}
	root, err := fsutil.OpenRoot(m.facts.Dir)
	if err != nil {
		return nil
	}
	defer func() { _ = root.Close() }()                  // only read from
	entries, _ := fs.ReadDir(root.FS(), path.Clean(dir)) // of one that is not there, none
	for _, e := range entries {
		switch ok, err := path.Match(last, e.Name()); {
		case !ok || err != nil:
		case e.IsDir() || len(names) == most:
			return nil
		default:
			names = append(names, dir+e.Name())
		}
	}
	return names
}

// most is how many files one pattern puts into an image.
const most = 100

// laidFiles puts files of the project into the image, and says which cannot be.
func (m *maker) laidFiles(ctx context.Context, l dockerfile.Laid) (left []string) {
	var files []config.ImageFile
	for _, f := range l.Files {
		file, ok := m.laidFile(ctx, l, f)
		switch {
		case ok && file.Source != "":
			files = append(files, file)
		case !ok:
			left = append(left, f.From)
		}
	}
	if len(files) > 0 {
		m.in.Config = m.in.Config.By(m.facts.DockerFile, "image.files")
		m.in.Config.ImageFiles = files
	}
	return left
}

// laidFile is a file as the image has it, without a source where the release has it
// already.
func (m *maker) laidFile(ctx context.Context, l dockerfile.Laid, f dockerfile.File) (out config.ImageFile, ok bool) {
	from, inside := m.ofProject(f.From)
	to, ok := l.At(f.To)
	if !ok || !inside {
		return out, false
	}
	if strings.HasSuffix(f.To, "/") && !m.facts.HasDir(from) {
		to = path.Join(to, path.Base(from))
	}
	if below, is := strings.CutPrefix(to, dockerfile.Home+"/"); is && m.overlaid(below) {
		return out, true
	}
	out = config.ImageFile{Source: from, Destination: to}
	if out.Check() != nil || to == dockerfile.Home {
		return out, false
	}
	_, err := source.Named(ctx, m.facts.Dir, []string{from}, source.Options{})
	return out, err == nil
}

// ofProject is a path in the Dockerfile's context as one in the project.
func (m *maker) ofProject(from string) (name string, ok bool) {
	up := strings.Count(m.facts.DockerFile, "../")
	if up == 0 {
		return from, true
	}
	parts := strings.Split(path.Clean(m.facts.Dir), "/")
	at := strings.Join(parts[max(0, len(parts)-up):], "/")
	return strings.CutPrefix(from, at+"/")
}

// ofSystem are directories that every system has, or that serve to make an image.
var ofSystem = regexp.MustCompile(`^/(bin|sbin|lib\w*|usr|etc|dev|proc|sys|boot|root|tmp|run|build|src)(/|$)|^/var/(lib/apt|cache|run)(/|$)|^/(opt|home|srv|mnt|var|var/lib|var/log)$|^/home/[^/]+$`)

// laidDirectories has the image's user write to the directories that the Dockerfile makes
// or calls volumes.
func (m *maker) laidDirectories(l dockerfile.Laid) {
	var dirs []config.ImageDirectory
	add := func(name string, volume bool) {
		at, ok := l.At(name)
		d := config.ImageDirectory{Path: at, Volume: volume}
		same := func(o config.ImageDirectory) bool { return o.Path == at }
		if ok && at != "/" && (volume || !ofSystem.MatchString(at)) && d.Check() == nil && !slices.ContainsFunc(dirs, same) {
			dirs = append(dirs, d)
		}
	}
	for _, name := range l.Volumes {
		add(name, true)
	}
	for _, name := range l.Dirs {
		if name != l.WorkDir && !strings.HasPrefix(l.Place+"/", name+"/") {
			add(name, false)
		}
	}
	if len(dirs) > 0 {
		m.in.Config = m.in.Config.By(m.facts.DockerFile, "image.directories")
		m.in.Config.Directories = dirs
	}
}

// starting has the image start as the Dockerfile's does, where that runs something before
// the release, or a script does.
func (m *maker) starting(ctx context.Context, l dockerfile.Laid) {
	words := l.Begins()
	if len(words) == 0 || l.Place == "" {
		return
	}
	shell := path.Base(words[0])
	isShell := slices.Contains([]string{"sh", "bash", "dash"}, shell)
	switch {
	case isShell && len(words) == 3 && words[1] == "-c" && len(m.facts.Docker.First) > 0:
		text := l.Here(words[2])
		if !strings.Contains(text, "$") && l.Moved().Does(text, m.released, m.installed) == "" {
			m.starts(l, []string{shell, "-c", text}, nil)
		}
	case isShell && len(words) > 1 && !strings.HasPrefix(words[1], "-"):
		m.startsBy(ctx, l, shell, words[1:])
	default:
		m.startsBy(ctx, l, "", words)
	}
}

// startsBy has a script of the project start the release, by a shell or by itself.
func (m *maker) startsBy(ctx context.Context, l dockerfile.Laid, shell string, words []string) {
	f, is := l.Lies(words[0])
	if !is {
		m.startsOverlaid(l, shell, words)
		return
	}
	file, ok := m.laidFile(ctx, l, f)
	text, has := m.facts.Text(file.Source)
	if !ok || !has || len(m.in.Config.ImageFiles) == 0 {
		return
	}
	if why := l.Does(text, m.released, m.installed); why != "" {
		if !m.startsMoved(l, shell, text, words) {
			m.in.Config.Unstarted = words[0]
			m.plan.Notes = append(m.plan.Notes, m.facts.DockerFile+" starts "+words[0]+", which "+why+": [image] entrypoint in dram.toml starts a script of your own")
		}
		return
	}
	rest, ok := arguments(l, words[1:])
	i := slices.IndexFunc(m.in.Config.ImageFiles, func(o config.ImageFile) bool { return o.Source == file.Source })
	if i < 0 || !ok {
		return
	}
	m.in.Config.ImageFiles = slices.Clone(m.in.Config.ImageFiles)
	m.in.Config.ImageFiles[i].Mode = "0755"
	m.starts(l, started(shell, "/"+file.To()), rest)
}

// started is how a script is started, by a shell if there is one.
func started(shell, script string) []string {
	if shell == "" {
		return []string{script}
	}
	return []string{shell, script}
}

// arguments are words that a script is given, with paths as dram's image has them.
func arguments(l dockerfile.Laid, words []string) (out []string, ok bool) {
	for _, word := range words {
		if strings.Contains(word, "/") {
			at, ok := l.At(word)
			if !ok || !strings.HasPrefix(at, dockerfile.Home+"/") {
				return nil, false
			}
			word = at
		}
		out = append(out, word)
	}
	return out, true
}

// startsOverlaid starts a script that the release has of its overlays.
func (m *maker) startsOverlaid(l dockerfile.Laid, shell string, words []string) {
	at, ok := l.At(words[0])
	below, is := strings.CutPrefix(at, dockerfile.Home+"/")
	rest, fine := arguments(l, words[1:])
	if !ok || !is || !fine || below == "bin/server" || !m.overlaid(below) {
		return // the server's own script is started where it is there, without a word
	}
	m.starts(l, started(shell, at), rest)
}

// maxInline bounds a script that an image starts as its shell's own text.
const maxInline = 4096

// startsMoved starts what a script does that names the directory of its release: its text,
// for that place and given to the shell, since the file itself is the project's.
func (m *maker) startsMoved(l dockerfile.Laid, shell, text string, words []string) bool {
	begins, body := interpreter(text)
	body = l.Here(body)
	rest, ok := arguments(l, words[1:])
	if shell = cmp.Or(shell, begins); !ok || shell == "" || l.Names(body) && l.Place != dockerfile.Home || len(body) > maxInline || l.Moved().Does(body, m.released, m.installed) != "" {
		return false
	}
	m.starts(l, []string{shell, "-c", strings.TrimSpace(body), path.Base(words[0])}, rest)
	return true
}

// interpreter is the shell that a script's first line names, and what follows that.
func interpreter(text string) (shell, body string) {
	first, rest, _ := strings.Cut(text, "\n")
	words := strings.Fields(strings.TrimPrefix(first, "#!"))
	if !strings.HasPrefix(first, "#!") || len(words) == 0 {
		return "", text
	}
	if path.Base(words[0]) == "env" && len(words) == 2 {
		words = words[1:]
	}
	if shell = path.Base(words[0]); len(words) == 1 && slices.Contains([]string{"sh", "bash", "dash"}, shell) {
		return shell, rest
	}
	return "", text // with options, or no shell
}

// starts sets what the image starts. Of what that is given, the words that are the
// Dockerfile's CMD beside an ENTRYPOINT are the image's command: what it is run with
// replaces them.
func (m *maker) starts(l dockerfile.Laid, entrypoint, given []string) {
	own := len(given)
	if len(l.Entrypoint) > 0 {
		own = max(0, len(given)-len(l.Cmd))
	}
	m.in.Config = m.in.Config.By(m.facts.DockerFile, "image.entrypoint")
	m.in.Config.Entrypoint = slices.Concat(entrypoint, given[:own])
	if own < len(given) {
		m.in.Config = m.in.Config.By(m.facts.DockerFile, "image.command")
		m.in.Config.Command = given[own:]
	}
}

// released says whether the release will have a file, as far as that is known before.
func (m *maker) released(name string) bool {
	base := path.Base(name)
	own := base == m.facts.App || slices.ContainsFunc(m.facts.Releases, func(r project.Release) bool { return r.Name == base })
	return path.Dir(name) == "bin" && own || m.overlaid(name)
}

// overlaid says whether the release has a file of its overlays.
func (m *maker) overlaid(name string) bool {
	dirs := []string{"rel/overlays"}
	for _, r := range m.facts.Releases {
		if r.Name == m.facts.Docker.Release || len(m.facts.Releases) == 1 {
			dirs = append(dirs, r.Overlays...)
		}
	}
	return slices.ContainsFunc(dirs, func(dir string) bool { return m.facts.HasFile(path.Join(dir, name)) })
}

// installed says whether the image is given a package.
func (m *maker) installed(name string) bool {
	return slices.Contains(m.in.Config.Run, name) || slices.Contains(m.in.Config.ImagePackages, name) || slices.Contains(m.in.Config.Programs, name)
}
