package shell

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// grep knows which lines have an expression, in what is known.
func grep(r *runner, st *state, c *call) (Value, status) {
	o := parted(c.args[1:], "efmABCDd")
	if bad := strings.Trim(o.letters, "EFGPqsvicLlwxonrRhHzabeufmABCDdUITyV0123456789"); bad != "" {
		return r.badGrep(st, c, "it does not know -"+bad[:1])
	}
	for _, l := range o.long {
		name, _, _ := strings.Cut(l, "=")
		if !slices.Contains(strings.Fields(grepOptions), name) {
			return r.badGrep(st, c, "it does not know "+l)
		}
	}
	patterns, files := o.values['e'], o.operands
	if len(patterns) == 0 && !o.has('f') && len(files) > 0 {
		patterns, files = files[:1], files[1:]
	}
	re, err := grepPattern(patterns, o)
	if err != nil && !errors.Is(err, errUnhandled) {
		return r.badGrep(st, c, err.Error())
	}
	in, s := r.input(st, c, files)
	switch {
	case s.code != 0:
		return Value{}, status{code: 2}
	case re == nil || in.Unknown || c.more || o.has('f') || o.has('P') || o.has('z') || o.has('r') || o.has('R') || o.has('L') || len(o.long) > 0:
		return unknown, unsure("grep")
	}
	return matched(re, in.Text, o, len(files))
}

const grepOptions = "--extended-regexp --fixed-strings --basic-regexp --perl-regexp --quiet --silent --no-messages --invert-match --ignore-case --count --files-with-matches " +
	"--files-without-match --word-regexp --line-regexp --only-matching --line-number --recursive --no-filename --with-filename --text --regexp --file --max-count " +
	"--after-context --before-context --context --color --colour --include --exclude --exclude-dir --null --binary-files --line-buffered --null-data --no-ignore-case --version --help --dereference-recursive"

func (r *runner) badGrep(st *state, c *call, why string) (Value, status) {
	v, s := r.misused(st, c, why)
	s.code = 2
	return v, s
}

// grepPattern is the expressions as one, nil where they are not known.
func grepPattern(patterns []Value, o options) (*regexp.Regexp, error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	var all []string
	for _, v := range patterns {
		if v.Unknown {
			return nil, nil
		}
		for line := range strings.SplitSeq(v.Text, "\n") {
			text := regexp.QuoteMeta(line)
			if !o.has('F') {
				var err error
				if text, _, err = translated(line, o.has('E')); err != nil {
					return nil, err
				}
			}
			switch {
			case o.has('x'):
				text = "^(?:" + text + ")$"
			case o.has('w'):
				text = `\b(?:` + text + `)\b`
			}
			all = append(all, text)
		}
	}
	text := strings.Join(all, "|")
	if o.has('i') || o.has('y') {
		text = "(?i)" + text
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, errUnhandled
	}
	return re, nil
}

// matched is what grep prints, and whether it is anything.
func matched(re *regexp.Regexp, text string, o options, files int) (Value, status) {
	count := 0
	var out strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); re.MatchString(line) != o.has('v') {
			count++
			out.WriteString(line + "\n")
		}
	}
	s := truth(count > 0)
	switch rest := strings.Trim(o.letters, "EFGsvixwyeqch"); {
	case rest != "" || files > 1:
		return unknown, s
	case o.has('q'):
		return Value{}, s
	case o.has('c'):
		return known(strconv.Itoa(count) + "\n"), s
	}
	return known(out.String()), s
}

