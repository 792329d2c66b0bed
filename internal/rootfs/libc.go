package rootfs

import "regexp"

// glibcBanner is what glibc prints when it is run as a program.
var glibcBanner = regexp.MustCompile(`GNU C Library [^\n]{0,200}version (2\.[0-9]{1,3}(\.[0-9]+)?)`)

// GlibcVersion is the version that a libc.so.6 says it has, "2.36"; "" if it
// says none.
func GlibcVersion(libc []byte) string {
	if m := glibcBanner.FindSubmatch(libc); m != nil {
		return string(m[1])
	}
	return ""
}
