package check

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/target"
)

var shebangRule = Rule{
	ID: "shebang", Title: "the interpreters of scripts are on the target", Worst: Fail, Run: shebang,
	Doc: Doc{
		Looks: "The first line of scripts (#!/bin/sh, #!/usr/bin/env bash): that the interpreter is on the target, and that lines end in LF, for the kernel takes a carriage return for part of the name. " +
			"Executable files in priv that are neither programs nor scripts are warned about.",
		Seen: `sh: /app/bin/my_app: not found, although the file is there`,
		Do:   "Install the interpreter on the target, or write the script for /bin/sh. Store scripts with LF: .gitattributes with eol=lf.",
	},
}

var (
	carriageReturn = Cause{
		ID: "crlf", Summary: "its lines end in CR LF", Detail: "line 1 is #{line}", Symptom: `"#{base}: not found", although the file is there`,
		Remedy: "store it with LF: git config core.autocrlf input, or .gitattributes with eol=lf", Needs: "line ends of #{base}",
	}
	noInterpreter = Cause{
		ID: "no-interpreter", Summary: "it is run by #{interpreter}, which is not on the target", Symptom: `"#{base}: not found" (exit 127)`,
		Detail: "#{line}", Remedy: "install #{program} on the target", Needs: "#{program} on the target",
	}
	unknownInterpreter = noInterpreter.with(Cause{ID: "unknown", Summary: "it is run by #{interpreter}, and whether the target has it is not known"})
	noFirstLine        = Cause{
		ID: "no-first-line", Summary: "it may be started, and is neither a program nor a script with a first line #!",
		Symptom: "if it is opened as a port, the port ends with status 8 (Exec format error); a shell would run it",
		Remedy:  "begin it with #!/bin/sh or the like, or take its executable bit away", Needs: "a first line #! in #{base}",
	}
	emptyScript = noFirstLine.with(Cause{ID: "empty", Summary: "it may be started, and is empty", Remedy: "build it again", Needs: "the content of #{base}"})
)

// shebang: the kernel looks for the interpreter of a script, carriage return
// and all.
func shebang(s *Survey) (out []Finding) {
	for _, sc := range s.scripts {
		if f, bad := s.scriptFinding(sc); bad {
			out = append(out, f)
		}
	}
	_, notScripts := s.unstartable()
	for _, f := range notScripts {
		cause := &noFirstLine
		if f.Size == 0 {
			cause = emptyScript
		}
		out = append(out, Finding{Verdict: Warn, Subject: subject(f), Cause: cause})
	}
	return out
}

func (s *Survey) scriptFinding(sc script) (f Finding, bad bool) {
	line, rest, _ := strings.Cut(sc.text, "\n")
	first := strings.TrimPrefix(line, "#!")
	f = Finding{Verdict: Warn, Subject: subject(sc.File)}
	if starts(sc.File) && !strings.HasSuffix(sc.Path, ".escript") && sc.Mode&0o111 != 0 {
		f.Verdict = Fail
	}
	if strings.HasSuffix(line, "\r") || (strings.HasSuffix(sc.Path, "env.sh") && strings.Contains(rest, "\r\n")) {
		f.Cause, f.Facts = &carriageReturn, Params{"line": fmt.Sprintf("%q", line)}
		return f, true
	}
	words := strings.Fields(first)
	if len(words) == 0 || line == first || sc.Mode&0o111 == 0 {
		return f, false
	}
	missing := s.missingInterpreter(words)
	open := s.target.Open(target.Programs)
	if missing == "" || missing == "/bin/sh" && open { // see program
		return f, false
	}
	f.Cause, f.Params, f.Facts = &noInterpreter, Params{"interpreter": missing}, Params{"program": path.Base(missing), "line": line}
	f.Evidence.Wants = []string{missing}
	if open {
		f.Verdict, f.Cause = Unknown, unknownInterpreter
	}
	return f, true
}

// starts says whether a script is one that starts the release.
func starts(f release.File) bool {
	return f.Origin == release.Metadata || f.Origin == release.ERTS
}

// missingInterpreter is what of a shebang's words is not there.
func (s *Survey) missingInterpreter(words []string) string {
	if _, err := rootfs.Resolve(s.root, words[0]); err != nil {
		return words[0]
	}
	if path.Base(words[0]) != "env" {
		return ""
	}
	args := slices.DeleteFunc(slices.Clone(words[1:]), func(w string) bool { return strings.HasPrefix(w, "-") || strings.Contains(w, "=") })
	if len(args) == 0 {
		return ""
	}
	if found, _ := rootfs.Programs(s.root, args[:1]); len(found) == 0 && s.files["erts-"+s.rel.ERTS+"/bin/"+args[0]] == nil {
		return args[0]
	}
	return ""
}

// unstartable are files in a priv directory that look as if they were to be
// started and cannot be by the VM itself, which uses no shell. Whether anything
// starts them is not known, so that it is a warning.
func (s *Survey) unstartable() (noBit, noScript []release.File) {
	scripts := map[string]bool{}
	for _, sc := range s.scripts {
		scripts[sc.Path] = strings.HasPrefix(sc.text, "#!")
	}
	for _, f := range s.rel.Files {
		_, inPriv, ok := strings.Cut(f.Path, "/priv/")
		if !ok || !f.Mode.IsRegular() || strings.HasPrefix(inPriv, "static/") || strings.HasPrefix(inPriv, "templates/") {
			continue
		}
		runs, ext := f.Mode&0o111 != 0, path.Ext(f.Path)
		switch {
		case scripts[f.Path] && !runs:
			noBit = append(noBit, f)
		case runs && !scripts[f.Path] && s.native(f.Path) == nil && (ext == "" || ext == ".sh"):
			noScript = append(noScript, f)
		}
	}
	return noBit, noScript
}
