package check

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// vmFlag is a flag of the emulator. To add one is to add a row.
type vmFlag struct {
	name  string // what it begins with, behind the "+"
	since int    // the oldest OTP that was tried and knows it
	until int    // the newest that was tried and does not; 0 if none
	value string // what its value must match; "" if it has none, "*" for any, alone for none, also none behind its name
	least int    // of a number
	most  int    // 0: no bound

	matches *regexp.Regexp // value, compiled; nil for any
}

// knownFlags are vmFlags, compiled once.
var knownFlags = sync.OnceValue(func() []vmFlag {
	out := vmFlags()
	for i, f := range out {
		if f.value != "*" {
			out[i].matches = regexp.MustCompile("^(" + f.value + ")$")
		}
	}
	return out
})

// vmFlags are those that OTP 23, 25, 27 and 29 know, each tried with a value that
// is right and one that is not (November 2026). The longer comes first.
func vmFlags() []vmFlag { return slices.Concat(poolFlags(), namedFlags(), letterFlags()) }

// What values match.
const (
	number = `[0-9]+`
	yesNo  = `true|false`
	wait   = `none|very_short|short|medium|long|very_long`
	wakeup = `very_low|low|medium|high|very_high`
	pair   = `[-+]?[0-9]+(:[-+]?[0-9]*(:.*)?)?|:[-+]?[0-9]+`

	binding  = `u|ns|ts|ps|s|nnps|nnts|tnnps|db`
	topology = `[LTCPND][0-9]+(-[0-9]+)?([LTCPND:,-]?[0-9]+)*`
	never    = `none of them` // erlexec knows the flag, and the VM takes no value
	alone    = "alone"
)

// poolFlags are of I/O, the JIT, schedulers and heaps.
func poolFlags() []vmFlag {
	return []vmFlag{
		{name: "IOPp", since: 23, value: number, most: 100},
		{name: "IOPt", since: 23, value: number, most: 100},
		{name: "IOs", since: 25, until: 23, value: yesNo},
		{name: "IOp", since: 23, value: number, least: 1, most: 1_024},
		{name: "IOt", since: 23, value: number, least: 1, most: 1_024},
		{name: "JPperf", since: 25, until: 23, value: yesNo + "|map|dump|fp|no_fp"},
		{name: "JPcover", since: 27, until: 25, value: "*"},
		{name: "JPfp", since: 27, until: 25, value: "*"},
		{name: "JMsingle", since: 27, until: 25, value: yesNo},
		{name: "JDdump", since: 25, until: 23, value: yesNo},
		{name: "SDPcpu", since: 23, value: pair},
		{name: "SDcpu", since: 23, value: pair},
		{name: "SDio", since: 23, value: number, least: 1, most: 1_024},
		{name: "SP", since: 23, value: pair},
		{name: "S", since: 23, value: pair},
		{name: "hmaxel", since: 23, value: yesNo},
		{name: "hmaxib", since: 23, value: yesNo},
		{name: "hmaxk", since: 23, value: yesNo},
		{name: "hmax", since: 23, value: number + "|[^0-9].*"},
		{name: "hmqd", since: 23, value: "on_heap|off_heap"},
		{name: "hmbs", since: 23, value: number, least: 1},
		{name: "hms", since: 23, value: number, least: 1},
		{name: "hpds", since: 23, value: number, least: 1},
	}
}

// namedFlags are the others with names of several letters.
func namedFlags() []vmFlag {
	return []vmFlag{
		{name: "pad", since: 27, until: 25, value: yesNo},
		{name: "pc", since: 23, value: "latin1|unicode"},
		{name: "rg", since: 23, value: number},
		{name: "sbwtdcpu", since: 23, value: wait},
		{name: "sbwtdio", since: 23, value: wait},
		{name: "sbwt", since: 23, value: wait},
		{name: "swtdcpu", since: 23, value: wakeup},
		{name: "swtdio", since: 23, value: wakeup},
		{name: "swct", since: 23, value: `very_eager|eager|medium|lazy|very_lazy`},
		{name: "sws", since: 23, value: "default|legacy"},
		{name: "swt", since: 23, value: wakeup},
		{name: "sssdcpu", since: 23, value: number, least: 20, most: 8_192},
		{name: "sssdio", since: 23, value: number, least: 20, most: 8_192},
		{name: "sss", since: 23, value: number, least: 20, most: 8_192},
		{name: "ssrct", since: 25, until: 23, value: "*"},
		{name: "sbt", since: 23, value: binding},
		{name: "stbt", since: 23, value: binding},
		{name: "sct", since: 23, value: topology},
		{name: "secio", since: 23, value: yesNo},
		{name: "scl", since: 23, value: yesNo},
		{name: "sfwi", since: 23, value: "*"},
		{name: "spp", since: 23, value: yesNo},
		{name: "sub", since: 23, value: yesNo},
		{name: "zdbbl", since: 23, value: number, least: 1, most: 2_097_151},
		{name: "zdntgc", since: 23, value: number},
		{name: "zosrl", since: 25, until: 23, value: number},
		{name: "zhft", since: 27, until: 25, value: number, least: 1},
		{name: "zebwt", since: 23, value: wait},
		{name: "fnl", since: 23},
		{name: "fnu", since: 23},
		{name: "fna", since: 23},
		{name: "dcg", since: 23, value: never},
		{name: "ec", since: 23},
	}
}

