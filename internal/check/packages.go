package check

import (
	"fmt"
	"strings"

	"dram/internal/target"
)

// debianPackages are the packages that have a library in Debian 11, 12, 13 and
// forky, "" where none has: from the archive's own lists of contents (main,
// amd64, November 2026).
func debianPackages() map[string][4]string {
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

// debianColumn is where a Debian stands in a row of debianPackages.
func debianColumn(o target.OS) (at int, ok bool) {
	if o.ID != "debian" {
		return 0, false
	}
	for i, version := range []string{"11", "12", "13"} {
		if o.Version == version {
			return i, true
		}
	}
	return 3, o.Version == "14" || strings.Contains(o.Name, "forky")
}

// byCapability are the package managers that install what has a library by the
// library's own name, and how.
func byCapability() map[string]string {
	const rpm = "'%s()(64bit)'"
	return map[string]string{
		"alpine": "apk add so:%s", "fedora": "dnf install " + rpm, "rhel": "dnf install " + rpm, "centos": "yum install " + rpm,
		"rocky": "dnf install " + rpm, "almalinux": "dnf install " + rpm, "ol": "dnf install " + rpm, "amzn": "yum install " + rpm,
		"opensuse-leap": "zypper install " + rpm, "opensuse-tumbleweed": "zypper install " + rpm,
	}
}

// Supply is how a library comes to a target; what nobody verified is not named.
type Supply struct {
	Library string // soname
	Package string // that has it
	None    bool   // the target's system has no package of it
	Command string // that finds the package by the library's name
}

// supply is how a library comes to the target.
func (s *Survey) supply(soname string) *Supply {
	o := s.target.Facts.OS
	if at, ok := debianColumn(o); ok {
		if row, known := debianPackages()[soname]; known {
			return &Supply{Library: soname, Package: row[at], None: row[at] == ""}
		}
	}
	if command, ok := byCapability()[o.ID]; ok {
		return &Supply{Library: soname, Command: fmt.Sprintf(command, soname)}
	}
	return &Supply{Library: soname}
}

// toolchainFor is what builds a release for a system, as --toolchain takes it;
// "" if none is known.
func toolchainFor(o target.OS) string {
	if o.ID == "debian" && o.Version != "" {
		return "distro:debian/" + o.Version
	}
	return ""
}
