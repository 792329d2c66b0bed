package check

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"dram/internal/rootfs"
	"dram/internal/shell"
)

var programRule = Rule{
	ID: "program", Title: "the programs that the start scripts call are on the target", Worst: Fail, Run: program,
	Doc: Doc{
		Looks: "Every program that the scripts which start the release call, as far as they can be followed: on the target's path, or at the path that they give. What a start comes to in any case stops it; what other commands (rpc, remote, eval, daemon) and other scripts in bin/ call is a warning.",
		Seen:  `/app/bin/my_app: line 30: sed: not found`,
		Do:    "Install the program on the target. Into an image that dram makes, --program NAME puts it.",
	},
}

var (
	noProgram = Cause{
		ID: "missing", Summary: "it calls #{program}, which is not on the target", Symptom: `"#{program}: not found", and the release does not start`,
		Remedy: "install #{program} on the target\nfor an image that dram makes, --program #{program}", Needs: "#{program} on the target",
	}
	noProgramAtTimes = noProgram.with(Cause{
		ID: "missing-at-times", Symptom: `"#{program}: not found", where the script comes to line #{line}; the release starts without it`,
	})
	noProgramForSome = noProgram.with(Cause{Symptom: `"#{program}: not found", in #{fails}`})
	unknownPrograms  = Cause{
		ID: "unknown", Summary: "it calls #{wants}, and which programs the target has is not known", Symptom: `"#{program}: not found", if it is not there`,
		Remedy: "see to it that the target has #{wants}", Needs: "#{wants} on the target", Whole: true,
	}
)

// program looks for the programs that the scripts which start the release call,
// and then for those of its other commands and scripts.
func program(s *Survey) (out []Finding) {
	st := s.starting()
	var open []Finding
	take := func(f shell.Fault, by string) {
		name := f.Name
		switch {
		case f.Kind == shell.Interpreter && f.Open:
			name = path.Base(name)
		case f.Kind != shell.NotFound || s.ofRelease(f) || strings.HasSuffix(name, `\r`), name == "erl" && s.rel.ERTS == "" && s.target.Facts.OTP == nil: // see start, shebang, otp
			return
		}
		found := Finding{
			Verdict: Fail, Subject: s.subjectAt(s.startFile(f.Position)), Cause: &noProgram, Params: Params{"program": name},
			Facts: Params{"fails": by, "line": strconv.Itoa(int(f.Line))}, Evidence: Evidence{Wants: []string{name}},
		}
		switch {
		case by != "":
			found.Verdict, found.Cause = Warn, noProgramForSome
		case !f.Ends || !f.Sure:
			found.Verdict, found.Cause = Warn, noProgramAtTimes
		}
		if f.Open {
			open = append(open, found)
			return
		}
		out = append(out, found)
	}
	for _, f := range st.Faults {
		take(f, "")
	}
	faults, by := s.otherFaults()
	for i, f := range faults {
		take(f, by[i])
	}
	if len(open) > 0 {
		out = append(out, joinPrograms(open))
	}
	return out
}

// ofRelease says whether a fault is about a file of the release itself.
func (s *Survey) ofRelease(f shell.Fault) bool {
	_, own := s.inRelease(rootfs.Clean(f.Name))
	return own && strings.HasPrefix(f.Name, "/")
}

// joinPrograms puts into one finding the programs that are not known to be
// there.
func joinPrograms(list []Finding) Finding {
	f := list[0]
	f.Facts = nil
	for _, o := range list[1:] {
		if !slices.Contains(f.Evidence.Wants, o.Evidence.Wants[0]) {
			f.Evidence.Wants = append(f.Evidence.Wants, o.Evidence.Wants...)
		}
	}
	f.Verdict, f.Cause = Unknown, &unknownPrograms
	return f
}
