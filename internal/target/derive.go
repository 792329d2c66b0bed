package target

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A profile that is known by the newest symbol versions of its libraries is
// derived from one that was read from packages. glibc and libstdc++ give each
// symbol the version of the release that brought it, never add to a version
// once it is released, and never take one away. So what the newer library has
// at versions up to the older one's newest, the older one has as well; and
// versions past its newest it has not. What distributions add of their own
// stays open, and so do symbols that are not found. libgcc_s does add symbols to
// old versions, so that it is derived from an older one.

// merged is the first glibc whose libpthread, libdl, librt and libutil are
// part of libc.so.6. Profiles from then on are derived from the newest that
// was read, older ones from glibc 2.31, where they are files of their own; no
// profile has 2.32 or 2.33.
const merged = "2.34"

// ownLibraries are glibc's libraries that programs name.
func ownLibraries() []string {
	return []string{
		"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1",
		"libutil.so.1", "libresolv.so.2", "libanl.so.1",
	}
}

// maxGCC is the newest version of libgcc_s that is derived from libstdc++'s:
// some distributions update the one without the other.
const maxGCC = "8"

// baseGCC is the GCC of the libgcc_s that others are derived from; of older
// ones only the versions are known, no symbol.
const baseGCC = "10.2"

// compilers is the GCC that brought a GLIBCXX_3.4.N, and its CXXABI_1.3.N, by
// the table of symbol versions in libstdc++'s manual; those of 36 were read.
// Where a number has no row, the one before it is what is known at least.
func compilers() map[int]struct{ gcc, cxxabi string } {
	return map[int]struct{ gcc, cxxabi string }{
		13: {"4.4", "3"}, 14: {"4.5", "4"}, 15: {"4.6", "5"}, 16: {"4.6", "5"}, 17: {"4.7", "6"}, 18: {"4.8", "7"}, 19: {"4.8", "7"},
		20: {"4.9", "8"}, 21: {"5.1", "9"}, 22: {"6.1", "10"}, 23: {"7.1", "11"}, 24: {"7.2", "11"}, 25: {"8.1", "11"}, 26: {"9.1", "12"},
		27: {"9.2", "12"}, 28: {"9.3", "12"}, 29: {"11.1", "13"}, 30: {"12.1", "13"}, 31: {"13.1", "14"}, 32: {"13.2", "14"},
		33: {"14.1", "15"}, 36: {"16.1", "17"},
	}
}

// document is the profile for a platform and a point release ("first",
// "latest", or "" for whichever).
func (r *profileRow) document(platform, point string) (*document, error) {
	if r.file != "" {
		return readProfile(r.file, platform)
	}
	id, version, _ := strings.Cut(r.name, "/")
	doc := &document{
		Schema: Schema, Name: "profile:" + r.name,
		Facts: Facts{Platform: platform, Kernel: r.kernel, OS: OS{ID: id, Version: version, Name: strings.TrimSpace(r.title + " " + version)}},
		Profile: &Profile{
			Open: []Kind{Libraries, Programs, Erlang, Certificates, Locales, Patches}, Known: r.known(point),
		},
		Links: map[string]string{}, Programs: basePrograms(), Files: []string{}, Texts: map[string]string{},
	}
	fill := r.glibcLibraries
	if r.glibc == "" {
		fill = r.muslLibraries
	}
	if err := fill(doc, point); err != nil {
		return nil, err
	}
	if err := r.packaged(doc, point); err != nil {
		return nil, err
	}
	slices.SortFunc(doc.Libraries, func(a, b library) int { return strings.Compare(a.Path, b.Path) })
	return doc, nil
}

// basePrograms is what the smallest installation and the smallest container of every
// system has whose programs nobody listed: POSIX's own, from its coreutils, sed, grep
// and awk, or from BusyBox.
func basePrograms() map[string][]string {
	return map[string][]string{
		"bin": {"sh"},
		"usr/bin": strings.Fields("awk basename cat chmod cp cut date dd df dirname env expr grep head id kill ln ls mkdir mktemp mv od pwd readlink rm " +
			"sed sleep sort tail tr tty uname wc"),
	}
}

// like gives a library the format of the others.
func (d *document) like(l library) library {
	l.Class, l.Data, l.Machine = d.Libraries[0].Class, d.Libraries[0].Data, d.Libraries[0].Machine
	return l
}

func (r *profileRow) directory(platform string) string {
	switch {
	case r.libs != "":
		return r.libs
	case r.glibc == "":
		return "usr/lib"
	case platform == "linux/arm64":
		return "usr/lib/aarch64-linux-gnu"
	}
	return "usr/lib/x86_64-linux-gnu"
}

func (r *profileRow) glibcLibraries(doc *document, point string) error {
	base := oldestRead
	if CompareVersions(r.glibc, merged) >= 0 {
		base = newestRead
	}
	from, err := readProfile(base, doc.Facts.Platform)
	if err != nil {
		return err
	}
	newest := r.glibc
	if r.label != "" {
		newest = r.label
	}
	beyond := CompareVersions(r.glibc, from.Facts.Libc.Version) > 0
	for _, l := range from.Libraries {
		if !slices.Contains(ownLibraries(), l.Soname) {
			continue
		}
		l = l.upTo(map[string]string{"GLIBC_": newest})
		l.Families = []string{"GLIBC_"}
		switch {
		case !beyond:
		case l.Soname == "libc.so.6":
			l.Versions = append(l.Versions, "GLIBC_"+newest) // its symbols are unknown
		default:
			l.Families = nil // which of them have the newest version is unknown
		}
		l.Path = path.Join(r.directory(doc.Facts.Platform), l.Soname)
		if l.Soname == "libc.so.6" {
			l.bring(r.brought, point)
		}
		doc.Libraries = append(doc.Libraries, l)
	}
	loader := from.Facts.Libc.Loader
	doc.Facts.Libc = Libc{Kind: "glibc", Version: r.glibc, Loader: loader}
	doc.Facts.UTF8 = CompareVersions(r.glibc, "2.35") >= 0 // glibc itself brings its file since
	if at := path.Join(r.directory(doc.Facts.Platform), path.Base(loader)); at != loader {
		doc.Links[loader] = "/" + at
	}
	return r.compilerLibraries(doc, point)
}

