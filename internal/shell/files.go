package shell

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// stat is a file's facts; a name whose way leads nowhere is not there.
func (r *runner) stat(name string) (fs.FileInfo, error) {
	real, err := r.world.Resolve(name)
	if err != nil {
		return nil, err
	}
	return r.world.Files.Lstat(real)
}

// beside is a name whose folder has no links and no "..", and whose last part may
// be a link.
func (r *runner) beside(name string) string {
	dir, err := r.world.Resolve(path.Dir(name))
	if err != nil || path.Base(name) == ".." {
		return name
	}
	return path.Join(dir, path.Base(name))
}

// missing says whether a file is known not to be there.
func (r *runner) missing(name string) bool {
	_, err := r.stat(name)
	return errors.Is(err, fs.ErrNotExist) && !fickle(name) && !r.mayBeMade(name) && (r.own(name) || !r.world.Partial && !r.world.Open)
}

func (r *runner) own(name string) bool { return r.world.Own == nil || r.world.Own(name) }

// FirstLine is what the kernel makes of a script's first line.
type FirstLine struct {
	Interpreter string // "" if it has none
	Argument    string // one, whatever blanks are in it
	Env         string // the program that env(1) is to find, with its options if they are taken for its name
	Cut         bool   // it is too long, and cut
}

// maxFirstLine is how many bytes the kernel reads of it.
const maxFirstLine = 255

// ReadFirstLine takes the first line of a script apart; ok is false where there
// is no "#!".
func ReadFirstLine(text string) (l FirstLine, ok bool) {
	rest, ok := strings.CutPrefix(text, "#!")
	if !ok {
		return l, false
	}
	line, _, _ := strings.Cut(rest, "\n")
	if len(line) > maxFirstLine-2 {
		line, l.Cut = line[:maxFirstLine-2], true
	}
	line = strings.Trim(line, " \t")
	l.Interpreter, l.Argument = line, ""
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		l.Interpreter, l.Argument = line[:i], strings.Trim(line[i:], " \t")
	}
	if path.Base(l.Interpreter) == "env" {
		l.Env = envProgram(l.Argument)
	}
	return l, true
}

// envProgram is what env(1) looks for, given one argument.
func envProgram(arg string) string {
	rest, split := strings.CutPrefix(arg, "-S")
	if !split {
		if rest, split = strings.CutPrefix(arg, "--split-string="); !split {
			if strings.HasPrefix(arg, "-") {
				return ""
			}
			return arg
		}
	}
	for w := range strings.FieldsSeq(rest) {
		if !strings.HasPrefix(w, "-") && !strings.Contains(w, "=") {
			return w
		}
	}
	return ""
}

// file runs a file as the kernel does, and a shell that tries it; false if it
// cannot be run. st is the process's state, which becomes that of the script.
func (r *runner) file(st *state, at Position, name string, argv []Value, exec bool) bool {
	if r.depth++; r.depth > maxDepth {
		r.depth--
		r.stop(at, "scripts call one another too deep")
		return true
	}
	defer func() { r.depth-- }()
	st.status = someStatus
	if real, err := r.world.Resolve(name); err == nil {
		name = real
	}
	own := r.own(name)
	if !own && path.Base(name) != "erl" { // of the system's own scripts, a start builds on one
		r.native(st, at, name, argv, exec)
		return true
	}
	text, err := r.text(name)
	if errors.Is(err, errTooLarge) && !strings.HasPrefix(text, "\x7fELF") {
		st.out.add(unknown)
		r.stop(Position{name, 1}, err.Error())
		return true
	}
	if err != nil || !own && text == "" || strings.HasPrefix(text, "\x7fELF") {
		r.native(st, at, name, argv, exec)
		return true
	}
	line, ok := ReadFirstLine(text)
	if !ok {
		return r.shellFile(st, name, text, argv, "")
	}
	return r.interpreted(st, scriptFile{name, text, line}, argv, exec)
}

func (r *runner) native(st *state, at Position, name string, argv []Value, exec bool) {
	st.out.add(unknown)
	st.status = unsure(path.Base(argv[0].Text))
	for _, a := range argv {
		if at, ok := st.place(a); ok && !exec && r.isKept(at) { // which it may write
			r.kept[at] = unknown
		}
	}
	if len(r.trace.Runs) < maxNoted {
		r.trace.Runs = append(r.trace.Runs, Run{Position: at, Path: name, Argv: argv, Env: st.environ(), Sure: !st.maybe, Main: exec || !st.caught})
	}
}

// scriptFile is a file with a first line.
type scriptFile struct {
	name, text string
	line       FirstLine
}

