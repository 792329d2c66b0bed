package debian

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"dram/internal/distro"
	"dram/internal/problem"
)

// suite is the suite of that name.
func suite(t *testing.T, name string) distro.Suite {
	t.Helper()
	s, err := Distribution{}.Info().Suite(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSources(t *testing.T) {
	m := distro.Mirror{Archive: "A", Security: "S"}
	for name, want := range map[string]string{
		"trixie": "[A trixie [main] A trixie-updates [main] S trixie-security [main]]",
		"sid":    "[A sid [main]]",
	} {
		if got := fmt.Sprint(sources(suite(t, name), m)); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// versionOrder is ascending; those of one line are equal. From dpkg's manual,
// Debian policy 5.6.12 and the archive.
var versionOrder = [][]string{
	{"0~~", "0~~-0"},
	{"0~~a"},
	{"0~"},
	{"0", "", "0:0", "0-0", "00"},
	{"0a"},
	{"0a0.1"},
	{"1.0~beta1~svn1245"},
	{"1.0~beta1"},
	{"1.0", "1.0-0", "1.00"},
	{"1.0-1~bpo1"},
	{"1.0-1"},
	{"1.0-1+b1"},
	{"1.0-1.1"},
	{"1.0a"},
	{"1.0+dfsg-1"},
	{"1.0.1"},
	{"1.2"},
	{"1.10"},
	{"99999999999999999999999999"},
	{"99999999999999999999999999.1"},
	{"1:0.1"},
	{"1:27.3.4.1+dfsg-1+deb13u3"},
	{"1:27.3.4.1+dfsg-1+deb13u4"},
	{"1:29.0~rc1+dfsg"},
	{"1:29.0+dfsg"},
	{"2:0"},
}

func TestCompareVersions(t *testing.T) {
	for i, as := range versionOrder {
		for j, bs := range versionOrder {
			for _, a := range as {
				for _, b := range bs {
					if got, want := compareVersions(a, b), sign(i-j); got != want {
						t.Errorf("%q against %q: %d, want %d", a, b, got, want)
					}
				}
			}
		}
	}
}

func TestUpstream(t *testing.T) {
	for in, want := range map[string]string{
		"1:27.3.4.1+dfsg-1+deb13u3": "27.3.4.1", "1.18.3.dfsg-1": "1.18.3", "1.10.3.dfsg-1.1": "1.10.3",
		"3.24.0-1": "3.24.0", "1.20.4+dfsg-1": "1.20.4", "": "",
	} {
		if got := upstream(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestParseRelations(t *testing.T) {
	got := parseRelations("a, b (>= 1.0) | c:any(<< 2), ,d:arm64, e:amd64 ( = 3 )", "amd64")
	want := [][]relation{
		{{name: "a"}},
		{{name: "b", op: ">=", version: "1.0"}, {name: "c", op: "<<", version: "2"}},
		{{name: "d", foreign: true}},
		{{name: "e", op: "=", version: "3"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(relation{})); diff != "" {
		t.Error(diff)
	}
}

func TestFields(t *testing.T) {
	const text = "\n# note\nA: 1\nB: x\n y\n .\n\tz\nno field\nC:\n\n\n\nD: 2\n"
	var got [][2]string
	for par := range paragraphs(text) {
		got = append(got, [2]string{"--", ""})
		for n, v := range fields(par) {
			got = append(got, [2]string{n, v})
		}
	}
	want := [][2]string{{"--", ""}, {"A", "1"}, {"B", "x\n y\n .\n\tz"}, {"C", ""}, {"--", ""}, {"D", "2"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestChoose: what is wanted, out of which packages, gives which. A package is
// "name version fields…", fields separated by semicolons.
func TestChoose(t *testing.T) {
	for name, tc := range map[string]struct {
		have []string
		want []string // asked for
		out  []string // left out
		got  string   // chosen, or a part of the error
	}{
		"depends":            {[]string{"a 1;Depends: b", "b 1;Pre-Depends: c", "c 1"}, []string{"a"}, nil, "a b c"},
		"essential, always":  {[]string{"e 1;Essential: yes", "r 1;Priority: required", "x 1"}, nil, nil, "e r"},
		"recommends, never":  {[]string{"a 1;Recommends: b", "b 1"}, []string{"a"}, nil, "a"},
		"first alternative":  {[]string{"a 1;Depends: b | c", "b 1", "c 1"}, []string{"a"}, nil, "a b"},
		"chosen alternative": {[]string{"a 1;Depends: b | c, d", "b 1", "c 1", "d 1;Depends: c"}, []string{"a"}, nil, "a c d"},
		"second alternative": {[]string{"a 1;Depends: b (>= 2) | c", "b 1", "c 1"}, []string{"a"}, nil, "a c"},
		"dead end":           {[]string{"a 1;Depends: b | c", "b 1;Depends: none", "c 1"}, []string{"a"}, nil, "a c"},
		"virtual":            {[]string{"a 1;Depends: v", "p 1;Provides: v", "q 1;Provides: v;Priority: important"}, []string{"a"}, nil, "a q"},
		"virtual, chosen":    {[]string{"a 1;Depends: v | x, p", "p 1;Provides: v", "x 1"}, []string{"a"}, nil, "a p"},
		"virtual, asked for": {[]string{"p 1;Provides: v"}, []string{"v"}, nil, "p"},
		"versioned provides": {[]string{"a 1;Depends: v (>= 2)", "p 1;Provides: v (= 1)", "q 1;Provides: v (= 2)", "o 1;Provides: v"}, []string{"a"}, nil, "a q"},
		"multi-arch any":     {[]string{"a 1;Depends: b:any (>= 1)", "b 1"}, []string{"a"}, nil, "a b"},
		"cycle":              {[]string{"a 1;Depends: b", "b 1;Depends: a"}, []string{"a"}, nil, "a b"},
		"newest":             {[]string{"a 1", "a 2", "a 1.5", "b 1;Depends: a (= 2)"}, []string{"b"}, nil, "a b"},
		"left out":           {[]string{"a 1;Depends: wx, b", "wx 1;Depends: gtk", "gtk 1", "b 1"}, []string{"a"}, []string{"wx"}, "a b"},
		"left out, or":       {[]string{"a 1;Depends: systemd | sysusers", "systemd 1", "sysusers 1"}, []string{"a"}, []string{"systemd"}, "a sysusers"},
		"clash avoided":      {[]string{"a 1;Depends: b | c, d", "b 1;Conflicts: d", "c 1", "d 1"}, []string{"a"}, nil, "a c d"},
		"breaks older":       {[]string{"a 1;Breaks: b (<< 1)", "b 1"}, []string{"a", "b"}, nil, "a b"},
		"own virtual":        {[]string{"a 1;Provides: v;Conflicts: v"}, []string{"a"}, nil, "a"},
		"none":               {nil, []string{"a"}, nil, `the suite has no package "a"`},
		"missing":            {[]string{"a 1;Depends: b", "b 2;Depends: c (>= 3)"}, []string{"a"}, nil, "a 1 depends on b, b 2 depends on c (>= 3), which the suite does not have"},
		"too old":            {[]string{"a 1;Depends: b (>= 3)", "b 2"}, []string{"a"}, nil, "a 1 depends on b (>= 3), and the suite has b 2"},
		"foreign":            {[]string{"a 1;Depends: b:arm64", "b 2"}, []string{"a"}, nil, "a 1 depends on b"},
		"clash":              {[]string{"a 1", "b 1;Conflicts: a"}, []string{"a", "b"}, nil, "exclude each other"},
		"clash by virtual":   {[]string{"a 1;Provides: v", "b 1;Breaks: v"}, []string{"a", "b"}, nil, "exclude each other"},
		"clash below":        {[]string{"a 1;Depends: b", "b 1;Conflicts: a"}, []string{"a"}, nil, "conflicts with a"},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUniverse("amd64")
			for _, h := range tc.have {
				head, more, _ := strings.Cut(h, ";")
				pkg, version, _ := strings.Cut(head, " ")
				text := "Package: " + pkg + "\nVersion: " + version + "\nArchitecture: all\nFilename: f\nSize: 1\nSHA256: " +
					emptySum + "\n" + strings.ReplaceAll(more, ";", "\n") + "\n"
				if err := u.add(text, "http://mirror.example/debian"); err != nil {
					t.Fatal(err)
				}
			}
			u.index()
			out := map[string]bool{}
			for _, n := range tc.out {
				out[n] = true
			}
			chosen, err := u.choose(append(u.roots(), tc.want...), nil, out)
			var names []string
			for _, e := range chosen {
				names = append(names, e.Name)
			}
			switch {
			case err != nil && !strings.Contains(err.Error(), tc.got):
				t.Errorf("error %v, want %q", err, tc.got)
			case err != nil && problem.Hint(err) == "":
				t.Error("no hint")
			case err == nil && strings.Join(names, " ") != tc.got:
				t.Errorf("got %q, want %q", names, tc.got)
			}
		})
	}
}

func TestIndexIsChecked(t *testing.T) {
	good := "Package: aa\nVersion: 1\nArchitecture: all\nFilename: pool/f\nSize: 1\nSHA256: " + emptySum + "\n"
	for name, tc := range map[string][2]string{
		"name":   {"aa", "../aa"},
		"no sum": {"SHA256: e3", "SHA256: x3"},
		"size":   {"Size: 1", "Size: -1"},
		"number": {"Size: 1", "Size: x"},
		"above":  {"pool/f", "../f"},
		"rooted": {"pool/f", "/f"},
		"arch":   {"Architecture: all\n", ""},
	} {
		if err := newUniverse("amd64").add(strings.Replace(good, tc[0], tc[1], 1), "b"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := newUniverse("amd64").add(good, "b"); err != nil {
		t.Error(err)
	}
}

func TestHostMirror(t *testing.T) {
	def := defaultMirror()
	for name, tc := range map[string]struct {
		files map[string]string
		want  distro.Mirror
		ok    bool
	}{
		"none": {nil, def, false},
		"one line": {
			map[string]string{"apt/sources.list": "# deb http://no.example/debian x main\ndeb-src http://src.example/debian x main\n" +
				"deb [arch=amd64 signed-by=/k] https://a.example/debian/ trixie main # note\ndeb http://s.example/debian-security trixie-security main\n"},
			distro.Mirror{Archive: "https://a.example/debian", Security: "http://s.example/debian-security"},
			true,
		},
		"deb822": {
			map[string]string{"apt/sources.list.d/debian.sources": "Types: deb deb-src\nURIs: http://a.example/x/debian\nSuites: trixie\nComponents: main contrib\n\n" +
				"Types: deb\nURIs: http://s.example/debian-security/\nComponents: main\n"},
			distro.Mirror{Archive: "http://a.example/x/debian", Security: "http://s.example/debian-security"},
			true,
		},
		"others": {
			map[string]string{
				"apt/sources.list":                   "deb http://a.example/ubuntu noble main\ndeb cdrom:[Debian]/debian trixie main\ndeb file:/srv/debian x main\n",
				"apt/sources.list.d/off.sources":     "Types: deb\nEnabled: no\nURIs: http://off.example/debian\nComponents: main\n",
				"apt/sources.list.d/src.sources":     "Types: deb-src\nURIs: http://src.example/debian\nComponents: main\n",
				"apt/sources.list.d/ignored.txt":     "deb http://txt.example/debian x main\n",
				"apt/sources.list.d/docker.list":     "deb https://d.example/linux/debian trixie stable\n",
				"apt/sources.list.d/zz-late.sources": "Types: deb\nURIs: http://late.example/debian\nComponents: main\n",
			},
			distro.Mirror{Archive: "http://late.example/debian", Security: def.Security},
			true,
		},
		"security alone": {
			map[string]string{"apt/sources.list": "deb http://s.example/debian-security trixie-security main\n"},
			distro.Mirror{Archive: def.Archive, Security: "http://s.example/debian-security"},
			false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			etc := fstest.MapFS{}
			for p, text := range tc.files {
				etc[p] = &fstest.MapFile{Data: []byte(text)}
			}
			got, ok := hostMirror(etc)
			if diff := cmp.Diff(tc.want, got); diff != "" || ok != tc.ok {
				t.Errorf("ok %v: %s", ok, diff)
			}
		})
	}
}

// What was set comes before what the host's apt sources say, and that before
// Debian's own.
func TestMirrorOf(t *testing.T) {
	host := fstest.MapFS{"apt/sources.list": {Data: []byte(
		"deb http://near.example/debian trixie main\ndeb http://near.example/debian-security trixie-security main\n")}}
	std := defaultMirror()
	for _, tt := range []struct {
		name      string
		etc       fs.FS
		set, want distro.Mirror
	}{
		{"no machine", nil, distro.Mirror{}, std},
		{"nothing", fstest.MapFS{}, distro.Mirror{}, std},
		{"host", host, distro.Mirror{}, distro.Mirror{Archive: "http://near.example/debian", Security: "http://near.example/debian-security"}},
		{
			"set over host", host,
			distro.Mirror{Archive: "http://mine.example/debian"},
			distro.Mirror{Archive: "http://mine.example/debian", Security: std.Security},
		},
		{
			"security set over host", host,
			distro.Mirror{Security: "http://mine.example/s"},
			distro.Mirror{Archive: "http://near.example/debian", Security: "http://mine.example/s"},
		},
		{
			"both set", host,
			distro.Mirror{Archive: "http://a.example/d", Security: "http://b.example/s"},
			distro.Mirror{Archive: "http://a.example/d", Security: "http://b.example/s"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, MirrorOf(tt.etc, tt.set)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestUnpacked(t *testing.T) {
	for name, want := range map[string]bool{
		"usr/bin/gcc": true, "usr/share/doc": true, "usr/share/doc/x": true, "usr/share/doc/x/copyright": true,
		"usr/share/doc/x/README": false, "usr/share/doc/x/a/copyright": false, "usr/share/man": true, "usr/share/man/man1/x": false,
		"usr/share/locale/de/x": false, "usr/share/locale/locale.alias": true, "usr/share/locale/C/x": false,
		"usr/bin/x86_64-linux-gnu-lto-dump-14": false, "usr/lib/erlang/lib/ssl-1/examples/x": false,
		"usr/lib/erlang/lib/ssl-1/ebin/x": true, "usr/share/manual": true, "usr/share/perl/5.40.1/pod/perlfunc.pod": true,
	} {
		if got := unpacked(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestExcluded: asking for one graphical package brings back all it needs.
func TestExcluded(t *testing.T) {
	if out := excluded(nil); !out["erlang-wx"] || !out["systemd"] || out["erlang-base"] {
		t.Errorf("left out: %v", out)
	}
	if out := excluded([]string{"erlang-observer"}); out["erlang-wx"] || !out["systemd"] {
		t.Errorf("left out with erlang-observer: %v", out)
	}
}

// TestOrder: preinst scripts run after those of what they depend on.
func TestOrder(t *testing.T) {
	var ps []*installed
	for _, par := range []string{"Package: a\nDepends: b", "Package: b\nPre-Depends: v\nDepends: a", "Package: c\nProvides: v"} {
		ps = append(ps, &installed{Package: Package{Name: field(par, "Package")}, par: par})
	}
	var got []string
	for _, p := range order(ps) {
		got = append(got, p.Name)
	}
	if !slices.Equal(got, []string{"c", "b", "a"}) {
		t.Errorf("order %q", got)
	}
}
