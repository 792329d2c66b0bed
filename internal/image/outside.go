package image

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"dram/internal/distro"
	"dram/internal/entrypoint"
)

// outside is what an image has beside the release and what ELF files and scripts
// name, in places that distributions differ in; the first of each that is there
// counts. Paths are relative to the root. The bottle of Dockerfiles reads the
// same lists (Outside).
var outside = struct {
	opened    []string // libraries that are opened by name
	lookups   []string // and those before glibc 2.34
	bundles   []string // of certificates; in an image, the first is its place
	locales   []string // directories of C.UTF-8
	terminals []string
	terminfo  []string // directories of terminals
	identity  []string // what scanners tell the distribution by
	empty     []string // directories
	merged    []string // links at the top, where /usr is merged
}{
	opened:    strings.Fields("libgcc_s.so.1 libsctp.so.1"),
	lookups:   strings.Fields("libnss_files.so.2 libnss_dns.so.2 libresolv.so.2"),
	bundles:   strings.Fields("etc/ssl/certs/ca-certificates.crt etc/pki/tls/certs/ca-bundle.crt etc/ssl/ca-bundle.pem etc/ssl/cert.pem"),
	locales:   distro.UTF8Locales(),
	terminals: strings.Fields("ansi dumb linux screen screen-256color tmux tmux-256color vt100 xterm xterm-256color"),
	terminfo:  strings.Fields("usr/lib/terminfo lib/terminfo usr/share/terminfo etc/terminfo"),
	identity:  distro.Identity(),
	empty:     strings.Fields("dev proc run sys"),
	merged:    strings.Fields("bin lib lib64 sbin"),
}

// etc is the files below /etc that every image has, by name.
func etc(user string) (map[string]string, error) {
	uid, gid, err := userIDs(user)
	if err != nil {
		return nil, err
	}
	passwd := "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n" //nolint:gosec // no password stands in it
	group := "root:x:0:\nnogroup:x:65534:\n"
	if uid != 0 && uid != 65534 {
		passwd += fmt.Sprintf("app:x:%d:%d:app:/tmp:/bin/sh\n", uid, gid)
	}
	if gid != 0 && gid != 65534 {
		group += fmt.Sprintf("app:x:%d:\n", gid)
	}
	return map[string]string{
		"passwd": passwd, "group": group,
		"hosts":         "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n",
		"nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
	}, nil
}

// Outside is what every image for that user has beside the release, for a script
// that makes the like: lists by name, and the files below /etc.
func Outside(user string) (lists map[string][]string, files map[string]string, err error) {
	files, err = etc(user)
	return map[string][]string{
		"programs": Programs(), "opened": outside.opened, "lookups": outside.lookups, "bundles": outside.bundles,
		"locales": outside.locales, "terminals": outside.terminals, "terminfo": outside.terminfo, "identity": outside.identity,
		"empty": outside.empty, "merged": outside.merged,
	}, files, err
}

// ScriptPrograms is what every image has for scripts, and why.
func ScriptPrograms() []Program { return scriptPrograms() }

// ReasonOf is why an image has a file that neither ELF files nor scripts name, by its
// path; "" where it is none of those.
func ReasonOf(name string) string {
	for _, row := range []struct {
		places []string
		why    string
	}{
		{outside.bundles, "certificates of authorities, for TLS"},
		{outside.locales, "the locale C.UTF-8"},
		{outside.terminfo, "a terminal, for remote consoles"},
		{outside.identity, "what scanners tell the system by"},
		{[]string{"etc/passwd", "etc/group", "etc/hosts", "etc/nsswitch.conf"}, "every image has it"},
		{[]string{entrypoint.Path}, "process 1: passes signals on, and waits for processes that nobody waits for"},
		{outside.merged, "programs and libraries are named by both paths"},
		{[]string{zones}, "time zones (image.tzdata)"},
		{[]string{"usr/lib/locale"}, "a locale (image.locales)"},
		{[]string{"etc/ld.so.cache", "etc/ld.so.conf", "etc/ld.so.conf.d"}, "where the loader looks for libraries"},
	} {
		for _, at := range row.places {
			if name == at || strings.HasPrefix(name, at+"/") {
				return row.why
			}
		}
	}
	for _, lib := range slices.Concat(outside.opened, outside.lookups) {
		if path.Base(name) == lib || strings.HasPrefix(path.Base(name), lib+".") {
			return "opened by name at run time"
		}
	}
	if strings.HasPrefix(name, distro.ListDir()+"/") {
		return "which packages there are, for scanners (image.package_list)"
	}
	return ""
}
