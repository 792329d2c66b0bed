// Package shell reads shell scripts: which programs one calls, as far as its
// text says so, and what one does that is started (Follow). It runs nothing. The grammar is that of mvdan.cc/sh; of a
// script that is none by it, each line is read by itself.
package shell

import (
	"cmp"
	"errors"
	"runtime"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// MaxScript is how many bytes of a script are read.
const MaxScript = 1 << 20

// Commands are the words in a script that stand where a command stands, once
// each, in order: names of programs, of functions and of what the shell does
// itself. Words that are put together at run time are left out; so is what a
// string holds that is evaluated.
func Commands(script string) []string {
	script = script[:min(len(script), MaxScript)]
	c := &collector{seen: map[string]bool{}}
	for _, variant := range []syntax.LangVariant{syntax.LangBash, syntax.LangPOSIX} {
		if stmts, err := parse(script, variant, 0); err == nil {
			c.add(stmts)
			return c.words
		}
	}
	return c.byLine(script)
}

// maxParts bounds how many lines, and parts of lines, are read by themselves.
const maxParts = 20_000

func (c *collector) byLine(script string) []string {
	parts := 0
	for line := range strings.Lines(script) {
		if parts++; parts > maxParts {
			break
		}
		stmts, err := parse(line, syntax.LangBash, maxRecovered)
		c.add(stmts)
		if err == nil {
			continue
		}
		for piece := range strings.FieldsFuncSeq(line, func(r rune) bool { return strings.ContainsRune(";|&(){}`\r\n", r) }) {
			if parts++; parts > maxParts {
				break
			}
			stmts, _ := parse(withoutReserved(piece), syntax.LangBash, maxRecovered)
			c.add(stmts)
		}
	}
	return c.words
}

// withoutReserved is what stands between two operators without the words at
// its start that have a command follow.
func withoutReserved(piece string) string {
	words := strings.Fields(piece)
	for len(words) > 0 && slices.Contains(reserved(), words[0]) {
		words = words[1:]
	}
	return strings.Join(words, " ")
}

func reserved() []string {
	return strings.Fields("! if then else elif fi while until do done for case esac in")
}

// maxRecovered is how many closing words and brackets may be missing from a
// line that is read by itself.
const maxRecovered = 8

// parse reads statements; with an error come those before it.
func parse(script string, variant syntax.LangVariant, recovered int) (stmts []*syntax.Stmt, err error) {
	p := syntax.NewParser(syntax.Variant(variant), syntax.RecoverErrors(recovered))
	for stmt, serr := range p.StmtsSeq(&shallowReader{strings.NewReader(script)}) {
		switch { // it may come round once more after an error, so that a return in here would panic
		case serr != nil:
			err = cmp.Or(err, serr)
		case err == nil:
			stmts = append(stmts, stmt)
		}
	}
	return stmts, err
}

// Read reads a whole script of bash, of which those of sh are. What nests deeper than a
// person's is an error, where the parser alone would take a stack of its size.
func Read(script, name string) (*syntax.File, error) {
	return syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(&shallowReader{strings.NewReader(script)}, name)
}

// shallowReader bounds how deep the parser nests, which recurses for each
// bracket: it ends the script where the parser, when it asks for more, is
// called from deeper than any script by a person leads.
type shallowReader struct{ r *strings.Reader }

const (
	maxFrames = 4000 // some 300 brackets
	chunk     = 256  // bytes that the parser gets at once, and may nest by before it asks again
)

var errTooDeep = errors.New("it nests too deep")

func (s *shallowReader) Read(p []byte) (int, error) {
	var deep [1]uintptr
	if runtime.Callers(maxFrames, deep[:]) > 0 {
		return 0, errTooDeep
	}
	return s.r.Read(p[:min(len(p), chunk)])
}

// collector gathers command words.
type collector struct {
	words []string
	seen  map[string]bool
}

func (c *collector) add(stmts []*syntax.Stmt) {
	for _, s := range stmts {
		syntax.Walk(s, func(n syntax.Node) bool {
			if call, ok := n.(*syntax.CallExpr); ok {
				c.call(call.Args)
			}
			return true
		})
	}
}

// call notes what a simple command calls: its first word, and what a program
// that has another one run is given.
func (c *collector) call(args []*syntax.Word) {
	passes := false // a program was noted that runs what follows its options
	for _, arg := range args {
		w := literal(arg)
		switch {
		case w == "exec" || w == "command" || w == "eval":
			continue
		case w == "":
			return
		case passes && (strings.HasPrefix(w, "-") || strings.Contains(w, "=")):
			continue
		}
		if !c.seen[w] {
			c.seen[w] = true
			c.words = append(c.words, w)
		}
		if passes = slices.Contains([]string{"env", "xargs", "nohup", "nice", "setsid"}, w); !passes {
			return
		}
	}
}

// literal is a word as it is when the script runs; "" if that is put together
// then.
func literal(w *syntax.Word) string {
	var b strings.Builder
	for _, part := range w.Parts {
		switch part := part.(type) {
		case *syntax.Lit:
			b.WriteString(part.Value)
		case *syntax.SglQuoted:
			b.WriteString(part.Value)
		case *syntax.DblQuoted:
			for _, p := range part.Parts {
				lit, ok := p.(*syntax.Lit)
				if !ok {
					return ""
				}
				b.WriteString(lit.Value)
			}
		default:
			return ""
		}
	}
	return b.String()
}
