package tool

import "slices"

// Hand is a program of a tool as people run it by hand, in their working copy:
// dram NAME ARGS….
type Hand struct {
	Program string
	// Kept are directories, inside, that live on between runs. A tool keeps no secret
	// in them.
	Kept []string
	// Env is its environment when it is called with args, beside what all have;
	// environ is dram's own.
	Env func(tc Toolchain, environ, args []string) []string
}

// Handy is a tool with such a program.
type Handy interface {
	Tool
	Hand() Hand
}

// Hands are the programs of all tools.
func (t Table) Hands() []Hand {
	var all []Hand
	for _, tool := range t {
		handy, ok := tool.(Handy)
		if !ok {
			continue
		}
		if h := handy.Hand(); !slices.ContainsFunc(all, func(other Hand) bool { return other.Program == h.Program }) {
			all = append(all, h)
		}
	}
	return all
}
