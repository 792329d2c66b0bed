package pipeline

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// opaque has a directory of an overlay's layer hide what lies below it. Where its file
// system has no such attributes, it does not.
func opaque(dir string) error {
	err := unix.Setxattr(dir, "user.overlay.opaque", []byte("y"), 0)
	if err != nil && !errors.Is(err, unix.ENOTSUP) {
		return fmt.Errorf("marking %s: %w", dir, err)
	}
	return nil
}
