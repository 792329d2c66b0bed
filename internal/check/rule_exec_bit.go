package check

import (
	"fmt"
	"path"

	"dram/internal/release"
)

var execBitRule = Rule{
	ID: "exec-bit", Title: "what has to be started may be", Worst: Fail, Run: execBit,
	Doc: Doc{
		Looks: "The executable bit of what a start runs, of ports, and of scripts in priv. Archives that keep no modes (zip) and some copies lose it.",
		Seen:  `sh: ./bin/my_app: Permission denied`,
		Do:    "chmod +x FILE in the sources, and pack and unpack the release with what keeps modes (tar, not zip).",
	},
}

var (
	notExecutable = Cause{
		ID: "not-executable", Summary: "it has to be started and may not be: its mode is #{mode}", Detail: "mode #{mode}",
		Remedy: "chmod +x #{base} in the sources, or unpack the release with what keeps modes (tar, not zip)", Needs: "the executable bit of #{base}",
	}
	scriptNotExecutable = Cause{
		ID: "script-not-executable", Summary: "it is a script that may not be started: its mode is #{mode}", Detail: "mode #{mode}",
		Symptom: "if it is opened as a port, :eacces",
		Remedy:  "chmod +x #{base} in the sources, or start it through its interpreter", Needs: "the executable bit of #{base}",
	}
)

// execBit: what the kernel starts needs the bit.
func execBit(s *Survey) (out []Finding) {
	found := func(v Verdict, f release.File, sub Subject, cause *Cause) {
		out = append(out, Finding{Verdict: v, Subject: sub, Cause: cause, Facts: Params{"mode": fmt.Sprintf("%#o", f.Mode.Perm())}})
	}
	for _, f := range s.rel.Files {
		symptom := s.started(f)
		if symptom == "" || f.Mode&0o111 != 0 {
			continue
		}
		verdict, sub := Fail, subject(f)
		if n := s.native(f.Path); n != nil {
			sub = n.subject()
		}
		if vm := s.starting().vm; sub.Helper != "" && (path.Base(f.Path) != "epmd" || vm == nil || !s.distributed(vm)) {
			verdict, symptom = Warn, "the release starts; #{without}: "+symptom
		}
		found(verdict, f, sub, notExecutable.with(Cause{Symptom: symptom}))
	}
	notScripts, _ := s.unstartable()
	for _, f := range notScripts {
		found(Warn, f, subject(f), &scriptNotExecutable)
	}
	return out
}

// started is what is seen when a file cannot be started; "" for files that
// nobody starts.
func (s *Survey) started(f release.File) string {
	if !f.Mode.IsRegular() {
		return ""
	}
	dir, base := path.Split(f.Path)
	if f.Path == "bin/"+s.rel.Name {
		return `the shell says "Permission denied"`
	}
	if dir == "erts-"+s.rel.ERTS+"/bin/" {
		return map[string]string{
			"erlexec":         `"erlexec: Permission denied"`,
			"erl":             `"erl: Permission denied"`,
			"beam.smp":        `"erlexec: Error 13 executing beam.smp"`,
			"erl_child_setup": `"Failed to write to erl_child_setup: 32"`,
			"inet_gethost":    "names are not resolved",
			"epmd":            `"Protocol 'inet_tcp': register/listen error: econnrefused"`,
		}[base]
	}
	if n := s.native(f.Path); n != nil && n.elf != nil && n.role == executable && f.App != "" {
		return "opening the port fails with :eacces"
	}
	return ""
}
