package check

import (
	"slices"
	"strconv"

	"dram/internal/binary"
)

var isaRule = Rule{
	ID: "isa", Title: "the processor has the instructions that a file asks for", Worst: Fail, Run: isa,
	Doc: Doc{
		Looks: "Files that ask for more than the x86-64 baseline (x86-64-v2, -v3, -v4 of the psABI), which glibc holds against the processor. " +
			"Which one a root filesystem will run on is not known; of this machine, and of a capture of one, it is. " +
			"Of your own files and of dependencies' also what the code is: one that moves its data by AVX throughout, or by wide AVX without asking the processor, gives a warning.",
		Seen: `Failed to load NIF library: 'priv/native/fast.so: CPU ISA level is lower than required'`,
		Do:   "Compile the file without -march=x86-64-v3 and the like, or allow the rule if all processors are known to be new enough.",
	},
}

var (
	unknownProcessor = Cause{
		ID: "unknown", Summary: "it wants an #{level} processor, and nothing is known of the target's", Prints: `on an older processor, "CPU ISA level is lower than required"`,
		Remedy: "compile it without -march=#{level}, or allow the rule isa if the processors are known", Needs: "processors of level #{level}",
	}
	olderProcessor = unknownProcessor.with(Cause{
		ID: "too-old", Summary: "it wants an #{level} processor, the target's is #{newest}", Prints: `"CPU ISA level is lower than required"`,
	})
	vectorCode = unknownProcessor.with(Cause{
		ID: "code", Summary: "its code looks compiled for #{level} processors, and does not say so", Prints: "on an older processor, SIGILL, without a message",
		Detail: "#{moves} moves by AVX, #{plain} by the baseline's instructions",
	})
)

// isa: no root filesystem tells which processor it will run on; a machine, or
// a capture of one, does.
func isa(s *Survey) (out []Finding) {
	has := s.target.Facts.CPU
	for _, n := range s.natives {
		if f, ok := s.vectorCode(n, has); ok {
			out = append(out, f)
		}
		wants := isaOf(n)
		if s.target.Facts.Libc.Kind != "glibc" { // musl does not look
			continue
		}
		if !n.loaded || wants <= levelOf(binary.ISABaseline.String()) || has != "" && wants <= levelOf(has) {
			continue
		}
		level := n.elf.ISA.String()
		f := Finding{Verdict: Unknown, Subject: n.subject(), Cause: &unknownProcessor, Params: Params{"level": level}, Evidence: Evidence{Wants: []string{level}}}
		if has != "" {
			f.Verdict, f.Cause, f.Evidence.Newest = n.verdict(), olderProcessor, has
		}
		out = append(out, f)
	}
	return out
}

// vectorCode is a guess by what the instructions of a file are, since few compilers
// leave a note of what they were told.
func (s *Survey) vectorCode(n *native, has string) (Finding, bool) {
	level := levelOf(n.vector.Level().String())
	if n.elf == nil || level <= max(levelOf(has), isaOf(n), 0) {
		return Finding{}, false
	}
	name := n.vector.Level().String()
	return Finding{
		Verdict: Warn, Subject: n.subject(), Cause: vectorCode, Params: Params{"level": name}, Evidence: Evidence{Wants: []string{name}, Newest: has},
		Facts: Params{"moves": strconv.Itoa(n.vector.AVX + n.vector.AVX512), "plain": strconv.Itoa(n.vector.SSE)},
	}, true
}

// levelOf ranks the levels of the x86-64 psABI; -1 for none.
func levelOf(name string) int {
	return slices.Index([]string{"x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"}, name)
}

// isaOf is the level that a file asks for, -1 for none.
func isaOf(n *native) int {
	if n.elf == nil {
		return -1
	}
	return levelOf(n.elf.ISA.String())
}