func (r *runner) interpreted(st *state, f scriptFile, argv []Value, exec bool) bool {
	name, line := f.name, f.line
	refuse := func(what string) bool {
		open := r.world.Open && !r.own(what) && what != line.Argument
		r.fault(st, Fault{Position: Position{name, 1}, Kind: Interpreter, Name: what, Open: open}, exec)
		return open
	}
	interpreter := clean(line.Interpreter)
	if r.mode(interpreter) != "" && !refuse(line.Interpreter) {
		return false
	}
	program := interpreter
	if path.Base(line.Interpreter) == "env" {
		if line.Env == "" {
			st.out.add(unknown)
			return true
		}
		at, kind := r.find(st, known(line.Env))
		if kind != "" && !refuse(line.Env) {
			return false
		}
		if program = at; kind != "" {
			program = line.Env
		}
	}
	switch path.Base(program) {
	case "sh", "ash", "dash", "bash", "busybox":
		if arg := line.Argument; line.Env == "" && arg != "" && !strings.HasPrefix(arg, "-") {
			return refuse(arg) // it is read in place of the script
		}
		return r.shellFile(st, name, f.text, argv, program)
	}
	st.out.add(unknown)
	return true
}

// shellFile has a shell read a file from its beginning.
func (r *runner) shellFile(st *state, name, text string, argv []Value, program string) bool {
	if program == "" {
		if strings.Contains(text[:min(len(text), 256)], "\x00") {
			r.fault(st, Fault{Position: Position{name, 1}, Kind: Interpreter, Name: "its content"}, false)
			return false
		}
		program = "bin/sh"
	}
	vars := map[string]variable{}
	for n, v := range st.vars {
		if v.exported {
			v.fixed = false
			vars[n] = v
		}
	}
	st.vars, st.funcs = vars, map[string]function{}
	st.args, st.errexit, st.nounset, st.calm = argv, false, false, 0
	st.dialect = r.dialectOf(program)
	if line, ok := ReadFirstLine(text); ok && strings.HasPrefix(line.Argument, "-") && strings.Contains(line.Argument, "e") && line.Env == "" {
		st.errexit = true
	}
	f := r.source(st, name, text)
	if f != ends && st.errexit && !st.status.unknown && st.status.code != 0 {
		r.exit(st, Position{name, 1}, st.status)
	}
	return true
}

// dialectOf is the kind of shell that a program is in the end.
func (r *runner) dialectOf(program string) dialect {
	real, err := r.world.Resolve(program)
	if err != nil {
		real = program
	}
	sh := path.Base(program) == "sh"
	switch base := path.Base(real); {
	case base == "busybox" || base == "ash":
		return busybox
	case base == "bash" && sh:
		return bashAsSh
	case base == "bash":
		return bash
	}
	return dash
}

// carriage stands for a carriage return before a line's end, of which the
// parser makes nothing, and shells part of the last word.
const carriage = "\ue00d"

// otherByte stands for bytes that are no UTF-8, which shells take as they are.
const otherByte = "\ue00f"

// source reads a script in this shell, statement by statement as shells do.
func (r *runner) source(st *state, name, text string) flow {
	if len(r.trace.Scripts) < maxNoted {
		r.trace.Scripts = append(r.trace.Scripts, name)
	}
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", carriage+"\n"), otherByte)
	file := st.file
	st.file = name
	defer func() { st.file = file }()
	stmts, err := parse(text, st.variant(), 0)
	var lang syntax.LangError
	if errors.As(err, &lang) && lateError(lang) {
		stmts, err = parse(text, syntax.LangBash, 0)
	}
	for i := 0; i < maxHeredocs && err != nil; i++ { // what has no end ends with the file
		end := openHeredoc.FindStringSubmatch(err.Error())
		if end == nil {
			break
		}
		text += "\n" + strings.Trim(end[1], `'"\`) + "\n"
		stmts, err = parse(text, st.variant(), 0)
	}
	if f := r.list(st, stmts); f != goes {
		return f
	}
	if err == nil {
		return goes
	}
	line, why := uint(1), err.Error()
	var parse syntax.ParseError
	switch {
	case errors.As(err, &lang):
		line, why = lang.Pos.Line(), lang.Feature
	case errors.As(err, &parse):
		line, why = parse.Pos.Line(), parse.Text
	default:
		r.stop(Position{name, line}, why)
		return ends
	}
	r.fault(st, Fault{Position: Position{name, line}, Kind: Syntax, Name: why}, true)
	st.status = status{code: 2}
	return ends
}

// openHeredoc is what the parser says of a text in a script that has no end.
var openHeredoc = regexp.MustCompile("unclosed here-document [`'\"]*(.*?)[`'\"]*$")

const maxHeredocs = 4

func (st *state) variant() syntax.LangVariant {
	if st.dialect == dash {
		return syntax.LangPOSIX
	}
	return syntax.LangBash
}

// lateError says whether a shell that lacks a feature of the language finds that
// out only when it comes there.
func lateError(e syntax.LangError) bool {
	for _, w := range []string{"search and replace", "slicing", "expansion", "case conversion", "indirect", "this parameter", "&>", "arrays are"} {
		if strings.Contains(e.Feature, w) {
			return w != "arrays are"
		}
	}
	return false
}
