package shell

import (
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// read takes a line of what is to be read, where that is known.
func (r *runner) read(st *state, c *call) flow {
	if bad := badOption(c, "prs"); st.dialect == dash && bad != "" {
		return r.refuse(st, c, "Illegal option "+bad, false)
	}
	o := parted(c.args[1:], "adinNptu")
	var names []string
	for _, v := range o.operands {
		if syntax.ValidName(v.Text) {
			names = append(names, v.Text)
		}
	}
	in := st.stdin
	odd := c.more || o.has('d') || o.has('i') || o.has('n') || o.has('N') || o.has('u') || len(o.long) > 0
	if in.Unknown || odd {
		st.readUnknown(append(names, "REPLY"), o.values['a'])
		if st.status = someStatus; !in.Unknown && in.Text == "" && !o.has('u') {
			st.status = status{code: 1} // there is no line
		}
		in.Value = unknown
		return goes
	}
	line, rest, whole := strings.Cut(in.Text, "\n")
	in.Text = rest
	r.steps += 1 + len(line)/stepBytes
	st.status = truth(whole)
	v := Value{Text: line, Unset: in.Unset}
	if !o.has('r') && strings.Contains(line, `\`) {
		v = unknown
	}
	switch ifs, set := st.get("IFS"); {
	case !set:
		st.takeFields(v, names, o, " \t\n")
	case ifs.Unknown:
		st.readUnknown(append(names, "REPLY"), o.values['a'])
	default:
		st.takeFields(v, names, o, ifs.Text)
	}
	return goes
}

func (st *state) readUnknown(names []string, arrays []Value) {
	for _, name := range names {
		st.set(name, unknown)
	}
	for _, a := range arrays {
		st.set(a.Text, unknown)
	}
}

// takeFields gives the fields of a line to variables, the last of which has all that is
// left.
func (st *state) takeFields(v Value, names []string, o options, ifs string) {
	if a := o.values['a']; len(a) > 0 {
		st.setArray(a[0].Text, fieldsOf(v, ifs))
		return
	}
	if len(names) == 0 {
		st.set("REPLY", v)
		return
	}
	rest := v
	for i, name := range names {
		if i == len(names)-1 {
			st.set(name, lastField(rest, ifs))
			return
		}
		var f Value
		f, rest = cutField(rest, ifs)
		st.set(name, f)
	}
}

// blankOf are the separators of fields that are blanks.
func blankOf(ifs string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(" \t\n", c) {
			return c
		}
		return -1
	}, ifs)
}

// cutField is the first field of a text, and what comes behind it.
func cutField(v Value, ifs string) (field, rest Value) {
	if v.Unknown || ifs == "" {
		return v, Value{Unknown: v.Unknown}
	}
	blank := blankOf(ifs)
	text := strings.TrimLeft(v.Text, blank)
	i := strings.IndexAny(text, ifs)
	if i < 0 {
		return Value{Text: text, Unset: v.Unset}, Value{}
	}
	field = Value{Text: text[:i], Unset: v.Unset}
	text = strings.TrimLeft(text[i:], blank)
	if text != "" && strings.IndexByte(ifs, text[0]) >= 0 && !strings.ContainsAny(v.Text[len(v.Text)-len(text)-1:len(v.Text)-len(text)], strings.Trim(ifs, blank)+"\x00") {
		text = strings.TrimLeft(text[1:], blank)
	}
	return field, Value{Text: text, Unset: v.Unset}
}

// lastField is what is left of a line. Which separators at its end count differs.
func lastField(v Value, ifs string) Value {
	if v.Unknown {
		return v
	}
	text := strings.Trim(v.Text, blankOf(ifs))
	if text != "" && strings.IndexByte(ifs, text[len(text)-1]) >= 0 {
		return unknown
	}
	return Value{Text: text, Unset: v.Unset}
}

// fieldsOf are all fields of a text, nil where they are not known.
func fieldsOf(v Value, ifs string) []Value {
	if v.Unknown {
		return nil
	}
	out := []Value{}
	for rest := lastField(v, ifs); rest.Text != "" && len(out) < maxValues; {
		if rest.Unknown {
			return nil
		}
		var f Value
		f, rest = cutField(rest, ifs)
		out = append(out, f)
	}
	return out
}

// getopts takes the next option of the arguments.
func (r *runner) getopts(st *state, c *call) flow {
	st.status = someStatus
	if len(c.args) < 3 || c.more || !syntax.ValidName(c.args[2].Text) {
		return goes
	}
	spec, name := c.args[1], c.args[2].Text
	args, more := st.args[min(1, len(st.args)):], st.more
	if len(c.args) > 3 {
		args, more = c.args[3:], false
	}
	if spec.Unknown || more || slices.ContainsFunc(args, func(v Value) bool { return v.Unknown }) {
		st.readUnknown([]string{name, "OPTARG", "OPTIND"}, nil)
		return goes
	}
	at := 1
	if v, set := st.get("OPTIND"); set {
		n, err := strconv.Atoi(v.Text)
		if err != nil || v.Unknown || n < 1 {
			st.readUnknown([]string{name, "OPTARG", "OPTIND"}, nil)
			return goes
		}
		at = n
	}
	if st.optOf != at {
		st.optOf, st.optAt = at, 0
	}
	st.nextOption(spec.Text, name, args, at)
	return goes
}

// nextOption takes the option at an argument, in which some letters were taken already.
func (st *state) nextOption(spec, name string, args []Value, at int) {
	set := func(option string, next int, failed bool) {
		st.set(name, known(option))
		st.set("OPTIND", known(strconv.Itoa(next)))
		if st.status = truth(!failed); next != at {
			st.optOf, st.optAt = next, 0
		}
	}
	delete(st.vars, "OPTARG")
	word := ""
	if at <= len(args) {
		word = args[at-1].Text
	}
	switch {
	case word == "--" && st.optAt == 0:
		set("?", at+1, true)
		return
	case len(word) < 2 || word[0] != '-':
		set("?", at, true)
		return
	}
	letter := word[1+st.optAt]
	rest := word[2+st.optAt:]
	next := at
	if st.optAt++; rest == "" {
		next = at + 1
	}
	quiet := strings.HasPrefix(spec, ":")
	i := strings.IndexByte(strings.TrimPrefix(spec, ":"), letter)
	switch tail := strings.TrimPrefix(spec, ":"); {
	case i < 0 || letter == ':':
		if quiet {
			st.set("OPTARG", known(string(letter)))
		}
		set("?", next, false)
	case !strings.HasPrefix(tail[i+1:], ":"):
		set(string(letter), next, false)
	case rest != "":
		st.set("OPTARG", Value{Text: rest, Unset: args[at-1].Unset})
		set(string(letter), at+1, false)
	case at < len(args):
		st.set("OPTARG", args[at])
		set(string(letter), at+2, false)
	case quiet:
		st.set("OPTARG", known(string(letter)))
		set(":", at+1, false)
	default:
		set("?", at+1, false)
	}
}
