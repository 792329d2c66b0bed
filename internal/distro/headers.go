package distro

import (
	"slices"
	"strings"
)

// provided is a table of what C code of BEAM projects includes and links, a package of
// Debian a row: the package, its headers (a name that ends in "/" is all below it), the
// libraries that -l names, and the names that pkg-config and CMake know it by.
const provided = `
erlang-dev erl_nif.h,erl_driver.h,ei.h,ei_connect.h ei -
libasound2-dev alsa/ asound alsa
libarchive-dev archive.h,archive_entry.h archive libarchive
libargon2-dev argon2.h argon2 libargon2
libavcodec-dev libavcodec/ avcodec libavcodec
libavformat-dev libavformat/ avformat libavformat
libavutil-dev libavutil/ avutil libavutil
libbluetooth-dev bluetooth/ bluetooth bluez
libbz2-dev bzlib.h bz2 bzip2,BZip2
libcairo2-dev cairo.h,cairo/ cairo cairo
libcurl4-openssl-dev curl/ curl libcurl,CURL
libevent-dev event.h,event2/ event libevent
libexpat1-dev expat.h expat expat,EXPAT
libffi-dev ffi.h ffi libffi
libfreetype-dev ft2build.h,freetype2/ freetype freetype2,Freetype
libgd-dev gd.h gd gdlib
libgit2-dev git2.h git2 libgit2
libgmp-dev gmp.h,gmpxx.h gmp,gmpxx gmp,GMP
libhidapi-dev hidapi/ hidapi-libusb,hidapi-hidraw hidapi-libusb
libhiredis-dev hiredis/ hiredis hiredis
libicu-dev unicode/ icuuc,icudata,icui18n icu-uc,icu-i18n,ICU
libjpeg-dev jpeglib.h jpeg libjpeg,JPEG
libleveldb-dev leveldb/ leveldb leveldb
liblmdb-dev lmdb.h lmdb lmdb
liblz4-dev lz4.h,lz4frame.h lz4 liblz4
liblzma-dev lzma.h lzma liblzma,LibLZMA
libmagic-dev magic.h magic libmagic
libmagickwand-dev MagickWand/,wand/ MagickWand MagickWand,ImageMagick
libmbedtls-dev mbedtls/ mbedtls,mbedcrypto mbedtls,MbedTLS
libmnl-dev libmnl/ mnl libmnl
libncurses-dev ncurses.h,curses.h,term.h ncurses,tinfo,ncursesw ncurses,Curses
libnl-3-dev netlink/ nl-3 libnl-3.0
libopencv-dev opencv2/ opencv_core opencv4,OpenCV
libopus-dev opus/,opus.h opus opus
libpam0g-dev security/ pam -
libpcap-dev pcap.h,pcap/ pcap libpcap
libpcre2-dev pcre2.h pcre2-8 libpcre2-8
libpng-dev png.h png libpng,PNG
libpq-dev libpq-fe.h pq libpq,PostgreSQL
libprotobuf-dev google/protobuf/ protobuf protobuf,Protobuf
librocksdb-dev rocksdb/ rocksdb rocksdb,RocksDB
libsctp-dev netinet/sctp.h sctp libsctp
libsecp256k1-dev secp256k1.h secp256k1 libsecp256k1
libsnappy-dev snappy.h,snappy-c.h snappy snappy,Snappy
libsodium-dev sodium.h,sodium/ sodium libsodium,sodium,Sodium
libspeexdsp-dev speex/ speexdsp speexdsp
libsqlite3-dev sqlite3.h,sqlite3ext.h sqlite3 sqlite3,SQLite3
libsrtp2-dev srtp2/ srtp2 libsrtp2
libssh2-1-dev libssh2.h ssh2 libssh2
libssl-dev openssl/ ssl,crypto openssl,libssl,libcrypto,OpenSSL
libswscale-dev libswscale/ swscale libswscale
libswresample-dev libswresample/ swresample libswresample
libsystemd-dev systemd/ systemd libsystemd
libtiff-dev tiffio.h tiff libtiff-4,TIFF
libudev-dev libudev.h udev libudev
libusb-1.0-0-dev libusb.h,libusb-1.0/ usb-1.0 libusb-1.0
libuv1-dev uv.h uv libuv
libvips-dev vips/ vips vips
libvpx-dev vpx/ vpx vpx
libwebp-dev webp/ webp libwebp
libx11-dev X11/ X11 x11,X11
libxml2-dev libxml/ xml2 libxml-2.0,LibXml2
libxslt1-dev libxslt/ xslt libxslt
libyaml-dev yaml.h yaml yaml-0.1
libzmq3-dev zmq.h zmq libzmq,ZeroMQ
libzstd-dev zstd.h zstd libzstd,zstd
portaudio19-dev portaudio.h portaudio portaudio-2.0
python3-dev Python.h - python3
unixodbc-dev sql.h,sqlext.h,sqltypes.h odbc odbc
zlib1g-dev zlib.h,zconf.h z zlib,ZLIB
`

// Part is how code says what it lacks of a library.
type Part int

// The parts.
const (
	Header  Part = iota // #include <NAME>
	Library             // -lNAME
	Module              // a name of pkg-config or of CMake's find_package
)

// Provider is the package of Debian that has a part of a library, "" where none is
// known.
func Provider(of Part, name string) string {
	for row := range strings.Lines(provided) {
		if f := strings.Fields(row); len(f) == 2+int(Module) && has(f[1+int(of)], name) {
			return f[0]
		}
	}
	return ""
}

// has looks for a name in a list with commas, or for the directory that it is below.
func has(list, name string) bool {
	return name != "-" && slices.ContainsFunc(strings.Split(list, ","), func(n string) bool {
		return n == name || strings.HasSuffix(n, "/") && strings.HasPrefix(name, n)
	})
}
