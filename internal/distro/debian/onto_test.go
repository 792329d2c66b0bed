package debian

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/distro"
	"dram/internal/problem"
)

// status is dpkg's list of packages, each "NAME VERSION" and more fields.
func status(packages ...string) []byte {
	var b strings.Builder
	for _, p := range packages {
		head, more, _ := strings.Cut(p, "; ")
		name, version, _ := strings.Cut(head, " ")
		fmt.Fprintf(&b, "Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: %s\n%s\n\n", name, version, strings.ReplaceAll(more, "; ", "\n"))
	}
	return []byte(b.String())
}

func snapshot(raw []byte) *distro.Snapshot {
	return &distro.Snapshot{Files: map[string][]byte{admin + "/status": raw}}
}

// universeOf is an archive of packages, each "NAME VERSION; FIELD: VALUE; …".
func universeOf(t *testing.T, packages ...string) *universe {
	t.Helper()
	u := newUniverse("amd64")
	for _, p := range packages {
		head, more, _ := strings.Cut(p, "; ")
		name, version, _ := strings.Cut(head, " ")
		text := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: amd64\nFilename: pool/%s.deb\nSize: 1\nSHA256: %s\n%s\n",
			name, version, name, emptySum, strings.ReplaceAll(more, "; ", "\n"))
		if err := u.add(text, "A"); err != nil {
			t.Fatal(err)
		}
	}
	u.index()
	return u
}

