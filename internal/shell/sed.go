package shell

import (
	"errors"
	"slices"
	"strings"
)

// sed knows the program that takes a path's folders away, and says of every other one
// whether it is any, as POSIX and GNU's sed have them.
func sed(r *runner, st *state, c *call) (Value, status) {
	o := parted(withoutPlace(c.args[1:]), "efl")
	script, files := o.values['e'], o.operands
	if len(script) == 0 && !o.has('f') && len(files) > 0 {
		script, files = files[:1], files[1:]
	}
	if o.has('f') || slices.ContainsFunc(o.long, func(l string) bool {
		return l != "--quiet" && l != "--silent" && l != "--regexp-extended" && l != "--in-place"
	}) {
		return unknown, unsure("sed")
	}
	var lines []string
	for _, v := range script {
		if v.Unknown {
			return unknown, unsure("sed")
		}
		lines = append(lines, v.Text)
	}
	text := strings.Join(lines, "\n")
	extended := o.has('E') || o.has('r') || slices.Contains(o.long, "--regexp-extended")
	if why := sedProblem(text, extended); why != "" {
		return r.misused(st, c, why)
	}
	in, s := r.input(st, c, files)
	switch {
	case s.code != 0:
		s.code = 2
		return Value{}, s
	case inPlace(c.args):
		for _, f := range files {
			r.noteWritten(st, c.at, f)
			if at, ok := st.place(f); ok && r.isKept(at) {
				r.kept[at] = unknown
			}
		}
		return Value{}, s
	}
	if text == `s/.*\///` && len(c.args) == 2 && !in.Unknown && !strings.Contains(strings.TrimSuffix(in.Text, "\n"), "\n") {
		return known(in.Text[strings.LastIndex(in.Text, "/")+1:]), s
	}
	return unknown, s
}

func inPlace(args []Value) bool {
	return slices.ContainsFunc(args[1:], func(a Value) bool {
		return strings.HasPrefix(a.Text, "-i") || strings.HasPrefix(a.Text, "--in-place")
	})
}

// withoutPlace leaves out "-i", behind which an ending may stand.
func withoutPlace(args []Value) (out []Value) {
	for _, a := range args {
		if !strings.HasPrefix(a.Text, "-i") && !strings.HasPrefix(a.Text, "--in-place") {
			out = append(out, a)
		}
	}
	return out
}

// sedProblem is what sed has against a script, "" if nothing.
func sedProblem(text string, extended bool) string {
	p := sedParser{text: text, extended: extended}
	for {
		p.skip(" \t\n;")
		if p.done() {
			break
		}
		if err := p.command(); err != nil {
			if errors.Is(err, errUnhandled) {
				return ""
			}
			return err.Error()
		}
	}
	if p.depth > 0 {
		return "unmatched {"
	}
	return ""
}

// sedParser reads a script.
type sedParser struct {
	text     string
	extended bool
	at       int
	depth    int
}

func (p *sedParser) done() bool { return p.at >= len(p.text) }

// peek is the next byte, 0 at the end.
func (p *sedParser) peek() byte {
	if p.done() {
		return 0
	}
	return p.text[p.at]
}

func (p *sedParser) skip(set string) {
	for !p.done() && strings.IndexByte(set, p.text[p.at]) >= 0 {
		p.at++
	}
}

func (p *sedParser) line() {
	for !p.done() && p.text[p.at] != '\n' {
		p.at++
	}
}

func (p *sedParser) command() error {
	if err := p.addresses(); err != nil {
		return err
	}
	c := p.peek()
	p.at++
	switch {
	case c == 0:
		return errors.New("missing command")
	case c == '#':
		p.line()
		return nil
	case c == '{':
		p.depth++
		return nil
	case c == '}':
		if p.depth--; p.depth < 0 {
			return errors.New("unexpected }")
		}
		return p.end()
	case strings.IndexByte("=dDgGhHnNpPxFz", c) >= 0:
		return p.end()
	case strings.IndexByte("qQlL", c) >= 0:
		p.skip(" \t")
		p.skip("0123456789")
		return p.end()
	case strings.IndexByte(":bBtT", c) >= 0:
		for !p.done() && strings.IndexByte(";\n}", p.text[p.at]) < 0 {
			p.at++
		}
		return nil
	case strings.IndexByte("aicrRwWev", c) >= 0:
		p.line()
		return nil
	case c == 's':
		return p.substitute()
	case c == 'y':
		return p.letters()
	}
	return errors.New("unknown command: " + string(rune(c)))
}

