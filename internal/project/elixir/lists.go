package elixir

import (
	"slices"
	"strconv"
)

// lists are functions of lists and tuples.
func (e *evaluator) lists(function string, args []Value) (Value, bool) {
	if function == "Enum.concat" && len(args) == 2 {
		return e.concat(args...), true
	}
	if len(args) == 1 {
		return e.list1(function, args[0])
	}
	if len(args) != 2 {
		return Value{}, false
	}
	switch function {
	case "Enum.member?":
		return e.contains(args[0], args[1]).value(), true
	case "elem", "Enum.at":
		i, err := strconv.Atoi(args[1].Text)
		if err != nil || i < 0 || i >= len(args[0].Items) || args[0].Open() || args[0].Items[i].Keyed {
			return Value{}, false
		}
		return args[0].Items[i].Value, true
	case "Enum.join":
		return e.join(args[0], args[1].Text), true
	}
	return Value{}, false
}

func (e *evaluator) list1(function string, v Value) (Value, bool) {
	switch function {
	case "is_nil":
		return answerOf(v.IsAtom("nil")).value(), true
	case "List.wrap":
		switch {
		case v.Type == List:
			return v, true
		case v.IsAtom("nil"):
			return Value{Type: List}, true
		}
		return Value{Type: List, Items: []Item{{Value: v}}}, true
	case "List.flatten", "Enum.concat":
		return e.flat(v, function == "List.flatten", 0)
	case "hd", "List.first", "List.last":
		if v.Type != List || v.Open() || len(v.Items) == 0 || v.Items[0].Keyed || v.Items[len(v.Items)-1].Keyed {
			return Value{}, false
		}
		if function == "List.last" {
			return v.Items[len(v.Items)-1].Value, true
		}
		return v.Items[0].Value, true
	}
	return Value{}, false
}

// flat is a list of lists as one.
func (e *evaluator) flat(v Value, deep bool, depth int) (Value, bool) {
	if v.Type != List || depth > maxDepth {
		return Value{}, false
	}
	all := Value{Type: List}
	for _, it := range v.Items {
		one := Value{Type: List, Items: []Item{it}}
		if !it.Keyed && it.Value.Type == List {
			one = it.Value
			if deep {
				one, _ = e.flat(one, deep, depth+1)
			}
		}
		if all = e.concat(all, one); all.Type == Unknown {
			break
		}
	}
	return all, true
}

func (e *evaluator) join(list Value, by string) Value {
	out := text("")
	for i, it := range list.Items {
		said, known := printed(it.Value)
		if list.Type != List || it.Keyed || !known {
			return Value{}
		}
		if i > 0 {
			said = by + said
		}
		if out = e.joined(out, text(said)); out.Type == Unknown {
			return out
		}
	}
	return out
}

// keywords are functions of keyword lists. What is not known of one, is not known of
// the result.
func (e *evaluator) keywords(function string, args []Value) (Value, bool) {
	switch {
	case function == "Keyword.merge" && len(args) == 2:
		return e.merge(args[0], args[1]), true
	case len(args) < 2 || args[0].Type != List:
		return Value{}, false
	}
	list, key := args[0], args[1]
	switch {
	case function == "Keyword.get" && key.Type == Atom && len(args) <= 3:
		if len(args) == 3 {
			return got(list, key.Text, args[2]), true
		}
		return got(list, key.Text, null), true
	case function == "Keyword.fetch!" && key.Type == Atom && len(args) == 2:
		return got(list, key.Text, Value{}), true
	case function == "Keyword.put" && key.Type == Atom && len(args) == 3:
		put := Value{Type: List, Items: []Item{{Key: key.Text, Keyed: true, Value: args[2]}}}
		return e.concat(put, without(list, []string{key.Text})), true
	case function == "Keyword.delete" && key.Type == Atom && len(args) == 2:
		return without(list, []string{key.Text}), true
	case function == "Keyword.drop" && key.Type == List && !key.Open() && len(args) == 2:
		return without(list, key.Atoms()), true
	case function == "Keyword.take" && key.Type == List && !key.Open() && len(args) == 2 && !list.Open():
		names := key.Atoms()
		return Value{Type: List, Items: slices.DeleteFunc(slices.Clone(list.Items), func(it Item) bool { return !slices.Contains(names, it.pair().Key) })}, true
	}
	return Value{}, false
}

// got is a keyword list's value, or another where it has none.
func got(list Value, key string, instead Value) Value {
	v, has := list.Get(key)
	if has {
		return v
	}
	return instead
}

// without is a keyword list without keys. Elements that are not known stay so.
func without(list Value, keys []string) Value {
	return Value{Type: List, Items: slices.DeleteFunc(slices.Clone(list.Items), func(it Item) bool {
		it = it.pair()
		return it.Keyed && slices.Contains(keys, it.Key)
	})}
}

// merge is Keyword.merge: the second's keys win.
func (e *evaluator) merge(a, b Value) Value {
	var keys []string
	for _, it := range b.Pairs() {
		keys = append(keys, it.Key)
	}
	if a.Type == List {
		a = without(a, keys)
	}
	if b.Open() { // it may have any of the first's keys
		return e.concat(Value{}, a, b)
	}
	return e.concat(a, b)
}
