// Package ptytest makes pseudo-terminals for tests.
package ptytest

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Open makes one: what a program is given is read and typed at master. Both are closed
// with the test.
func Open(t *testing.T) (master, tty *os.File, err error) {
	t.Helper()
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	t.Cleanup(func() { _ = errors.Join(master.Close(), tty.Close()) }) // a second time, perhaps
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0) //nolint:gosec // a terminal's name
	}
	return master, tty, err
}
