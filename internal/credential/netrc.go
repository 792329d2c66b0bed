package credential

import (
	"slices"
	"strings"
)

// netrcOf is what a .netrc says of these hosts, and nothing else: neither its
// default nor its macros. Its passwords are given again as they are meant.
func netrcOf(raw []byte, hosts []string) (text []byte, passwords []string) {
	for _, e := range entries(string(raw)) {
		if e.machine == "" || !slices.Contains(hosts, e.machine) {
			continue
		}
		text = append(text, strings.Join(append([]string{"machine", e.machine}, e.fields...), " ")+"\n"...)
		for i := 0; i < len(e.fields); i += 2 {
			if e.fields[i] == "password" {
				passwords = append(passwords, plain(e.fields[i+1]))
			}
		}
	}
	return text, passwords
}

// plain is a word without its quotes.
func plain(word string) string {
	if !strings.HasPrefix(word, `"`) {
		return word
	}
	word = strings.TrimSuffix(word[1:], `"`)
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(word)
}

// entry is what a .netrc says of a machine, "" for its default.
type entry struct {
	machine string
	fields  []string // "login", its value, "password", …
}

func entries(text string) []entry {
	var all []entry
	words := tokens(text)
	for i := 0; i < len(words); i++ {
		value := ""
		if i+1 < len(words) {
			value = words[i+1]
		}
		switch words[i] {
		case "machine":
			all = append(all, entry{machine: value})
			i++
		case "default":
			all = append(all, entry{})
		case "login", "password", "account":
			if len(all) > 0 && value != "" {
				last := &all[len(all)-1]
				last.fields = append(last.fields, words[i], value)
			}
			i++
		}
	}
	return all
}

// tokens are the words of a .netrc, quoted ones with their quotes; comments and
// macros, which end with an empty line, are left out.
func tokens(text string) []string {
	var out []string
	macro := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if macro {
			macro = line != ""
			continue
		}
		if line = strings.TrimLeft(line, " \t"); strings.HasPrefix(line, "#") {
			continue
		}
		for ; line != ""; line = strings.TrimLeft(line, " \t") {
			word := token(line)
			line = line[len(word):]
			if word == "macdef" {
				macro = true
				break
			}
			out = append(out, word)
		}
	}
	return out
}

// token is the first word of a line.
func token(line string) string {
	if line[0] != '"' {
		if end := strings.IndexAny(line, " \t"); end >= 0 {
			return line[:end]
		}
		return line
	}
	for i := 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			return line[:i+1]
		}
	}
	return line
}
