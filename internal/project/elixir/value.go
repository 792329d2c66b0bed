package elixir

// Type is what a Value is.
type Type int

// The types.
const (
	Unknown  Type = iota // not a literal: nothing is known of it
	Atom                 // Text is its name; true, false and nil are atoms
	String               // Text
	Charlist             // Text
	Int                  // Text, as written, but without "_"
	List                 // Items; one that is Unknown stands for any number of elements
	Tuple                // Items
	Map                  // Items, those with literal atom keys
	Alias                // Text, "Foo.Bar"
)

// Value is a literal.
type Value struct {
	Type  Type
	Text  string
	Items []Item
}

// Item is an element of a list, tuple or map; a keyword list's elements have a
// Key. (A list of two-element tuples that start with an atom is the same.)
type Item struct {
	Key   string
	Keyed bool
	Value Value
}

// Get is a keyword list's value for key: the first one, as in Elixir. ok is
// false where there is none; the value is Unknown where it cannot be told.
func (v Value) Get(key string) (value Value, ok bool) {
	if v.Type != List {
		return Value{}, v.Type == Unknown
	}
	for _, it := range v.Items {
		if it = it.pair(); it.Keyed && it.Key == key {
			return it.Value, true
		} else if !it.Keyed && it.Value.Type == Unknown {
			return Value{}, true
		}
	}
	return Value{}, false
}

func (it Item) pair() Item {
	if t := it.Value; !it.Keyed && t.Type == Tuple && len(t.Items) == 2 && t.Items[0].Value.Type == Atom {
		return Item{Key: t.Items[0].Value.Text, Keyed: true, Value: t.Items[1].Value}
	}
	return it
}

// Pairs are a keyword list's elements.
func (v Value) Pairs() []Item {
	var pairs []Item
	for _, it := range v.Items {
		if it = it.pair(); v.Type == List && it.Keyed {
			pairs = append(pairs, it)
		}
	}
	return pairs
}

// Open says whether v may hold more than is known of it.
func (v Value) Open() bool {
	for _, it := range v.Items {
		if !it.Keyed && it.Value.Type == Unknown {
			return true
		}
	}
	return v.Type == Unknown
}

// IsAtom says whether v is the atom named.
func (v Value) IsAtom(name string) bool { return v.Type == Atom && v.Text == name }

// Atoms are v's names: its own if it is an atom, or a list's atoms.
func (v Value) Atoms() []string {
	if v.Type == Atom {
		return []string{v.Text}
	}
	var names []string
	for _, it := range v.Items {
		if v.Type == List && !it.Keyed && it.Value.Type == Atom {
			names = append(names, it.Value.Text)
		}
	}
	return names
}
