// Package elixir reads the literal parts of Elixir source text, such as a
// mix.exs, without running anything. Lex splits a file into tokens by the
// rules of Elixir's tokenizer and checks that brackets, do and fn are closed;
// Read finds a module's functions and attributes; Value is what an expression
// evaluates to where it is made of literals, and Unknown everywhere else: it
// never guesses.
//
// Bounds: MaxFile bytes of source, maxDepth levels of nesting, maxSteps
// evaluated expressions, maxElements elements of one list. Past the first two
// reading fails, past the last two a value is Unknown.
package elixir

import "fmt"

// MaxFile is the largest file that Lex reads, in bytes.
const MaxFile = 1 << 20

const (
	maxDepth    = 200
	maxSteps    = 200_000
	maxElements = 20_000
)

// Error says where and why source text cannot be Elixir.
type Error struct {
	File      string
	Line, Col int // both from 1; columns count characters
	Reason    string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Reason)
}

type kind int

const (
	kindEOF      kind = iota
	kindNewline       // one or more line ends, or ";"
	kindIdent         // name, name?, name!
	kindAlias         // Name (one segment)
	kindKeyword       // do, end, fn and the other reserved words
	kindKey           // name: or "name":
	kindAtom          // :name or :"name"
	kindString        // "…", heredocs and ~s sigils
	kindWords         // ~w sigils: text holds the words, flags the modifiers
	kindCharlist      // '…', heredocs of it and ~c sigils
	kindOpaque        // a literal that is of no use here: other sigil, float, ?c
	kindInt
	kindPunct // operators and brackets
)

type token struct {
	kind    kind
	text    string // the name, the unescaped string, the operator
	flags   string // a sigil's modifiers
	dynamic bool   // a string or atom with interpolation: text is not its value
	parts   []part // of a dynamic string, if they are known
	start   int    // byte offset
	end     int    // byte offset behind it
}

// part is literal text and the interpolation that follows it: its number, or -1.
type part struct {
	text  string
	inner int
}

func (t token) is(text string) bool {
	return (t.kind == kindPunct || t.kind == kindKeyword) && t.text == text
}

// reserved words; "do" and the like as keys ("do:") are keys, not these.
func reserved(name string) bool {
	switch name {
	case "do", "end", "fn", "after", "else", "rescue", "catch", "when", "and", "or", "not", "in", "true", "false", "nil":
		return true
	}
	return false
}
