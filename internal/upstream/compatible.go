package upstream

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dram/internal/problem"
	"dram/internal/version"
)

// compatible is which Erlang/OTP each Elixir supports, as Elixir's own
// documentation has it ("Compatibility and deprecations"); the newest first. later
// is supported from a patch release on. last is the newest release of each, as of
// November 2026.
var compatible = []struct {
	elixir    string // the minor version
	low, high int
	later     int    // 0 for none
	from      string // the patch release
	last      string // "" where none is known
}{
	{"1.21", 27, 29, 0, "", ""},
	{"1.20", 27, 29, 0, "", "1.20.4"},
	{"1.19", 26, 28, 0, "", "1.19.5"},
	{"1.18", 25, 27, 28, "1.18.4", "1.18.4"},
	{"1.17", 25, 27, 0, "", "1.17.3"},
	{"1.16", 24, 26, 0, "", "1.16.3"},
	{"1.15", 24, 26, 0, "", "1.15.8"},
	{"1.14", 23, 25, 26, "1.14.5", "1.14.5"},
	{"1.13", 22, 24, 25, "1.13.4", "1.13.4"},
	{"1.12", 22, 24, 0, "", "1.12.3"},
	{"1.11", 21, 23, 24, "1.11.4", "1.11.4"},
	{"1.10", 21, 22, 23, "1.10.3", "1.10.4"},
	{"1.9", 20, 22, 0, "", "1.9.4"},
	{"1.8", 20, 22, 0, "", "1.8.2"},
	{"1.7", 19, 22, 0, "", "1.7.4"},
	{"1.6", 19, 20, 21, "1.6.6", "1.6.6"},
	{"1.5", 18, 20, 0, "", "1.5.3"},
	{"1.4", 18, 19, 20, "1.4.5", "1.4.5"},
	{"1.3", 18, 19, 0, "", "1.3.4"},
	{"1.2", 18, 18, 19, "1.2.6", "1.2.6"},
	{"1.1", 17, 18, 0, "", "1.1.1"},
	{"1.0", 17, 17, 18, "1.0.5", "1.0.5"},
}

// Newest are the newest releases of Elixir's minor versions, the oldest first, as far
// as they are known.
func Newest() (releases []string) {
	for _, row := range slices.Backward(compatible) {
		if row.last != "" {
			releases = append(releases, row.last)
		}
	}
	return releases
}

// OldSystem says whether an Erlang/OTP wants a system of its own time: before 24.2 its
// crypto cannot be compiled with OpenSSL 3.
func OldSystem(otp string) bool {
	const first, minor = 24, "2"
	_, rest, _ := strings.Cut(otp, ".")
	rest, _, _ = strings.Cut(rest, ".")
	has := major(otp)
	return has > 0 && (has < first || has == first && rest < minor)
}

// Runtimes is the range of Erlang/OTP releases that an Elixir supports; 0, 0 of one
// that the table does not know, such as one that came after it.
func Runtimes(elixir string) (low, high int) {
	have, err := version.Parse(elixir)
	if err != nil {
		return 0, 0
	}
	for _, row := range compatible {
		if !strings.HasPrefix(elixir, row.elixir+".") {
			continue
		}
		if from, err := version.Parse(row.from); err == nil && have.Compare(from) >= 0 {
			return row.low, row.later
		}
		return row.low, row.high
	}
	return 0, 0
}

// Compatible refuses an Elixir and an Erlang/OTP that do not go together, and names
// the nearest pairs. What is not known is let through: the build will tell.
func Compatible(elixir, otp string) error {
	low, high := Runtimes(elixir)
	has := major(otp)
	if low == 0 || has == 0 || low <= has && has <= high {
		return nil
	}
	nearest := low
	if has > high {
		nearest = high
	}
	hint := fmt.Sprintf("take OTP %d for Elixir %s", nearest, elixir)
	if other := nearestElixir(elixir, has); other != "" {
		hint += fmt.Sprintf(", or Elixir %s for OTP %d", other, has)
	}
	return problem.New(problem.Usage, hint, "Elixir %s and Erlang/OTP %s do not go together: that Elixir supports OTP %d to %d", elixir, otp, low, high)
}

// nearestElixir is the Elixir with an OTP that lies nearest to another: "1.17",
// "1.14.5", or "" where there is none.
func nearestElixir(elixir string, otp int) string {
	at, best, distance := -1, "", len(compatible)+1
	for i, row := range compatible {
		if strings.HasPrefix(elixir, row.elixir+".") {
			at = i
		}
	}
	for i, row := range compatible {
		name := row.elixir
		if otp == row.later {
			name = row.from
		} else if otp < row.low || otp > row.high {
			continue
		}
		if d := max(i-at, at-i); d < distance {
			best, distance = name, d
		}
	}
	return best
}

// major is the release of a version of Erlang/OTP: 27 of "27.3.4.1"; 0 if it has
// none.
func major(otp string) int {
	first, _, _ := strings.Cut(otp, ".")
	first, _, _ = strings.Cut(first, "-")
	n, err := strconv.Atoi(first)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
