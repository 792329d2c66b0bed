package distro

import (
	"regexp"
	"slices"
	"strings"
)

// installers are the programs that install packages of each family.
func installers() map[Family][]string {
	return map[Family][]string{
		Deb: {"apt", "apt-get"}, Apk: {"apk"}, RPM: {"dnf", "microdnf", "yum"}, SUSE: {"zypper"}, Pacman: {"pacman"},
	}
}

// InstalledBy is the family whose packages a program installs.
func InstalledBy(program string) Family {
	for f, programs := range installers() {
		if slices.Contains(programs, program) {
			return f
		}
	}
	return NoFamily
}

// alike are packages of one name in all families.
func alike() []string {
	return strings.Fields("autoconf automake bash bc bison brotli cargo chromium clang cmake curl ffmpeg file flex fontconfig fuse gawk gettext ghostscript gifsicle git " +
		"gnupg graphviz haproxy hunspell iptables jpegoptim jq libtool lz4 mariadb-client mediainfo meson nginx nodejs npm optipng parallel patch perl pngquant " +
		"python3 qpdf redis rsync socat strace supervisor texinfo unzip wget wkhtmltopdf xdelta3 yarn yasm yq zip zstd")
}

// renamed are packages that each family calls otherwise, in the order of its columns:
// Deb, Apk, RPM, SUSE; "-" where none is known.
const renamed = `
imagemagick imagemagick ImageMagick ImageMagick
graphicsmagick graphicsmagick GraphicsMagick GraphicsMagick
libvips-dev vips-dev vips-devel libvips-devel
libvips-tools vips-tools vips-tools vips-tools
openssh-client openssh-client openssh-clients openssh-clients
openssh-client openssh openssh-clients openssh
postgresql-client postgresql-client postgresql postgresql
postgresql-client postgresql14-client postgresql postgresql14
postgresql-client postgresql15-client postgresql postgresql15
postgresql-client postgresql16-client postgresql postgresql16
postgresql-client postgresql17-client postgresql postgresql17
default-mysql-client mysql-client mysql mysql-client
sqlite3 sqlite sqlite sqlite3
libsqlite3-dev sqlite-dev sqlite-devel sqlite3-devel
libgmp-dev gmp-dev gmp-devel gmp-devel
libexpat1-dev expat-dev expat-devel libexpat-devel
libyaml-dev yaml-dev libyaml-devel libyaml-devel
zlib1g-dev zlib-dev zlib-devel zlib-devel
libsodium-dev libsodium-dev libsodium-devel libsodium-devel
libffi-dev libffi-dev libffi-devel libffi-devel
libxml2-dev libxml2-dev libxml2-devel libxml2-devel
libcurl4-openssl-dev curl-dev libcurl-devel libcurl-devel
libssl-dev openssl-dev openssl-devel libopenssl-devel
libssl-dev openssl1.1-compat-dev openssl-devel libopenssl-devel
libpq-dev postgresql-dev libpq-devel postgresql-devel
libpq-dev libpq-dev libpq-devel postgresql-devel
libsnappy-dev snappy-dev snappy-devel snappy-devel
liblz4-dev lz4-dev lz4-devel liblz4-devel
libzstd-dev zstd-dev libzstd-devel libzstd-devel
libbz2-dev bzip2-dev bzip2-devel libbz2-devel
librocksdb-dev rocksdb-dev rocksdb-devel rocksdb-devel
libpam0g-dev linux-pam-dev pam-devel pam-devel
libgd-dev gd-dev gd-devel gd-devel
libsctp-dev lksctp-tools-dev lksctp-tools-devel lksctp-tools-devel
libncurses-dev ncurses-dev ncurses-devel ncurses-devel
libmagic-dev file-dev file-devel file-devel
libsrtp2-dev libsrtp-dev libsrtp-devel libsrtp2-devel
libopus-dev opus-dev opus-devel libopus-devel
libavcodec-dev ffmpeg-dev ffmpeg-devel ffmpeg-devel
libclang-dev clang-dev clang-devel clang-devel
llvm-dev llvm-dev llvm-devel llvm-devel
libevent-dev libevent-dev libevent-devel libevent-devel
libuv1-dev libuv-dev libuv-devel libuv-devel
libnl-3-dev libnl3-dev libnl3-devel libnl3-devel
libmnl-dev libmnl-dev libmnl-devel libmnl-devel
unixodbc-dev unixodbc-dev unixODBC-devel unixODBC-devel
pkg-config pkgconf pkgconf-pkg-config pkg-config
pkg-config pkgconfig pkgconfig pkg-config
git git-core git-core git-core
default-jre-headless openjdk17-jre-headless java-17-openjdk-headless java-17-openjdk-headless
default-jre-headless openjdk11-jre-headless java-11-openjdk-headless java-11-openjdk-headless
default-jre openjdk17-jre java-17-openjdk java-17-openjdk
rustc rust rust rust
python3-yaml py3-yaml python3-pyyaml python3-PyYAML
python3-pip py3-pip python3-pip python3-pip
python3-dev python3-dev python3-devel python3-devel
fonts-liberation font-liberation liberation-fonts liberation-fonts
fonts-dejavu ttf-dejavu dejavu-fonts dejavu-fonts
fonts-dejavu font-dejavu dejavu-fonts dejavu-fonts
netcat-openbsd netcat-openbsd nmap-ncat netcat-openbsd
inetutils-telnet busybox-extras telnet telnet
dnsutils bind-tools bind-utils bind-utils
iputils-ping iputils iputils iputils
protobuf-compiler protobuf protobuf-compiler protobuf-devel
libprotobuf-dev protobuf-dev protobuf-devel protobuf-devel
tesseract-ocr tesseract-ocr tesseract tesseract-ocr
golang-go go golang go
librsvg2-bin rsvg-convert librsvg2-tools rsvg-convert
libjpeg-turbo-progs libjpeg-turbo-utils libjpeg-turbo-utils libjpeg-turbo
ninja-build ninja ninja-build ninja
awscli aws-cli awscli aws-cli
libmbedtls-dev mbedtls-dev mbedtls-devel mbedtls-devel
s3fs s3fs-fuse s3fs-fuse s3fs
`

