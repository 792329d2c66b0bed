package distro

import "strings"

// What systems have in common, whichever distribution they are of: images come
// from many, and dram makes toolchains of few.

// Identity is the files that say what a system is: scanners read them.
func Identity() []string {
	return []string{"etc/os-release", "etc/debian_version", "etc/alpine-release"}
}

// CABundles is where systems keep the certificates of authorities, the usual
// place first.
func CABundles() []string {
	return []string{
		"etc/ssl/certs/ca-certificates.crt", "etc/pki/tls/certs/ca-bundle.crt", "etc/ssl/ca-bundle.pem",
		"etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "etc/ssl/cert.pem",
	}
}

// UTF8Locales is where systems of glibc keep C.UTF-8.
func UTF8Locales() []string { return []string{"usr/lib/locale/C.utf8", "usr/lib/locale/C.UTF-8"} }

// InstallLibrary is the command that installs what has a library by the
// library's own name, for a system by its ID; ok is false where no such command
// is known.
func InstallLibrary(id, soname string) (command string, ok bool) {
	const rpm = "'%s()(64bit)'"
	form, ok := map[string]string{
		"alpine": "apk add so:%s", "fedora": "dnf install " + rpm, "rhel": "dnf install " + rpm, "centos": "yum install " + rpm,
		"rocky": "dnf install " + rpm, "almalinux": "dnf install " + rpm, "ol": "dnf install " + rpm, "amzn": "yum install " + rpm, "amazon": "yum install " + rpm,
		"opensuse": "zypper install " + rpm, "opensuse-leap": "zypper install " + rpm, "opensuse-tumbleweed": "zypper install " + rpm,
	}[id]
	return strings.ReplaceAll(form, "%s", soname), ok
}

// InstallPackages is the command that installs packages of a system by its ID; ok is
// false where none is known.
func InstallPackages(id string, names ...string) (command string, ok bool) {
	form, ok := map[string]string{
		"debian": "apt-get install", "ubuntu": "apt-get install", "alpine": "apk add", "fedora": "dnf install", "rhel": "dnf install", "centos": "yum install",
		"rocky": "dnf install", "almalinux": "dnf install", "ol": "dnf install", "amzn": "dnf install", "amazon": "dnf install",
		"opensuse-leap": "zypper install", "opensuse": "zypper install", "opensuse-tumbleweed": "zypper install", "arch": "pacman -S",
	}[id]
	return strings.Join(append([]string{form}, names...), " "), ok
}

// Database is a package manager's list of what is installed: paragraphs of
// lines, parted by empty ones.
type Database struct {
	File    string
	Name    string // what the line of a package's name begins with
	Version string // and that of its version
}

// Databases is the lists that are read.
func Databases() []Database {
	return []Database{
		{"var/lib/dpkg/status", "Package: ", "Version: "},
		{"lib/apk/db/installed", "P:", "V:"},
		{"usr/lib/apk/db/installed", "P:", "V:"},
	}
}
