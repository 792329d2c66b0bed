package shell

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// wrapper is a program that has another one run.
type wrapper struct {
	takes string   // options with a value
	long  string   // long ones whose value is the next word
	none  []string // all long ones, where others are refused; nil: not known
	skip  int      // operands before the other one
	first *regexp.Regexp
	user  bool // the operand before the other one is a user
	adds  bool // it gives that more arguments
	fails int  // its status where it refuses what it is given, 1 if 0
}

// wrappers are by name. What they take was tried with those of Debian 13; of those that it
// has not, it is as their manuals say.
var wrappers = sync.OnceValue(func() map[string]wrapper {
	cpus := regexp.MustCompile(`^(0x)?[0-9a-fA-F,]+$`)
	setpriv := strings.Fields("--reuid --ruid --euid --regid --rgid --egid --groups --clear-groups --keep-groups --init-groups --inh-caps --ambient-caps --bounding-set --securebits " +
		"--pdeathsig --ptracer --selinux-label --apparmor-profile --landlock-access --landlock-rule --seccomp-filter --no-new-privs --reset-env --dump --list-caps --help --version")
	plain := wrapper{}
	user := wrapper{skip: 1, user: true}
	return map[string]wrapper{
		"timeout": {takes: "ks", long: "--signal --kill-after", skip: 1, first: duration, fails: 125}, "nice": {takes: "n", long: "--adjustment", fails: 125}, "nohup": plain, "setsid": plain, "time": {takes: "fo"},
		"stdbuf": {takes: "ioe", long: "--input --output --error", fails: 125}, "ionice": {takes: "cn", long: "--class --classdata"}, "xargs": {takes: "IndLPsEa", adds: true, fails: 123},
		"chrt": {takes: "TPD", skip: 1}, "taskset": {skip: 1, first: cpus}, "prlimit": plain, "flock": {takes: "wE", long: "--wait --timeout --conflict-exit-code", skip: 1}, "unshare": plain,
		"setpriv": {none: setpriv, long: strings.Join(append(setpriv[:7:7], setpriv[10:21]...), " ")}, "chroot": {skip: 1, first: regexp.MustCompile(`^/$`), fails: 125},
		"tini": {takes: "pe"}, "dumb-init": {takes: "r", long: "--rewrite"}, "catatonit": plain, "numactl": {takes: "imNCpx"}, "setarch": plain, "linux64": plain, "faketime": {skip: 1},
		"gosu": user, "su-exec": user, "setuidgid": user, "s6-setuidgid": user, "chpst": {takes: "uUbemdofcprtnl/"}, "sudo": {takes: "ugCphrtTRD", long: "--user --group"}, "doas": {takes: "uC"},
		"runuser": {takes: "ugGsw", long: "--user --group"}, "su": {takes: "gGsw"}, "env": {takes: "uCS"},
	}
})

// run runs the other one.
func (w wrapper) run(r *runner, st *state, c *call) (Value, status) {
	name := path.Base(c.name())
	if o := parted(c.args[1:], w.takes+"c"); (name == "su" || name == "runuser" && !o.has('u') || name == "flock") && o.has('c') && !strings.Contains(w.takes, "c") {
		return r.commandOf(st, c, name, o)
	}
	i, v, s := w.options(r, st, c)
	if i < 0 {
		return v, s
	}
	if i >= len(c.args) {
		if w.adds { // it is echo
			return r.passOn(st, c, []Value{known("echo")}, w)
		}
		return unknown, unsure(name)
	}
	if name == "env" {
		return r.inEnvironment(st, c, i)
	}
	return r.passOn(st, c, c.args[i:], w)
}

// options is where the other program stands, -1 where it refuses what it is given, or what
// that is cannot be told.
func (w wrapper) options(r *runner, st *state, c *call) (at int, v Value, s status) {
	name := path.Base(c.name())
	refuse := func(why string) (int, Value, status) {
		v, s := r.misused(st, c, why)
		if w.fails > 0 {
			s.code = w.fails
		}
		return -1, v, s
	}
	if slices.Contains([]string{"runuser", "sudo", "doas"}, name) {
		for _, u := range parted(c.args[1:], w.takes).values['u'] {
			r.knowsUser(st, c, u.Text)
		}
	}
	skip, over := w.skip, false
	for i := 1; i < len(c.args); i++ {
		a := c.args[i]
		switch {
		case a.Unknown:
			return -1, unknown, unsure(name)
		case over || len(a.Text) < 2 || a.Text[0] != '-':
		case a.Text == "--":
			over = true
			continue
		default:
			option, _, joined := strings.Cut(a.Text, "=")
			if strings.HasPrefix(option, "--") && w.none != nil && !slices.Contains(w.none, option) {
				return refuse("it does not know " + option)
			}
			last := option[len(option)-1]
			short := option[1] != '-' && len(option) == 2 && strings.IndexByte(w.takes, last) >= 0
			if !joined && (short || slices.Contains(strings.Fields(w.long), option)) {
				i++
				if name == "nice" && i < len(c.args) && !c.args[i].Unknown && !wholeNumber.MatchString(c.args[i].Text) {
					return refuse("invalid adjustment " + c.args[i].Text)
				}
			}
			continue
		}
		if skip == 0 {
			return i, v, s
		}
		skip--
		list := name == "taskset" && slices.ContainsFunc(c.args[1:i], func(o Value) bool {
			return strings.HasPrefix(o.Text, "-") && strings.HasSuffix(o.Text, "c") || o.Text == "--cpu-list"
		})
		switch {
		case name == "chroot" && a.Text != "/":
			return -1, unknown, unsure(name)
		case list && !cpuList.MatchString(a.Text), !list && w.first != nil && !w.first.MatchString(a.Text):
			return refuse("invalid argument " + a.Text)
		case w.user:
			r.knowsUser(st, c, a.Text)
		}
	}
	return len(c.args), v, s
}

