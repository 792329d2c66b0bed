package shell

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// print is echo and printf.
func (r *runner) print(st *state, c *call) flow {
	if c.more {
		st.out.add(unknown)
		return goes
	}
	if why := c.badFormat(st.dialect); why != "" {
		return r.refuse(st, c, why, false)
	}
	if c.name() == "printf" {
		return r.printf(st, c)
	}
	st.out.add(echoed(st.dialect, c.args[1:]))
	return goes
}

// echoed is what echo prints: in dash it takes backslashes for more than themselves.
func echoed(d dialect, words []Value) (out Value) {
	end, escapes := "\n", d == dash
	for len(words) > 0 && echoOption.MatchString(words[0].Text) && !words[0].Unknown {
		o := words[0].Text
		if d == dash && o != "-n" {
			break
		}
		if words = words[1:]; strings.Contains(o, "n") {
			end = ""
		}
		if i := strings.LastIndexAny(o, "eE"); i >= 0 {
			escapes = o[i] == 'e'
		}
		if d == dash {
			break
		}
	}
	for i, w := range words {
		if i > 0 {
			out = join(out, known(" "))
		}
		if escapes && strings.Contains(w.Text, `\`) {
			text, ok := unescaped(w.Text, true)
			w = Value{Text: text, Unknown: w.Unknown || !ok, Unset: w.Unset}
		}
		out = join(out, w)
	}
	return join(out, known(end))
}

var echoOption = regexp.MustCompile(`^-[neE]+$`)

// printf writes its arguments by a format, again until none is left.
func (r *runner) printf(st *state, c *call) flow {
	words := c.args[1:]
	to := ""
	if len(words) > 1 && words[0].Text == "-v" {
		to, words = words[1].Text, words[2:]
	}
	if len(words) > 0 && words[0].Text == "--" {
		words = words[1:]
	}
	v := unknown
	if len(words) > 0 && !words[0].Unknown {
		v = r.formatted(words[0].Text, words[1:])
	}
	if to != "" {
		st.set(to, v)
		return goes
	}
	st.out.add(v)
	return goes
}

// formatted is what a format makes of arguments, unknown where that is not known.
func (r *runner) formatted(format string, args []Value) (out Value) {
	for {
		taken := 0
		last := 0
		for _, at := range directive.FindAllStringIndex(format, -1) {
			text, ok := unescaped(format[last:at[0]], false)
			if last = at[1]; !ok {
				return unknown
			}
			out = join(out, known(text))
			if format[at[0]:at[1]] == "%%" {
				out = join(out, known("%"))
				continue
			}
			arg := Value{}
			if taken < len(args) {
				arg = args[taken]
			}
			taken++
			out = join(out, printed(format[at[0]:at[1]], arg))
		}
		text, ok := unescaped(format[last:], false)
		if out = join(out, known(text)); !ok || out.Unknown {
			return unknown
		}
		r.steps++
		if taken == 0 || taken >= len(args) {
			return out
		}
		args = args[taken:]
	}
}

// printed is one argument by its directive.
func printed(how string, arg Value) Value {
	kind, flags := how[len(how)-1], how[:len(how)-1]
	if arg.Unknown || strings.Contains(flags, "*") || len(flags) > 8 {
		return unknown
	}
	text := ""
	switch kind {
	case 's':
		text = fmt.Sprintf(flags+"s", arg.Text)
	case 'c':
		text = fmt.Sprintf(flags+"s", arg.Text[:min(1, len(arg.Text))])
	case 'b':
		plain, ok := unescaped(arg.Text, true)
		if !ok {
			return unknown
		}
		text = fmt.Sprintf(flags+"s", plain)
	case 'd', 'i', 'u', 'x', 'X', 'o':
		n, err := strconv.ParseInt(cmp.Or(arg.Text, "0"), 0, 64)
		if err != nil || strings.ContainsAny(arg.Text, "_bBoO") || n < 0 && kind != 'd' && kind != 'i' {
			return unknown
		}
		if kind == 'i' || kind == 'u' {
			kind = 'd'
		}
		text = fmt.Sprintf(flags+string(kind), n)
	case 'q':
		if !plainWord.MatchString(arg.Text) {
			return unknown
		}
		text = arg.Text
	default:
		return unknown
	}
	return Value{Text: text, Unset: arg.Unset}
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./-]+$`)

// unescaped is a text whose backslashes stand for something; ok is false where that
// is not known.
func unescaped(text string, zero bool) (out string, ok bool) {
	if !strings.Contains(text, `\`) {
		return text, true
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		if at := strings.IndexByte(`abfnrtv\`, text[i]); at >= 0 {
			b.WriteByte("\a\b\f\n\r\t\v\\"[at])
			continue
		}
		digits := octal.FindString(text[i:])
		switch {
		case digits == "":
			switch text[i] {
			case '"', '\'', 'c', 'x', 'u', 'U', 'e', 'E':
				return "", false
			}
			b.WriteString(`\` + text[i:i+1])
			continue
		case zero && digits[0] != '0' || zero && len(digits) == 3:
			return "", false // shells differ
		}
		n, _ := strconv.ParseUint(digits, 8, 16)
		b.WriteByte(byte(n))
		i += len(digits) - 1
	}
	return b.String(), true
}

var octal = regexp.MustCompile(`^[0-7]{1,3}`)
