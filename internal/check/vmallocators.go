package check

import (
	"regexp"
	"sync"
)

// allocatorFlag is a setting of the VM's allocators, "+M" and what is here.
type allocatorFlag struct {
	name  *regexp.Regexp // with what is behind the name
	value *regexp.Regexp
	known func(otp int) bool // nil: to all that were tried
}

const percent = `0*([0-9]{1,2}|100)`

// knownAllocatorFlags are allocatorFlags, compiled once.
var knownAllocatorFlags = sync.OnceValue(allocatorFlags)

// allocatorFlags are those that OTP 23, 25, 27 and 29 know, each tried with a value
// that is right and one that is not (November 2026).
func allocatorFlags() []allocatorFlag {
	const of = "[BDEFHILRSTZu]"
	row := func(name, value string, known func(int) bool) allocatorFlag {
		return allocatorFlag{regexp.MustCompile("^" + name + "(.*)$"), regexp.MustCompile("^(" + value + ")$"), known}
	}
	settings := func(of string, known func(int) bool) []allocatorFlag {
		return []allocatorFlag{
			row(of+"(?:acul)", percent+"|de", known),
			row(of+"(?:acnl|acfml|asbcst|lmbcs|mbcgs|mbsd|mmbcs|mmmbc|mmsbc|mmc|rmbcmt|rsbcmt|rsbcst|sbct|smbcs)", number, known),
			row(of+"(?:atags|e|ramv|t)", yesNo, known),
			row(of+"(?:as)", "bf|aobf|aoff|aoffcbf|aoffcaobf|ageffcaoff|ageffcbf|ageffcaobf|gf|af", known),
			row(of+"(?:cp)", "[A-Z@:]", known),
		}
	}
	since25 := func(otp int) bool { return otp >= 25 }
	return append(append(settings(of, nil), settings("X", func(otp int) bool { return otp < 25 })...), []allocatorFlag{
		row("M(?:amcbf|rmcbf|mcs|scrfsd)", number, nil),
		row("[MI]scs", "[0-9]{1,8}", nil), // MB: past that no machine has addresses
		row("M(?:sco|scrpm)", yesNo, nil),
		row("ea", "min|max", nil),
		row("ea", "config", func(otp int) bool { return otp < 27 }),
		row("lpm", "all|no", nil),
		row("it", yesNo, func(otp int) bool { return otp < 25 }),
		row("dai", "max|"+number, since25),
		row("Ym", yesNo, since25),
		row("Yt[pt]", ".*", nil),
	}...)
}

// judgeAllocator judges a setting of allocators by what follows "+M".
func judgeAllocator(rest, next string, otp int) (state flagState, used bool) {
	state = flagUnknown
	for _, f := range knownAllocatorFlags() {
		m := f.name.FindStringSubmatch(rest)
		if m == nil || f.known != nil && !f.known(otp) {
			continue
		}
		value := m[1]
		if used = value == ""; used {
			value = next
		}
		if f.value.MatchString(value) {
			return flagFine, used
		}
		if used {
			state = flagBadValue
		}
	}
	return state, used || state == flagUnknown
}
