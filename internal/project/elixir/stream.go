package elixir

import "slices"

// stream is a file's tokens with the closing token of each one that opens. Behind the
// file's own stand those of its interpolations.
type stream struct {
	tokens []token
	pair   []int
	end    int      // the kindEOF of the file's own
	inner  [][2]int // where each interpolation stands
}

// newStream pairs tokens that balanced has found sound.
func newStream(l *lexer) *stream {
	tokens := slices.Clone(l.tokens)
	s := &stream{end: len(tokens) - 1}
	for _, in := range l.inner {
		s.inner = append(s.inner, [2]int{len(tokens), len(tokens) + len(in) - 1})
		tokens = append(tokens, in...)
	}
	s.tokens, s.pair = tokens, make([]int, len(tokens))
	var open []int
	for i, t := range tokens {
		if opens(t) {
			open = append(open, i)
		} else if isCloser(t) {
			s.pair[open[len(open)-1]] = i
			open = open[:len(open)-1]
		}
	}
	return s
}

// blockEnd is where the first part of a do block ends: its end, or a rescue,
// else, after or catch of its own.
func (s *stream) blockEnd(do int) int {
	end := s.pair[do]
	for i := do + 1; i < end; i++ {
		switch t := s.tokens[i]; {
		case opens(t):
			i = s.pair[i]
		case t.is("rescue"), t.is("else"), t.is("after"), t.is("catch"):
			return i
		}
	}
	return end
}

func (s *stream) skipNewlines(i int) int {
	for s.tokens[i].kind == kindNewline {
		i++
	}
	return i
}

// expressionEnd is the token after the expression at i: a line end that
// nothing carries on, or a closing bracket. A comma does not end it, for the
// arguments of a call without parentheses follow one.
func (s *stream) expressionEnd(i int) int {
	for ; s.tokens[i].kind != kindEOF; i++ {
		switch t := s.tokens[i]; {
		case opens(t):
			i = s.pair[i]
		case isCloser(t):
			return i
		case t.kind == kindNewline && !s.continues(i):
			return i
		}
	}
	return i
}

// continues says whether the line end at i is inside an expression.
func (s *stream) continues(i int) bool {
	if last := s.tokens[max(i-1, 0)]; i > 0 && (binary(last) || last.is(",") || last.kind == kindKey) {
		return true
	}
	next := s.tokens[i+1]
	switch next.text {
	case "@", "&", "!", "^", "%", "-", "+", "~", ":", "?":
		return false // a prefix: it starts an expression
	}
	return binary(next)
}

// binary says whether t is an operator that stands between two operands.
func binary(t token) bool {
	switch t.kind {
	case kindKeyword:
		return t.text == "and" || t.text == "or" || t.text == "in" || t.text == "when"
	case kindPunct:
		return !opens(t) && !isCloser(t) && t.text != "," && t.text != "..."
	default:
		return false
	}
}

// trim takes line ends off both sides of a range.
func (s *stream) trim(from, to int) (trimmedFrom, trimmedTo int) {
	for from < to && s.tokens[from].kind == kindNewline {
		from++
	}
	for from < to && s.tokens[to-1].kind == kindNewline {
		to--
	}
	return from, to
}

// split cuts a range at the tokens outside any bracket for which cut says so,
// and trims the parts.
func (s *stream) split(from, to int, cut func(i int) bool) [][2]int {
	var parts [][2]int
	start := from
	for i := from; i < to; i++ {
		if opens(s.tokens[i]) {
			i = s.pair[i]
		} else if end := s.callEnd(i, to); end > i {
			i = end - 1
		} else if cut(i) {
			a, b := s.trim(start, i)
			parts = append(parts, [2]int{a, b})
			start = i + 1
		}
	}
	a, b := s.trim(start, to)
	return append(parts, [2]int{a, b})
}

// callEnd is where a call without parentheses that begins at i ends: behind its do
// block, or where everything ends; i if there is none. All operators in between are
// its arguments'.
func (s *stream) callEnd(i, to int) int {
	t := s.tokens[i]
	if t.kind != kindIdent || i+1 >= to || !s.operand(i+1) || i > 0 && s.tokens[i-1].is("@") && s.tokens[i-1].end == t.start {
		return i
	}
	for j := i + 1; j < to; j++ {
		switch n := s.tokens[j]; {
		case n.is("do"):
			return s.pair[j] + 1
		case opens(n):
			j = s.pair[j]
		case n.kind == kindNewline && !s.continues(j):
			return j
		}
	}
	return to
}

// operand says whether the token at i begins the first argument of a call whose name
// stands before it.
func (s *stream) operand(i int) bool {
	t, apart := s.tokens[i], s.tokens[i].start > s.tokens[i-1].end
	switch t.kind {
	case kindIdent, kindAlias, kindAtom, kindString, kindWords, kindCharlist, kindOpaque, kindInt, kindKey:
		return true
	case kindKeyword:
		return t.text == "do" && s.tokens[i-1].text == "cond" || t.text == "fn" || t.text == "not" || t.text == "true" || t.text == "false" || t.text == "nil"
	case kindPunct:
		return apart && (t.text == "[" || t.text == "{" || t.text == "%" || t.text == "@" || t.text == "&" || t.text == "!" || t.text == "<<")
	default:
		return false
	}
}

// at makes a cut for split at an operator.
func (s *stream) at(op string) func(int) bool {
	return func(i int) bool { return s.tokens[i].is(op) }
}