// compilerLibraries adds libstdc++ and libgcc_s. That a system has packages of
// them does not say that they are installed.
func (r *profileRow) compilerLibraries(doc *document, point string) error {
	from, err := readProfile(newestRead, doc.Facts.Platform)
	if err != nil {
		return err
	}
	older, err := readProfile(oldestRead, doc.Facts.Platform)
	if err != nil {
		return err
	}
	first, latest := r.newestCXX(point)
	n, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	row, sure := compilers()[n]
	for row.gcc == "" && n > 0 {
		n--
		row = compilers()[n]
	}
	gcc := row.gcc
	if CompareVersions(gcc, maxGCC) > 0 {
		gcc = maxGCC
	}
	newGCC := from.named("libgcc_s.so.1") // what follows takes it out of the list
	both := append(slices.DeleteFunc(from.Libraries, func(l library) bool { return l.Soname != "libstdc++.so.6" }),
		slices.DeleteFunc(older.Libraries, func(l library) bool { return l.Soname != "libgcc_s.so.1" })...)
	for _, l := range both {
		switch l.Soname {
		case "libstdc++.so.6":
			later := l.upTo(map[string]string{"GLIBCXX_": "3.4." + latest})
			l = l.upTo(map[string]string{"GLIBCXX_": "3.4." + first, "CXXABI_": "1.3." + row.cxxabi})
			l.Families = []string{"GLIBCXX_"}
			if sure && first == latest {
				l.Families = append(l.Families, "CXXABI_")
			}
			for _, v := range later.Versions {
				if strings.HasPrefix(v, "GLIBCXX_") && !slices.Contains(l.Versions, v) {
					l.Later = append(l.Later, v)
				}
			}
		case "libgcc_s.so.1":
			l = l.upTo(map[string]string{"GCC_": gcc, "GLIBC_": "2.0"})
			if CompareVersions(row.gcc, baseGCC) < 0 {
				l.Symbols = nil
			}
			if r.gcc != "" {
				l.addVersions(newGCC, "GCC_", r.gcc)
			}
		}
		l.Path, l.Optional, l.Package = path.Join(r.directory(doc.Facts.Platform), l.Soname), true, r.packageOf(l.Soname)
		doc.Libraries = append(doc.Libraries, l)
	}
	return nil
}

// addVersions adds, of a newer library of the same name, what is at the versions of a
// family that are newer than its own, up to a newest one. Others of that family are not
// there.
func (l *library) addVersions(newer library, family, newest string) {
	own := strings.TrimPrefix(Newest(l.file().VersionDefs, family), family)
	l.Families = append(l.Families, family)
	for _, v := range newer.Versions {
		number, ok := strings.CutPrefix(v, family)
		if !ok || CompareVersions(number, own) <= 0 || CompareVersions(number, newest) > 0 {
			continue
		}
		l.Versions = append(l.Versions, v)
		if l.Symbols != nil {
			l.Symbols[v] = newer.Symbols[v]
		}
	}
}

// bring adds a version that later point releases have, "2.35 epoll_pwait2".
func (l *library) bring(brought, point string) {
	number, symbols, ok := strings.Cut(brought, " ")
	switch version := "GLIBC_" + number; {
	case !ok || point == "first":
	case point == "latest":
		l.Versions, l.Symbols[version] = append(l.Versions, version), symbols
	default:
		l.Later = append(l.Later, version)
	}
}

// muslLibraries takes musl as a package of the same version that was read has
// it, or of an older one: musl takes no symbol away.
func (r *profileRow) muslLibraries(doc *document, _ string) error {
	musl := map[string]string{"1.2.4": "1.2.3", "": "1.2.2"}[r.musl]
	if musl == "" {
		musl = r.musl
	}
	from, err := findProfile("musl", doc.Facts.Platform, musl)
	if err != nil {
		return err
	}
	l := from.Libraries[0]
	l.Partial = true
	doc.Libraries = append(doc.Libraries, l)
	doc.Facts.Libc = Libc{Kind: "musl", Version: r.musl, Loader: from.Facts.Libc.Loader}
	doc.Facts.UTF8 = true // musl's only locale
	return nil
}

// upTo is a library as it was when these were the newest versions of their
// families. Versions of other families and without a number are unknown.
func (l library) upTo(newest map[string]string) library {
	keeps := func(version string) bool {
		for family, limit := range newest {
			number, ok := strings.CutPrefix(version, family)
			if ok && number != "" && number[0] >= '0' && number[0] <= '9' && CompareVersions(number, limit) <= 0 {
				return true
			}
		}
		return version == ""
	}
	l.Versions = slices.DeleteFunc(slices.Clone(l.Versions), func(v string) bool { return !keeps(v) })
	symbols := maps.Clone(l.Symbols)
	maps.DeleteFunc(symbols, func(version, _ string) bool { return !keeps(version) })
	l.Symbols, l.Gaps = symbols, Gaps{Partial: true}
	return l
}
