package relx

import (
	"cmp"
	_ "embed"
	"regexp"
	"slices"
	"strings"

	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/tool"
)

// mark stands in both start scripts of relx, and in no other tool's.
const mark = "find_erts_dir"

// outDir is the variable that says where the long script writes what it fills
// variables into.
const outDir = "RELX_OUT_FILE_PATH"

// maxScript bounds a start script and a file of settings, in bytes; the long script
// has 36,000.
const maxScript = 1 << 20

// cookieScript finds or makes a cookie for the start script; it is POSIX sh, under
// set -e.
//
//go:embed cookie.sh
var cookieScript []byte

// Made goes by the start script.
func Made(rel *release.Release) bool {
	return strings.Contains(text(rel, "bin/"+rel.Name), mark)
}

// text is a file of the release, "" if it cannot be read.
func text(rel *release.Release, name string) string {
	if rel.FS == nil || !rel.Has(name) {
		return ""
	}
	raw, err := rootfs.ReadFile(rel.FS, name, maxScript)
	if err != nil {
		return ""
	}
	return string(raw)
}

// Boot is how a release starts: by the long start script, unless its files say
// otherwise.
func Boot(rel *release.Release) tool.Boot {
	script := text(rel, "bin/"+rel.Name)
	b := tool.Boot{
		Command:  "foreground",
		Mark:     mark,
		Scripts:  []string{rel.Name, "start"},
		Programs: strings.Fields("awk basename cat cp cut dd dirname grep head kill mkdir od printf readlink sed sleep sort tr"),
		Shell:    sourced(script),
		Asks:     []tool.Question{{Args: []string{"eval", "init:get_status()."}, Answer: "{started,"}, {Args: []string{"ping"}, Answer: "pong"}},
		Cookie: tool.Cookie{
			Script: cookieScript, Env: "bin/" + rel.Name, After: "export ESCRIPT_NAME=",
			Holders: []string{"vm.args", "vm.args.src"}, Without: tool.WithoutCookie("RELX_COOKIE"),
			Sed: `/\${REL[A-Z]*_COOKIE}/s/^\([^#]*\)-setcookie[[:space:]].*/\1/;/\${[^}:]*}/!s/^\([^#]*\)-setcookie[[:space:]].*/\1/`,
		},
		Exclude: []release.Exclusion{
			{Pattern: "bin/" + cmp.Or(rel.Name, "NAME") + "-" + cmp.Or(rel.Version, "VERSION"), Reason: "the start script once more, by the name of its version"},
			{Pattern: "bin/*.cmd", Reason: "a script for Windows"},
			{Pattern: "bin/*.ps1", Reason: "a script for Windows"},
			tool.Relup,
		},
	}
	if rel.FS != nil && script != "" && !strings.Contains(script, outDir) {
		b.Command, b.Asks = Plain, nil
		return b
	}
	if fills(rel) {
		b.Writes, b.Env = outDir, []string{outDir + "=/tmp", "RELX_REPLACE_OS_VARS=true"}
	}
	b.Reads = reads(rel)
	return b
}

// Plain is what the short start script is told so that the release runs in the
// foreground: it hands it to the VM, which then reads no input.
const Plain = "-noinput"

// settings are the files that the long script fills variables into.
var settings = []string{"vm.args", "sys.config"}

// fills says whether a start writes these anew. Of a release that is yet to be made
// it may.
func fills(rel *release.Release) bool {
	return rel.FS == nil || slices.ContainsFunc(settings, func(name string) bool {
		return rel.Has(rel.Below(name+".src")) || strings.Contains(text(rel, rel.Below(name)), "${")
	})
}

// reads are the files that the long script or the VM ends without.
func reads(rel *release.Release) []string {
	var out []string
	for _, name := range settings {
		if rel.Has(rel.Below(name + ".src")) {
			name += ".src"
		}
		out = append(out, name)
	}
	return out
}

var (
	hooks      = regexp.MustCompile(`(?m)^(?:[A-Z_]+_HOOKS|STATUS_HOOK)="([^"\n]*)"`)
	extensions = regexp.MustCompile(`\b\w+_extension="([^"\n]+)"`)
)

// sourced says of a file whether the long script reads it as shell: its hooks and
// the scripts of further commands, which lie beside it.
func sourced(script string) func(string) bool {
	files := map[string]bool{}
	for _, m := range hooks.FindAllStringSubmatch(script, -1) {
		for hook := range strings.FieldsSeq(m[1]) {
			name, _, _ := strings.Cut(hook, "|")
			files["bin/"+name] = true
		}
	}
	for _, m := range extensions.FindAllStringSubmatch(script, -1) {
		files["bin/"+m[1]] = true
	}
	return func(name string) bool { return files[name] }
}
