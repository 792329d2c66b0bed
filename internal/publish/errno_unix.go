//go:build unix

package publish

import "syscall"

const (
	errNoSpace  = syscall.ENOSPC
	errReadOnly = syscall.EROFS
)
