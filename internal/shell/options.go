package shell

import (
	"slices"
	"strings"
)

// set takes options and arguments.
func (r *runner) set(st *state, c *call) flow {
	for i := 1; i < len(c.args); i++ {
		a := c.args[i].Text
		switch on := strings.HasPrefix(a, "-"); {
		case a == "--" || !on && !strings.HasPrefix(a, "+"):
			if a == "--" {
				i++
			}
			st.args, st.more = append(st.args[:min(1, len(st.args)):1], c.args[i:]...), c.more
			return goes
		case a == "-o" || a == "+o":
			if i++; i >= len(c.args) || c.args[i].Unknown {
				return goes
			}
			if !r.knowsOption(st, c.args[i].Text) {
				return r.refuse(st, c, "Illegal option "+a+" "+c.args[i].Text, st.dialect == dash || st.dialect == bashAsSh)
			}
			if c.args[i].Text == "pipefail" {
				st.pipefail = on
			}
			st.option(map[string]string{"errexit": "e", "nounset": "u", "noglob": "f", "allexport": "a"}[c.args[i].Text], on)
		default:
			letters, named := strings.CutSuffix(a[1:], "o") // the name of one follows
			if bad := strings.Trim(letters, st.dialect.setLetters()); bad != "" {
				return r.refuse(st, c, "Illegal option -"+bad[:1], st.dialect != bash)
			}
			if st.option(letters, on); named {
				rest := *c
				rest.args = append([]Value{c.args[0], known(a[:1] + "o")}, c.args[i+1:]...)
				return r.set(st, &rest)
			}
		}
	}
	return goes
}

// option sets what letters stand for.
func (st *state) option(letters string, on bool) {
	if strings.Contains(letters, "e") {
		st.errexit = on
	}
	if strings.Contains(letters, "u") {
		st.nounset = on
	}
	if strings.Contains(letters, "f") {
		st.noglob = on
	}
	if strings.Contains(letters, "a") {
		st.allexport = on
	}
}

// setLetters are the options of set.
func (d dialect) setLetters() string {
	switch d { //nolint:exhaustive // both kinds of bash have the same
	case dash:
		return "aCbefEiImnsuvVx"
	case busybox:
		return "aCbefiImnsuvx"
	}
	return "abefhkmnptuvxBCEHPT"
}

// knowsOption says whether set -o knows a name. pipefail came to dash late: its
// program tells.
func (r *runner) knowsOption(st *state, name string) bool {
	if st.dialect == busybox {
		return true // what it does not know ends nothing
	}
	if st.dialect != dash {
		return slices.Contains(strings.Fields(optionsOfBash), name)
	}
	if name == "pipefail" {
		text, err := r.text("bin/sh")
		return err != nil || strings.Contains(text, "pipefail")
	}
	return slices.Contains(strings.Fields("errexit noglob ignoreeof interactive monitor noexec stdin xtrace verbose vi emacs noclobber allexport notify nounset nolog debug"), name)
}

const optionsOfBash = "allexport braceexpand emacs errexit errtrace functrace hashall histexpand history ignoreeof interactive-comments keyword monitor " +
	"noclobber noexec noglob nolog notify nounset onecmd physical pipefail posix privileged verbose vi xtrace"
