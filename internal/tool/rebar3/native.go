package rebar3

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/beam"
	"dram/internal/distro"
	"dram/internal/project"
	"dram/internal/tool"
)

// maxMakefile bounds a Makefile that a hook calls, in bytes.
const maxMakefile = 1 << 20

// host is how rebar3 names the system that it runs on, which hooks may be for: its
// rebar_api:get_arch/0, of the toolchains here.
const host = "27-%s-pc-linux-gnu-8-unix"

// hooks are the commands that rebar3 runs before and after its own when it makes a
// release on Linux: {compile, "make"}, {"linux|darwin", compile, "make"}.
func (c config) hooks() []string {
	var out []string
	for _, key := range []string{"pre_hooks", "post_hooks"} {
		for _, t := range c.get(key) {
			tuple, ok := t.(beam.Tuple)
			if !ok || len(tuple) < 2 || len(tuple) > 3 {
				continue
			}
			before, _ := tuple[len(tuple)-2].(beam.Atom)
			text, ok := beam.Text(tuple[len(tuple)-1])
			if !ok || before == "clean" || len(tuple) == 3 && !onLinux(tuple[0]) {
				continue
			}
			out = append(out, text)
		}
	}
	return out
}

// onLinux says whether a hook for systems of some name runs here. An expression that Go
// cannot read may mean any.
func onLinux(t beam.Term) bool {
	text, ok := beam.Text(t)
	if !ok {
		return true
	}
	expr, err := regexp.Compile(text)
	return err != nil || slices.ContainsFunc([]string{"x86_64", "aarch64"}, func(cpu string) bool {
		return expr.MatchString(fmt.Sprintf(host, cpu))
	})
}

// called are the programs that a command of a shell calls, where a command begins: at
// its start, behind what parts two, in quotes, and behind what runs another.
var called = regexp.MustCompile("(?:^|[;&|(`\"'\\n]|\\b(?:env|exec|time|then|do|else)\\s)[\\s@+-]*(?:\\w+=\\S*\\s+)*(?:[\\w./${}-]*/)?(make|gmake|cmake|cargo|zig|cc|gcc|g\\+\\+|clang|git|curl|wget)(?:[\\s;&|)\"']|$)")

// programs are those of these that a command calls, each once.
func programs(command string) (names []string) {
	for {
		m := called.FindStringSubmatchIndex(command)
		if m == nil {
			return names
		}
		if name := command[m[2]:m[3]]; !slices.Contains(names, name) {
			names = append(names, name)
		}
		command = command[m[3]:]
	}
}

// compiles is what such a program is needed for, "" if it compiles nothing.
func compiles(program string) distro.Need {
	switch program {
	case "cmake":
		return distro.CMake
	case "cargo":
		return distro.Cargo
	case "zig":
		return distro.Zig
	case "git", "curl", "wget":
		return ""
	}
	return distro.C
}

// makers are plugins that compile other code than Erlang's, and what they do it with.
var makers = map[string]distro.Need{
	"pc": distro.C, "rebar3_cargo": distro.Cargo, "rebar3_rustler": distro.Cargo, "rebar3_cmake": distro.CMake,
	"rebar3_make": distro.C,
}

// native notes what in an application needs a compiler: hooks that call one, plugins
// for code of other languages, and C code.
func (p *Project) native(d *project.Dir, dir string, c config) {
	for _, command := range c.hooks() {
		why := fmt.Sprintf("%s: hook %q", c.file, command)
		found := programs(command)
		for _, name := range found {
			p.calling(c.file, why, name)
		}
		if slices.ContainsFunc(found, func(name string) bool { return strings.HasSuffix(name, "make") && name != "cmake" }) {
			p.made(d, c.file, makefile(dir, command))
		}
	}
	for _, plugin := range c.plugins() {
		what := makers[plugin.Name]
		if what == "" {
			continue
		}
		p.need(c.file+": plugin "+plugin.Name, what)
		if what == distro.Cargo {
			p.online = append(p.online, plugin.Name+" has cargo download what its code is made of")
		}
	}
	if src := path.Join(dir, "c_src"); len(d.Files(src))+len(d.Folders(src)) > 0 {
		p.need(src+"/", distro.C)
	}
}

func (p *Project) need(why string, what distro.Need) {
	p.facts.NativeCode = append(p.facts.NativeCode, why)
	p.calls = append(p.calls, tool.Need{What: what, Why: why})
}

// calling takes in that a hook calls a program: one that compiles, or that wants what a
// build does not see.
func (p *Project) calling(file, why, program string) {
	switch what := compiles(program); {
	case what != "":
		p.need(why, what)
	case program == "git":
		p.asksGit = cmp.Or(p.asksGit, "a hook of "+file)
	default:
		p.online = append(p.online, "a hook of "+file+" calls "+program)
	}
}

// inDir is where make is told to work.
var inDir = regexp.MustCompile(`(?:-C\s*|--directory[= ]|\bcd\s+)"?([^\s";&|]+)`)

// makefile is the Makefile that a command of a hook reads, which rebar3 runs in its
// application's directory; "" where that is not known.
func makefile(dir, command string) string {
	if m := inDir.FindStringSubmatch(command); m != nil {
		switch at := strings.NewReplacer("${REBAR_ROOT_DIR}", ".", "$REBAR_ROOT_DIR", ".").Replace(m[1]); {
		case at != m[1]:
			dir = path.Clean(at)
		default:
			dir = path.Join(dir, at)
		}
	}
	if strings.ContainsAny(dir, "$(") {
		return ""
	}
	return path.Join(dir, "Makefile")
}

// made reads what a Makefile calls that a hook of a file runs: what it compiles with,
// and what it downloads.
func (p *Project) made(d *project.Dir, file, name string) {
	if name == "" || strings.HasPrefix(name, "..") {
		return
	}
	text, ok, err := d.Text(name, maxMakefile)
	if err != nil || !ok {
		return
	}
	for line := range strings.Lines(text) {
		recipe, ok := strings.CutPrefix(line, "\t")
		if !ok {
			continue
		}
		for _, program := range programs(strings.TrimRight(recipe, "\r\n")) {
			what := compiles(program)
			fetches := what == "" && (program != "git" || strings.Contains(recipe, "git clone"))
			switch {
			case fetches:
				p.online = append(p.online, name+", which a hook of "+file+" calls, calls "+program)
			case what != "" && what != distro.C: // that a Makefile needs a compiler is known
				p.calls = append(p.calls, tool.Need{What: what, Why: name})
			}
		}
	}
}
