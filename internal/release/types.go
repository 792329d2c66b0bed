package release

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"dram/internal/rootfs"
	"dram/internal/store"
)

// Origin says where a release's file comes from, which is also how often it
// changes from build to build, rarest first.
type Origin int

// The origins.
const (
	ERTS       Origin = iota // erts-*/
	OTP                      // lib/ of an application that Erlang/OTP ships
	Elixir                   // lib/ of an application that Elixir ships
	Dependency               // lib/ of any other application
	Own                      // lib/ of the project's own applications
	Metadata                 // bin/, releases/ and whatever else lies at the top
)

// File is one entry of a release, by its path inside it.
type File struct {
	Path   string       // slash-separated, relative, clean: "lib/hello-0.1.0/ebin/hello.app"
	Mode   fs.FileMode  // type and permission bits
	Size   int64        // bytes, regular files only
	Link   string       // target of a symbolic link
	Digest store.Digest // of a regular file's content
	Origin Origin
	App    string // "hello-0.1.0" for files under lib/, else ""
}

// App is one application of a release.
type App struct {
	Name, Version string
	Origin        Origin
}

// Release is a release that was read.
type Release struct {
	Name    string // "hello"
	Version string // "0.1.0"
	ERTS    string // "15.2.7", "" if the release brings no ERTS
	Apps    []App
	Files   []File // sorted by Path; directories included
	FS      rootfs.FS
}

// Has says whether the release has an entry of that path.
func (r *Release) Has(name string) bool {
	_, ok := slices.BinarySearchFunc(r.Files, name, func(f File, at string) int { return strings.Compare(f.Path, at) })
	return ok
}

// Below is the path in the release of a file that lies in its own folder of
// releases/.
func (r *Release) Below(name string) string { return path.Join("releases", r.Version, name) }
