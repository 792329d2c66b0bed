package ref_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dram/internal/problem"
	"dram/internal/ref"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]ref.Ref{
		"distro:debian/13":                {ref.Distro, "debian/13"},
		"profile:debian/12@first/arm64":   {ref.Profile, "debian/12@first/arm64"},
		"image:hexpm/elixir:1.18":         {ref.Image, "hexpm/elixir:1.18"},
		"image:localhost:5000/a@sha256:0": {ref.Image, "localhost:5000/a@sha256:0"},
		"oci:some dir":                    {ref.Layout, "some dir"},
		"tar:a.tar":                       {ref.Tar, "a.tar"},
		"dir:/":                           {ref.Dir, "/"},
		"host:":                           {Kind: ref.Host},
		"ssh:deploy@[::1]:22":             {ref.SSH, "deploy@[::1]:22"},
		"file:c:target.json":              {ref.File, "c:target.json"},
	} {
		got, err := ref.Parse(in)
		if err != nil || got != want || got.String() != in {
			t.Errorf("%q: %+v (%q), %v", in, got, got, err)
		}
	}
	for in, says := range map[string]string{
		"": "which kind", ":": "which kind", "debian/13": "which kind", "hexpm/elixir:1.18": "which kind", "Distro:debian/13": "which kind", "./tar:x": "which kind",
		"docker:x": `no kind "docker"`, "image:": "nothing follows", "tar:": "nothing follows", "host": "which kind", "host:x": "nothing follows it",
	} {
		if got, err := ref.Parse(in); err == nil || !strings.Contains(err.Error(), says) || got != (ref.Ref{}) {
			t.Errorf("%q: %+v, %v; want an error that says %q", in, got, err, says)
		}
	}
}

// has knows a distribution with two suites, and profiles of more.
func has(k ref.Kind, name string) bool {
	return name == "debian/12" || name == "debian/sid" || k == ref.Profile && name == "ubuntu/22.04"
}

// Whatever somebody writes who knows another grammar, or half of this one, is
// answered with what was meant, or else with all that may stand there.
func TestNearest(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"layout", "root", "hexpm"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"x.tar", "layout/oci-layout"} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	toolchain := ref.Use{Noun: "toolchain", Hint: "all", Has: has, Kinds: []ref.Kind{ref.Distro, ref.Image, ref.Layout, ref.Tar, ref.Host}}
	target := ref.Use{Noun: "target", Hint: "all", Has: has, Kinds: ref.Kinds()}
	image := ref.Use{
		Noun: "image", Hint: "all", Kinds: []ref.Kind{ref.Path, ref.Image, ref.Layout, ref.Tar},
		Instead: map[ref.Kind]string{ref.Host: "buy another machine"},
	}
	for _, tt := range []struct {
		in                       string
		toolchain, target, image string // the hint, "" where it is taken
	}{
		{"debian/12", "write distro:debian/12", "write distro:debian/12", ""},
		{"debian/sid", "write distro:debian/sid", "write distro:debian/sid", ""},
		{"ubuntu/22.04", "write image:ubuntu/22.04", "write profile:ubuntu/22.04", ""},
		{"hexpm/elixir:1.18", "write image:hexpm/elixir:1.18", "write image:hexpm/elixir:1.18", "write image:hexpm/elixir:1.18"},
		{"registry.example/a", "write image:registry.example/a", "write image:registry.example/a", "write image:registry.example/a"},
		{"elixir:1.18", "write image:elixir:1.18", "write image:elixir:1.18", "write image:elixir:1.18"},
		{"docker://elixir:1.18", "write image:elixir:1.18", "write image:elixir:1.18", "write image:elixir:1.18"},
		{"oci-archive:a.tar", "write tar:a.tar", "write tar:a.tar", "write tar:a.tar"},
		{"./x.tar", "write tar:./x.tar", "write tar:./x.tar", ""},
		{"x.tar", "write tar:x.tar", "write tar:x.tar", ""},
		{"none.tar.zst", "write tar:none.tar.zst", "write tar:none.tar.zst", ""},
		{"layout", "write oci:layout", "write oci:layout", ""},
		{"root", "all", "write dir:root", ""},
		{"prod.json", "all", "write file:prod.json", ""},
		{"localhost", "write host:", "write host:", ""},
		{"host:here", "write host:", "write host:", "all"},
		{"deploy@prod:22", "all", "write ssh:deploy@prod:22", ""},
		{"distrib:debian/12", "write distro:debian/12", "write distro:debian/12", ""},
		{"bogus", "all", "all", ""},
		{"", "all", "all", "all"},
		{"image:", "all", "all", "all"},
		{"profile:debian/12", "write distro:debian/12", "", "all"},
		{"distro:debian/12", "", "", "all"},
		{"dir:layout", "write oci:layout", "", "write oci:layout"},
		{"dir:root", "all", "", "write root"},
		{"ssh:prod", "all", "", "all"},
		{"host:", "", "", "buy another machine"},
	} {
		for use, want := range map[*ref.Use]string{&toolchain: tt.toolchain, &target: tt.target, &image: tt.image} {
			read := use.Parse
			if use.Takes(ref.Path) {
				read = use.Find
			}
			r, err := read(tt.in)
			if got := problem.Hint(err); got != want {
				t.Errorf("%s %q: %v, hint %q, want %q", use.Noun, tt.in, err, got, want)
			}
			if err != nil && (problem.Code(err) != 2 || !strings.HasPrefix(err.Error(), use.Noun+` "`+tt.in+`": `)) {
				t.Errorf("%s %q: %v (exit %d)", use.Noun, tt.in, err, problem.Code(err))
			}
			if err == nil && !use.Takes(r.Kind) {
				t.Errorf("%s %q: %+v, which is not taken", use.Noun, tt.in, r)
			}
		}
	}
}

