package debian

import (
	"slices"

	"dram/internal/distro"
)

// libraries are the packages that have a library in the suites of columns, ""
// where none has: from the archive's own lists of contents (main, amd64,
// November 2026).
func libraries() map[string][4]string {
	return map[string][4]string{
		"libarchive.so.13": {"libarchive13", "libarchive13", "libarchive13t64", "libarchive13t64"},
		"libatomic.so.1":   {"libatomic1", "libatomic1", "libatomic1", "libatomic1"},
		"libcairo.so.2":    {"libcairo2", "libcairo2", "libcairo2", "libcairo2"},
		"libcrypto.so.1.1": {"libssl1.1", "", "", ""},
		"libcrypto.so.3":   {"", "libssl3", "libssl3t64", "libssl3t64"},
		"libcurl.so.4":     {"libcurl4", "libcurl4", "libcurl4t64", "libcurl4t64"},
		"libexpat.so.1":    {"libexpat1", "libexpat1", "libexpat1", "libexpat1"},
		"libffi.so.7":      {"libffi7", "", "", ""},
		"libffi.so.8":      {"", "libffi8", "libffi8", "libffi8"},
		"libgcc_s.so.1":    {"libgcc-s1", "libgcc-s1", "libgcc-s1", "libgcc-s1"},
		"libgeos_c.so.1":   {"libgeos-c1v5", "libgeos-c1v5", "libgeos-c1t64", "libgeos-c1t64"},
		"libglib-2.0.so.0": {"libglib2.0-0", "libglib2.0-0", "libglib2.0-0t64", "libglib2.0-0t64"},
		"libgmp.so.10":     {"libgmp10", "libgmp10", "libgmp10", "libgmp10"},
		"libgomp.so.1":     {"libgomp1", "libgomp1", "libgomp1", "libgomp1"},
		"libjpeg.so.62":    {"libjpeg62-turbo", "libjpeg62-turbo", "libjpeg62-turbo", "libjpeg62-turbo"},
		"liblmdb.so.0":     {"liblmdb0", "liblmdb0", "liblmdb0", "liblmdb0"},
		"liblz4.so.1":      {"liblz4-1", "liblz4-1", "liblz4-1", "liblz4-1"},
		"libmagic.so.1":    {"libmagic1", "libmagic1", "libmagic1t64", "libmagic1t64"},
		"libmariadb.so.3":  {"libmariadb3", "libmariadb3", "libmariadb3", "libmariadb3"},
		"libncurses.so.5":  {"libncurses5", "libncurses5", "", ""},
		"libncurses.so.6":  {"libncurses6", "libncurses6", "libncurses6", "libncurses6"},
		"libncursesw.so.5": {"libncursesw5", "libncursesw5", "", ""},
		"libncursesw.so.6": {"libncursesw6", "libncursesw6", "libncursesw6", "libncursesw6"},
		"libodbc.so.2":     {"libodbc1", "libodbc2", "libodbc2", "libodbc2"},
		"libopus.so.0":     {"libopus0", "libopus0", "libopus0", "libopus0"},
		"libpam.so.0":      {"libpam0g", "libpam0g", "libpam0g", "libpam0g"},
		"libpng16.so.16":   {"libpng16-16", "libpng16-16", "libpng16-16t64", "libpng16-16t64"},
		"libpq.so.5":       {"libpq5", "libpq5", "libpq5", "libpq5"},
		"librdkafka.so.1":  {"librdkafka1", "librdkafka1", "librdkafka1", "librdkafka1"},
		"libsctp.so.1":     {"libsctp1", "libsctp1", "libsctp1", "libsctp1"},
		"libsnappy.so.1":   {"libsnappy1v5", "libsnappy1v5", "libsnappy1v5", "libsnappy1v5"},
		"libsodium.so.23":  {"libsodium23", "libsodium23", "libsodium23", ""},
		"libsqlite3.so.0":  {"libsqlite3-0", "libsqlite3-0", "libsqlite3-0", "libsqlite3-0"},
		"libsrtp2.so.1":    {"libsrtp2-1", "libsrtp2-1", "libsrtp2-1", "libsrtp2-1"},
		"libssh2.so.1":     {"libssh2-1", "libssh2-1", "libssh2-1t64", "libssh2-1t64"},
		"libssl.so.1.1":    {"libssl1.1", "", "", ""},
		"libssl.so.3":      {"", "libssl3", "libssl3t64", "libssl3t64"},
		"libstdc++.so.6":   {"libstdc++6", "libstdc++6", "libstdc++6", "libstdc++6"},
		"libsystemd.so.0":  {"libsystemd0", "libsystemd0", "libsystemd0", "libsystemd0"},
		"libtinfo.so.5":    {"libtinfo5", "libtinfo5", "", ""},
		"libtinfo.so.6":    {"libtinfo6", "libtinfo6", "libtinfo6", "libtinfo6"},
		"libusb-1.0.so.0":  {"libusb-1.0-0", "libusb-1.0-0", "libusb-1.0-0", "libusb-1.0-0"},
		"libuv.so.1":       {"libuv1", "libuv1", "libuv1t64", "libuv1t64"},
		"libvips.so.42":    {"libvips42", "libvips42", "libvips42t64", "libvips42t64"},
		"libxml2.so.16":    {"", "", "", "libxml2-16"},
		"libxml2.so.2":     {"libxml2", "libxml2", "libxml2", ""},
		"libyaml-0.so.2":   {"libyaml-0-2", "libyaml-0-2", "libyaml-0-2", "libyaml-0-2"},
		"libz.so.1":        {"zlib1g", "zlib1g", "zlib1g", "zlib1g"},
		"libzstd.so.1":     {"libzstd1", "libzstd1", "libzstd1", "libzstd1"},
	}
}

// columns are the suites of libraries, by version.
var columns = [4]string{"11", "12", "13", "forky"}

// Package is the package of a suite that has a library. Packages of sid were
// looked up by nobody.
func (Distribution) Package(s distro.Suite, soname string) (name string, known bool) {
	at := slices.Index(columns[:], s.Version)
	row, known := libraries()[soname]
	if at < 0 || !known {
		return "", false
	}
	return row[at], true
}
