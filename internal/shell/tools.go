package shell

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// options are a program's arguments, taken apart as getopt(3) does.
type options struct {
	letters  string           // the short ones, in order
	values   map[byte][]Value // of those that take one
	long     []string
	operands []Value
}

func (o options) has(letter byte) bool { return strings.IndexByte(o.letters, letter) >= 0 }

// parted takes arguments apart; takes are the letters that take a value.
func parted(args []Value, takes string) (o options) {
	o.values = map[byte][]Value{}
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a.Unknown || len(a.Text) < 2 || a.Text[0] != '-':
			o.operands = append(o.operands, a)
			continue
		case a.Text == "--":
			o.operands = append(o.operands, args[i+1:]...)
			return o
		case strings.HasPrefix(a.Text, "--"):
			o.long = append(o.long, a.Text)
			continue
		}
		for j := 1; j < len(a.Text); j++ {
			letter := a.Text[j]
			o.letters += string(letter)
			if strings.IndexByte(takes, letter) < 0 {
				continue
			}
			switch rest := a.Text[j+1:]; {
			case rest != "":
				o.values[letter] = append(o.values[letter], known(rest))
			case i+1 < len(args):
				i++
				o.values[letter] = append(o.values[letter], args[i])
			}
			break
		}
	}
	return o
}

// fileUse is what a program does with the files that it is given.
type fileUse struct {
	takes string // options with a value
	skip  int    // operands before the files
	least int    // how many operands it wants
	makes bool   // it makes its files, in folders that are there
	into  bool   // it makes the last of them of the others
}

// fileUses are programs that end in failure where a file that they are given is not
// there, or no folder is there for what they make.
var fileUses = sync.OnceValue(func() map[string]fileUse {
	out := map[string]fileUse{
		"head": {takes: "nc"}, "tail": {takes: "ncs"}, "sort": {takes: "ktoST"}, "od": {takes: "ANjtw"}, "stat": {takes: "cf", least: 1}, "ls": {takes: "IwT"},
		"chmod": {skip: 1, least: 2}, "chown": {skip: 1, least: 2}, "chgrp": {skip: 1, least: 2}, "rm": {least: 1}, "rmdir": {least: 1},
		"cp": {takes: "St", least: 2, into: true}, "mv": {takes: "St", least: 2, into: true}, "touch": {takes: "dtr", least: 1, makes: true}, "tee": {makes: true},
		"diff": {least: 2}, "cmp": {least: 2}, "awk": {takes: "Fv", skip: 1, least: 1}, "mawk": {takes: "Fv", skip: 1, least: 1}, "gawk": {takes: "Fv", skip: 1, least: 1},
		"find": {},
	}
	for name := range strings.FieldsSeq("wc md5sum sha1sum sha256sum sha512sum cksum base64 nl tac rev uniq comm paste file du gzip gunzip zcat") {
		out[name] = fileUse{}
	}
	return out
})

// useFiles runs such a program.
func useFiles(r *runner, st *state, c *call) (Value, status) {
	name := path.Base(c.name())
	use := fileUses()[name]
	o := parted(c.args[1:], use.takes)
	if name == "find" {
		o.operands = findFolders(c.args[1:])
	}
	if len(o.operands) < use.least && !c.more {
		return r.misused(st, c, "too few arguments")
	}
	files := o.operands[min(use.skip, len(o.operands)):]
	if name == "rm" && o.has('f') {
		return Value{}, status{}
	}
	if o.has('t') && use.into {
		return unknown, status{} // the folder is an option's value
	}
	for i, f := range files {
		makes := use.makes || use.into && i == len(files)-1
		if s := r.useFile(st, c, f, makes); s != (status{}) {
			return Value{Unknown: s.unknown}, s
		}
	}
	return r.afterFiles(st, c, o, files)
}

// useFile is what comes of one file.
func (r *runner) useFile(st *state, c *call, f Value, makes bool) status {
	at, ok := st.place(f)
	if !ok || f.Text == "-" {
		return status{}
	}
	switch {
	case makes && r.noFolder(st, f):
		return r.faultOf(st, Fault{Position: c.at, Kind: NoOutput}, f, 1)
	case makes:
		r.noteWritten(st, c.at, f)
		if r.isKept(at) {
			r.kept[at] = unknown
		}
	case r.missing(at) && !r.globbed(at) || r.starred(at):
		return r.faultOf(st, Fault{Position: c.at, Kind: NoInput}, f, 1)
	}
	return status{}
}

// starred says whether a name is a pattern that named nothing where files come and go.
func (r *runner) starred(at string) bool {
	return fickle(at) && strings.ContainsAny(at, "*?") && !r.there(at)
}

// globbed says whether a word with "*" and its like may name files that are there.
func (r *runner) globbed(at string) bool {
	base := path.Base(at)
	if !strings.ContainsAny(at, "*?[") {
		return false
	}
	dir, err := r.world.Resolve(path.Dir(at))
	if err != nil {
		return strings.ContainsAny(path.Dir(at), "*?[")
	}
	entries, err := fs.ReadDir(r.world.Files, dir)
	r.steps += len(entries)
	return err != nil || slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		hit, err := path.Match(base, e.Name())
		return hit || err != nil
	})
}

// findFolders are where find(1) begins.
func findFolders(args []Value) (out []Value) {
	for _, a := range args {
		if !a.Unknown && (strings.HasPrefix(a.Text, "-") || a.Text == "(" || a.Text == "!") {
			break
		}
		out = append(out, a)
	}
	return out
}

