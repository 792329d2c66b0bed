package check

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"dram/internal/beam"
	"dram/internal/rootfs"
	"dram/internal/shell"
)

// vmStart is how the VM is started: by which program, with which arguments.
type vmStart struct {
	shell.Run
	bin    string                 // the folder of the VM's programs, in root
	args   []vmArg                // in the order in which they count
	late   bool                   // -boot comes where it is no argument of the VM's any more
	open   bool                   // there may be others
	gone   []vmArg                // files of arguments that are not there
	around *vmArg                 // one that names itself, or what names it; nil if none
	made   map[string]shell.Value // files that the start makes
	kept   []vmArg                // and those that are, and are not read: they are too large, or no files
}

// vmArg is one argument of the VM, with where it is from.
type vmArg struct {
	shell.Value
	from string // the file that says it
	last bool   // of a file of arguments

	inFile bool // it is of one
}

const maxArgsDepth = 8

// vmStart reads the arguments as erlexec does: ERL_AFLAGS, the command line,
// ERL_FLAGS, ERL_OTP27_FLAGS, ERL_ZFLAGS, and the files that -args_file names, each where it stands.
func (s *Survey) vmStart(r *shell.Run, st *start) *vmStart {
	scripts := st.Scripts
	v := &vmStart{Run: *r, bin: path.Dir(r.Path), made: st.Made}
	if dir := r.Env["BINDIR"]; dir.Text != "" && !dir.Unknown {
		v.bin = rootfs.Clean(dir.Text)
	}
	s.flagsOf(v, "ERL_AFLAGS", scripts)
	argv := r.Argv[min(1, len(r.Argv)):]
	for i, a := range argv {
		if a.Text == "-extra" { // what follows is the program's own
			v.late = slices.ContainsFunc(argv[i:], func(a shell.Value) bool { return a.Text == "--boot" || a.Text == "-boot" })
			break
		}
		v.args = append(v.args, vmArg{Value: a, from: s.saying(a.Text, scripts)})
		v.open = v.open || a.Unknown
	}
	v.apart()
	s.flagsOf(v, "ERL_FLAGS", scripts)
	otp, _ := beam.OTPOf(cmp.Or(s.erts, s.rel.ERTS)) // this comes before the VM is found
	s.flagsOf(v, fmt.Sprintf("ERL_OTP%d_FLAGS", otp), scripts)
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
	words := argsOf(flags.Text, false)
	for _, w := range words {
		v.args = append(v.args, vmArg{Value: shell.Value{Text: w, Unset: flags.Unset}, from: s.saying(w, scripts)})
	}
	if len(words) > 0 {
		v.apart()
	}
}

// apart has arguments from different places not be taken for one another's.
func (v *vmStart) apart() { v.args = append(v.args, vmArg{Value: shell.Value{Text: "--"}}) }

// expand puts what is in files of arguments in the place of their names. They
// name files from where they themselves are not: from the working directory.
func (s *Survey) expand(v *vmStart, args []vmArg, depth int) (out []vmArg) {
	for i := 0; i < len(args); i++ {
		if args[i].Text != "-args_file" || i+1 >= len(args) {
			out = append(out, args[i])
			continue
		}
		if i++; depth > maxArgsDepth {
			v.around = &args[i]
			continue
		}
		name := rootfs.Clean(args[i].Text)
		if args[i].Unknown {
			v.open = true
			continue
		}
		made, ours := v.made[name]
		if ours {
			if inner, ok := s.argsIn(made, "/"+name); ok {
				out = append(out, s.expand(v, inner, depth+1)...)
			} else {
				v.open = true
			}
			continue
		}
		info, err := s.root.Stat(s.real(name))
		if err != nil || info.IsDir() {
			v.gone = append(v.gone, args[i])
			continue
		}
		b, err := rootfs.ReadFile(s.root, s.real(name), maxScript)
		if !info.Mode().IsRegular() || err != nil {
			v.kept = append(v.kept, args[i])
			continue
		}
		inner, _ := s.argsIn(shell.Value{Text: string(b)}, s.startFile(shell.Position{File: name}))
		out = append(out, s.expand(v, inner, depth+1)...)
	}
	return out
}

// argsIn are the arguments that a file has; ok is false where what it holds is not known.
func (s *Survey) argsIn(text shell.Value, from string) (inner []vmArg, ok bool) {
	for _, w := range argsOf(text.Text, true) {
		inner = append(inner, vmArg{Value: shell.Value{Text: w, Unset: text.Unset}, from: from, inFile: true})
	}
	if len(inner) > 0 {
		inner[len(inner)-1].last = true
	}
	return inner, !text.Unknown
}

// real is a name with links followed, or the name if it leads nowhere.
func (s *Survey) real(name string) string {
	if real, err := rootfs.Resolve(s.root, name); err == nil {
		return real
	}
	return name
}

// argsOf is the words of arguments as erlexec splits them: quotes and backslashes
// quote, also over lines; in files # begins a comment, wherever it stands.
func argsOf(text string, comments bool) (out []string) {
	var cur strings.Builder
	has, quote := false, byte(0)
	end := func() {
		if has {
			out = append(out, cur.String())
		}
		cur.Reset()
		has = false
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			cur.WriteByte(c)
		case c == '"' || c == '\'':
			quote, has = c, true
		case c == '\\' && i+1 < len(text):
			i++
			cur.WriteByte(text[i])
			has = true
		case c == '#' && comments:
			end()
			for i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
		case strings.IndexByte(" \t\r\n\f\v", c) >= 0:
			end()
		case c == 0: // C ends there
			i = len(text)
		default:
			cur.WriteByte(c)
			has = true
		}
	}
	end()
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

// first is the word after the first of a flag.
func (v *vmStart) first(flag string) (arg vmArg, ok bool) {
	for i := range v.args[:max(len(v.args)-1, 0)] {
		if v.args[i].Text == flag {
			return v.args[i+1], true
		}
	}
	return arg, false
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
