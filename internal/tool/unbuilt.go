package tool

import "dram/internal/release"

// Unbuilt is a tool that dram recognises, and builds nothing with yet.
type Unbuilt struct{ Is About }

// About says what it is.
func (u Unbuilt) About() About { return u.Is }

// Made is not known of any release.
func (u Unbuilt) Made(*release.Release) bool { return false }

// Boot is as most releases have it.
func (u Unbuilt) Boot(*release.Release) Boot { return Boot{Command: "start"} }
