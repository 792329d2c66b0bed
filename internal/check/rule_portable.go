package check

import (
	"bytes"

	"dram/internal/binary"
	"dram/internal/target"
)

var portableRule = Rule{
	ID: "portable", Title: "what a portable release brings is whole and started by it", Worst: Fail, Run: portableWhole,
	Doc: Doc{
		Looks: "Of a portable release (dram build --portable), in which a launcher stands for each program: that the program and the loader which it starts are there, " +
			"that the target's kernel is not older than the C library which the release brings allows, and programs that cannot be started so: AppImages.",
		Seen: `erts-15.2.7/bin/erlexec: cannot open its loader ../../portable/lib/ld-linux-x86-64.so.2, or "FATAL: kernel too old"`,
		Do:   "Build the release again with dram build --portable and unpack all of it. For an older kernel build it in an older toolchain.",
	},
}

var (
	launcherAlone = Cause{
		ID: "alone", Summary: "it is a launcher, and the program or the loader that it starts is not in the release",
		Symptom: `"#{base}: cannot open its loader", or the loader's "cannot open shared object file"`,
		Remedy:  "unpack all of the release, files whose names begin with a dot too, or build it again", Needs: "the files that #{base} starts",
	}
	oldKernel = Cause{
		ID: "kernel", Summary: "the C library that it brings needs Linux #{kernel}, the target has #{newest}", Symptom: `"FATAL: kernel too old"`,
		Remedy: "build the release in an older toolchain, whose C library runs on Linux #{newest}", Needs: "Linux #{kernel} on the target",
	}
	imageInside = Cause{
		ID: "appimage", Summary: "it is an AppImage: it starts by the target's C library and FUSE, not by what the release brings",
		Symptom: "on a target without them, its port ends with status 127 or a word of libfuse",
		Remedy:  "unpack it (--appimage-extract) and have the release start the program inside, or compile that program", Needs: "FUSE and a C library on the target for #{base}",
	}
)

// portableWhole looks at nothing that others look at: what launchers start is to them
// as if there were no launchers.
func portableWhole(s *Survey) (out []Finding) {
	if s.brought == nil {
		return nil
	}
	for _, f := range s.brought.alone {
		out = append(out, Finding{Verdict: Fail, Subject: subject(f), Cause: &launcherAlone})
	}
	for _, n := range s.appImages() {
		out = append(out, Finding{Verdict: Warn, Subject: n.subject(), Cause: &imageInside})
	}
	needs, has := s.brought.kernel, s.target.Facts.Kernel
	if needs != "" && has != "" && target.CompareVersions(has+".0.0", needs) < 0 { // "3.10" is 3.10.0
		out = append(out, Finding{
			Verdict: Fail, Subject: s.subjectAt(s.brought.libraries + "/libc.so.6"), Cause: &oldKernel, Params: Params{"kernel": needs},
			Evidence: Evidence{Wants: []string{"Linux " + needs}, Newest: has},
		})
	}
	return out
}

// minKernel is the oldest kernel that a C library runs on, "" if it does not say.
func minKernel(libc []byte) string {
	v, err := binary.MinKernel(bytes.NewReader(libc), int64(len(libc)))
	if err != nil {
		return "" // a damaged one is found by format
	}
	return v
}