// cut knows one field, and characters from one on.
func cut(r *runner, st *state, c *call) (Value, status) {
	o := parted(c.args[1:], "bcdf")
	lists := slices.Concat(o.values['b'], o.values['c'], o.values['f'])
	switch {
	case len(o.long) > 0 || slices.ContainsFunc(lists, func(v Value) bool { return v.Unknown }):
		return unknown, unsure("cut")
	case len(lists) != 1:
		return r.misused(st, c, "you must specify a list of bytes, characters, or fields")
	case !cutList.MatchString(lists[0].Text):
		return r.misused(st, c, "invalid list "+lists[0].Text)
	}
	delimiter := "\t"
	for _, d := range o.values['d'] {
		if delimiter = d.Text; d.Unknown {
			return unknown, unsure("cut")
		}
	}
	if len(delimiter) != 1 {
		return r.misused(st, c, "the delimiter must be a single character")
	}
	in, s := r.input(st, c, o.operands)
	if in.Unknown || s.code != 0 {
		return unknown, s
	}
	from, to, ok := cutRange(lists[0].Text)
	if !ok || strings.Trim(o.letters, "dfsbc") != "" {
		return unknown, s
	}
	if len(o.values['f']) == 0 {
		delimiter = ""
	}
	return Value{Text: partOfLines(in.Text, delimiter, from, to, o.has('s')), Unset: in.Unset}, s
}

// cutRange is a list of one range: fields from the first to the last, counted from 1.
func cutRange(text string) (from, to int, ok bool) {
	if strings.ContainsAny(text, ", ") {
		return 0, 0, false
	}
	first, last, both := strings.Cut(text, "-")
	from, _ = strconv.Atoi(first)
	if from = max(from, 1); !both {
		return from, from, true
	}
	if to, _ = strconv.Atoi(last); to == 0 {
		to = maxText
	}
	return from, to, from <= to
}

var cutList = regexp.MustCompile(`^([1-9][0-9]*(-([1-9][0-9]*)?)?|-[1-9][0-9]*)([, ]([1-9][0-9]*(-([1-9][0-9]*)?)?|-[1-9][0-9]*))*$`)

// partOfLines is some fields of each line, or bytes where nothing parts these.
func partOfLines(text, delimiter string, from, to int, strict bool) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		fields := strings.Split(line, delimiter)
		switch {
		case len(fields) == 1 && strict:
			continue
		case len(fields) == 1 && delimiter != "":
			b.WriteString(line)
		case from <= len(fields):
			b.WriteString(strings.Join(fields[from-1:min(to, len(fields))], delimiter))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// tr knows letters for letters, and letters that go.
func tr(r *runner, st *state, c *call) (Value, status) {
	o := parted(c.args[1:], "")
	sets := o.operands
	if c.more || slices.ContainsFunc(sets, func(v Value) bool { return v.Unknown }) || len(o.long) > 0 {
		return unknown, status{}
	}
	if len(sets) == 0 || len(sets) == 1 && !o.has('d') && !o.has('s') {
		return r.misused(st, c, "missing operand")
	}
	from, ok := trSet(sets[0].Text)
	if c.drain(); c.stdin.Unknown || !ok || o.letters != "" && o.letters != "d" {
		return unknown, status{}
	}
	if o.has('d') {
		return known(strings.Map(func(x rune) rune {
			if strings.ContainsRune(from, x) {
				return -1
			}
			return x
		}, c.stdin.Text)), status{}
	}
	to, ok := trSet(sets[1].Text)
	if !ok || to == "" || len(from) == 0 {
		return unknown, status{}
	}
	return known(strings.Map(func(x rune) rune {
		if i := strings.LastIndexByte(from, byte(x)); x < 0x80 && i >= 0 {
			return rune(to[min(i, len(to)-1)])
		}
		return x
	}, c.stdin.Text)), status{}
}

// trSet is the letters of a set; ok is false of those that are not known.
func trSet(text string) (out string, ok bool) {
	text = strings.NewReplacer("[:upper:]", "A-Z", "[:lower:]", "a-z", "[:digit:]", "0-9", `\n`, "\n", `\t`, "\t").Replace(text)
	if strings.ContainsAny(text, `\[`) {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] >= 0x80 {
			return "", false
		}
		if i+2 < len(text) && text[i+1] == '-' && text[i] <= text[i+2] {
			for x := text[i]; x <= text[i+2]; x++ {
				b.WriteByte(x)
			}
			i += 2
			continue
		}
		b.WriteByte(text[i])
	}
	return b.String(), true
}
