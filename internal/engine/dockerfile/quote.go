package dockerfile

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

var plain = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// shellWord quotes a word for the shell, where it has to be.
// Word quotes a word as the file does, for the shell.
func Word(s string) string { return shellWord(s) }

func shellWord(s string) string {
	if plain.MatchString(s) {
		return s
	}
	if strings.Contains(s, "\n") { // an instruction is one line
		return `"$(printf %b ` + shellWord(strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(s)) + `)"`
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func shellWords(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = shellWord(w)
	}
	return strings.Join(out, " ")
}

// quoted quotes a value of ENV, in which $ and \ mean something.
func (r *renderer) quoted(s string) string {
	if strings.ContainsAny(s, "\n\r\x00") {
		r.fail("the value %q has several lines", s)
	}
	if plain.MatchString(s) {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(s) + `"`
}

// copyWord is a path in the JSON form of COPY, where $, quotes and \ still mean
// something.
func (r *renderer) copyWord(s string) string {
	if strings.ContainsAny(s, "\n\r\x00") {
		r.fail("the name %q has several lines", s)
	}
	return r.jsonWord(strings.NewReplacer(`\`, `\\`, `$`, `\$`, `'`, `\'`, `"`, `\"`).Replace(s))
}

func (r *renderer) jsonWord(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		r.fail("%w", err)
	}
	return string(raw)
}

// pattern is a pattern of COPY that only this name matches. It is one only if
// it holds a wildcard; else it is a name.
func pattern(name string) string {
	if !strings.ContainsAny(name, "*?[") {
		return name
	}
	return strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]", `\`, `\\`).Replace(name)
}

func (r *renderer) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// SecretFile is an environment ("K=V") as the secret's file: shell assignments.
func SecretFile(env []string) []byte {
	var b strings.Builder
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		fmt.Fprintf(&b, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
	}
	return []byte(b.String())
}

// double quotes a value of the script, which is itself quoted with single
// quotes.
func double(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(s) + `"`
}