// A path that stands alone is the image that lies there, if one does.
func TestFind(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, file := range []string{"a.tar", "layout/oci-layout", "p/mix.exs", "d.tar/x", "tar:odd.tar"} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	use := ref.Use{Noun: "image", Kinds: []ref.Kind{ref.Path, ref.Image, ref.Layout, ref.Tar}}
	for in, want := range map[string]ref.Ref{
		"a.tar": {ref.Tar, "a.tar"}, "none.tar": {ref.Tar, "none.tar"}, "layout": {ref.Layout, "layout"}, "./layout/": {ref.Layout, "./layout/"},
		"p": {ref.Path, "p"}, "d.tar": {ref.Path, "d.tar"}, "none": {ref.Path, "none"}, "none/deep": {ref.Path, "none/deep"},
		"a.tar.gz": {ref.Path, "a.tar.gz"}, "tar:odd.tar": {ref.Tar, "odd.tar"}, "./tar:odd.tar": {ref.Tar, "./tar:odd.tar"},
	} {
		if got, err := use.Find(in); got != want || err != nil {
			t.Errorf("%q: %+v, %v; want %+v", in, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"distro:debian/13", "image:a:1", "host:", "host:x", "tar:tar:x", "", "x", ":", "docker://x:y"} {
		f.Add(s)
	}
	use := ref.Use{Noun: "target", Kinds: append(ref.Kinds(), ref.Path)}
	f.Fuzz(func(t *testing.T, s string) {
		for _, parse := range []func(string) (ref.Ref, error){ref.Parse, use.Parse} {
			got, err := parse(s)
			if err != nil {
				continue
			}
			if again, err := parse(got.String()); err != nil || again != got || got.String() != s {
				t.Errorf("%q: %+v, then %+v, %v", s, got, again, err)
			}
		}
	})
}

func TestInRegistry(t *testing.T) {
	for in, want := range map[string]string{
		"registry.example/a:1": "registry.example/a:1", "image:registry.example/a:1": "registry.example/a:1", "a": "a", "": "",
		"image:5000/a": "image:5000/a", "tar:5000/a:1": "tar:5000/a:1", "image:5000/a:b/c": "image:5000/a:b/c",
	} {
		if got, err := ref.InRegistry(in); got != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
	for in, hint := range map[string]string{"tar:a.tar": "dram image -o", "oci:a": "dram image -o", "image:": "HOST/NAME:TAG", "ssh:a": "HOST/NAME:TAG"} {
		if got, err := ref.InRegistry(in); problem.Code(err) != 2 || got != "" || !strings.Contains(problem.Hint(err), hint) {
			t.Errorf("%q: %q, %v (exit %d, hint %q)", in, got, err, problem.Code(err), problem.Hint(err))
		}
	}
}
