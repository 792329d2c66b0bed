//go:build unix

package publish

import "syscall"

const noWait = syscall.O_NONBLOCK // so that opening a pipe does not wait for a writer
