package shell

import (
	"slices"
	"strconv"
	"strings"
)

// Limits of open files: what the kernel lets a process have at most, and what it
// does where nobody has set it otherwise.
const (
	mostFiles  = 2_147_483_584
	usualFiles = 1_048_576
)

// Limit is one that a script sets for all that it runs.
type Limit struct {
	Position
	Of   byte // the letter of ulimit's option
	Most uint64
}

// ulimit is refused by dash where an option is none of its own, and by the kernel
// where a limit is past what may be.
func (r *runner) ulimit(st *state, c *call) flow {
	st.status = status{}
	letters := map[dialect]string{dash: "HSatfdsmclpnvwr", bash: "SHabcdefiklmnpqrstuvxPRT", bashAsSh: "SHabcdefiklmnpqrstuvxPRT"}[st.dialect]
	if bad := badOption(c, letters); letters != "" && bad != "" {
		return r.refuse(st, c, "Illegal option "+bad, false)
	}
	given := parted(c.args[1:], "")
	of := byte('f')
	if i := strings.LastIndexFunc(given.letters, func(c rune) bool { return c != 'H' && c != 'S' }); i >= 0 {
		of = given.letters[i]
	}
	if len(given.operands) == 0 || of == 'a' {
		st.out.add(unknown)
		return goes
	}
	v := given.operands[0]
	refused := func(st *state) flow { return r.refuse(st, c, v.Text+": Operation not permitted", false) }
	n, err := strconv.ParseUint(v.Text, 10, 64)
	hard := given.has('H') && (!given.has('S') || st.dialect == dash) // which may not go below the other one
	switch {
	case v.Unknown || v.Text == "hard" || v.Text == "soft":
	case err != nil && v.Text != "unlimited":
		return r.refuse(st, c, "bad number: "+v.Text, false)
	case of == 'n' && err == nil && n > mostFiles:
		return refused(st)
	case of == 'n' && n > usualFiles || hard && err == nil || err != nil && slices.Contains([]byte("nclierq"), of):
		return r.either(st, refused, nothing)
	case err == nil && !st.maybe && st.sub == 0 && len(r.trace.Limits) < maxNoted:
		r.trace.Limits = append(r.trace.Limits, Limit{c.at, of, n})
	}
	return goes
}
