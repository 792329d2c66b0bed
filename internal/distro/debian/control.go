package debian

import (
	"iter"
	"strings"
)

// paragraphs yields the paragraphs of a deb822(5) text, without the blank
// lines between them. It allocates nothing: the indexes are tens of megabytes.
func paragraphs(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for text != "" {
			var par string
			if i := strings.Index(text, "\n\n"); i >= 0 {
				par, text = text[:i+1], text[i+2:]
			} else {
				par, text = text, ""
			}
			if par = strings.Trim(par, "\n"); par != "" && !yield(par) {
				return
			}
		}
	}
}

// fields yields a paragraph's fields in order. A value keeps its continuation
// lines, newlines included; lines that are no field, and comments, are skipped.
func fields(par string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for par != "" {
			end := fieldEnd(par)
			line := par[:end]
			par = par[min(end+1, len(par)):]
			name, value, ok := strings.Cut(line, ":")
			if !ok || name == "" || line[0] == '#' || strings.ContainsAny(name, " \t\n") {
				continue
			}
			if !yield(name, strings.TrimSpace(value)) {
				return
			}
		}
	}
}

// fieldEnd is the index of the newline that ends the first field of par.
func fieldEnd(par string) int {
	at := 0
	for {
		i := strings.IndexByte(par[at:], '\n')
		if i < 0 {
			return len(par)
		}
		at += i
		if at+1 >= len(par) || (par[at+1] != ' ' && par[at+1] != '\t') {
			return at
		}
		at++
	}
}

// field is the value of one field, by its name in any case, or "".
func field(par, name string) string {
	for n, v := range fields(par) {
		if strings.EqualFold(n, name) {
			return v
		}
	}
	return ""
}
