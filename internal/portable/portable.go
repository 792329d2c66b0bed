// Package portable is what makes a release start by a C library of its own: in place
// of each program there is a launcher, which starts the program by the loader that
// the release brings, with the libraries beside that.
//
// A launcher is a static ELF program of four kilobytes (launcher/launcher.c, compiled
// for each processor and kept here). What it starts stands in it as four strings: the
// loader, the folder of the libraries and the program, each from the launcher's own
// folder, and the way that the loader is told. Nothing in it depends on where the
// release lies, so that a release can be moved.
package portable

import (
	"bytes"
	"embed"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Recipe is part of what names a portable release. Raise it whenever its bytes may
// change though release and toolchain do not.
const Recipe = 1

// Where a portable release has what it brings, and how the script is known that
// finds it.
const (
	Dir          = "portable"
	Libraries    = Dir + "/lib"
	Programs     = Dir + "/bin"
	Locales      = Dir + "/locale"
	Certificates = Dir + "/cacerts.pem"
	Mark         = "# dram: portable"
)

// Way is how a loader is told what to start.
type Way string

// The ways: those of glibc's ld.so, from 2.33 on with the name that the program is to
// see as its own, and of musl's.
const (
	Glibc    Way = "g0"
	OldGlibc Way = "g"
	Musl     Way = "m0"
)

// Launch is what a launcher starts. Paths are slash-separated, from its own folder.
type Launch struct {
	Loader, Libraries, Program string
	Way                        Way
}

//go:embed launcher/launcher-amd64 launcher/launcher-arm64 launcher/runner-amd64 launcher/runner-arm64
var launchers embed.FS

// Architectures is the processors that there are launchers for, as Go names them.
func Architectures() []string { return []string{"amd64", "arm64"} }

const (
	placeholder = "dram launcher settings" // of launcher.c
	room        = 1024                     // bytes
)

// MaxLauncher bounds what can be a launcher, in bytes.
const MaxLauncher = 16 << 10

// Beside is how a program is called that a launcher of its name stands for.
func Beside(program string) string {
	return path.Join(path.Dir(program), "."+path.Base(program)+".real")
}

// Launcher is the launcher of a program of a release, both by their paths in it, for
// a processor.
func Launcher(arch, program, loader string, way Way) ([]byte, error) {
	up := strings.Repeat("../", strings.Count(program, "/"))
	l := Launch{Loader: up + Libraries + "/" + loader, Libraries: up + Libraries, Program: path.Base(Beside(program)), Way: way}
	text := strings.Join([]string{l.Loader, l.Libraries, l.Program, string(l.Way)}, "\x00")
	if len(text) >= room || strings.Count(text, "\x00") != 3 {
		return nil, fmt.Errorf("making the launcher of %q: its settings have %d bytes, of %d", program, len(text), room)
	}
	b, err := launchers.ReadFile("launcher/launcher-" + arch)
	if err != nil {
		return nil, fmt.Errorf("making the launcher of %q: there is none for %q", program, arch)
	}
	out := bytes.Clone(b)
	at := bytes.Index(out, []byte(placeholder))
	clear(out[at : at+room])
	copy(out[at:], text)
	return out, nil
}

// Read is what the file with these bytes starts; ok is false of one that is no
// launcher.
func Read(file []byte) (l Launch, ok bool) {
	for _, arch := range Architectures() {
		b, err := launchers.ReadFile("launcher/launcher-" + arch)
		if err != nil || len(b) != len(file) {
			continue
		}
		at := bytes.Index(b, []byte(placeholder))
		if !bytes.Equal(b[:at], file[:at]) || !bytes.Equal(b[at+room:], file[at+room:]) {
			continue
		}
		return parse(file[at : at+room])
	}
	return Launch{}, false
}

// parse takes what Launcher writes, and nothing that leads elsewhere.
func parse(settings []byte) (Launch, bool) {
	parts := strings.Split(string(bytes.TrimRight(settings, "\x00")), "\x00")
	if len(parts) != 4 {
		return Launch{}, false
	}
	l := Launch{Loader: parts[0], Libraries: parts[1], Program: parts[2], Way: Way(parts[3])}
	up := strings.TrimSuffix(l.Libraries, Libraries)
	name, below := strings.CutPrefix(l.Loader, l.Libraries+"/")
	known := l.Way == Glibc || l.Way == OldGlibc || l.Way == Musl
	if up+Libraries != l.Libraries || strings.Trim(up, "./") != "" || !below || !known || !file(name) || !file(l.Program) {
		return Launch{}, false
	}
	return l, true
}

// plain is names of files that mean nothing to a shell.
var plain = regexp.MustCompile(`^[A-Za-z0-9._+-]{1,255}$`)

func file(name string) bool {
	return name != "." && name != ".." && !strings.ContainsAny(name, "/\x00") && name != "" && len(name) < 256
}

//go:embed env.sh
var env string

// Path is lines of POSIX sh for the scripts in bin/: programs that the machine lacks
// are found in the release. They call none themselves.
func Path() []byte {
	return []byte(Mark + `
# Programs that this machine has not, such as sed, come from the release.
if [ -d "${0%/*}/../portable/bin" ]; then
  export PATH="${PATH:-/usr/bin:/bin}:$(cd "${0%/*}/../portable/bin" && pwd -P)"
fi
`)
}

// Env is lines of POSIX sh for the script that each command of a release runs: they
// name a place where no program can be started, and take from the release what the
// machine has none of. root is the variable that has the release's directory.
func Env(root, loader string) ([]byte, error) {
	if !plain.MatchString(loader) {
		return nil, fmt.Errorf("the loader is called %q", loader)
	}
	return []byte(strings.NewReplacer("RELEASE_ROOT", root, "@LOADER@", loader).Replace(env)), nil
}
