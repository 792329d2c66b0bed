package tool

import (
	"regexp"
	"strings"

	"dram/internal/release"
	"dram/internal/shell"
)

// Boot says how a tool's releases start, as far as an image of one, or a check,
// has to know. The zero value is a release of which nothing special is known.
type Boot struct {
	// Command is what bin/NAME is told so that the release runs in the foreground; ""
	// where that is nothing, or what the user says.
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
	// Scripts are the boot scripts that a start takes, without ".boot": the first that
	// is there. None is start alone.
	Scripts []string
	// Reads is the files in its folder of releases/ without which that script, or
	// the VM that it starts, ends at once.
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
	// Asks are ways to ask a release that runs whether it has started, the surest
	// first; none where its scripts have none.
	Asks   []Question
	Cookie Cookie
	// Launch makes what takes the place of the start scripts where there is no shell, for
	// a processor; nil where nothing can.
	Launch func(arch string) (Launched, error)
	// Launched, where what Launch makes has the place of the start scripts, is the program
	// that it executes at a start; nil where scripts start the release. at is where the
	// release lies, env what the image sets.
	Launched func(at string, env map[string]string) shell.Run
	// Exclude is what stays out of an image, beside what always does.
	Exclude []release.Exclusion
}

// Relup is how a running release is upgraded, which is left out of images: a container
// is replaced by one of the new image, and its release cannot be written to.
var Relup = release.Exclusion{Pattern: "releases/*/relup", Reason: "upgrades a running release; an image is replaced"}

// IsShell says whether the start script reads a file as shell, whatever its name
// and mode.
func (b Boot) IsShell(name string) bool { return b.Shell != nil && b.Shell(name) }

// Question is something that bin/NAME is told, and what it prints of a release that has
// started.
type Question struct {
	Args   []string
	Answer string
}

// Cookie is how a release comes to its cookie where it ships without one.
type Cookie struct {
	// Script is POSIX sh that finds or makes a cookie: lines that go into Env. The
	// first is the mark that they are there.
	Script []byte
	// Env is a script that every command of the release runs. A "*" in its path is
	// the release's version: "releases/*/env.sh".
	Env string
	// After is what the line of Env begins with that Script goes behind; "" for its
	// last.
	After string
	// Holders are files of the release's folder of releases/ that may hold a cookie.
	Holders []string
	// Without is the text of one of them without the cookie, and Sed the program of
	// sed that does about the same.
	Without func(text []byte) []byte
	Sed     string
}

// EnvOf is where a release of that version has Env.
func (c Cookie) EnvOf(version string) string { return strings.Replace(c.Env, "*", version, 1) }

// setCookie is the flag and its value, in a line that is no comment.
var setCookie = regexp.MustCompile(`(?m)^([^#\n]*?)-setcookie[ \t]+('[^'\n]*'|"[^"\n]*"|[^ \t\r\n]+)`)

// WithoutCookie makes of a vm.args one without the cookie that it holds. One that is
// filled in at the start (${NAME}) is no secret and stays, but for the variables
// that Script serves: variable, and RELEASE_COOKIE. Of one with a default
// (${NAME:-abc}) everybody knows that.
func WithoutCookie(variable string) func(args []byte) []byte {
	return func(args []byte) []byte {
		return setCookie.ReplaceAllFunc(args, func(line []byte) []byte {
			parts := setCookie.FindSubmatch(line)
			switch value := strings.Trim(string(parts[2]), `"'`); {
			case value == "${"+variable+"}" || value == "${RELEASE_COOKIE}":
			case strings.Contains(value, "${") && !strings.Contains(value, ":-"):
				return line
			}
			return append(parts[1], "# no -setcookie: "+variable+" gives it, or it is made at start"...)
		})
	}
}

// HealthCommand is what bin/NAME is told where Launch made it, so that it says whether the
// release that runs answers.
const HealthCommand = "health"

// Launched is what of a release takes the place of its start scripts where there is no
// shell.
type Launched struct {
	Programs map[string][]byte // in place of scripts, by path in the release
	Gone     []string          // what only scripts read
}
