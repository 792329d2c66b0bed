package check

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/release"
)

// hosts: without the file, localhost is no name, and neither is the node's own
// host. Container engines mount one over that of an image; installers of
// distributions write it, none of their packages has it.
func hosts(s *survey) []Finding {
	kind, _, _ := strings.Cut(s.target.Name, ":")
	if !slices.Contains([]string{"dir", "host", "ssh"}, kind) || s.target.Facts.Platform == "" {
		return nil
	}
	if _, err := s.root.Lstat("etc/hosts"); err == nil {
		return nil
	}
	return []Finding{{
		Verdict: Warn, Subject: Subject{Origin: "erts"}, Summary: "the target has no /etc/hosts",
		Evidence: Evidence{Wants: []string{"/etc/hosts"}}, Symptom: "localhost is not found (nxdomain), unless a container engine mounts the file",
		Remedy: `write "127.0.0.1 localhost" to /etc/hosts on the target`, Needs: "/etc/hosts on the target",
	}}
}

// zoneApps are the applications that read the system's time zones; others
// bring their own (tzdata, tz) or know UTC alone.
func zoneApps() []string { return []string{"zoneinfo"} }

var zoneSet = regexp.MustCompile(`(?m)^\s*(export\s+)?TZ=["']?:?[A-Z]`)

// zones: only what reads the system's time zones misses them.
func zones(s *survey) []Finding {
	if _, err := s.root.Stat("usr/share/zoneinfo/UTC"); err == nil || s.target.Profile() != nil || s.target.Facts.Platform == "" {
		return nil
	}
	f := Finding{
		Verdict: Warn, Subject: Subject{Origin: "erts"}, Evidence: Evidence{Wants: []string{"/usr/share/zoneinfo"}},
		Symptom: "times are in UTC, without a message", Remedy: "install tzdata on the target", Needs: "/usr/share/zoneinfo on the target",
	}
	env := path.Join("releases", s.rel.Version, "env.sh")
	i := slices.IndexFunc(s.rel.Apps, func(a release.App) bool { return slices.Contains(zoneApps(), a.Name) })
	switch {
	case i >= 0:
		a := s.rel.Apps[i]
		f.Subject = Subject{App: a.Name + "-" + a.Version, Origin: a.Origin.String()}
		f.Summary, f.Symptom = "it reads the system's time zones, and the target has none", "{:error, :time_zone_not_found} for every zone"
	case zoneSet.MatchString(s.text(env)):
		f.Subject = s.subjectAt(env)
		f.Summary = "it sets TZ, and the target has no time zones"
	default:
		return nil
	}
	return []Finding{f}
}

// access: an image mostly runs as a user that owns none of its files.
func access(s *survey) []Finding {
	var closed []release.File
	for _, f := range s.rel.Files {
		if f.Path == "releases/COOKIE" {
			continue // mix closes it on purpose; see cookie
		}
		p := f.Mode.Perm()
		switch {
		case f.Mode.IsDir() && p&0o005 != 0o005,
			f.Mode.IsRegular() && p&0o004 == 0,
			f.Mode.IsRegular() && p&0o100 != 0 && p&0o001 == 0:
			closed = append(closed, f)
		}
	}
	if len(closed) == 0 {
		return nil
	}
	f := closed[0]
	for _, c := range closed {
		if len(closed) > 1 && c.Mode.IsDir() { // what it holds is closed too
			f = c
			break
		}
	}
	out := Finding{
		Verdict: Warn, Subject: subject(f), Summary: fmt.Sprintf("only its owner and group may use it: its mode is %#o", f.Mode.Perm()),
		Symptom: `"Permission denied" (eacces) where the release runs as another user, as in an image it mostly does`,
		Remedy:  "make it readable for all where it is made, chmod -R go+rX, or run as its owner; a umask of 077 at the build does this", Needs: "files that any user may read",
	}
	for _, c := range closed {
		out.Evidence.Wants = append(out.Evidence.Wants, fmt.Sprintf("%s (%s)", c.Path, fs.FileMode.String(c.Mode)))
	}
	if n := len(closed) - 1; n > 0 {
		out.Summary += fmt.Sprintf(" (and %d more)", n)
	}
	out.Evidence.Wants = few(out.Evidence.Wants)
	return []Finding{out}
}

// Image is what an image's configuration says of how the release is started.
type Image struct {
	Env  []string // "NAME=value"
	User string   // "" is root
}

func (i *Image) env(name string) string {
	for _, e := range slices.Backward(i.Env) {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}

func (i *Image) root() bool {
	user, _, _ := strings.Cut(i.User, ":")
	return user == "" || user == "root" || user == "0"
}

// writable: on a read-only root, and for a user that owns nothing, a start may
// write only where the image or the release says.
func writable(s *survey) (out []Finding) {
	if s.image == nil || s.image.root() {
		return nil
	}
	set := func(name string) bool {
		return s.image.env(name) != "" || regexp.MustCompile(`(?m)^\s*(export\s+)?`+name+`=`).MatchString(s.startFiles())
	}
	warn := func(file, summary, symptom, variable string) {
		out = append(out, Finding{
			Verdict: Warn, Subject: s.subjectAt(file), Summary: summary, Evidence: Evidence{Wants: []string{variable}, Detail: "the image runs as user " + s.image.User},
			Symptom: symptom, Remedy: fmt.Sprintf("set %s in the image to a place that its user can write to: %s=/tmp", variable, variable), Needs: variable,
		})
	}
	sys := path.Join("releases", s.rel.Version, "sys.config")
	if strings.Contains(s.text(sys), "RUNTIME_CONFIG=true") && !set("RELEASE_TMP") {
		warn(sys, "each start writes the configuration to tmp/ beside the release, which the image's user may not",
			`"ERROR: Cannot start release because it could not write"`, "RELEASE_TMP")
	}
	script := "bin/" + s.rel.Name
	if v := s.boot.Writes; v != "" && strings.Contains(s.text(script), v) && !set(v) {
		warn(script, "each start writes to var/ beside the release, which the image's user may not", "the start script cannot make its folder", v)
	}
	if !set("ERL_CRASH_DUMP") && !set("ERL_CRASH_DUMP_SECONDS") {
		warn("", "a crash dump goes to the working directory, which the image's user may not write to",
			"no crash dump when the VM ends", "ERL_CRASH_DUMP")
		out[len(out)-1].Remedy = "set ERL_CRASH_DUMP=/tmp/erl_crash.dump in the image, or ERL_CRASH_DUMP_SECONDS=0 to do without"
	}
	return out
}
