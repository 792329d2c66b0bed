package target

import "strings"

// crawled is when the figures of other distributions than Debian were looked
// up. They are kept by hand: a cell that nobody verified is left empty.
const crawled = "2026-11"

// What was read from packages and is the base of what is known by versions
// alone: see derive.go.
const (
	newestRead = "debian-forky"
	oldestRead = "debian-11" // whose glibc is before merged
)

// profileRow is one profile. To add one is to add a row.
type profileRow struct {
	name    string
	aliases []string
	file    string // of what was read from packages; the rest of the row is then empty
	libs    string // where its libraries are: "lib64", "usr/lib", or "" for Debian's directories
	title   string // as os-release(5) has it, without a version
	glibc   string // version
	label   string // its newest symbol version, where that is older
	cxx     string // the newest GLIBCXX_3.4.N: N, or "first latest"
	musl    string // version
	gcc     string // the newest GCC_ of libgcc_s
	zlib    string // the newest ZLIB_
	openssl string // version, as far as it is known: "3", "3.0.13", or "first latest"
	tinfo   string // what follows libtinfo.so., or libncursesw.so. with a "w"
	base    string // which of ssl, tinfo, ca its official container image has
	brought string // a version of libc.so.6 that later point releases have, and what is in it: "2.35 epoll_pwait2"
	otp     string // packaged Erlang/OTP
	elixir  string // packaged Elixir
	kernel  string // of the first release, where it is old
}

// profileRows is all profiles. Numbers of glibc and libstdc++ are of a public
// crawl of symbol versions, the others of the distributions' package pages.
// rocky and almalinux are built from RHEL's sources.
func profileRows() []profileRow {
	return []profileRow{
		{name: "debian/8", aliases: []string{"debian/jessie"}, title: "Debian GNU/Linux", glibc: "2.19", label: "2.18", cxx: "20", kernel: "3.16.0", gcc: "4.8.0", zlib: "1.2.7.1"},
		{name: "debian/9", aliases: []string{"debian/stretch"}, title: "Debian GNU/Linux", glibc: "2.24", cxx: "22", gcc: "4.8.0", zlib: "1.2.7.1"},
		{name: "debian/10", aliases: []string{"debian/buster"}, title: "Debian GNU/Linux", glibc: "2.28", cxx: "25", gcc: "7.0.0", zlib: "1.2.9"},
		{name: "debian/11", aliases: []string{"debian/bullseye"}, file: "debian-11"},
		{name: "debian/12", aliases: []string{"debian/bookworm"}, file: "debian-12"},
		{name: "debian/13", aliases: []string{"debian/trixie"}, file: "debian-13"},
		{name: "debian/forky", file: "debian-forky"},
		{name: "ubuntu/14.04", title: "Ubuntu", glibc: "2.19", label: "2.18", cxx: "19", kernel: "3.13.0"},
		{name: "ubuntu/16.04", title: "Ubuntu", glibc: "2.23", cxx: "21"},
		{name: "ubuntu/18.04", title: "Ubuntu", glibc: "2.27", cxx: "25", gcc: "7.0.0", zlib: "1.2.9"},
		{name: "ubuntu/20.04", title: "Ubuntu", glibc: "2.31", cxx: "28", gcc: "7.0.0", zlib: "1.2.9"},
		{name: "ubuntu/22.04", title: "Ubuntu", glibc: "2.35", cxx: "30", otp: "24.2.1", elixir: "1.12.2", gcc: "12.0.0", zlib: "1.2.9", openssl: "3.0.2", tinfo: "6", base: "ssl tinfo"},
		{name: "ubuntu/24.04", title: "Ubuntu", glibc: "2.39", cxx: "33", otp: "25.3.2.8", elixir: "1.14.0", gcc: "14.0.0", zlib: "1.2.12", openssl: "3.0.13", tinfo: "6", base: "ssl tinfo"},
		{name: "ubuntu/25.10", title: "Ubuntu", glibc: "2.42", cxx: "34", otp: "27.3.4.1", gcc: "14.0.0", zlib: "1.2.12", openssl: "3", tinfo: "6"},
		{name: "ubuntu/26.04", title: "Ubuntu", glibc: "2.43", cxx: "35", otp: "27.3.4.6", gcc: "14.0.0", zlib: "1.2.12", openssl: "3", tinfo: "6"},
		{name: "rhel/6", aliases: []string{"centos/6"}, libs: "lib64", title: "RHEL", glibc: "2.12", cxx: "13", kernel: "2.6.32", gcc: "4.3.0", zlib: "1.2.2.4"},
		{name: "rhel/7", aliases: []string{"centos/7"}, libs: "lib64", title: "RHEL", glibc: "2.17", cxx: "19", otp: "R16B03 (EPEL)", kernel: "3.10.0", gcc: "4.8.0", zlib: "1.2.5.2"},
		{name: "rhel/8", aliases: rebuilds("8"), libs: "lib64", title: "RHEL", glibc: "2.28", cxx: "25", otp: "22.0.7 (EPEL)", gcc: "7.0.0", zlib: "1.2.9", tinfo: "6", base: "tinfo ca"},
		{name: "rhel/9", aliases: rebuilds("9"), libs: "lib64", title: "RHEL", glibc: "2.34", cxx: "29", otp: "26.2.5 (EPEL)", gcc: "7.0.0", zlib: "1.2.9", openssl: "3.0.7 3.5.5", tinfo: "6", base: "ssl tinfo ca", brought: "2.35 epoll_pwait2"},
		{name: "rhel/10", aliases: rebuilds("10"), libs: "lib64", title: "RHEL", glibc: "2.39", cxx: "33", gcc: "14.0.0", zlib: "1.2.12", openssl: "3 3.5.5", tinfo: "6", base: "ca"},
		{name: "fedora/38", libs: "lib64", title: "Fedora Linux", glibc: "2.37", label: "2.36", cxx: "32", openssl: "3", otp: "25.3.2", tinfo: "6"},
		{name: "fedora/39", libs: "lib64", title: "Fedora Linux", glibc: "2.38", cxx: "32", openssl: "3", otp: "26.2.5", gcc: "13.0.0", zlib: "1.2.12", tinfo: "6"},
		{name: "fedora/40", libs: "lib64", title: "Fedora Linux", glibc: "2.39", cxx: "33", openssl: "3", otp: "26.2.5", gcc: "14.0.0", zlib: "1.2.12", tinfo: "6"},
		{name: "fedora/41", libs: "lib64", title: "Fedora Linux", glibc: "2.40", cxx: "33", openssl: "3", otp: "26.2.5", gcc: "14.0.0", zlib: "1.2.12", tinfo: "6"},
		{name: "fedora/42", libs: "lib64", title: "Fedora Linux", glibc: "2.41", cxx: "34", openssl: "3", otp: "26.2.5", gcc: "14.0.0", zlib: "1.2.12", tinfo: "6"},
		{name: "fedora/43", libs: "lib64", title: "Fedora Linux", glibc: "2.42", cxx: "34", openssl: "3", gcc: "14.0.0", zlib: "1.2.12", tinfo: "6"},
		{name: "amazon/2", libs: "lib64", title: "Amazon Linux", glibc: "2.26", cxx: "24", gcc: "7.0.0", zlib: "1.2.5.2"},
		{name: "amazon/2023", libs: "lib64", title: "Amazon Linux", glibc: "2.34", cxx: "33", gcc: "14.0.0", zlib: "1.2.9", openssl: "3 3.5.7", tinfo: "6", base: "ssl tinfo", brought: "2.35 epoll_pwait2"},
		{name: "opensuse/15.3", libs: "lib64", title: "openSUSE Leap", glibc: "2.31", cxx: "29"},
		{name: "opensuse/15.4", libs: "lib64", title: "openSUSE Leap", glibc: "2.31", cxx: "29 32"},
		{name: "opensuse/15.5", libs: "lib64", title: "openSUSE Leap", glibc: "2.31", cxx: "30 32"},
		{name: "opensuse/15.6", libs: "lib64", title: "openSUSE Leap", glibc: "2.38", cxx: "33", gcc: "14.0.0", zlib: "1.2.12"},
		{name: "arch", libs: "usr/lib", title: "Arch Linux", glibc: "2.44", cxx: "36", openssl: "3", tinfo: "w6", otp: "28.3.2", gcc: "14.0.0", zlib: "1.3.2"},
		{name: "alpine/3.13", title: "Alpine Linux", musl: "1.2.2"},
		{name: "alpine/3.16", title: "Alpine Linux", musl: "1.2.3"},
		{name: "alpine/3.18", title: "Alpine Linux", musl: "1.2.4", openssl: "3"},
		{name: "alpine/3.20", title: "Alpine Linux", openssl: "3"},
		{name: "alpine/3.22", title: "Alpine Linux", musl: "1.2.5", openssl: "3"},
		{name: "alpine/3.24", title: "Alpine Linux", musl: "1.2.6", openssl: "3"},
	}
}

