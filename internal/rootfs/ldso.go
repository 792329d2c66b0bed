package rootfs

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Limits of what is read of a loader. The largest seen has 1.3 MB, with symbols.
const (
	maxLoader     = 8 << 20
	maxLoaderDirs = 32
)

// ldso is what glibc's loader does in one root: which directories are built into
// it, which differs by distribution, and what its cache says.
type ldso struct {
	dirs   []string // nil if its bytes do not tell
	cache  *ldCache // nil if there is none
	levels bool     // it looks in glibc-hwcaps (since 2.33)
	legacy bool     // it looks in tls, haswell and the like (before 2.37)
	at     string   // of its cache, "etc/ld.so.cache"
}

// LoaderStrings are the strings of a loader of glibc's that its search depends on: the
// directories built into it, each with a slash at its end, where its cache lies, and
// whether and until when it knows folders for newer processors.
func LoaderStrings(loader []byte) (out []string) {
	var run, dirs []string
	for rest := loader; len(rest) > 0; {
		s, after, _ := bytes.Cut(rest, []byte{0})
		rest = after
		if isTrusted(s) && len(run) < maxLoaderDirs {
			run = append(run, string(s))
			continue
		}
		if len(run) > len(dirs) {
			dirs = run
		}
		run = nil
		if bytes.HasSuffix(s, []byte("/ld.so.cache")) && s[0] == '/' && len(s) < maxName {
			out = append(out, string(s))
		}
	}
	if len(run) > len(dirs) {
		dirs = run
	}
	if bytes.Contains(loader, []byte("glibc-hwcaps")) {
		out = append(out, "glibc-hwcaps")
	}
	if v := loaderVersion.Find(loader); v != nil {
		out = append(out, string(v))
	}
	return append(dirs, out...)
}

// loaderVersion is what the loader prints when it is asked, since 2.33.
var loaderVersion = regexp.MustCompile(`stable release version 2\.[0-9]{1,3}`)

// isTrusted says whether a string is a directory as glibc has those built in.
func isTrusted(s []byte) bool {
	return len(s) > 2 && len(s) < 256 && s[0] == '/' && s[len(s)-1] == '/' && bytes.Contains(s, []byte("lib"))
}

// readLdso reads a loader and its cache, by the loader's real name.
func readLdso(fsys FS, loader string) *ldso {
	l := &ldso{legacy: true, at: "etc/ld.so.cache"}
	b, err := ReadFile(fsys, loader, maxLoader)
	if err != nil {
		return l
	}
	for _, s := range LoaderStrings(b) {
		switch {
		case strings.HasSuffix(s, "/"):
			l.dirs = append(l.dirs, Clean(s))
		case strings.HasPrefix(s, "/"):
			l.at = Clean(s)
		case s == "glibc-hwcaps":
			l.levels = true
		default:
			minor, err := strconv.Atoi(s[strings.LastIndexByte(s, '.')+1:])
			l.legacy = err == nil && minor < 37
		}
	}
	if b, err := ReadFile(fsys, l.at, maxCacheBytes); err == nil {
		l.cache, _ = readCache(b) // a damaged one is none, as to the loader
	}
	return l
}

// known says whether it is known where the loader looks.
func (l *ldso) known() bool { return l != nil && l.dirs != nil }

// trusted says whether a path of the cache lies in what is built in, which a library
// linked with -z nodefaultlib does not want.
func (l *ldso) trusted(name string) bool {
	return slices.ContainsFunc(l.dirs, func(dir string) bool { return strings.HasPrefix(Clean(name), dir+"/") })
}

// folders are those inside each directory that come before it, for processors of
// a level, and those that only better ones look in.
func (l *ldso) folders(a *abi, level string) (mine, better []string) {
	if l == nil || a.arch != "x86_64" {
		return nil, nil
	}
	has := slices.Index(levels(), level)
	if l.levels {
		for i := len(levels()) - 1; i > 0; i-- {
			if dir := "glibc-hwcaps/" + levels()[i]; i <= has {
				mine = append(mine, dir)
			} else {
				better = append(better, dir)
			}
		}
	}
	if !l.legacy {
		return mine, better
	}
	for _, dir := range legacyFolders() {
		if newer := strings.Contains(dir, "haswell") && has < 2 || strings.Contains(dir, "avx512") && has < 3; newer {
			better = append(better, dir)
		} else {
			mine = append(mine, dir)
		}
	}
	return mine, better
}

// legacyFolders are those that glibc before 2.37 looks in, in its order: each may be
// there or not, the rightmost varying first.
func legacyFolders() (out []string) {
	parts := []string{"tls", "haswell", "avx512_1", "x86_64"}
	for set := 1<<len(parts) - 1; set > 0; set-- {
		dir := ""
		for i, p := range parts {
			if set>>(len(parts)-1-i)&1 != 0 {
				dir = path.Join(dir, p)
			}
		}
		out = append(out, dir)
	}
	return out
}

// ldsoOf is what is known of the loader of a root, read once.
func (s *search) ldsoOf(loader string) *ldso {
	real, _, err := walk(s.low, Clean(loader), true)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if l, ok := s.loaders[real]; ok {
		return l
	}
	l := readLdso(s.fsys, real)
	s.loaders[real] = l
	return l
}
