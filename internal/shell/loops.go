package shell

import "mvdan.cc/sh/v3/syntax"

func (r *runner) while(st *state, c *syntax.WhileClause) flow {
	for {
		s, f := r.condition(st, c.Cond)
		if c.Until {
			s = negate(s)
		}
		switch {
		case f != goes || r.over:
			return f
		case s.unknown:
			st.forget(c.Do...)
			st.forget(c.Cond...)
			return r.either(st, func(st *state) flow { return loop(st, r.list(st, c.Do)) }, nothing)
		case s.code != 0:
			st.status = status{}
			return goes
		}
		if f := r.list(st, c.Do); f != goes && (f != continues || st.levels > 0) {
			return loop(st, f)
		}
	}
}

// loop is what comes after a loop whose body came to f.
func loop(st *state, f flow) flow {
	switch {
	case f != breaks && f != continues:
		return f
	case st.levels > 0:
		st.levels--
		return f
	}
	return goes
}

func inLoop(st *state, run func() flow) flow {
	st.loops++
	defer func() { st.loops-- }()
	return run()
}

func (r *runner) forClause(st *state, c *syntax.ForClause) flow {
	if l, ok := c.Loop.(*syntax.CStyleLoop); ok {
		return r.countedLoop(st, c, l)
	}
	iter, ok := c.Loop.(*syntax.WordIter)
	if !ok {
		st.forget(c.Do...)
		return r.either(st, func(st *state) flow { return loop(st, r.list(st, c.Do)) }, nothing)
	}
	items, more := r.words(st, iter.Items)
	if !iter.InPos.IsValid() {
		items, more = st.args[min(1, len(st.args)):], st.more
	}
	st.status = status{}
	for _, v := range items {
		if more { // or others in their place
			if f := r.either(st, func(st *state) flow { st.set(iter.Name.Value, v); return loop(st, r.list(st, c.Do)) }, nothing); f != goes {
				return f
			}
			continue
		}
		st.set(iter.Name.Value, v)
		if f := r.list(st, c.Do); f != goes && (f != continues || st.levels > 0) {
			return loop(st, f)
		}
		if r.over {
			return ends
		}
	}
	if more {
		st.set(iter.Name.Value, unknown)
		st.forget(c.Do...)
		return r.either(st, func(st *state) flow { return loop(st, r.list(st, c.Do)) }, nothing)
	}
	return goes
}
