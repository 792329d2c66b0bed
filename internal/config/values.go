package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dram/internal/grammar"
)

func oneOf(choices ...string) func(string) error {
	return func(value string) error {
		if !slices.Contains(choices, value) {
			return fmt.Errorf("%s is not %s", grammar.Quote(value), strings.Join(choices, " or "))
		}
		return nil
	}
}

// checkUser refuses names: an image from scratch knows none.
func checkUser(user string) error {
	for _, id := range strings.SplitN(user, ":", 2) {
		if _, err := strconv.ParseUint(id, 10, 31); err != nil {
			return fmt.Errorf("%s is not of the form UID or UID:GID", grammar.Quote(user))
		}
	}
	return nil
}

// checkLevel refuses what no format has as a level of compression; which of them the
// chosen one has, the plan says.
func checkLevel(level string) error {
	if n, err := strconv.Atoi(level); err != nil || n < 1 || n > 22 {
		return fmt.Errorf("%s is no level from 1 to 22", grammar.Quote(level))
	}
	return nil
}

func checkPairs(values []string) error {
	for _, kv := range values {
		k, _, ok := strings.Cut(kv, "=")
		switch {
		case !ok || k == "":
			return fmt.Errorf("%s is not of the form K=V", grammar.Quote(kv))
		case !grammar.Printable(k) || strings.Contains(kv, "\x00"):
			return fmt.Errorf("%s holds control characters", grammar.Quote(kv))
		}
	}
	return nil
}

// checkSums refuses what is no SHA-256.
func checkSums(values []string) error {
	for _, kv := range values {
		name, sum, _ := strings.Cut(kv, "=")
		if raw, err := hex.DecodeString(sum); err != nil || len(raw) != sha256.Size {
			return fmt.Errorf("%s of %s is no SHA-256 in hex", grammar.Quote(sum), grammar.Quote(name))
		}
	}
	return nil
}

func ports(values []string) ([]int, error) {
	var out []int
	for _, v := range values {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 65535 {
			return nil, fmt.Errorf("%s is not a port number", grammar.Quote(v))
		}
		out = append(out, n)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
