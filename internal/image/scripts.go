package image

import "strings"

// commandWords are the words in a shell script that stand where a command may
// stand, once each, in order. It is a reader of the shell's outline (quotes,
// substitutions, here-documents, comments), not of its grammar: a word too many
// does no harm, for only those that name programs in the root count.
func commandWords(script string) []string {
	l := lexer{src: script, stack: []byte{code}, command: true, seen: map[string]bool{}}
	for l.pos < len(l.src) {
		l.step()
	}
	return l.words
}

// What the reader is inside of, innermost last.
const (
	code   byte = '$' // commands
	quoted byte = '"'
	param  byte = '{' // ${…}
)

// maxNesting bounds the stack; no script written by a person comes near.
const maxNesting = 256

type lexer struct {
	src     string
	pos     int
	stack   []byte
	command bool // the next word is a command
	heredoc []string
	words   []string
	seen    map[string]bool
}

func (l *lexer) rest() string { return l.src[l.pos:] }

func (l *lexer) push(mode byte) {
	if len(l.stack) < maxNesting {
		l.stack = append(l.stack, mode)
	}
}

func (l *lexer) pop() {
	if len(l.stack) > 1 {
		l.stack = l.stack[:len(l.stack)-1]
	}
}

func (l *lexer) step() {
	switch mode := l.stack[len(l.stack)-1]; {
	case l.src[l.pos] == '\\':
		l.pos = min(l.pos+2, len(l.src))
	case strings.HasPrefix(l.rest(), "$("):
		l.pos += 2
		l.push(code)
		l.command = true
	case strings.HasPrefix(l.rest(), "${"):
		l.pos += 2
		l.push(param)
	case mode == quoted:
		l.inQuotes()
	case mode == param:
		l.inParam()
	default:
		l.inCode()
	}
}

func (l *lexer) inQuotes() {
	if l.src[l.pos] == '"' {
		l.pop()
		l.command = false
	}
	l.pos++
}

func (l *lexer) inParam() {
	switch l.src[l.pos] {
	case '}':
		l.pop()
		l.command = false
	case '"':
		l.push(quoted)
	}
	l.pos++
}

func (l *lexer) inCode() {
	c := l.src[l.pos]
	switch {
	case c == '\n':
		l.pos++
		l.skipHeredocs()
		l.command = true
	case c == ' ' || c == '\t' || c == '\r':
		l.pos++
	case c == '#':
		l.pos += lineEnd(l.rest())
	case c == '\'':
		l.pos++
		l.pos += skipTo(l.rest(), "'")
		l.command = false
	case c == '"':
		l.pos++
		l.push(quoted)
	case strings.HasPrefix(l.rest(), "<<"):
		l.pos += 2
		l.noteHeredoc()
	case strings.IndexByte("<>", c) >= 0:
		l.pos++
		l.redirection()
	default:
		l.operatorOrWord(c)
	}
}

func (l *lexer) operatorOrWord(c byte) {
	switch c {
	case '(':
		l.push(code)
		l.command = true
		l.pos++
	case ')':
		l.pop()
		l.command = len(l.stack) == 1 // behind a case pattern
		l.pos++
	case ';', '|', '&', '`', '{', '!':
		l.command = true
		l.pos++
	default:
		l.word()
	}
}

// redirection passes over the file's name: "> log" runs no log.
func (l *lexer) redirection() {
	for l.pos < len(l.src) && strings.IndexByte(" >&-", l.src[l.pos]) >= 0 {
		l.pos++
	}
	for l.pos < len(l.src) && plain(l.src[l.pos]) {
		l.pos++
	}
}

// word reads one word. The shell's own words that a command follows leave the
// state as it is.
func (l *lexer) word() {
	start := l.pos
	for l.pos < len(l.src) && plain(l.src[l.pos]) {
		l.pos++
	}
	w := l.src[start:l.pos]
	if w == "" {
		l.pos++ // $ and whatever else has no meaning here
		l.command = false
		return
	}
	switch w {
	case "if", "then", "else", "elif", "do", "while", "until", "exec", "command", "eval":
		l.command = true
		return
	}
	if name, _, assigned := strings.Cut(w, "="); assigned && name != "" {
		return // A=b cmd
	}
	whole := l.pos >= len(l.src) || strings.IndexByte("$\"'", l.src[l.pos]) < 0
	if l.command && whole && !l.seen[w] {
		l.seen[w] = true
		l.words = append(l.words, w)
	}
	l.command = false
}

func plain(c byte) bool {
	return c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || strings.IndexByte("_-./+=:,%@[]*?~^", c) >= 0
}

func (l *lexer) noteHeredoc() {
	l.pos += len(l.rest()) - len(strings.TrimLeft(l.rest(), "- '\"\\"))
	start := l.pos
	for l.pos < len(l.src) && plain(l.src[l.pos]) {
		l.pos++
	}
	if w := l.src[start:l.pos]; w != "" {
		l.heredoc = append(l.heredoc, w)
	}
	if l.pos < len(l.src) && strings.IndexByte("'\"", l.src[l.pos]) >= 0 {
		l.pos++
	}
}

func (l *lexer) skipHeredocs() {
	for _, end := range l.heredoc {
		for l.pos < len(l.src) {
			n := lineEnd(l.rest())
			line := strings.TrimLeft(l.src[l.pos:l.pos+n], "\t")
			l.pos = min(l.pos+n+1, len(l.src))
			if strings.TrimRight(line, "\r") == end {
				break
			}
		}
	}
	l.heredoc = nil
}

func lineEnd(s string) int {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return i
	}
	return len(s)
}

// skipTo is the number of bytes up to and with end, or all of them.
func skipTo(s, end string) int {
	if i := strings.Index(s, end); i >= 0 {
		return i + len(end)
	}
	return len(s)
}
