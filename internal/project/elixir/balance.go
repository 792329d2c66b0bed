package elixir

import "fmt"

// balanced checks that every bracket, do and fn is closed by its own end.
func (l *lexer) balanced(tokens []token) error {
	var open []token
	for _, t := range tokens {
		switch {
		case opens(t):
			open = append(open, t)
			if len(open) > maxDepth {
				return l.fail(t.start, "brackets are nested too deeply")
			}
		case !isCloser(t):
		case len(open) == 0:
			return l.fail(t.start, fmt.Sprintf("unexpected %q: nothing is open here", t.text))
		case closerOf(open[len(open)-1].text) != t.text:
			return l.fail(t.start, fmt.Sprintf("unexpected %q: %s", t.text, l.unclosed(open[len(open)-1])))
		default:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return l.fail(tokens[len(tokens)-1].start, "unexpected end: "+l.unclosed(open[len(open)-1]))
	}
	return nil
}

func (l *lexer) unclosed(t token) string {
	line, col := l.position(t.start)
	return fmt.Sprintf("%q of line %d column %d is not closed by %q", t.text, line, col, closerOf(t.text))
}

func opens(t token) bool {
	switch t.kind {
	case kindPunct:
		return t.text == "(" || t.text == "[" || t.text == "{" || t.text == "<<"
	case kindKeyword:
		return t.text == "do" || t.text == "fn"
	default:
		return false
	}
}

func isCloser(t token) bool {
	switch t.kind {
	case kindPunct:
		return t.text == ")" || t.text == "]" || t.text == "}" || t.text == ">>"
	case kindKeyword:
		return t.text == "end"
	default:
		return false
	}
}

func closerOf(opener string) string {
	switch opener {
	case "(":
		return ")"
	case "[":
		return "]"
	case "{":
		return "}"
	case "<<":
		return ">>"
	}
	return "end"
}
