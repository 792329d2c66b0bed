package debian

import (
	"slices"

	"dram/internal/distro"
)

// runtimeNeed is the newest version of one family of a library's symbols that Erlang/OTP of
// the suites of columns needs: "" for the library alone, none where it is not needed.
type runtimeNeed struct {
	library  string
	versions [4]string
	arch     string // "" for all
}

// none is a library that is not needed.
const none = "-"

// runtimes are what the programs of erlang-base and the NIFs of erlang-crypto,
// erlang-asn1 and erlang-runtime-tools need, by their own tables of versions (main,
// amd64 and arm64, November 2026).
func runtimes() []runtimeNeed {
	return []runtimeNeed{
		{"libc.so.6", [4]string{"GLIBC_2.17", "GLIBC_2.34", "GLIBC_2.38", "GLIBC_2.38"}, ""},
		{"libm.so.6", [4]string{"GLIBC_2.29", "GLIBC_2.29", "GLIBC_2.38", "GLIBC_2.43"}, ""},
		{"libdl.so.2", [4]string{"", none, none, none}, ""},
		{"libpthread.so.0", [4]string{"", none, none, none}, ""},
		{"libutil.so.1", [4]string{"", none, none, none}, ""},
		{"libgcc_s.so.1", [4]string{none, "GCC_12.0.0", "GCC_12.0.0", "GCC_12.0.0"}, "amd64"},
		{"libgcc_s.so.1", [4]string{none, "GCC_3.0", "GCC_3.0", "GCC_3.0"}, "arm64"},
		{"libstdc++.so.6", [4]string{none, "GLIBCXX_3.4.29", "GLIBCXX_3.4.29", "GLIBCXX_3.4.30"}, ""},
		{"libstdc++.so.6", [4]string{none, "CXXABI_1.3.9", "CXXABI_1.3.9", "CXXABI_1.3.9"}, ""},
		{"libatomic.so.1", [4]string{none, none, none, "LIBATOMIC_1.0"}, "arm64"},
		{"libcrypto.so.1.1", [4]string{"OPENSSL_1_1_1", none, none, none}, ""},
		{"libcrypto.so.3", [4]string{none, "OPENSSL_3.0.0", "OPENSSL_3.4.0", "OPENSSL_3.4.0"}, ""},
		{"libz.so.1", [4]string{"ZLIB_1.2.7.1", "ZLIB_1.2.7.1", "ZLIB_1.2.7.1", "ZLIB_1.2.7.1"}, ""},
		{"libtinfo.so.6", [4]string{tinfo, tinfo, tinfo, tinfo}, ""},
		{"libsystemd.so.0", [4]string{"LIBSYSTEMD_209", "LIBSYSTEMD_209", "LIBSYSTEMD_209", "LIBSYSTEMD_209"}, ""},
	}
}

const tinfo = "NCURSES6_TINFO_5.0.19991023"

// minKernel is what glibc says it needs since 2.26.
const minKernel = "3.2"

// Runtime is what Erlang/OTP of a suite needs. Nobody looked at sid's.
func (Distribution) Runtime(s distro.Suite, arch string) (r distro.Runtime, known bool) {
	at := slices.Index(columns[:], s.Version)
	if at < 0 {
		return r, false
	}
	r.Kernel = minKernel
	for _, row := range runtimes() {
		if v := row.versions[at]; v != none && (row.arch == "" || row.arch == arch) {
			r.Symbols = append(r.Symbols, distro.Symbols{Library: row.library, Version: v})
		}
	}
	return r, true
}
