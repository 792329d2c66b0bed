package check

import (
	"path"
	"strings"

	"dram/internal/rootfs"
	"dram/internal/shell"
)

// vmStart is how the VM is started: by which program, with which arguments.
type vmStart struct {
	shell.Run
	bin  string  // the folder of the VM's programs, in root
	args []vmArg // in the order in which they count
	open bool    // there may be others
	gone []vmArg // files of arguments that are not there
}

// vmArg is one argument of the VM, with where it is from.
type vmArg struct {
	shell.Value
	from string // the file that says it
}

const maxArgsDepth = 8

// vmStart reads the arguments as erlexec does: ERL_AFLAGS, the command line,
// ERL_FLAGS, ERL_ZFLAGS, and the files that -args_file names, each where it stands.
func (s *Survey) vmStart(r *shell.Run, scripts []string) *vmStart {
	v := &vmStart{Run: *r, bin: path.Dir(r.Path)}
	if dir := r.Env["BINDIR"]; dir.Text != "" && !dir.Unknown {
		v.bin = rootfs.Clean(dir.Text)
	}
	s.flagsOf(v, "ERL_AFLAGS", scripts)
	for _, a := range r.Argv[min(1, len(r.Argv)):] {
		if a.Text == "-extra" { // what follows is the program's own
			break
		}
		v.args = append(v.args, vmArg{a, s.saying(a.Text, scripts)})
		v.open = v.open || a.Unknown
	}
	s.flagsOf(v, "ERL_FLAGS", scripts)
	s.flagsOf(v, "ERL_ZFLAGS", scripts)
	v.args = s.expand(v, v.args, 0)
	return v
}

// saying is the first of some scripts that has a word in it, or else the first.
func (s *Survey) saying(word string, scripts []string) string {
	for _, name := range scripts {
		own := s.startFile(shell.Position{File: name})
		if strings.Contains(s.text(own), word) {
			return own
		}
	}
	return "bin/" + s.rel.Name
}

func (s *Survey) flagsOf(v *vmStart, name string, scripts []string) {
	flags := v.Env[name]
	v.open = v.open || flags.Unknown
	for w := range strings.FieldsSeq(flags.Text) {
		v.args = append(v.args, vmArg{shell.Value{Text: w}, s.saying(w, scripts)})
	}
}

// expand puts what is in files of arguments in the place of their names. They
// name files from where they themselves are not: from the working directory.
func (s *Survey) expand(v *vmStart, args []vmArg, depth int) (out []vmArg) {
	for i := 0; i < len(args); i++ {
		if args[i].Text != "-args_file" || i+1 >= len(args) || depth > maxArgsDepth {
			out = append(out, args[i])
			continue
		}
		i++
		name := rootfs.Clean(args[i].Text)
		if args[i].Unknown {
			v.open = true
			continue
		}
		b, err := rootfs.ReadFile(s.root, s.real(name), maxScript)
		if err != nil {
			v.gone = append(v.gone, args[i])
			continue
		}
		var inner []vmArg
		from := s.startFile(shell.Position{File: name})
		for _, w := range argsOf(string(b)) {
			inner = append(inner, vmArg{shell.Value{Text: w}, from})
		}
		out = append(out, s.expand(v, inner, depth+1)...)
	}
	return out
}

// real is a name with links followed, or the name if it leads nowhere.
func (s *Survey) real(name string) string {
	if real, err := rootfs.Resolve(s.root, name); err == nil {
		return real
	}
	return name
}

// argsOf is the words of a file of arguments: # begins a comment, quotes and
// backslashes quote.
func argsOf(text string) (out []string) {
	for line := range strings.Lines(text) {
		var cur strings.Builder
		has, quote := false, byte(0)
		for i := 0; i < len(line); i++ {
			switch c := line[i]; {
			case quote != 0 && c == quote:
				quote = 0
			case quote != 0:
				cur.WriteByte(c)
			case c == '"' || c == '\'':
				quote, has = c, true
			case c == '\\' && i+1 < len(line):
				i++
				cur.WriteByte(line[i])
				has = true
			case c == '#' && !has:
				i = len(line)
			case strings.IndexByte(" \t\r\n", c) >= 0:
				if has {
					out = append(out, cur.String())
				}
				cur.Reset()
				has = false
			default:
				cur.WriteByte(c)
				has = true
			}
		}
		if has {
			out = append(out, cur.String())
		}
	}
	return out
}

// has says whether the VM gets a flag.
func (v *vmStart) has(flag string) bool {
	for _, a := range v.args {
		if a.Text == flag {
			return true
		}
	}
	return false
}

// value is the word after the last of a flag.
func (v *vmStart) value(flag string) (arg vmArg, ok bool) {
	for i := range v.args {
		if v.args[i].Text == flag && i+1 < len(v.args) {
			arg, ok = v.args[i+1], true
		}
	}
	return arg, ok
}
