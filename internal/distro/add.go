package distro

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"dram/internal/problem"
	"dram/internal/rootfs"
)

// Adder adds packages to systems that are there, as images have them.
type Adder interface {
	// Family is that of the systems.
	Family() Family
	// Of says whether it adds packages to a system.
	Of(s *Snapshot) bool
	// Add chooses the packages that are missing. It is nil where none is.
	Add(ctx context.Context, access Access, a Addition) (*Root, error)
}

// Adders is those that there are.
type Adders []Adder

// For is the one for a system: one of its own family, else any that can; nil if none
// can.
func (all Adders) For(s *Snapshot) Adder {
	family := s.System.Family()
	for _, a := range all {
		if a.Family() == family && a.Of(s) {
			return a
		}
	}
	for _, a := range all {
		if a.Of(s) {
			return a
		}
	}
	return nil
}

// Addition says what is to be added to what.
type Addition struct {
	To       *Snapshot
	Base     string   // names the content of the system, in hex
	Arch     string   // as Go names it
	Packages []string // by their names in the system's distribution, sorted
	Refresh  bool
	Run      Runner
	// Dir gives the system's root, which is only read.
	Dir func(ctx context.Context) (string, error)
}

// Runner runs programs inside a system, as its user 0.
type Runner interface {
	Run(ctx context.Context, c Command) error
}

// Command is one run of a program.
type Command struct {
	Root string // a directory that is the system and is written to
	Over string // or else one that is not: what is written is thrown away
	Argv []string
	Env  []string
	Out  io.Writer
	// Online gives it the network.
	Online bool
}

// Snapshot is what tells of a system what is installed there and where more comes
// from.
type Snapshot struct {
	System   System            `json:"system"`
	Files    map[string][]byte `json:"files,omitempty"`    // by name, as io/fs has it
	Programs map[string]string `json:"programs,omitempty"` // where programs are, by name: "usr/bin/git"
}

const (
	maxSnapshotFile  = 32 << 20 // bytes of a file; a list of packages has 1 MB for a thousand
	maxSnapshotFiles = 4_000
)

// snapshotFiles are what package managers keep lists, sources and keys in.
func snapshotFiles() []string {
	return []string{
		"var/lib/dpkg/status", "var/lib/dpkg/status.d/*", "etc/apt/sources.list", "etc/apt/sources.list.d/*",
		"etc/apt/trusted.gpg", "etc/apt/trusted.gpg.d/*", "etc/apt/keyrings/*", "usr/share/keyrings/*",
	}
}

// managerPrograms are what adds packages to a system.
func managerPrograms() []string {
	return []string{"dpkg", "apk", "dnf5", "dnf", "microdnf", "yum", "zypper", "pacman"}
}

// Look takes the snapshot of a system whose programs are found by a PATH.
func Look(root rootfs.FS, searchPath string) (*Snapshot, error) {
	s := &Snapshot{System: Identify(root), Files: map[string][]byte{}, Programs: map[string]string{}}
	for _, pattern := range snapshotFiles() {
		if err := s.read(root, pattern); err != nil {
			return nil, err
		}
	}
	for _, row := range needs() {
		s.find(root, searchPath, row.programs)
		for _, name := range row.files {
			if info, err := root.Stat(name); err == nil && info.Mode().IsRegular() {
				s.Programs[name] = name
			}
		}
	}
	s.find(root, searchPath+":/usr/sbin:/usr/bin:/sbin:/bin", managerPrograms()) // which the environment of builds may leave out
	return s, nil
}

// find notes where programs are.
func (s *Snapshot) find(root rootfs.FS, searchPath string, names []string) {
	for _, name := range names {
		if at := program(root, searchPath, name); at != "" {
			s.Programs[name] = at
		}
	}
}

// read takes in the files of a pattern.
func (s *Snapshot) read(root rootfs.FS, pattern string) error {
	names, err := fs.Glob(root, pattern)
	if err != nil {
		return nil //nolint:nilerr // a directory that cannot be listed has no files
	}
	for _, name := range names {
		if info, err := root.Stat(name); err != nil || !info.Mode().IsRegular() {
			continue
		}
		if len(s.Files) >= maxSnapshotFiles {
			return problem.New(problem.Usage, "choose another image", "the system keeps more than %d files on its packages", maxSnapshotFiles)
		}
		raw, err := rootfs.ReadFile(root, name, maxSnapshotFile)
		if errors.Is(err, fs.ErrPermission) {
			continue
		}
		if err != nil {
			return problem.New(problem.Usage, "choose another image", "reading what the system has of packages: %w", err)
		}
		s.Files[name] = raw
	}
	return nil
}

// program is where a program is, "" if it is nowhere.
func program(root rootfs.FS, searchPath, name string) string {
	for dir := range strings.SplitSeq(searchPath, ":") {
		at := strings.TrimPrefix(path.Join("/", dir, name), "/")
		if info, err := root.Stat(at); err == nil && info.Mode().IsRegular() {
			return at
		}
	}
	return ""
}

// Meets says whether the system has all programs and files of a need.
func (s *Snapshot) Meets(n Need) bool {
	return !slices.ContainsFunc(slices.Concat(n.Programs(), n.row().files), func(p string) bool { return s.Programs[p] == "" })
}
