package mix

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// codeNames are the lines of Node.js with long support, the newest first, and what
// .nvmrc may call them.
var codeNames = []struct {
	major int
	name  string
}{
	{24, "krypton"}, {22, "jod"}, {20, "iron"}, {18, "hydrogen"}, {16, "gallium"}, {14, "fermium"}, {12, "erbium"}, {10, "dubnium"},
}

var (
	exactNode = regexp.MustCompile(`^\d{1,3}\.\d{1,3}\.\d{1,3}$`)
	// comparator is one of npm's, of which the major version counts.
	comparator = regexp.MustCompile(`(>=|<=|>|<|=|\^|~>?)?\s*v?(\d{1,3}|[xX*])((?:\.(?:\d{1,5}|[xX*])){0,2})(?:-[0-9A-Za-z.-]+)?`)
	hyphened   = regexp.MustCompile(`(\S+)\s+-\s+(\S+)`)
)

// nodeLine is the Node.js that what is asked for stands for, as a directory of its
// archive names it: "v22.11.0", or "latest-v22.x", the newest of a line. "" where it
// is not understood, or there is none.
func nodeLine(asked string) string {
	asked = strings.ToLower(strings.TrimSpace(asked))
	switch bare := strings.TrimPrefix(asked, "v"); {
	case exactNode.MatchString(bare):
		return "v" + bare
	case slices.Contains([]string{"lts/*", "lts", "lts/-0", "node", "latest", "stable", "current"}, asked):
		return line(codeNames[0].major)
	case strings.HasPrefix(asked, "lts/") || strings.HasPrefix(asked, "lts-"):
		for _, c := range codeNames {
			if c.name == asked[len("lts/"):] {
				return line(c.major)
			}
		}
		return ""
	}
	return line(newestMajor(asked))
}

// allowsNode says whether a range of npm's allows a major version.
func allowsNode(text, major string) bool {
	n, err := strconv.Atoi(major)
	if err != nil {
		return false
	}
	for alternative := range strings.SplitSeq(strings.ToLower(text), "||") {
		low, high, ok := majors(hyphened.ReplaceAllString(strings.TrimSpace(alternative), ">=$1 <=$2"))
		if ok && low <= n && n <= high {
			return true
		}
	}
	return false
}

func line(major int) string {
	if major <= 0 {
		return ""
	}
	return "latest-v" + strconv.Itoa(major) + ".x"
}

// newestMajor is the newest line with long support that a range of npm allows, or
// the only one that it does; 0 if there is none.
func newestMajor(text string) int {
	newest := 0
	for alternative := range strings.SplitSeq(text, "||") {
		low, high, ok := majors(hyphened.ReplaceAllString(strings.TrimSpace(alternative), ">=$1 <=$2"))
		if !ok {
			return 0
		}
		for _, c := range codeNames {
			if low <= c.major && c.major <= high {
				newest = max(newest, c.major)
			}
		}
		if low == high { // a line that was asked for, whatever it is
			newest = max(newest, low)
		}
	}
	return newest
}

// majors are the first and the last major version that comparators, of which all
// hold, allow.
func majors(text string) (low, high int, ok bool) {
	const least, most = 1, 999
	low, high = least, most
	for _, m := range comparator.FindAllStringSubmatch(text, -1) {
		major, err := strconv.Atoi(m[2])
		if err != nil { // x
			continue
		}
		bare := strings.Trim(m[3], ".0xX*") == ""
		switch m[1] {
		case ">=":
			low = max(low, major)
		case ">":
			low = max(low, major+map[bool]int{true: 1}[m[3] == ""])
		case "<=":
			high = min(high, major)
		case "<":
			high = min(high, major-map[bool]int{true: 1}[bare])
		default: // ^, ~, = and nothing
			low, high = max(low, major), min(high, major)
		}
	}
	rest := strings.Trim(comparator.ReplaceAllString(text, ""), " ,")
	return low, high, rest == "" && text != ""
}
