package check

import (
	"path"
	"strings"

	"dram/internal/portable"
	"dram/internal/rootfs"
	"dram/internal/shell"
	"dram/internal/target"
)

var programRule = Rule{
	ID: "program", Title: "the programs that the start scripts call are on the target", Worst: Fail, Run: program,
	Doc: Doc{
		Looks: "The programs that the start scripts call (sh, sed, cut, grep and the like), on the target's path. Some are called by rpc and remote alone; without those it is a warning.",
		Seen:  `/app/bin/my_app: line 30: sed: not found`,
		Do:    "Install the program on the target. Into an image that dram makes, --program NAME puts it.",
	},
}

var (
	noProgram = Cause{
		ID: "missing", Summary: "it calls #{program}, which is not on the target", Symptom: `"#{program}: not found", and the release does not start`,
		Remedy: "install #{program} on the target\nfor an image that dram makes, --program #{program}", Needs: "#{program} on the target",
	}
	noProgramForSome = noProgram.with(Cause{Symptom: `"#{program}: not found", in #{fails}`})
	unknownPrograms  = Cause{
		ID: "unknown", Summary: "it calls #{wants}, and which programs the target has is not known", Symptom: `"#{program}: not found", if it is not there`,
		Remedy: "see to it that the target has #{wants}", Needs: "#{wants} on the target", Whole: true,
	}
)

// called are the programs that start scripts call, and what fails without
// them; "" is the start itself.
func called() []struct{ name, fails string } {
	return []struct{ name, fails string }{
		{"sh", ""},
		{"dirname", ""},
		{"basename", ""},
		{"readlink", ""},
		{"sed", ""},
		{"cut", ""},
		{"cat", ""},
		{"grep", ""},
		{"mkdir", "a start with a runtime configuration"},
		{"date", "a start with a runtime configuration"},
		{"dd", "rpc and remote"},
		{"od", "rpc and remote"},
		{"awk", "rpc and remote"},
		{"tr", "rpc and remote"},
	}
}

// program looks for the programs that the scripts which start the release call.
func program(s *Survey) (out []Finding) {
	calls := s.scriptCalls()
	for _, c := range called() {
		by := calls[c.name]
		if by == nil {
			continue
		}
		if found, _ := rootfs.Programs(s.root, []string{c.name}); len(found) > 0 || s.brought.starts(portable.Programs+"/"+c.name) {
			continue
		}
		f := Finding{
			Verdict: Fail, Subject: subject(by.File), Cause: &noProgram, Params: Params{"program": c.name}, Facts: Params{"fails": c.fails},
			Evidence: Evidence{Wants: []string{c.name}},
		}
		if c.fails != "" {
			f.Verdict, f.Cause = Warn, noProgramForSome
		}
		out = append(out, f)
	}
	if s.target.Open(target.Programs) && len(out) > 0 {
		return []Finding{joinPrograms(out)}
	}
	return out
}

// scriptCalls is the programs that the scripts which start the release call,
// each with the first script that does.
func (s *Survey) scriptCalls() map[string]*script {
	calls := map[string]*script{}
	for i, sc := range s.scripts {
		dir := path.Dir(sc.Path)
		if dir != "bin" && !strings.HasPrefix(dir, "releases/") && sc.Path != "erts-"+s.rel.ERTS+"/bin/erl" {
			continue
		}
		for _, name := range shell.Commands(sc.text) {
			if calls[name] == nil {
				calls[name] = &s.scripts[i]
			}
		}
		if strings.HasPrefix(sc.text, "#!/bin/sh") && calls["sh"] == nil {
			calls["sh"] = &s.scripts[i]
		}
	}
	return calls
}

// joinPrograms puts into one finding the programs that are not known to be
// there.
func joinPrograms(list []Finding) Finding {
	f := list[0]
	for _, o := range list[1:] {
		f.Evidence.Wants = append(f.Evidence.Wants, o.Evidence.Wants...)
	}
	f.Verdict, f.Cause = Unknown, &unknownPrograms
	return f
}
