//go:build !linux

package rootfs

import "os"

// quick leaves all to os.Root.
type quick struct{}

func openQuick(*os.Root) (quick, error) { return quick{}, nil }

func (quick) close() error { return nil }

func (quick) open(string) (*os.File, bool) { return nil, false }