var cpuList = regexp.MustCompile(`^[0-9]+([-,:][0-9]+)*$`)

// passOn runs the words that a wrapper was given.
func (r *runner) passOn(st *state, c *call, args []Value, w wrapper) (Value, status) {
	in, more := st.clone(), c.more
	in.out = &output{}
	if w.adds {
		o := parted(c.args[1:], w.takes)
		if lines := c.drain(); !lines.Unknown && o.letters == "" && len(o.long) == 0 && !strings.ContainsAny(lines.Text, `'"\`) {
			args = slices.Clone(args)
			for f := range strings.FieldsSeq(lines.Text) {
				args = append(args, Value{Text: f, Unset: lines.Unset})
			}
		} else {
			more = true
		}
	}
	r.program(in, &call{at: c.at, args: args, more: more, stdin: c.stdin, in: c.in, exec: c.exec})
	if w.adds && in.status.fails() && in.status.code < 126 {
		in.status.code = w.fails
	}
	return in.out.Value, in.status
}

// inEnvironment is env, which sets variables for the other one.
func (r *runner) inEnvironment(st *state, c *call, i int) (Value, status) {
	o := parted(c.args[1:i], "uCS")
	if o.has('C') || o.has('S') || slices.ContainsFunc(o.long, func(l string) bool { return l != "--ignore-environment" && !strings.HasPrefix(l, "--unset=") }) {
		return unknown, unsure("env")
	}
	in := st.clone()
	if o.has('i') || slices.Contains(o.long, "--ignore-environment") || slices.ContainsFunc(o.operands, func(v Value) bool { return v.Text == "-" }) {
		in.vars = map[string]variable{"PATH": {Value: known(usualPath)}}
	}
	for _, v := range o.values['u'] {
		delete(in.vars, v.Text)
	}
	for _, l := range o.long {
		delete(in.vars, strings.TrimPrefix(l, "--unset="))
	}
	for ; i < len(c.args); i++ {
		name, v, ok := strings.Cut(c.args[i].Text, "=")
		if c.args[i].Unknown {
			return unknown, unsure("env")
		}
		if !ok {
			return r.passOn(in, c, c.args[i:], wrapper{})
		}
		in.set(name, Value{Text: v, Unset: c.args[i].Unset})
		in.export(name)
	}
	return unknown, status{}
}

// commandOf is what su, runuser and flock have a shell do.
func (r *runner) commandOf(st *state, c *call, name string, o options) (Value, status) {
	command := o.values['c']
	operands := o.operands
	if name != "flock" {
		user := "root"
		for _, v := range operands {
			if v.Text != "-" && !v.Unknown {
				user = v.Text
				break
			}
		}
		r.knowsUser(st, c, user)
	}
	in := st.clone()
	if name != "flock" && (o.has('l') || slices.ContainsFunc(operands, func(v Value) bool { return v.Text == "-" }) || slices.Contains(o.long, "--login")) {
		in.vars = map[string]variable{"PATH": {Value: known(usualPath), exported: true}}
	}
	shell := known("/bin/sh")
	for _, v := range o.values['s'] {
		shell = v
	}
	return r.passOn(in, c, []Value{shell, known("-c"), command[0]}, wrapper{})
}

// knowsUser notes a user that the machine's list has not: others may know it.
func (r *runner) knowsUser(st *state, c *call, user string) {
	user, _, _ = strings.Cut(user, ":")
	if user == "" || wholeNumber.MatchString(user) {
		return
	}
	text, err := r.text("etc/passwd")
	if err == nil && text != "" && !strings.HasPrefix(text, user+":") && !strings.Contains(text, "\n"+user+":") {
		r.fault(st, Fault{Position: c.at, Kind: Misused, Name: path.Base(c.name()) + ": there is no user " + user}, false)
	}
}
