package check

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// vmFlag is a flag of the emulator. To add one is to add a row.
type vmFlag struct {
	name  string // what it begins with, behind the "+"
	since int    // the oldest OTP that was tried and knows it
	until int    // the newest that was tried and does not; 0 if none
	value string // what its value must match; "" if it has none, "*" for any
}

// vmFlags are those that OTP 23, 25, 27 and 29 know, each tried with a value that
// is right and one that is not (November 2026). The longer comes first.
func vmFlags() []vmFlag { return slices.Concat(poolFlags(), namedFlags(), letterFlags()) }

// What values match.
const (
	number = `[0-9]+`
	yesNo  = `true|false`
	wait   = `none|very_short|short|medium|long|very_long`
	wakeup = `very_low|low|medium|high|very_high`
	pair   = `[0-9]*:?[0-9]*`
)

// poolFlags are of I/O, the JIT, schedulers and heaps.
func poolFlags() []vmFlag {
	return []vmFlag{
		{"IOPp", 23, 0, number},
		{"IOPt", 23, 0, number},
		{"IOs", 25, 23, yesNo},
		{"IOp", 23, 0, number},
		{"IOt", 23, 0, number},
		{"JPperf", 25, 23, yesNo + "|map|dump|fp|no_fp"},
		{"JPcover", 27, 25, "*"},
		{"JPfp", 27, 25, "*"},
		{"JMsingle", 27, 25, yesNo},
		{"JDdump", 25, 23, yesNo},
		{"SDPcpu", 23, 0, pair},
		{"SDcpu", 23, 0, pair},
		{"SDio", 23, 0, number},
		{"SP", 23, 0, pair},
		{"S", 23, 0, pair},
		{"hmaxel", 23, 0, yesNo},
		{"hmaxib", 23, 0, "*"},
		{"hmaxk", 23, 0, "*"},
		{"hmax", 23, 0, "*"},
		{"hmqd", 23, 0, "on_heap|off_heap|mixed"},
		{"hmbs", 23, 0, number},
		{"hms", 23, 0, number},
		{"hpds", 23, 0, number},
	}
}

// namedFlags are the others with names of several letters.
func namedFlags() []vmFlag {
	return []vmFlag{
		{"pad", 27, 25, yesNo},
		{"pc", 23, 0, "latin1|unicode"},
		{"rg", 23, 0, number},
		{"sbwtdcpu", 23, 0, wait},
		{"sbwtdio", 23, 0, wait},
		{"sbwt", 23, 0, wait},
		{"swtdcpu", 23, 0, wakeup},
		{"swtdio", 23, 0, wakeup},
		{"swct", 23, 0, `very_eager|eager|medium|lazy|very_lazy`},
		{"sws", 23, 0, "default|legacy|proposal"},
		{"swt", 23, 0, wakeup},
		{"sssdcpu", 23, 0, number},
		{"sssdio", 23, 0, number},
		{"sss", 23, 0, number},
		{"ssrct", 25, 23, "*"},
		{"sbt", 23, 0, "*"},
		{"stbt", 23, 0, "*"},
		{"scl", 23, 0, yesNo},
		{"sfwi", 23, 0, "*"},
		{"spp", 23, 0, yesNo},
		{"sub", 23, 0, yesNo},
		{"zdbbl", 23, 0, number},
		{"zdntgc", 23, 0, number},
		{"zosrl", 25, 23, number},
		{"zhft", 27, 25, "*"},
		{"zebwt", 23, 0, wait},
		{"fnl", 23, 0, ""},
		{"fnu", 23, 0, ""},
		{"fna", 23, 0, ""},
		{"dcg", 23, 0, "*"},
		{"ec", 23, 0, ""},
	}
}

// letterFlags are those of one letter.
func letterFlags() []vmFlag {
	return []vmFlag{
		{"a", 23, 0, number},
		{"A", 23, 0, "*"},
		{"B", 23, 0, "*"},
		{"c", 23, 0, "*"},
		{"C", 23, 0, "no_time_warp|single_time_warp|multi_time_warp"},
		{"D", 29, 27, "*"},
		{"d", 23, 0, ""},
		{"e", 23, 0, "*"},
		{"i", 23, 0, "*"},
		{"K", 23, 0, "*"},
		{"L", 23, 0, ""},
		{"M", 23, 0, "*"},
		{"n", 23, 0, "d|s|a"},
		{"P", 23, 0, number},
		{"Q", 23, 0, number},
		{"R", 23, 0, number},
		{"r", 23, 0, ""},
		{"t", 23, 0, number},
		{"T", 23, 0, "*"},
		{"v", 23, 0, ""},
		{"V", 23, 0, ""},
		{"W", 23, 0, "w|i|e"},
	}
}

// Limits of tables that +P and +Q give the size of, on all of these.
const (
	tableLeast = 1024
	tableMost  = 134_217_727
)

// allocatorFlag is what follows +M: an allocator in capitals, or a setting of all.
var allocatorFlag = regexp.MustCompile(`^([A-Z]|ea|im|is|it|lpm|sc|um|us|uy|da|ram)`)

// flagState is what is known of a flag and its value.
type flagState int

const (
	flagFine flagState = iota
	flagUnknown
	flagMaybe // to a version that nobody tried
	flagBadValue
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
			if !allocatorFlag.MatchString(rest) {
				return flagUnknown, true
			}
			return flagFine, true
		case otp <= f.until:
			return flagUnknown, true
		case otp < f.since && f.until > 0:
			return flagMaybe, true
		case f.value == "":
			return flagFine, false
		}
		value := rest
		if used = rest == ""; used {
			value = next
		}
		if !f.takes(value) {
			return flagBadValue, used
		}
		return flagFine, used
	}
	return flagUnknown, false
}

func (f vmFlag) takes(value string) bool {
	if f.value == "*" {
		return true
	}
	if ok, _ := regexp.MatchString("^("+f.value+")$", value); !ok {
		return false
	}
	n, err := strconv.Atoi(value)
	return !slices.Contains([]string{"P", "Q"}, f.name) || err == nil && n >= tableLeast && n <= tableMost
}
