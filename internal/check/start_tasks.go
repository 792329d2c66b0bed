package check

import (
	"errors"
	"path"
	"regexp"
	"strconv"
	"strings"

	"dram/internal/project/elixir"
	"dram/internal/shell"
)

var (
	startLimit = startStops.with(Cause{
		ID: "limit", Summary: "line #{line} sets a limit with which the VM does not start: ulimit -#{of} #{most}", Remedy: "raise the limit, or leave it to what starts the release",
		Needs: "a higher ulimit -#{of}",
	})
	startTask = startStops.with(Cause{
		ID: "task", Summary: "before the VM starts it evaluates #{module}.…, a module that is not in the release", Symptom: "** (UndefinedFunctionError) … (module #{module} is not available)",
		Remedy: "call a module that is in the release", Needs: "#{module}",
	})
	startTaskGrammar = startTask.with(Cause{
		ID: "task-grammar", Summary: "before the VM starts it evaluates what is no Elixir: #{why}", Symptom: "** (TokenMissingError) or ** (SyntaxError)", Remedy: "mend what #{base} evaluates", Needs: "another eval in #{base}",
	})
)

// leastLimits are those below which no VM starts, and dash not either; measured with
// OTP 27. A VM that compiles at run time reserves 1 GiB of addresses.
func leastLimits() map[byte]uint64 {
	return map[byte]uint64{'n': 11, 'v': 1 << 20, 'd': 32 << 10}
}

// tooLow is what is said of limits that a start sets.
func (s *Survey) tooLow(st *start) (out []Finding) {
	for _, l := range st.Limits {
		f := Finding{
			Verdict: Warn, Subject: s.subjectAt(s.startFile(l.Position)), Cause: startLimit, Params: Params{"of": string(l.Of), "most": strconv.FormatUint(l.Most, 10)},
			Facts: Params{"line": line(l.Position)},
		}
		least, judged := leastLimits()[l.Of]
		switch {
		case judged && l.Most < least:
			if f.Verdict = Fail; l.Of != 'n' {
				f.Verdict = Warn // it hangs on the VM's own settings
			}
		case l.Of != 'f' || l.Most > 0:
			continue
		}
		out = append(out, f)
	}
	return out
}

// evaluated is how a piece of Elixir begins that calls a module.
var evaluated = regexp.MustCompile(`^\s*((?:[A-Z]\w*\.)*[A-Z]\w*)\.[a-z_]`)

// tasks is what is said of code that a start has evaluated before the VM of its own.
func (s *Survey) tasks(st *start) (out []Finding) {
	for i := range st.Runs {
		code, ok := evalOf(st.Runs[i])
		if !ok {
			continue
		}
		f := Finding{Verdict: Warn, Subject: s.subjectAt(st.script)}
		var wrong *elixir.Error
		m := evaluated.FindStringSubmatch(code)
		switch _, err := elixir.ReadScript("eval", code); {
		case errors.As(err, &wrong):
			f.Cause, f.Params = startTaskGrammar, Params{"why": wrong.Reason}
		case m != nil && !s.hasModule("Elixir."+m[1]):
			f.Cause, f.Params = startTask, Params{"module": m[1]}
		default:
			continue
		}
		out = append(out, f)
	}
	return out
}

// evalOf is the code that a VM is started for.
func evalOf(r shell.Run) (code string, ok bool) {
	if !vmNames(path.Base(r.Path)) {
		return "", false
	}
	for i, a := range r.Argv {
		if (a.Text == "--eval" || a.Text == "--rpc-eval") && i+1 < len(r.Argv) && !r.Argv[i+1].Unknown {
			return r.Argv[i+1].Text, a.Text == "--eval" && strings.TrimSpace(r.Argv[i+1].Text) != ""
		}
	}
	return "", false
}