// aliases are names that a family itself replaced.
var aliases = map[string]string{
	"nodejs-current": "nodejs", "python": "python3", "python-dev": "python3-dev", "python2": "", "mysql-client": "default-mysql-client",
	"netcat": "netcat-openbsd", "telnet": "inetutils-telnet", "ssh": "openssh-client", "pkgconf": "pkg-config", "libncurses5-dev": "libncurses-dev",
	"libcurl4-gnutls-dev": "libcurl4-openssl-dev", "default-libmysqlclient-dev": "default-libmysqlclient-dev", "libgcc1": "", "ttf-freefont": "fonts-freefont-ttf",
}

// Translate is what a package of one family is called in another, "" where that is not
// known.
func Translate(name string, from, to Family) string {
	columns := []Family{Deb, Apk, RPM, SUSE}
	a, b := slices.Index(columns, from), slices.Index(columns, to)
	switch {
	case from == to && to == Deb:
		if instead, ok := aliases[name]; ok {
			return instead
		}
		return name
	case from == to || slices.Contains(alike(), name):
		return name
	case a < 0 || b < 0:
		return ""
	}
	for row := range strings.Lines(renamed) {
		names := strings.Fields(row)
		if len(names) == len(columns) && names[a] == name && names[b] != "-" {
			return names[b]
		}
	}
	if m := numbered.FindStringSubmatch(name); m != nil {
		return Translate(m[1], from, to)
	}
	return ""
}

// numbered is a name with a version in it: "cmake3", "python3.11".
var numbered = regexp.MustCompile(`^([a-z][a-z-]*[a-z])-?\d+(?:\.\d+)*$`)

// AbsentError is a package that an archive does not have.
type AbsentError struct {
	Package string
	Says    string // the whole sentence
}

func (e *AbsentError) Error() string { return e.Says }