func rebuilds(version string) []string {
	return []string{"centos/" + version, "rocky/" + version, "almalinux/" + version}
}

// platforms is what the row is about: the crawl looked at x86-64 alone.
func (r *profileRow) platforms() []string {
	if r.file == "" {
		return platforms()[:1]
	}
	return platforms()
}

// drifts says whether point releases differ.
func (r *profileRow) drifts() bool { return strings.Contains(r.cxx+r.openssl+r.brought, " ") }

// newestCXX is the newest GLIBCXX_3.4.N of the point releases.
func (r *profileRow) newestCXX(point string) (first, latest string) { return drift(r.cxx, point) }

// drift parts what the first and the latest point release have, as far as one of them
// is asked for.
func drift(both, point string) (first, latest string) {
	first, latest, ok := strings.Cut(both, " ")
	if !ok || point == "first" {
		return first, first
	}
	if point == "latest" {
		return latest, latest
	}
	return first, latest
}

// known is the row's facts with where they are from.
func (r *profileRow) known(point string) []Known {
	first, latest := r.newestCXX(point)
	cxx := ""
	if first != "" {
		cxx = "GLIBCXX_3.4." + first
	}
	if first != latest {
		cxx += " at first, 3.4." + latest + " in the latest"
	}
	libc := Known{Fact: "glibc", Value: r.glibc, Source: Crawl}
	if r.glibc == "" {
		libc = Known{Fact: "musl", Value: r.musl, Source: Page}
	}
	tinfo := r.tinfo
	if v, ok := strings.CutPrefix(tinfo, "w"); ok {
		tinfo = v + " (libncursesw)"
	}
	ssl, newest := drift(r.openssl, point)
	if ssl != newest {
		ssl += " at first, " + newest + " in the latest"
	}
	out := []Known{
		libc,
		{"libstdc++", cxx, Crawl, ""},
		{"libgcc", prefixed("GCC_", r.gcc), Crawl, ""},
		{"zlib", prefixed("ZLIB_", r.zlib), Crawl, ""},
		{"OpenSSL", ssl, Page, ""},
		{"tinfo", tinfo, Page, ""},
		{"Erlang/OTP", r.otp, Page, ""},
		{"Elixir", r.elixir, Page, ""},
	}
	for i := range out {
		out[i].Date = crawled
		if out[i].Value == "" {
			out[i].Source, out[i].Date = "", ""
		}
	}
	return out
}

func prefixed(prefix, version string) string {
	if version == "" {
		return ""
	}
	return prefix + version
}
