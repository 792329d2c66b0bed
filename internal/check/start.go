package check

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/shell"
	"dram/internal/target"
)

// start is what happens when the release is started, as far as its scripts tell:
// the model that all rules about a start read.
type start struct {
	shell.Trace
	script string // in the release
	vm     *vmStart
	cookie bool // it starts only with RELEASE_COOKIE
}

// starting is the model of bin/NAME with the command that keeps it in the
// foreground, made once.
func (s *Survey) starting() *start {
	if s.start == nil {
		s.start = s.follow("bin/"+s.rel.Name, cmp.Or(s.boot.Command, "start"))
		cookie := s.on("releases/COOKIE")
		if s.start.stops(func(f shell.Fault) bool { return f.Kind == shell.NoInput && rootfs.Clean(f.Name) == cookie }) {
			s.start = s.follow("bin/"+s.rel.Name, cmp.Or(s.boot.Command, "start"), "RELEASE_COOKIE=given")
			s.start.cookie = true
		}
		if s.boot.Launched != nil {
			s.start = s.launch()
		}
		s.start.vm = s.vmOf(s.start)
	}
	return s.start
}

// launch is a start by the program that has the place of the scripts: it executes another.
func (s *Survey) launch() *start {
	run := s.boot.Launched(s.at, s.environ(nil))
	out := &start{script: "bin/" + s.rel.Name, Trace: shell.Trace{Runs: []shell.Run{run}}}
	fault := shell.Fault{Kind: shell.NotFound, Position: run.Position, Name: "/" + run.Path, Ends: true, Sure: true}
	if info, err := s.root.Stat(s.real(run.Path)); err == nil {
		if fault.Kind = shell.NotExecutable; info.Mode()&0o111 != 0 {
			return out
		}
	}
	out.Faults, out.Runs = append(out.Faults, fault), nil
	return out
}

// stops says whether each start ends over a fault of a kind.
func (st *start) stops(is func(shell.Fault) bool) bool {
	return slices.ContainsFunc(st.Faults, func(f shell.Fault) bool { return f.Ends && f.Sure && !f.Open && is(f) })
}

// follow runs one of the release's scripts in mind.
func (s *Survey) follow(script, args string, env ...string) *start {
	_, partial := s.target.Root().(rootfs.Described) // which has what was asked for, not all
	w := shell.World{
		Partial: partial,
		Files:   s.root, Resolve: func(name string) (string, error) { return rootfs.Resolve(s.root, name) },
		Env: s.environ(env), Open: s.target.Open(target.Programs), Own: func(name string) bool {
			_, own := s.inRelease(rootfs.Clean(name))
			return own
		},
	}
	return &start{script: script, Trace: shell.Follow(w, s.on(script), strings.Fields(args)...)}
}

// vmOf is the VM that a start ends in, nil if none is known.
func (s *Survey) vmOf(st *start) (vm *vmStart) {
	for i := range st.Runs {
		if r := &st.Runs[i]; r.Main && r.Sure && vmNames(path.Base(r.Path)) {
			vm = s.vmStart(r, st)
		}
	}
	return vm
}

// vmNames says whether a program is one that a start ends in.
func vmNames(base string) bool { return base == "erlexec" || base == "erl" || base == "beam.smp" }

// environ is what the image sets, or else hardly anything.
func (s *Survey) environ(more []string) map[string]string {
	env := map[string]string{}
	list := more
	if s.image != nil {
		list = append(slices.Clone(s.image.Env), more...)
	}
	for _, kv := range list {
		name, value, _ := strings.Cut(kv, "=")
		env[name] = value
	}
	return env
}

// startFile is the release's path of a script that a fault is in.
func (s *Survey) startFile(p shell.Position) string {
	name, own := s.inRelease(s.real(rootfs.Clean(p.File)))
	if !own {
		return p.File
	}
	return name
}

// otherScripts are the scripts in bin/ beside the one that starts the release.
func (s *Survey) otherScripts() (out []release.File) {
	for _, sc := range s.scripts {
		if path.Dir(sc.Path) == "bin" && sc.Path != "bin/"+s.rel.Name && sc.Mode&0o111 != 0 && strings.HasPrefix(sc.text, "#!") {
			out = append(out, sc.File)
		}
	}
	return out
}

// others are the models of what else people run: the other commands of the start
// script, and the other scripts, by how people call them.
func (s *Survey) others() map[string]*start {
	if s.otherStarts != nil {
		return s.otherStarts
	}
	s.otherStarts = map[string]*start{}
	if s.known() {
		for _, c := range []string{"rpc x", "remote", "eval x", "daemon"} {
			name, _, _ := strings.Cut(c, " ")
			s.otherStarts[name] = s.follow("bin/"+s.rel.Name, c, "RELEASE_COOKIE=given")
		}
	}
	for _, f := range s.otherScripts() {
		if len(s.otherStarts) < maxOthers {
			s.otherStarts[f.Path] = s.follow(f.Path, "", "RELEASE_COOKIE=given")
		}
	}
	return s.otherStarts
}

const maxOthers = 32

// otherFaults are those of others that a start has not, with what has them.
func (s *Survey) otherFaults() (out []shell.Fault, by []string) {
	seen := map[string]bool{}
	for _, f := range s.starting().Faults {
		seen[string(f.Kind)+f.Name] = true
	}
	at := map[string]int{}
	others := s.others()
	for _, name := range slices.Sorted(maps.Keys(others)) {
		for _, f := range others[name].Faults {
			key := string(f.Kind) + f.Name
			if seen[key] {
				continue
			}
			if i, ok := at[key]; ok {
				if !strings.Contains(by[i], name) {
					by[i] += ", " + name
				}
				continue
			}
			at[key] = len(out)
			out, by = append(out, f), append(by, name)
		}
	}
	return out, by
}

// loaderVariables are those by which a start changes what the loader does.
func loaderVariables() []string { return []string{"LD_LIBRARY_PATH", "LD_PRELOAD", "GLIBC_TUNABLES"} }

// variable is the absolute paths in a variable that the VM gets.
func (s *Survey) variable(name string) (out []string) {
	vm := s.starting().vm
	if vm == nil || vm.Env[name].Unknown {
		return nil
	}
	for _, d := range strings.FieldsFunc(vm.Env[name].Text, func(r rune) bool { return r == ':' || r == ' ' }) {
		if strings.HasPrefix(d, "/") {
			out = append(out, d)
		}
	}
	return out
}

// preloads are the libraries of LD_PRELOAD that are there; the loader passes over
// the others.
func (s *Survey) preloads() (out []string) {
	for _, name := range s.variable("LD_PRELOAD") {
		if _, err := s.root.Stat(s.real(rootfs.Clean(name))); err == nil {
			out = append(out, name)
		}
	}
	return out
}

// obscured says whether a start sets, to what is not known, what decides about a
// rule: then what the loader would refuse may be there all the same.
func (s *Survey) obscured(rule string) bool {
	vm := s.starting().vm
	if vm == nil || !slices.Contains([]string{sonameRule.ID, symbolRule.ID, symbolVersionRule.ID, staticTLSRule.ID, execStackRule.ID}, rule) {
		return false
	}
	tunables := vm.Env["GLIBC_TUNABLES"].Text
	return slices.ContainsFunc(loaderVariables(), func(name string) bool { return vm.Env[name].Unknown }) ||
		rule == staticTLSRule.ID && strings.Contains(tunables, "optional_static_tls") || rule == execStackRule.ID && strings.Contains(tunables, "execstack")
}
