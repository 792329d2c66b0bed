package target

import (
	"io/fs"
	"time"
)

// remoteInfo is a file at the other end, as far as the probe tells.
type remoteInfo struct {
	name  string
	entry remoteEntry
}

func (i remoteInfo) Name() string      { return i.name }
func (i remoteInfo) Mode() fs.FileMode { return i.entry.mode }
func (remoteInfo) ModTime() time.Time  { return time.Time{} }
func (i remoteInfo) IsDir() bool       { return i.entry.mode.IsDir() }
func (remoteInfo) Sys() any            { return nil }
func (i remoteInfo) Size() (size int64) {
	if i.entry.some {
		size = 1
	}
	return size
}