// What is there stays unless something newer is needed, and all of it goes together
// in the end.
func TestChooseOnto(t *testing.T) {
	for _, tt := range []struct {
		name               string
		installed, archive []string
		want               string
		chosen             string // or the error
	}{
		{
			"only what is missing",
			[]string{"libc 1", "perl 1; Depends: libc"},
			[]string{"libc 2", "perl 2", "git 1; Depends: libc, perl (>= 1), liberror", "liberror 1; Depends: perl"},
			"git", "git 1 liberror 1",
		},
		{"all is there", []string{"git 1"}, []string{"git 2; Depends: libnew", "libnew 1"}, "git", ""},
		{
			"something newer is needed",
			[]string{"libc 1", "sh 1; Depends: libc"},
			[]string{"libc 2", "git 1; Depends: libc (>= 2)"},
			"git", "git 1 libc 2",
		},
		{
			"what depends on the very version comes along",
			[]string{"libc 1", "libc-bin 1; Depends: libc (= 1)"},
			[]string{"libc 2", "libc-bin 2; Depends: libc (= 2)", "git 1; Depends: libc (>= 2)"},
			"git", "git 1 libc 2 libc-bin 2",
		},
		{
			"what the newer one breaks comes along",
			[]string{"libc 1", "old 1"},
			[]string{"libc 2; Breaks: old (<< 2)", "old 2; Depends: libc", "git 1; Depends: libc (>= 2)"},
			"git", "git 1 libc 2 old 2",
		},
		{
			"something of nobody's archive breaks",
			[]string{"libc 1", "own 1; Depends: libc (= 1)"},
			[]string{"libc 2", "git 1; Depends: libc (>= 2)"},
			"git", "own 1, which the image has, depends on libc (= 1), and the archive has no other",
		},
		{
			"a conflict with what is there",
			[]string{"mawk 1"},
			[]string{"gawk 1; Conflicts: mawk"},
			"gawk", "mawk 1, which the image has, does not go with gawk 1, and the archive has no other",
		},
		{
			"the image is newer than the archive",
			[]string{"libc 3"},
			[]string{"libc 2", "libc-dev 2; Depends: libc (= 2)"},
			"libc-dev", "resolving dependencies: libc-dev 2 depends on libc (= 2), and the suite has libc 3",
		},
		{
			"what is provided there serves",
			[]string{"mawk 1; Provides: awk"},
			[]string{"mawk 1; Provides: awk", "gawk 1; Provides: awk", "base 1; Depends: awk"},
			"base", "base 1",
		},
		{
			"a newer one that provides no more",
			[]string{"lib 1; Provides: lib-abi-1", "tool 1; Depends: lib-abi-1"},
			[]string{"lib 2; Provides: lib-abi-2", "tool 2; Depends: lib-abi-2", "app 1; Depends: lib-abi-2"},
			"app", "app 1 lib 2 tool 2",
		},
		{
			"an unmet need of old is nobody's matter",
			[]string{"git 1; Depends: git-man", "libc 1"},
			[]string{"make 1; Depends: libc"},
			"make", "make 1",
		},
		{"no such package", []string{"libc 1"}, []string{"cmake 1"}, "cmak", `the suite has no package "cmak"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := universeOf(t, tt.archive...)
			installed, err := readInstalled(snapshot(status(tt.installed...)), "amd64")
			if err != nil {
				t.Fatal(err)
			}
			u.onto(installed)
			set, err := u.resolve(Request{Packages: []string{tt.want}, content: alone})
			if err != nil {
				if problem.Code(err) != 2 || err.Error() != tt.chosen {
					t.Errorf("exit %d, %q", problem.Code(err), err)
				}
				if tt.want == "cmak" && !strings.HasPrefix(problem.Hint(err), "did you mean cmake?") {
					t.Errorf("hint %q", problem.Hint(err))
				}
				return
			}
			var got []string
			for _, p := range set.Packages {
				got = append(got, p.Name+" "+p.Version)
			}
			if strings.Join(got, " ") != tt.chosen {
				t.Errorf("chosen %q, want %q", got, tt.chosen)
			}
		})
	}
}

func TestReadInstalled(t *testing.T) {
	const half = "Package: git\nStatus: install ok half-installed\nArchitecture: amd64\nVersion: 1\n\n"
	for _, tt := range []struct {
		name, file, text, want string
	}{
		{"dpkg's own", "status", "Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n" + strings.ReplaceAll(half, "half-installed", "config-files"), "a 1"},
		{"held", "status", "Package: a\nStatus: hold ok installed\nArchitecture: amd64\nVersion: 1:2-3\n", "a 1:2-3"},
		{"another architecture's", "status", "Package: a\nStatus: install ok installed\nArchitecture: i386\nVersion: 1\n\n" + string(status("b 1")), "b 1"},
		{"triggers that wait", "status", "Package: a\nStatus: install ok triggers-pending\nArchitecture: amd64\nVersion: 1\n", "a 1"},
		{"without dpkg", "status.d/a", "Package: a\nArchitecture: amd64\nVersion: 1\n", "a 1"},
		{"half installed", "status", half, "its packages are not installed whole: git (half-installed)"},
		{"to be installed again", "status", strings.Replace(half, "ok half-installed", "reinstreq installed", 1), "its packages are not installed whole: git (reinstreq)"},
		{"none", "status", "", "its list of packages is empty"},
		{"no status", "status", strings.Replace(half, "install ok half-installed", "x", 1), `reading its list of packages "/var/lib/dpkg/status": paragraph 1: the status "x" is none`},
		{"a name that is none", "status", "Package: ../x\nArchitecture: amd64\nVersion: 1\n", `reading its list of packages "/var/lib/dpkg/status": paragraph 1: package "../x" has no name or version`},
		{"no list", "status", "\x7fELF", `reading its list of packages "/var/lib/dpkg/status": paragraph 1: package "" has no name or version`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readInstalled(&distro.Snapshot{Files: map[string][]byte{admin + "/" + tt.file: []byte(tt.text)}}, "amd64")
			if err != nil {
				if problem.Code(err) != 2 || err.Error() != tt.want || problem.Hint(err) == "" {
					t.Errorf("exit %d, %q", problem.Code(err), err)
				}
				return
			}
			var names []string
			for _, name := range sorted(got) {
				names = append(names, name+" "+got[name].Version)
			}
			if strings.Join(names, ", ") != tt.want {
				t.Errorf("%q, want %q", names, tt.want)
			}
		})
	}
}

func TestAptSources(t *testing.T) {
	for _, tt := range []struct {
		name, file, text string
		want             []string
	}{
		{
			"one line each", "etc/apt/sources.list",
			"# deb http://no/debian x main\ndeb http://a/debian/ trixie main contrib # more\ndeb-src http://a/debian trixie main\n" +
				"deb [arch=amd64 signed-by=/k/My.gpg] https://b/own any main\ndebx http://no/ x main\ndeb\n",
			[]string{"http://a/debian trixie [main contrib] ", "https://b/own any [main] /k/My.gpg"},
		},
		{
			"paragraphs", "etc/apt/sources.list.d/ubuntu.sources",
			"Types: deb\nURIs: http://u/ubuntu\nSuites: noble noble-updates\nComponents: main universe\nSigned-By: /k.gpg\n\nTypes: deb\nURIs: http://off/ubuntu\nSuites: x\nComponents: main\nEnabled: no\n",
			[]string{"http://u/ubuntu noble [main universe] /k.gpg", "http://u/ubuntu noble-updates [main universe] /k.gpg"},
		},
		{
			"what HTTP does not reach, or is of another form", "etc/apt/sources.list",
			"deb file:/media x main\ndeb cdrom:[x]/ x main\ndeb http:///x y main\ndeb http://a/flat ./\ndeb http://a/x ../../y main\ndeb http://a/x\n", nil,
		},
		{"another file", "etc/apt/sources.list.d/x.list.save", "deb http://a/debian trixie main\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, s := range aptSources(map[string][]byte{tt.file: []byte(tt.text)}) {
				got = append(got, fmt.Sprintf("%s %s %v %s", s.base, s.dist, s.components, s.signedBy))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzInstalled: whatever an image has for a list of packages is read, or refused.
func FuzzInstalled(f *testing.F) {
	f.Add(status("a 1; Depends: b (>= 2) | c", "b 2; Provides: d (= 1)"))
	f.Add([]byte("Package: a\nStatus: install ok half-installed\nArchitecture: amd64\nVersion: 1\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := readInstalled(snapshot(raw), "amd64")
		if err != nil {
			return
		}
		for name, e := range got {
			if name != e.Name || !validName(name) || !e.installed {
				t.Fatalf("%q is %+v", name, e)
			}
		}
		u := newUniverse("amd64")
		u.onto(got)
		if set, err := u.resolve(Request{Packages: sorted(got), content: alone}); err == nil && len(set.Packages) > 0 {
			t.Fatalf("chosen of nothing: %+v", set)
		}
	})
}

// FuzzAptSources: no source leads out of what HTTP reaches.
func FuzzAptSources(f *testing.F) {
	f.Add("deb [signed-by=/k.gpg] http://a/debian trixie main\n", true)
	f.Add("Types: deb\nURIs: http://u/ubuntu\nSuites: noble\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n x\n", false)
	f.Fuzz(func(t *testing.T, text string, lines bool) {
		name := "etc/apt/sources.list.d/x.sources"
		if lines {
			name = "etc/apt/sources.list"
		}
		files := map[string][]byte{name: []byte(text)}
		for _, s := range aptSources(files) {
			if !strings.HasPrefix(s.base, "http") || strings.Contains("/"+s.dist+"/", "/../") || len(s.components) == 0 {
				t.Fatalf("source %+v", s)
			}
			s.keys(files)
		}
	})
}
