package target

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// What the packages of a system have beside its C library. That there is a package
// does not say that it is installed.

// packageOf is the name of the package that has a library, "" if nobody looked.
func (r *profileRow) packageOf(soname string) string {
	family := map[string]string{"usr/lib": "arch", "lib64": "rpm", "": "deb"}[r.libs]
	if strings.HasPrefix(r.name, "opensuse/") {
		family = "suse"
	}
	name := map[string]map[string]string{
		"deb": {"libstdc++.so.6": "libstdc++6", "libgcc_s.so.1": "libgcc-s1", "libz.so.1": "zlib1g", "libtinfo.so.6": "libtinfo6", "libsystemd.so.0": "libsystemd0"},
		"rpm": {
			"libstdc++.so.6": "libstdc++", "libgcc_s.so.1": "libgcc", "libz.so.1": "zlib", "libtinfo.so.6": "ncurses-libs", "libsystemd.so.0": "systemd-libs",
			"libcrypto.so.3": "openssl-libs", "libssl.so.3": "openssl-libs",
		},
		"suse": {"libstdc++.so.6": "libstdc++6", "libgcc_s.so.1": "libgcc_s1", "libz.so.1": "libz1", "libsystemd.so.0": "libsystemd0"},
		"arch": {"libstdc++.so.6": "gcc-libs", "libgcc_s.so.1": "gcc-libs", "libcrypto.so.3": "openssl", "libssl.so.3": "openssl", "libz.so.1": "zlib", "libsystemd.so.0": "systemd-libs"},
	}[family][soname]
	switch {
	case family == "deb" && (soname == "libcrypto.so.3" || soname == "libssl.so.3"):
		name = "libssl3"
		if CompareVersions(r.glibc, "2.39") >= 0 {
			name = "libssl3t64" // since 64-bit time
		}
	case family == "deb" && soname == "libgcc_s.so.1" && CompareVersions(r.glibc, "2.31") < 0:
		name = "libgcc1"
	case family == "rpm" && soname == "libz.so.1" && CompareVersions(r.glibc, "2.39") >= 0:
		name = "zlib-ng-compat"
	}
	return name
}

// packaged adds what systems have packages of: OpenSSL, zlib, terminfo, systemd's
// library. All are derived from what was read.
func (r *profileRow) packaged(doc *document, point string) error {
	if r.glibc == "" {
		r.sonamesOnly(doc)
		return nil
	}
	newest, err := readProfile(newestRead, doc.Facts.Platform)
	if err != nil {
		return err
	}
	older, err := readProfile(oldestRead, doc.Facts.Platform)
	if err != nil {
		return err
	}
	if r.zlib != "" {
		l := newest.named("libz.so.1").upTo(map[string]string{"ZLIB_": r.zlib})
		l.Families = []string{"ZLIB_"}
		r.install(doc, l, false)
	}
	if r.openssl != "" {
		for _, name := range []string{"libcrypto.so.3", "libssl.so.3"} {
			r.install(doc, r.ssl(newest.named(name), point), strings.Contains(r.base, "ssl"))
		}
	}
	if r.tinfo == "6" {
		l := older.named("libtinfo.so.6").upTo(nil)
		l.Versions, l.Symbols = older.named("libtinfo.so.6").Versions, older.named("libtinfo.so.6").Symbols
		if r.libs != "" { // packages of RPM's systems have no symbol versions
			l.Versions, l.Symbols = nil, map[string]string{"": joined(l.Symbols)}
		}
		r.install(doc, l, strings.Contains(r.base, "tinfo"))
	}
	if CompareVersions(r.glibc, merged) >= 0 && r.name != "arch" { // systemd of 2021 and later
		l := older.named("libsystemd.so.0")
		versions, symbols := l.Versions, l.Symbols
		l = l.upTo(nil)
		l.Versions, l.Symbols = versions, symbols
		r.install(doc, l, false)
	}
	if strings.Contains(r.base, "ca") {
		doc.Facts.CABundle = "etc/pki/tls/certs/ca-bundle.crt"
		doc.Files = append(doc.Files, doc.Facts.CABundle)
	}
	return nil
}

// sonamesOnly adds libraries of which hardly more than the name is known.
func (r *profileRow) sonamesOnly(doc *document) {
	if r.openssl == "" {
		return
	}
	for _, name := range []string{"libcrypto.so.3", "libssl.so.3"} {
		r.install(doc, doc.like(library{Soname: name, Versions: []string{"", "OPENSSL_3.0.0"}, Gaps: Gaps{Partial: true}}), false)
	}
}

// install adds a library to a profile. there says that the smallest system has it.
func (r *profileRow) install(doc *document, l library, there bool) {
	l.Path = path.Join(r.directory(doc.Facts.Platform), l.Soname)
	l.Optional, l.Package = !there, r.packageOf(l.Soname)
	l.Needed = nil // what it needs itself its package brings
	doc.Libraries = append(doc.Libraries, l)
}

// named is the library of a name, which what was read has.
func (d *document) named(soname string) library {
	i := slices.IndexFunc(d.Libraries, func(l library) bool { return l.Soname == soname })
	if i < 0 {
		return library{Soname: soname}
	}
	return d.Libraries[i]
}

func joined(symbols map[string]string) string {
	var all []string
	for _, version := range slices.Sorted(maps.Keys(symbols)) {
		all = append(all, symbols[version])
	}
	return strings.Join(all, " ")
}

// leftOut is what Red Hat's systems build OpenSSL without (no-mdc2 no-ec2m no-sm2
// no-sm4, as their source packages say); otp#8290 is a crypto.so that wants EVP_sm4_cbc
// there. Of those that come of them, and of engines in newer ones, it is not known.
var (
	leftOut = regexp.MustCompile(`(?i)(sm2|sm4|gf2m|mdc2)`)
	engine  = regexp.MustCompile(`^ENGINE_`)
)

// ssl is OpenSSL's library as of a version. Debian and Ubuntu build it with the same
// options; of others some symbols stay open.
func (r *profileRow) ssl(l library, point string) library {
	first, latest := drift(r.openssl, point)
	exact := strings.Count(first, ".") == 2
	later := l.upTo(map[string]string{"OPENSSL_": latest})
	newest := first
	if !exact {
		newest = first + ".0.0"
	}
	l = l.upTo(map[string]string{"OPENSSL_": newest})
	if exact {
		l.Families = []string{"OPENSSL_"}
	}
	for _, v := range later.Versions {
		if strings.HasPrefix(v, "OPENSSL_") && first != latest && !slices.Contains(l.Versions, v) {
			l.Later = append(l.Later, v)
		}
	}
	if r.libs == "" {
		return l
	}
	if strings.HasPrefix(r.name, "rhel/") {
		l.Without = strings.Fields("EVP_sm4_ecb EVP_sm4_cbc EVP_sm4_cfb128 EVP_sm4_ofb EVP_sm4_ctr EVP_mdc2 EC_GROUP_new_curve_GF2m")
	}
	for version, names := range l.Symbols {
		l.Symbols[version] = strings.Join(slices.DeleteFunc(strings.Fields(names), func(n string) bool {
			return leftOut.MatchString(n) || engine.MatchString(n) && CompareVersions(r.glibc, "2.39") >= 0
		}), " ")
	}
	return l
}
