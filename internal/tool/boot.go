package tool

import "dram/internal/release"

// Boot says how a tool's releases start, as far as an image of one, or a check,
// has to know. The zero value is a release of which nothing special is known.
type Boot struct {
	// Command is what bin/NAME is told so that the release runs in the foreground.
	Command string
	// Root is the variable of the scripts that has the release's directory.
	Root string
	// Env is what an image's environment has beside what every release's has, "K=V".
	Env []string
	// Programs is what the scripts call beside what those of every release do: for
	// whoever cannot read the scripts themselves.
	Programs []string
	// Mark stands in bin/NAME where that is the tool's own script, as far as what
	// follows goes; "" if nothing is known of it.
	Mark string
	// Reads is the files in its folder of releases/ without which that script, or
	// the VM that it starts, ends at once. It takes start.boot there.
	Reads []string
	// Shell says of a file, by its path in the release, whether the start script
	// reads it as shell, whatever its name and mode; nil for none.
	Shell func(name string) bool
	// Writes is the variable that says where each start writes, "" if none does
	// beside RELEASE_TMP.
	Writes string
	// AnyERTS is the word that start_erl.data has in place of a version where the
	// release runs with any Erlang; "" if it always has a version.
	AnyERTS string
	// AddsLib says that the start script adds the folders of the release's own lib/
	// to those of the boot script, where the release brings no ERTS.
	AddsLib bool
	Cookie  Cookie
	// Exclude is what stays out of an image, beside what always does.
	Exclude []release.Exclusion
}

// IsShell says whether the start script reads a file as shell, whatever its name
// and mode.
func (b Boot) IsShell(name string) bool { return b.Shell != nil && b.Shell(name) }

// Cookie is how a release comes to its cookie where it ships without one.
type Cookie struct {
	// Script is POSIX sh that finds or makes a cookie: lines that go behind those of
	// Env. The first is the mark that they are there.
	Script []byte
	// Env is a script that every command of the release runs, below its folder of
	// releases/: "env.sh".
	Env string
	// Holder is a file there that holds a cookie, "" if none but releases/COOKIE does.
	Holder string
	// Without is the text of Holder without the cookie, and Sed the program of sed
	// that does about the same.
	Without func(text []byte) []byte
	Sed     string
}
