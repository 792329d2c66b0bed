package elixir

import (
	"path"
	"slices"
	"strings"
	"unicode"
)

var (
	null   = Value{Type: Atom, Text: "nil"}
	fine   = Value{Type: Atom, Text: "ok"}
	faulty = Value{Type: Atom, Text: "error"}
)

func text(s string) Value { return Value{Type: String, Text: s} }

// library is a call of one of the functions that mix.exs files use to say something
// that nothing changes. A value that is Unknown makes the result so, but where only a
// list's elements are.
func (e *evaluator) library(function string, args []Value) Value {
	if slices.ContainsFunc(args, func(v Value) bool { return v.Type == Unknown }) && function != "Keyword.merge" && function != "Enum.concat" {
		return Value{}
	}
	for _, call := range []func(string, []Value) (Value, bool){e.surroundings, textual, paths, e.lists, e.keywords} {
		if v, known := call(function, args); known {
			return v
		}
	}
	return Value{}
}

// surroundings is what the World answers.
func (e *evaluator) surroundings(function string, args []Value) (Value, bool) {
	w := e.world
	name := ""
	if len(args) > 0 {
		name = args[0].Text
	}
	switch {
	case function == "Mix.env" && len(args) == 0 && w.MixEnv != "":
		return Value{Type: Atom, Text: w.MixEnv}, true
	case function == "Mix.target" && len(args) == 0:
		return e.target(), true
	case strings.HasPrefix(function, "System.") && len(args) > 0 && args[0].Type == String && w.Getenv != nil:
		return e.variable(function, name, args[1:]), true
	case strings.HasPrefix(function, "File.") && len(args) == 1 && args[0].Type == String:
		return e.file(function, name), true
	case function == "File.cwd!" && len(args) == 0, function == "__DIR__":
		return text("."), true
	}
	return Value{}, false
}

// target is Mix.target(): :host unless MIX_TARGET says otherwise.
func (e *evaluator) target() Value {
	if e.world.Getenv == nil {
		return Value{}
	}
	v, set, known := e.world.Getenv("MIX_TARGET")
	switch {
	case !known:
		return Value{}
	case !set:
		v = "host"
	}
	return Value{Type: Atom, Text: v}
}

// variable is System.get_env and its like.
func (e *evaluator) variable(function, name string, rest []Value) Value {
	v, set, known := e.world.Getenv(name)
	switch {
	case !known:
		return Value{}
	case function == "System.get_env" && set, function == "System.fetch_env!" && set:
		return text(v)
	case function == "System.get_env" && len(rest) == 1:
		return rest[0]
	case function == "System.get_env":
		return null
	case function == "System.fetch_env" && set:
		return Value{Type: Tuple, Items: []Item{{Value: fine}, {Value: text(v)}}}
	case function == "System.fetch_env":
		return faulty
	}
	return Value{}
}

// file is what File says of one.
func (e *evaluator) file(function, name string) Value {
	w := e.world
	switch function {
	case "File.exists?", "File.regular?", "File.dir?":
		if w.Exists == nil || function == "File.dir?" && w.Exists(name) {
			return Value{} // which of the two it is is not known
		}
		if w.Exists(name) {
			return yes.value()
		}
		return no.value()
	case "File.read!", "File.read":
		if w.ReadFile == nil {
			return Value{}
		}
		content, err := w.ReadFile(name)
		switch {
		case err != nil:
			return Value{} // mix will say why; here it is merely not known
		case function == "File.read":
			return Value{Type: Tuple, Items: []Item{{Value: fine}, {Value: text(content)}}}
		}
		return text(content)
	}
	return Value{}
}

