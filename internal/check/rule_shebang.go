package check

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/shell"
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
	longLine           = noInterpreter.with(Cause{
		ID: "long", Summary: "its first line is longer than the 255 bytes that Linux reads of it", Remedy: "shorten the path of the interpreter: #!/usr/bin/env -S … or #!/bin/sh",
		Needs: "a shorter first line of #{base}",
	})
	oneArgument = noInterpreter.with(Cause{
		ID: "one-argument", Summary: "its first line has env look for one program called \"#{interpreter}\", as Linux takes all after env for one word",
		Remedy: "write #!/usr/bin/env -S #{interpreter}, or set the options in the script", Needs: "another first line of #{base}",
	})
	noFirstLine = Cause{
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
	text, rest, _ := strings.Cut(sc.text, "\n")
	f = Finding{Verdict: Warn, Subject: subject(sc.File)}
	if sc.Mode&0o111 != 0 && s.ending(sc.Path, shell.Interpreter) || s.ending(sc.Path, shell.NotFound, shell.Syntax) && strings.Contains(rest, "\r\n") {
		f.Verdict = Fail
	}
	if strings.HasSuffix(text, "\r") || (strings.HasSuffix(sc.Path, "env.sh") && strings.Contains(rest, "\r\n")) {
		f.Cause, f.Facts = &carriageReturn, Params{"line": fmt.Sprintf("%q", text)}
		return f, true
	}
	first, ok := shell.ReadFirstLine(sc.text)
	if !ok || first.Interpreter == "" || sc.Mode&0o111 == 0 {
		return f, false
	}
	missing := s.missingInterpreter(first)
	open := s.target.Open(target.Programs)
	if missing == "" || path.Base(missing) == "sh" && open { // see program
		return f, false
	}
	f.Cause, f.Params, f.Facts = &noInterpreter, Params{"interpreter": missing}, Params{"program": path.Base(missing), "line": text}
	f.Evidence.Wants = []string{missing}
	switch {
	case first.Cut:
		f.Cause, f.Facts["line"] = longLine, text[:64]+"…"
	case strings.Contains(missing, " "):
		f.Cause = oneArgument
	case open && !s.ours(missing):
		f.Verdict, f.Cause = Unknown, unknownInterpreter
	}
	return f, true
}

// ending says whether each start ends over a fault of some kind in a script.
func (s *Survey) ending(script string, kinds ...shell.FaultKind) bool {
	return s.starting().stops(func(f shell.Fault) bool {
		return slices.Contains(kinds, f.Kind) && s.startFile(f.Position) == script
	})
}

func (s *Survey) ours(name string) bool {
	_, own := s.inRelease(rootfs.Clean(name))
	return own
}

// missingInterpreter is what a first line names that is not there, or may not be
// run.
func (s *Survey) missingInterpreter(l shell.FirstLine) string {
	if !s.runs(l.Interpreter) {
		return l.Interpreter
	}
	if l.Env == "" || s.files["erts-"+s.rel.ERTS+"/bin/"+l.Env] != nil {
		return ""
	}
	if found, _ := rootfs.Programs(s.root, []string{l.Env}); len(found) == 0 {
		return l.Env
	}
	return ""
}

// runs says whether a path names a program.
func (s *Survey) runs(name string) bool {
	real, err := rootfs.Resolve(s.root, name)
	if err != nil {
		return false
	}
	info, err := s.root.Lstat(real)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
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