// end is what may stand behind a command.
func (p *sedParser) end() error {
	p.skip(" \t")
	if c := p.peek(); c == 0 || strings.IndexByte("\n;}#", c) >= 0 {
		return nil
	}
	return errors.New("extra characters after command")
}

// addresses are the lines that a command is for.
func (p *sedParser) addresses() error {
	some, err := p.address(false)
	if err != nil {
		return err
	}
	p.skip(" \t")
	if some && p.peek() == ',' {
		p.at++
		p.skip(" \t")
		if some, err = p.address(true); err != nil || !some {
			return errorOr(err, "unexpected ,")
		}
	}
	p.skip(" \t!")
	return nil
}

func errorOr(err error, text string) error {
	if err != nil {
		return err
	}
	return errors.New(text)
}

func (p *sedParser) address(second bool) (some bool, err error) {
	start := p.at
	switch c := p.peek(); {
	case c == '$':
		p.at++
	case c >= '0' && c <= '9':
		p.skip("0123456789")
		if p.peek() == '~' {
			p.at++
			p.skip("0123456789")
		}
	case second && (c == '+' || c == '~'):
		p.at++
		p.skip("0123456789")
	case c == '/' || c == '\\':
		if c == '\\' {
			p.at++
		}
		mark := p.peek()
		p.at++
		text, ok := p.until(mark, true)
		if !ok {
			return false, errors.New("unterminated address regex")
		}
		if _, err := p.pattern(text); err != nil {
			return false, err
		}
		p.skip("IM")
	}
	return p.at > start, nil
}

// until is what stands before the next mark that no backslash quotes, nor, in an
// expression, brackets.
func (p *sedParser) until(mark byte, expression bool) (text string, ok bool) {
	var b strings.Builder
	for ; !p.done(); p.at++ {
		c := p.text[p.at]
		switch {
		case expression && c == '[':
			set := p.set()
			b.WriteString(set)
			p.at += len(set) - 1
			continue
		case c == mark:
			p.at++
			return b.String(), true
		case c == '\\' && p.at+1 < len(p.text):
			p.at++
			if p.text[p.at] != mark {
				b.WriteByte('\\')
			}
			b.WriteByte(p.text[p.at])
			continue
		}
		b.WriteByte(c)
	}
	return "", false
}

// set is a set of characters, as far as the text goes.
func (p *sedParser) set() string {
	rest := p.text[p.at:]
	from := 1
	for from < len(rest) && from < 3 && (rest[from] == '^' && from == 1 || rest[from] == ']') {
		from++
	}
	for i := from; i < len(rest); i++ {
		if rest[i] == '[' && i+1 < len(rest) && strings.IndexByte(":.=", rest[i+1]) >= 0 {
			if end := strings.Index(rest[i+2:], rest[i+1:i+2]+"]"); end >= 0 {
				i += end + 3
				continue
			}
		}
		if rest[i] == ']' {
			return rest[:i+1]
		}
	}
	return rest
}

// pattern says how many groups an expression has.
func (p *sedParser) pattern(text string) (groups int, err error) {
	_, groups, err = translated(text, p.extended)
	if errors.Is(err, errUnhandled) {
		return 9, nil
	}
	return groups, err
}

func (p *sedParser) substitute() error {
	mark := p.peek()
	p.at++
	text, ok := p.until(mark, true)
	if !ok || mark == 0 || mark == '\n' || mark == '\\' {
		return errors.New("unterminated `s' command")
	}
	with, ok := p.until(mark, false)
	if !ok {
		return errors.New("unterminated `s' command")
	}
	groups, err := p.pattern(text)
	if err != nil {
		return err
	}
	for i := 0; i+1 < len(with); i++ {
		if with[i] != '\\' {
			continue
		}
		i++
		if n := int(with[i] - '0'); with[i] >= '1' && with[i] <= '9' && n > groups && text != "" {
			return errors.New("invalid reference on `s' command's RHS")
		}
	}
	for !p.done() && strings.IndexByte("gpiImMe0123456789", p.text[p.at]) >= 0 {
		p.at++
	}
	if p.peek() == 'w' {
		p.line()
		return nil
	}
	if p.end() != nil {
		return errors.New("unknown option to `s'")
	}
	return nil
}

// letters is "y", whose two sides are as long as one another.
func (p *sedParser) letters() error {
	mark := p.peek()
	p.at++
	from, ok := p.until(mark, false)
	to, ok2 := p.until(mark, false)
	switch {
	case !ok || !ok2:
		return errors.New("unterminated `y' command")
	case strings.Contains(from+to, `\`):
		return p.end()
	case len([]rune(from)) != len([]rune(to)):
		return errors.New("strings for `y' command are different lengths")
	}
	return p.end()
}
