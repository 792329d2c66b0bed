//go:build !unix

package publish

import "errors"

var (
	errNoSpace  = errors.New("no space left on device")
	errReadOnly = errors.New("read-only file system")
)