// afterFiles is what programs come to, all of whose files are there.
func (r *runner) afterFiles(st *state, c *call, o options, files []Value) (Value, status) {
	switch name := path.Base(c.name()); name {
	case "head", "tail":
		return r.endsOf(st, c, o)
	case "wc":
		if o.letters == "l" && len(files) == 0 && len(o.long) == 0 && !c.stdin.Unknown {
			return known(strconv.Itoa(strings.Count(c.stdin.Text, "\n")) + "\n"), status{}
		}
	case "chmod":
		if mode := o.operands[0]; !mode.Unknown && !maskText.MatchString(mode.Text) {
			return r.misused(st, c, "invalid mode: "+mode.Text)
		}
	case "cp":
		r.copied(st, files)
		if at, ok := st.place(files[0]); ok && r.folder(at) && !strings.ContainsAny(o.letters, "aRr") && !slices.Contains(o.long, "--recursive") {
			return r.misusedBy(st, c, files[0].Text+" is a folder", files[0])
		}
	case "chown", "chgrp":
		return unknown, unsure(name) // who may is not known, nor who there is
	case "awk", "mawk", "gawk":
		if text := o.operands[0]; !text.Unknown && unbalanced(text.Text) {
			return r.misused(st, c, "its program has no end")
		}
	case "diff", "cmp":
		return unknown, unsure(name)
	case "base64":
		if o.has('d') && (c.stdin.Unknown || !notBase64.MatchString(c.stdin.Text)) {
			return unknown, unsure(name)
		} else if o.has('d') {
			return r.misused(st, c, "invalid input")
		}
	case "rm", "mv", "rmdir", "touch":
		return Value{}, status{}
	case "tee":
		in := c.drain()
		if at, ok := st.place(append(files, Value{})[0]); ok && !o.has('a') {
			r.keep(st, at, in)
		}
		return in, status{}
	}
	return unknown, status{}
}

// copied keeps what the copy of one file holds.
func (r *runner) copied(st *state, files []Value) {
	from, ok := st.place(files[0])
	to, ok2 := st.place(files[len(files)-1])
	if !ok || !ok2 || len(files) != 2 {
		return
	}
	if r.folder(to) {
		to = path.Join(to, path.Base(from))
	}
	v := unknown
	if r.own(from) || r.isKept(from) {
		v = r.content(from)
	}
	r.keep(st, to, v)
}

var notBase64 = regexp.MustCompile(`[^A-Za-z0-9+/=\s]`)

// endsOf is head and tail, of what is known.
func (r *runner) endsOf(st *state, c *call, o options) (Value, status) {
	for _, letter := range []byte("nc") {
		for _, v := range o.values[letter] {
			if !v.Unknown && !lineCount.MatchString(v.Text) {
				return r.misused(st, c, "invalid number: "+v.Text)
			}
		}
	}
	if v, ok := r.someLines(c, o); ok {
		return v, status{}
	}
	first := o.letters == "1" || o.letters == "n" && len(o.values['n']) == 1 && o.values['n'][0].Text == "1"
	in, s := r.input(st, c, o.operands)
	if path.Base(c.name()) != "head" || !first || in.Unknown || s.code != 0 || len(o.long) > 0 {
		return unknown, s
	}
	line, _, whole := strings.Cut(in.Text, "\n")
	if whole {
		line += "\n"
	}
	return known(line), s
}

// someLines are the first or last lines of what is read, where their number is plain.
func (r *runner) someLines(c *call, o options) (v Value, ok bool) {
	if len(o.operands) > 0 || len(o.long) > 0 || o.letters != "n" && o.letters != "c" || c.in == nil || c.in.Unknown {
		return v, false
	}
	n, err := strconv.Atoi(o.values[o.letters[0]][0].Text)
	if err != nil || n < 0 || o.values[o.letters[0]][0].Unknown {
		return v, false
	}
	in := c.drain()
	head, lines := path.Base(c.name()) == "head", strings.SplitAfter(in.Text, "\n")
	if r.steps += len(lines) / stepLines; lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	switch {
	case o.letters == "c" && head:
		in.Text = in.Text[:min(n, len(in.Text))]
	case o.letters == "c":
		in.Text = in.Text[max(len(in.Text)-n, 0):]
	case head:
		in.Text = strings.Join(lines[:min(n, len(lines))], "")
	default:
		in.Text = strings.Join(lines[max(len(lines)-n, 0):], "")
	}
	return in, true
}

var lineCount = regexp.MustCompile(`^[-+]?[0-9]+([kKMGTb]B?)?$`)

// unbalanced says whether braces, brackets or quotes of an awk program have no end.
func unbalanced(text string) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted || c == '/' || c == '#': // what a regular expression or a comment holds is not followed
			if c == '/' || c == '#' && !quoted {
				return false
			}
		case c == '{' || c == '(':
			depth++
		case c == '}' || c == ')':
			depth--
		}
	}
	return depth > 0 || quoted
}

// misused is a program that refuses its arguments.
func (r *runner) misused(st *state, c *call, why string) (Value, status) {
	r.fault(st, Fault{Position: c.at, Kind: Misused, Name: path.Base(c.name()) + ": " + why}, false)
	return Value{}, status{code: 1}
}

// misusedBy is one that refuses a file, whose name may hang on a variable that nobody set.
func (r *runner) misusedBy(st *state, c *call, why string, file Value) (Value, status) {
	s := r.faultOf(st, Fault{Position: c.at, Kind: Misused, Name: path.Base(c.name()) + ": " + why}, file, 1)
	return Value{Unknown: s.unknown}, s
}

// unsure is the status of a command of which nothing says how it ends.
func unsure(name string) status { return status{unknown: true, by: name} }
