package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dram/internal/cli"
	"dram/internal/problem"
)

// Every place with every kind, and with what people write without one: "" is
// taken, else it is the hint, or how the place's own begins.
func TestReferences(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"p/mix.exs", "layout/oci-layout", "x.tar", "x.tar.gz", "target.json"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const (
		tool   = "write distro:debian/13 (or"
		place  = "write profile:debian/13, distro:"
		rel    = "name a release's directory"
		run    = "name a project, a tar that dram image wrote, oci:"
		docker = "name a project, a tar that dram image wrote, or a layout"
		push   = "name a tar that dram image wrote"
		out    = "write -o FILE.tar or -o oci:DIR"
	)
	for _, tt := range []struct {
		in    string
		hints [7]string // by the order of cli.Places, but for dram rebase
	}{
		{"distro:debian/12", [7]string{"", "", rel, run, docker, push, out}},
		{"profile:debian/12", [7]string{"write distro:debian/12", "", rel, run, docker, push, out}},
		{"profile:ubuntu/22.04", [7]string{tool, "", rel, run, docker, push, out}},
		{"image:hexpm/elixir:1.18", [7]string{"", "", "", "", "docker run does that", "crane copy", "send it to the registry"}},
		{"oci:layout", [7]string{}},
		{"tar:x.tar", [7]string{}},
		{"dir:p", [7]string{tool, "", "write p", "write p", "write p", push, "write p"}},
		{"dir:layout", [7]string{"write oci:layout", "", "write oci:layout", "write oci:layout", "write oci:layout", "write oci:layout", "write oci:layout"}},
		{"host:", [7]string{"", "", rel, run, docker, push, out}},
		{"ssh:deploy@prod", [7]string{tool, "", rel, run, docker, push, out}},
		{"file:target.json", [7]string{tool, "", rel, run, docker, push, out}},
		{"./p", [7]string{tool, "write dir:./p", "", "", "", push}},
		{"x.tar", [7]string{"write tar:x.tar", "write tar:x.tar"}},
		{"x.tar.gz", [7]string{"write tar:x.tar.gz", "write tar:x.tar.gz", "", "", "", "write tar:x.tar.gz"}},
		{"layout", [7]string{"write oci:layout", "write oci:layout"}},
		{"debian/12", [7]string{"write distro:debian/12", "write distro:debian/12", "", "", "", push}},
		{"debian/trixie", [7]string{"write distro:debian/trixie", "write distro:debian/trixie", "", "", "", push}},
		{"ubuntu/22.04", [7]string{"write image:ubuntu/22.04", "write profile:ubuntu/22.04", "", "", "", push}},
		{"hexpm/elixir:1.18", [7]string{"write image:hexpm/elixir:1.18", "write image:hexpm/elixir:1.18", "write image:hexpm/elixir:1.18", "write image:hexpm/elixir:1.18", docker, push}},
		{"docker://elixir:1.18", [7]string{"write image:elixir:1.18", "write image:elixir:1.18", "write image:elixir:1.18", "write image:elixir:1.18", docker, push}},
		{"deploy@prod", [7]string{tool, "write ssh:deploy@prod", "", "", "", push}},
		{"target.json", [7]string{tool, "write file:target.json", "", "", "", push}},
		{"bogus", [7]string{tool, place, "", "", "", push}},
		{"tar:", [7]string{tool, place, rel, run, docker, push, out}},
		{"host:x", [7]string{"write host:", "write host:", rel, run, docker, push, out}},
	} {
		for i, p := range cli.Places() {
			got, err := p.Use.Find(tt.in)
			if strings.Contains(p.Where, "-") && !strings.HasSuffix(p.Where, "--docker") { // a flag, where nobody looks at what lies there
				got, err = p.Use.Parse(tt.in)
			}
			want := tt.hints[min(i, 6)]
			if p.Where == "dram rebase" { // it takes what dram push does, and images at registries
				want = tt.hints[5]
				switch tt.in {
				case "image:hexpm/elixir:1.18":
					want = ""
				case "debian/12", "debian/trixie", "ubuntu/22.04", "hexpm/elixir:1.18", "docker://elixir:1.18":
					want = "write image:" + strings.TrimPrefix(tt.in, "docker://")
				}
			}
			if p.Where == "--base" { // images alone, and each by its kind
				want = onBase(tt.in)
			}
			if (err == nil) != (want == "") || !strings.HasPrefix(problem.Hint(err), want) {
				t.Errorf("%s %q: %+v, %v, hint %q; want %q", p.Where, tt.in, got, err, problem.Hint(err), want)
			}
			if strings.Contains(problem.Hint(err), "--toolchain") {
				t.Errorf("%s %q: the hint %q is another command's", p.Where, tt.in, problem.Hint(err))
			}
		}
	}
}

// onBase is how the hint begins for what is no base, "" for one.
func onBase(in string) string {
	switch in {
	case "image:hexpm/elixir:1.18", "oci:layout", "tar:x.tar":
		return ""
	case "debian/12", "debian/trixie", "ubuntu/22.04", "hexpm/elixir:1.18", "docker://elixir:1.18":
		return "write image:" + strings.TrimPrefix(in, "docker://")
	case "layout", "dir:layout":
		return "write oci:layout"
	case "x.tar", "x.tar.gz":
		return "write tar:" + in
	}
	return "name an image as image:REF"
}

// A place says in its hint how each kind is written that it takes.
func TestHintsNameEveryKind(t *testing.T) {
	words := map[string]string{"tar": "tar", "": ""}
	for _, p := range cli.Places() {
		for _, k := range p.Use.Kinds {
			want, ok := words[string(k)]
			if !ok {
				want = string(k) + ":"
			}
			if !strings.Contains(p.Use.Hint, want) {
				t.Errorf("%s: %q does not say %q", p.Where, p.Use.Hint, want)
			}
		}
	}
}
