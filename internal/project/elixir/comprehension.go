package elixir

// comprehension is "for pattern <- list, filter, into: …, do: …", of lists alone.
func (e *evaluator) comprehension(args [][2]int, sc scope) Value {
	c, ok := e.comprehended(args, sc)
	if !ok || !e.generate(&c, c.over, sc) {
		return Value{}
	}
	if c.into.Type == Map {
		return Value{Type: Map, Items: c.made.Pairs()}
	}
	return c.made
}

type comprehension struct {
	over [][2]int // generators and filters
	do   [2]int
	into Value
	made Value
}

// comprehended takes a comprehension's arguments apart.
func (e *evaluator) comprehended(args [][2]int, sc scope) (c comprehension, ok bool) {
	c.into, c.made = Value{Type: List}, Value{Type: List}
	for n, r := range args {
		t := e.src.tokens[r[0]]
		if n == len(args)-1 && e.src.tokens[r[1]-1].is("end") {
			p, block := e.doBlock(r)
			if !block || p.hasElse {
				return c, false
			}
			c.do, ok, r = p.do, true, p.subject
		}
		switch {
		case t.kind == kindKey && t.text == "do":
			c.do, ok = [2]int{r[0] + 1, r[1]}, true
		case t.kind == kindKey && t.text == "into":
			c.into = e.expr(r[0]+1, r[1], sc)
		case t.kind == kindKey: // uniq, reduce
			return c, false
		default:
			c.over = append(c.over, r)
		}
	}
	return c, ok && len(c.into.Items) == 0 && (c.into.Type == List || c.into.Type == Map)
}

// generate goes through the first of the generators and filters, and for each element
// through the others; it says whether all of it is known.
func (e *evaluator) generate(c *comprehension, over [][2]int, sc scope) bool {
	if e.spent() || len(c.made.Items) >= maxElements {
		return false
	}
	if len(over) == 0 {
		c.made.Items = append(c.made.Items, Item{Value: e.block(c.do[0], c.do[1], sc.inner())})
		return true
	}
	sides := e.src.split(over[0][0], over[0][1], e.src.at("<-"))
	if len(sides) != 2 {
		return e.filtered(c, over, sc)
	}
	list := e.expr(sides[1][0], sides[1][1], sc)
	if list.Type != List || list.Open() {
		return false
	}
	for _, it := range list.Items {
		bound := sc.inner()
		fits := e.guarded(sides[0], it.element(), bound)
		if fits == maybe || fits == yes && !e.generate(c, over[1:], bound) {
			return false
		}
	}
	return true
}

// filtered goes on where a condition holds, or with what "name = value" binds.
func (e *evaluator) filtered(c *comprehension, over [][2]int, sc scope) bool {
	holds, bound := over[0], sc.inner()
	if sides := e.src.split(holds[0], holds[1], e.src.at("=")); len(sides) == 2 {
		if holds = sides[1]; e.match(sides[0], e.expr(holds[0], holds[1], sc), bound) != yes {
			return false
		}
	}
	switch truth(e.expr(holds[0], holds[1], sc)) {
	case yes:
		return e.generate(c, over[1:], bound)
	case no:
		return true
	case maybe:
	}
	return false
}

// element is what a list has there: of a keyword, the pair.
func (it Item) element() Value {
	if !it.Keyed {
		return it.Value
	}
	return Value{Type: Tuple, Items: []Item{{Value: Value{Type: Atom, Text: it.Key}}, {Value: it.Value}}}
}
