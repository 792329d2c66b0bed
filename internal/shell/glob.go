package shell

import (
	"io/fs"
	"path"
	"strings"

	"mvdan.cc/sh/v3/pattern"
)

// globbedFields are the files that a word with "*" and its like names, itself where there
// is none; sure is false where that depends on what the machine has by then.
func (r *runner) globbedFields(st *state, v Value, expr string) (out []Value, sure bool) {
	if v.Unknown || st.noglob || !strings.ContainsAny(expr, "*?[") || v.Text == "" || !pattern.HasMeta(expr, 0) {
		return []Value{v}, true
	}
	at, ok := st.place(v)
	if !ok {
		return []Value{v}, false
	}
	sure = (r.own(at) || !r.world.Partial && !r.world.Open) && !fickle(at) && !r.mayBeMade(path.Dir(at))
	names, known := r.matching(clean(strings.TrimPrefix(st.whole(expr), "/")))
	sure = sure && known
	for _, name := range names {
		text := "/" + name
		if !strings.HasPrefix(v.Text, "/") {
			if text, ok = strings.CutPrefix(text, strings.TrimSuffix(st.dir.Text, "/")+"/"); !ok {
				return []Value{v}, false
			}
			if strings.HasPrefix(v.Text, "./") {
				text = "./" + text
			}
		}
		out = append(out, Value{Text: text, Unset: v.Unset})
	}
	if len(out) == 0 && !st.shopts["nullglob"] {
		out = []Value{v}
	}
	return out, sure
}

// whole is a pattern from the root.
func (st *state) whole(expr string) string {
	if strings.HasPrefix(expr, "/") {
		return expr
	}
	return pattern.QuoteMeta(st.dir.Text, 0) + "/" + expr
}

// matching are the files that a pattern names, in order; ok is false where there are too
// many, or not all could be looked at.
func (r *runner) matching(expr string) (names []string, ok bool) {
	names = []string{"."}
	for part := range strings.SplitSeq(expr, "/") {
		var next []string
		for _, dir := range names {
			found, whole := r.matchingIn(dir, part)
			if next = append(next, found...); !whole || len(next) > maxValues {
				return nil, false
			}
		}
		names = next
	}
	return names, true
}

func (r *runner) matchingIn(dir, part string) (names []string, ok bool) {
	if r.steps++; !pattern.HasMeta(part, 0) {
		name := path.Join(dir, strings.ReplaceAll(part, `\`, ""))
		if r.there(name) {
			return []string{name}, true
		}
		return nil, true
	}
	re := r.expression(&state{}, part)
	real, err := r.world.Resolve(dir)
	if re == nil || err != nil {
		return nil, re != nil
	}
	entries, err := fs.ReadDir(r.world.Files, real)
	if err != nil {
		return nil, false
	}
	r.steps += len(entries)
	for _, e := range entries {
		hidden := strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(part, ".")
		if m := re.FindString(e.Name()); !hidden && len(m) == len(e.Name()) {
			names = append(names, path.Join(dir, e.Name()))
		}
	}
	return names, true
}
