//go:build unix

package pipeline

import "syscall"

// errNoSpace is what writing to a full disk gives.
var errNoSpace error = syscall.ENOSPC
