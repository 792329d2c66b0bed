package check

import (
	"regexp"
	"slices"
	"strings"
)

var writableRule = Rule{
	ID: "writable", Title: "a user of an image may write where a start writes", Worst: Warn, Run: writable,
	Doc: Doc{
		Looks: "Of an image that does not run as root: where a start writes a configuration, its script's folder, or a crash dump, by what the image and the release set.",
		Seen:  `ERROR: Cannot start release because it could not write`,
		Do:    "Set the variable that the finding names (RELEASE_TMP, ERL_CRASH_DUMP) in the image to a place that its user can write to, such as /tmp.",
	},
}

var (
	unwritable = Cause{
		Detail: "the image runs as user #{user}", Remedy: "set #{variable} in the image to a place that its user can write to: #{variable}=/tmp", Needs: "#{variable}",
	}
	writesConfig = unwritable.with(Cause{
		ID: "configuration", Summary: "each start writes the configuration to tmp/ beside the release, which the image's user may not",
		Symptom: `"ERROR: Cannot start release because it could not write"`,
	})
	writesMutable = unwritable.with(Cause{
		ID: "script", Summary: "each start writes to var/ beside the release, which the image's user may not", Symptom: "the start script cannot make its folder",
	})
	writesDump = unwritable.with(Cause{
		ID: "crash-dump", Summary: "a crash dump goes to the working directory, which the image's user may not write to", Symptom: "no crash dump when the VM ends",
		Remedy: "set ERL_CRASH_DUMP=/tmp/erl_crash.dump in the image, or ERL_CRASH_DUMP_SECONDS=0 to do without",
	})
)

// Image is what an image's configuration says of how the release is started.
type Image struct {
	Env  []string // "NAME=value"
	User string   // "" is root
}

// writable: on a read-only root, and for a user that owns nothing, a start may
// write only where the image or the release says.
func writable(s *Survey) (out []Finding) {
	if s.image == nil || s.image.root() {
		return nil
	}
	set := func(name string) bool {
		return s.image.env(name) != "" || regexp.MustCompile(`(?m)^\s*(export\s+)?`+name+`=`).MatchString(s.startFiles())
	}
	found := func(file, variable string, cause *Cause) {
		out = append(out, Finding{
			Verdict: Warn, Subject: s.subjectAt(file), Cause: cause, Params: Params{"variable": variable}, Facts: Params{"user": s.image.User},
			Evidence: Evidence{Wants: []string{variable}},
		})
	}
	sys := s.sysConfigAt()
	if strings.Contains(s.text(sys), "RUNTIME_CONFIG=true") && !set("RELEASE_TMP") {
		found(sys, "RELEASE_TMP", writesConfig)
	}
	script := "bin/" + s.rel.Name
	if v := s.boot.Writes; v != "" && strings.Contains(s.text(script), v) && !set(v) {
		found(script, v, writesMutable)
	}
	if !set("ERL_CRASH_DUMP") && !set("ERL_CRASH_DUMP_SECONDS") {
		found("", "ERL_CRASH_DUMP", writesDump)
	}
	return out
}

func (i *Image) env(name string) string {
	if i == nil {
		return ""
	}
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