// letterFlags are those of one letter.
func letterFlags() []vmFlag {
	return []vmFlag{
		{name: "a", since: 23, value: number, least: 16, most: 8_192},
		{name: "A", since: 23, value: "*", most: 1_024},
		{name: "Bc", since: 23, value: alone},
		{name: "Bd", since: 23, value: alone},
		{name: "Bi", since: 23, value: alone},
		{name: "B", since: 23, value: alone},
		{name: "c", since: 23, value: "*"},
		{name: "C", since: 23, value: "no_time_warp|single_time_warp|multi_time_warp"},
		{name: "D", since: 29, until: 27, value: "*"},
		{name: "d", since: 23},
		{name: "e", since: 23, value: "*", most: 2_147_483_647},
		{name: "i", since: 23, value: never},
		{name: "K", since: 23, value: "*"},
		{name: "L", since: 23},
		{name: "M", since: 23, value: "*"},
		{name: "n", since: 23, value: "d|s|a"},
		{name: "P", since: 23, value: number + "|legacy", least: 1024, most: 134_217_727},
		{name: "Q", since: 23, value: number + "|legacy", least: 1024, most: 134_217_727},
		{name: "R", since: 23, value: number},
		{name: "r", since: 23},
		{name: "t", since: 23, value: number, least: 8192, most: 2_147_483_647},
		{name: "T", since: 23, value: "*", most: 9},
		{name: "v", since: 23},
		{name: "V", since: 23},
		{name: "W", since: 23, value: "w|i|e"},
	}
}

// flagState is what is known of a flag and its value.
type flagState int

const (
	flagFine flagState = iota
	flagUnknown
	flagMaybe // to a version that nobody tried
	flagBadValue
	flagDoubt   // it is a value, with which not every VM runs
	flagMachine // what it comes to depends on the processors that the VM sees
)

// judgeFlag judges a flag without its "+", whose next word is next, by those that are
// known. used says that it takes that word for its value.
func judgeFlag(known []vmFlag, flag, next string, otp int) (state flagState, used bool) {
	for _, f := range known {
		rest, ok := strings.CutPrefix(flag, f.name)
		if !ok {
			continue
		}
		switch {
		case f.name == "M":
			return judgeAllocator(rest, next, otp)
		case otp <= f.until:
			return flagUnknown, true
		case otp < f.since && f.until > 0:
			return flagMaybe, true
		case f.value == alone && rest != "":
			return flagUnknown, false
		case f.value == "" || f.value == alone:
			return flagFine, false
		}
		value := rest
		if used = rest == ""; used {
			value = next
		}
		if !f.takes(value, otp) || used && f.value == "*" && f.name != "c" && (value == "" || value == "--") {
			return flagBadValue, used
		}
		if f.doubtful(value) {
			return flagDoubt, used
		}
		if f.name == "sbt" && value != "u" {
			return flagMachine, used
		}
		return flagFine, used
	}
	return flagUnknown, false
}

func (f vmFlag) takes(value string, otp int) bool {
	if f.matches != nil && !f.matches.MatchString(value) {
		return false
	}
	if f.value == pair {
		return f.name != "S" && f.name != "SDcpu" || takesSchedulers(value)
	}
	n, err := strconv.Atoi(value)
	switch {
	case f.name == "R" && (n < otp-2 || n > otp):
		return false
	case strings.HasPrefix(f.value, number) && err != nil && digits.MatchString(value):
		return false // it is too large
	}
	return err != nil || n >= f.least && (f.most == 0 || n <= f.most)
}

// leastHeap is words, below which a largest heap kills the VM's own processes.
const leastHeap = 100_000

var digits = regexp.MustCompile(`^[0-9]+$`)

// doubtful says whether a value is one with which only some VMs run: one that counts
// down from the processors that there are, and a largest heap that is small.
func (f vmFlag) doubtful(value string) bool {
	if f.value == pair {
		total, online, _ := strings.Cut(value, ":")
		n, err := strconv.Atoi(total)
		m, err2 := strconv.Atoi(online)
		return strings.Contains(value, "-") || err == nil && err2 == nil && m > n
	}
	n, err := strconv.Atoi(value)
	return f.name == "hmax" && err == nil && n > 0 && n < leastHeap
}

const maxSchedulers = 1024

// takesSchedulers: no more may be online than there are.
func takesSchedulers(value string) bool {
	total, online, both := strings.Cut(value, ":")
	n, err := strconv.Atoi(total)
	m, err2 := strconv.Atoi(online)
	if n > maxSchedulers || m > maxSchedulers {
		return false
	}
	return !both || err != nil || err2 != nil || n <= 0 || m <= n
}
