package shell

import "testing"

// What GNU's sed 4.9 says of each was tried; "" is a script that it runs.
func TestSedProblem(t *testing.T) {
	t.Parallel()
	const unknown, open = "unknown option to `s'", "unterminated `s' command"
	for script, want := range map[string]string{
		"":                    "",
		"p":                   "",
		"s/a/b/":              "",
		"s/a/b/gp2":           "",
		"s/a/b/w /tmp/x":      "",
		"s,a,b,;s|a|b|g":      "",
		"s/a/b/ ; p":          "",
		"s/a/b/\np":           "",
		"s/a/b/ # all of it":  "",
		"# all\np":            "",
		"1,3{p;d}":            "",
		"1,3{p;{d}}":          "",
		"$!N;P;D":             "",
		"/a/,/b/d":            "",
		"/a/I,+2d":            "",
		"2~3p":                "",
		`\,a,p`:               "",
		`/a\/b/p`:             "",
		"y/abc/xyz/":          "",
		"/a/!s/b/c/":          "",
		"a\\\ntext":           "",
		"i text":              "",
		"c text":              "",
		"r /etc/hosts":        "",
		":a;N;$!ba;s/\\n/ /g": "",
		"q":                   "",
		"q3":                  "",
		"s/[/]/x/":            "",
		"s/[^]/]*/x/":         "",
		`s/\(a\)\(b\)/\2\1/`:  "",
		"s/a/&&/":             "",
		"s/a":                 open,
		"s/a/b":               open,
		"s/[a/b/":             open,
		"s/a/b/k":             unknown,
		"s/a/b/ k":            unknown,
		`s/\(a/b/`:            "it has brackets without an end",
		`s/a/\1/`:             "invalid reference on `s' command's RHS",
		"k":                   "unknown command: k",
		"1":                   "missing command",
		"1,":                  "unexpected ,",
		"/a":                  "unterminated address regex",
		"{p":                  "unmatched {",
		"p}":                  "unexpected }",
		"pp":                  "extra characters after command",
		"y/ab/c/":             "strings for `y' command are different lengths",
		"y/ab":                "unterminated `y' command",
	} {
		if got := sedProblem(script, false); got != want {
			t.Errorf("%q: %q, want %q", script, got, want)
		}
	}
}

func TestFieldOfLines(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text, delimiter string
		n               int
		strict          bool
		want            string
	}{
		{text: "a b\n", delimiter: " ", n: 1, want: "a\n"},
		{text: "a b\n", delimiter: " ", n: 2, want: "b\n"},
		{text: "a b\n", delimiter: " ", n: 3, want: "\n"},
		{text: "a\n", delimiter: " ", n: 2, want: "a\n"},
		{text: "a\n", delimiter: " ", n: 2, strict: true, want: ""},
		{text: "a,b\nc,d", delimiter: ",", n: 2, want: "b\nd\n"},
		{text: "", delimiter: ",", n: 1, want: ""},
	} {
		if got := partOfLines(tt.text, tt.delimiter, tt.n, tt.n, tt.strict); got != tt.want {
			t.Errorf("field %d of %q: %q, want %q", tt.n, tt.text, got, tt.want)
		}
	}
}

func TestTrSet(t *testing.T) {
	t.Parallel()
	for set, want := range map[string]string{"abc": "abc", "a-c": "abc", "a-cx": "abcx", "-": "-", "a-": "a-", "[:digit:]": "0123456789", `\n`: "\n", "": "", `\x`: "?", "[:alpha:]": "?", "é": "?"} {
		got, ok := trSet(set)
		if !ok {
			got = "?"
		}
		if got != want {
			t.Errorf("%q: %q, want %q", set, got, want)
		}
	}
}

func TestUnbalanced(t *testing.T) {
	t.Parallel()
	for program, want := range map[string]bool{
		"{print $1}":               false,
		"{print $1":                true,
		`{print "}"}`:              false,
		`{print "x}`:               true,
		"BEGIN {x = (1 + 2)}":      false,
		"BEGIN {x = (1 + 2}":       true,
		"/[{]/ {print}":            false,
		`{print "\""}`:             false,
		"{print} # {":              false,
		"NR == 1 {print; exit(0)}": false,
	} {
		if got := unbalanced(program); got != want {
			t.Errorf("%q: %v, want %v", program, got, want)
		}
	}
}

func TestParted(t *testing.T) {
	t.Parallel()
	words := func(list ...string) (out []Value) {
		for _, w := range list {
			out = append(out, known(w))
		}
		return out
	}
	for _, tt := range []struct {
		args     []Value
		letters  string
		operands int
	}{
		{args: words("a", "b"), operands: 2},
		{args: words("-a", "b"), letters: "a", operands: 1},
		{args: words("-n", "3", "b"), letters: "n", operands: 1},
		{args: words("-n3", "b"), letters: "n", operands: 1},
		{args: words("-an", "3"), letters: "an"},
		{args: words("--", "-a"), operands: 1},
		{args: words("-", "x"), operands: 2},
		{args: words("--long", "x"), operands: 1},
		{args: []Value{unknown}, operands: 1},
		{args: words("-n"), letters: "n"},
	} {
		if o := parted(tt.args, "n"); o.letters != tt.letters || len(o.operands) != tt.operands {
			t.Errorf("%v: %q and %d operands, want %q and %d", tt.args, o.letters, len(o.operands), tt.letters, tt.operands)
		}
	}
}