// textual are functions of text.
func textual(function string, args []Value) (Value, bool) {
	if len(args) == 0 {
		return Value{}, false
	}
	s, all := args[0].Text, make([]string, len(args))
	for i, a := range args {
		if a.Type != String && function != "to_string" && function != "Atom.to_string" && function != "String.split" {
			return Value{}, false
		}
		all[i] = a.Text
	}
	switch {
	case len(args) == 1:
		return string1(function, args[0])
	case function == "String.split" && len(args) >= 2 && args[0].Type == String && args[1].Type == String:
		return split(args), true
	case len(args) == 3 && function == "String.replace" && all[1] != "":
		return text(strings.ReplaceAll(s, all[1], all[2])), true
	case len(args) != 2:
		return Value{}, false
	}
	return string2(function, s, all[1])
}

func string1(function string, arg Value) (Value, bool) {
	s := arg.Text
	switch function {
	case "String.trim":
		return text(strings.TrimSpace(s)), true
	case "String.trim_trailing":
		return text(strings.TrimRightFunc(s, unicode.IsSpace)), true
	case "String.trim_leading":
		return text(strings.TrimLeftFunc(s, unicode.IsSpace)), true
	case "String.downcase":
		return text(strings.ToLower(s)), true
	case "String.to_atom", "String.to_existing_atom":
		return Value{Type: Atom, Text: s}, true
	case "String.split":
		return words(token{text: s}), arg.Type == String
	case "Atom.to_string":
		return text(s), arg.Type == Atom
	case "to_string":
		said, known := printed(arg)
		return text(said), known
	}
	return Value{}, false
}

func string2(function, a, b string) (Value, bool) {
	switch function {
	case "String.trim_leading":
		for b != "" && strings.HasPrefix(a, b) {
			a = a[len(b):]
		}
		return text(a), true
	case "String.trim_trailing":
		for b != "" && strings.HasSuffix(a, b) {
			a = a[:len(a)-len(b)]
		}
		return text(a), true
	case "String.starts_with?":
		return answerOf(strings.HasPrefix(a, b)).value(), true
	case "String.ends_with?":
		return answerOf(strings.HasSuffix(a, b)).value(), true
	case "String.contains?":
		return answerOf(strings.Contains(a, b)).value(), true
	}
	return Value{}, false
}

func answerOf(is bool) answer {
	if is {
		return yes
	}
	return no
}

// split is String.split, perhaps with trim: true.
func split(args []Value) Value {
	if args[1].Text == "" || len(args) > 3 {
		return Value{}
	}
	trim := false
	if len(args) == 3 {
		v, has := args[2].Get("trim")
		if trim = has && v.IsAtom("true"); !trim || len(args[2].Items) != 1 {
			return Value{}
		}
	}
	list := Value{Type: List}
	for part := range strings.SplitSeq(args[0].Text, args[1].Text) {
		if len(list.Items) >= maxElements {
			return Value{}
		}
		if part != "" || !trim {
			list.Items = append(list.Items, Item{Value: text(part)})
		}
	}
	return list
}

// paths are functions of names of files.
func paths(function string, args []Value) (Value, bool) {
	var parts []string
	for _, a := range args {
		switch {
		case a.Type == String:
			parts = append(parts, a.Text)
		case a.Type == List && function == "Path.join" && !a.Open():
			for _, it := range a.Items {
				if it.Value.Type != String {
					return Value{}, false
				}
				parts = append(parts, it.Value.Text)
			}
		default:
			return Value{}, false
		}
	}
	switch {
	case function == "Path.join" && len(parts) > 0:
		return text(path.Join(parts...)), true
	case function == "Path.expand" && len(parts) == 2 && !path.IsAbs(parts[0]) && !strings.HasPrefix(parts[0], "~"):
		return text(path.Join(parts[1], parts[0])), true
	case function == "Path.expand" && len(parts) == 1 && !path.IsAbs(parts[0]) && !strings.HasPrefix(parts[0], "~"):
		return text(path.Clean(parts[0])), true
	case function == "Path.dirname" && len(parts) == 1:
		return text(path.Dir(parts[0])), true
	case function == "Path.basename" && len(parts) == 1 && strings.Trim(parts[0], "/") == "":
		return text(""), true
	case function == "Path.basename" && len(parts) == 1:
		return text(path.Base(parts[0])), true
	}
	return Value{}, false
}
