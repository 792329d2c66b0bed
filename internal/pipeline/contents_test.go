package pipeline

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/binary/binarytest"
	"dram/internal/config"
	"dram/internal/image"
	"dram/internal/output"
	"dram/internal/problem"
)

// withPackages is bookworm with packages, listed as its package manager lists them.
func withPackages() tree {
	tr := bookworm()
	status := ""
	for _, p := range []struct{ name, depends, list string }{
		{"libc6", "", "/lib/x86_64-linux-gnu/libc.so.6\n/usr/share/doc/libc6\n"},
		{"curl", "libc6 (>= 2.36)", "/usr/bin/curl\n"},
		{"viewer", "viewer-data, missing | curl", "/.\n/usr\n/usr/bin/viewer-6\n/usr/lib/viewer\n/usr/lib/viewer/plugin.so\n/usr/share/doc/viewer/copyright\n"},
		{"viewer-data", "", "/usr/share/viewer/map.dat\n/usr/share/viewer/empty\n/etc/viewer.conf\n"},
	} {
		status += fmt.Sprintf("Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2.0-%d\nSource: src-%s (2.0)\nDepends: %s\n\n", p.name, len(p.name), p.name, p.depends)
		tr["var/lib/dpkg/info/"+p.name+".list"] = "644 " + p.list
	}
	tr["var/lib/dpkg/status"] = "644 " + status
	tr["var/lib/dpkg/info/viewer.md5sums"] = "644 d41d8cd98f00b204e9800998ecf8427e  usr/bin/viewer-6\n" + "00000000000000000000000000000000  usr/share/man/gone.1\n"
	tr["usr/bin/viewer-6"], tr["usr/lib/viewer/plugin.so"] = needs("GLIBC_2.2.5"), needs("GLIBC_2.2.5")
	tr["usr/bin/viewer"], tr["etc/alternatives/viewer"] = "-> /etc/alternatives/viewer", "-> /usr/bin/viewer-6"
	tr["usr/share/doc/viewer/copyright"] = "644 Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nLicense: MIT\n"
	tr["usr/share/viewer/map.dat"], tr["etc/viewer.conf"] = "644 map", "644 conf"
	tr["usr/share/zoneinfo/Europe/Berlin"], tr["usr/share/zoneinfo/right/Europe/Berlin"] = "644 TZif", "644 TZif"
	tr["usr/lib/locale/de_DE.utf8/LC_CTYPE"] = "644 ctype"
	return tr
}

// on has a world's toolchain be another.
func (w *world) on(t *testing.T, tr tree) {
	t.Helper()
	dir := t.TempDir()
	writeLayout(t, dir, imageOf(t, tr))
	w.cfg.Toolchain = "oci:" + dir
}

// entries are the files of all layers by path: mode, owner, and what a link leads to.
func entries(t *testing.T, w *world, r *output.Result) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, l := range r.Layers {
		z, err := w.Store.OpenGzip(l.Digest)
		if err != nil {
			t.Fatal(err)
		}
		tr := tar.NewReader(z)
		for {
			h, err := tr.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			out[h.Name] = fmt.Sprintf("%o %d:%d %s", h.Mode, h.Uid, h.Gid, h.Linkname)
		}
		_ = z.Close()
	}
	return out
}

func (w *world) set(t *testing.T, toml string) {
	t.Helper()
	toolchain := w.cfg.Toolchain
	c, err := config.Parse([]byte(toml))
	if err != nil {
		t.Fatal(err)
	}
	w.cfg = c
	w.cfg.Toolchain = toolchain
}

// everything is what can be said of an image.
const everything = `[image]
packages = ["viewer"]
tzdata = true
locales = ["de_DE.UTF-8"]
entrypoint = ["/usr/local/bin/migrate", "x"]
command = ["start"]
package_list = true

[[image.files]]
source = "scripts"
destination = "/usr/local/bin"

[[image.files]]
source = "config/app.yml"
destination = "/tmp/in/"
mode = "0640"
owner = "0:65532"

[[image.files]]
source = "tool"
destination = "/bin/tool"

[[image.directories]]
path = "/app/data"
volume = true

[[image.directories]]
path = "/var/lib/app"
mode = "1777"
owner = "7"

[image.healthcheck]
command = ["pid"]
interval = "30s"
`

// What the user adds lies where it should, with the rights that were asked for, and
// what it needs comes with it.
func TestImageContents(t *testing.T) {
	w := newWorld(t)
	w.on(t, withPackages())
	writeTree(t, w.dir, tree{
		"scripts/migrate": "#!/bin/sh\ncurl -s x\n", "scripts/data/list": "644 a", "config/app.yml": "644 yml", "tool": needs("GLIBC_2.2.5"),
	})
	w.set(t, everything)
	r := w.built(t)
	got := entries(t, w, r)
	for name, want := range map[string]string{
		"usr/local/bin/migrate": "755 0:0 ", "usr/local/bin/data/list": "644 0:0 ", "tmp/in/app.yml": "640 0:65532 ", "usr/bin/tool": "755 0:0 ",
		"app/data/": "755 65532:65532 ", "var/lib/app/": "1777 7:7 ", "tmp/": "1777 0:0 ", "bin": "777 0:0 usr/bin",
		"usr/bin/viewer-6": "755 0:0 ", "usr/bin/viewer": "777 0:0 /etc/alternatives/viewer", "etc/alternatives/viewer": "777 0:0 /usr/bin/viewer-6",
		"usr/lib/viewer/plugin.so": "755 0:0 ", "usr/share/viewer/map.dat": "644 0:0 ", "etc/viewer.conf": "644 0:0 ", "usr/bin/curl": "755 0:0 ",
		"usr/share/zoneinfo/Europe/Berlin": "644 0:0 ", "usr/lib/locale/de_DE.utf8/LC_CTYPE": "644 0:0 ",
		"var/lib/dpkg/status.d/viewer": "644 0:0 ", "var/lib/dpkg/status.d/viewer.md5sums": "644 0:0 ", "var/lib/dpkg/status.d/libc6": "644 0:0 ",
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	if got["usr/share/zoneinfo/right/Europe/Berlin"] != "" {
		t.Error("the time zones are there twice")
	}
	img, err := image.Open(w.Store, r.Image)
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := file.Config
	if d := cmp.Diff([]string{"/usr/local/bin/migrate", "x"}, c.Entrypoint); d != "" || !slices.Equal(c.Cmd, []string{"start"}) {
		t.Errorf("%s %q", d, c.Cmd)
	}
	if _, ok := c.Volumes["/app/data"]; !ok || len(c.Volumes) != 1 {
		t.Errorf("%v", c.Volumes)
	}
	if d := cmp.Diff([]string{"CMD", "/app/bin/hello", "pid"}, c.Healthcheck.Test); d != "" {
		t.Error(d)
	}
	if last := r.Layers[len(r.Layers)-1]; last.Name != "files" {
		t.Errorf("the last layer is %q", last.Name)
	}
	before := r.Layers
	writeTree(t, w.dir, tree{"config/app.yml": "644 other"})
	r = w.built(t)
	for i, l := range r.Layers {
		if same := l.Digest == before[i].Digest; same == (l.Name == "files") {
			t.Errorf("layer %s is the same: %v", l.Name, same)
		}
	}
}

// What cannot be put into the image is said before the build where that is known, and
// before anything is written where it is not.
func TestImageContentsThatCannotBe(t *testing.T) {
	for name, tt := range map[string]struct {
		toml, says, hint string
		built            int // how often something was compiled
	}{
		"a file that is not there":                    {"[[image.files]]\nsource = \"gone\"\ndestination = \"/x\"", `has no file "gone"`, "relative to the project", 0},
		"a link out of the project":                   {"[[image.files]]\nsource = \"out\"\ndestination = \"/x\"", "leaves the project", "copy", 0},
		"what the build does not see":                 {"[[image.files]]\nsource = \".env\"\ndestination = \"/x\"", "left out of the build", "!.env", 0},
		"a key":                                       {"[[image.files]]\nsource = \"key.pem\"\ndestination = \"/x\"", "private key", "--include-secret", 1},
		"the release's own":                           {"[[image.files]]\nsource = \"mix.exs\"\ndestination = \"/app/bin/hello\"", "the release's own", "another destination", 1},
		"below a file":                                {"[[image.files]]\nsource = \"mix.exs\"\ndestination = \"/usr/bin/sh/x\"", "is a file of the image", "another destination", 1},
		"in place of a directory":                     {"[[image.files]]\nsource = \"mix.exs\"\ndestination = \"/usr/bin\"", "is a directory of the image", "another destination", 1},
		"two in one place":                            {"[[image.files]]\nsource = \"mix.exs\"\ndestination = \"/bin/x\"\n[[image.files]]\nsource = \"lib/hello.ex\"\ndestination = \"/usr/bin/x\"", "there twice", "once", 1},
		"what needs a library":                        {"[[image.files]]\nsource = \"broken\"\ndestination = \"/bin/broken\"", "bin/broken needs libgone.so.1", "", 1},
		"a package that is not there":                 {"[image]\npackages = [\"none\"]", "", "", 0},
		"a locale that is not there":                  {"[image]\nlocales = [\"fr_FR.UTF-8\"]", `no locale "fr_FR.UTF-8"`, "package", 1},
		"an entrypoint that is none":                  {"[image]\nentrypoint = [\"/bin/none\"]", `"/bin/none" is not in the image`, "image.files", 1},
		"an entrypoint that is data":                  {"[image]\nentrypoint = [\"/etc/hosts\"]", "is no program", "image.files", 1},
		"a program that nobody has":                   {"[image]\nentrypoint = [\"tini\"]", `program "tini"`, "package", 0},
		"a command that is a program":                 {"[image]\ncommand = [\"bin/server\"]", "is a program", "entrypoint = ", 0},
		"a health check of no program":                {"[image.healthcheck]\ncommand = [\"/bin/none\"]", "is not in the image", "image.files", 1},
		"a health check of the image without a shell": {"[image.healthcheck]\ncommand = [\"health\"]", "in images without a shell alone", "image.shell = false", 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.on(t, withPackages())
			writeTree(t, w.dir, tree{
				"out": "-> /etc/hostname", ".env": "644 A=b", "key.pem": "644 " + privateKey, ".dockerignore": "644 out\n.env\n",
				"broken": string(brokenProgram()),
			})
			w.set(t, tt.toml+"\n")
			pl, err := w.Plan(t.Context(), w.dir, w.cfg)
			if err == nil {
				_, err = w.Build(t.Context(), pl, output.Usual())
			}
			if err == nil || !strings.Contains(fmt.Sprint(err), tt.says) && !strings.Contains(fmt.Sprint(err), "soname") || !strings.Contains(problem.Hint(err), tt.hint) {
				t.Errorf("%v, hint %q", err, problem.Hint(err))
			}
			if w.engine.ran() != tt.built {
				t.Errorf("compiled %d times", w.engine.ran())
			}
			if _, err := os.Stat(filepath.Join(w.dir, "releases")); !errors.Is(err, fs.ErrNotExist) {
				t.Error("something was written")
			}
		})
	}
}

// A bill of materials has what is in the image, and nothing else; and the same image
// has the same bill.
func TestBillOfMaterials(t *testing.T) {
	w := newWorld(t)
	w.on(t, withPackages().with("usr/bin/git", needs("GLIBC_2.2.5")))
	writeTree(t, w.dir, tree{"mix.lock": "644 " + `%{
  "jason": {:hex, :jason, "1.4.4", "b9226785a9aa77b6857ca22832cffa5d5011a667207eb2a0ad56adb5db443b8a", [:mix], [], "hexpm", "c5eb0cab91f094599f94d55bc63409236a8ec69a21a67814529e8d5f6cc90b3b"},
  "unused": {:hex, :unused, "1.0.0", "b9226785a9aa77b6857ca22832cffa5d5011a667207eb2a0ad56adb5db443b8a", [:mix], [], "hexpm", "c5eb0cab91f094599f94d55bc63409236a8ec69a21a67814529e8d5f6cc90b3b"},
  "fork": {:git, "https://user:token@github.com/Acme/fork.git", "0123456789012345678901234567890123456789", []},
}
`})
	w.engine.release = hello().with("lib/jason-1.4.4/ebin/jason.app", "644 {application,jason,[{vsn,\"1.4.4\"},{applications,[kernel]}]}.").
		with("lib/fork-0.2.0/ebin/fork.app", "644 {application,fork,[{vsn,\"0.2.0\"}]}.")
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	ask := func() output.Outputs {
		outs, err := output.Open(t.Context(), output.Kinds(), []output.Asked{
			{Flag: "sbom", Value: at("a.cdx.json")}, {Flag: "sbom", Value: at("a.spdx.json")}, {Flag: "provenance", Value: at("a.json")},
		}, output.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return outs
	}
	pl := w.planned(t)
	r, err := w.Build(t.Context(), pl, ask())
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, r, ask()...)
	var bill struct {
		SpecVersion string
		Components  []struct {
			Name, Version, Purl string
			Hashes              []struct{ Content string }
			Evidence            struct{ Occurrences []struct{ Location string } }
		}
	}
	raw, err := os.ReadFile(at("a.cdx.json"))
	if err == nil {
		err = json.Unmarshal(raw, &bill)
	}
	if err != nil || bill.SpecVersion != "1.6" {
		t.Fatalf("%v, version %q", err, bill.SpecVersion)
	}
	purls, places := map[string]string{}, map[string]int{}
	for _, c := range bill.Components {
		purls[c.Name] = c.Purl
		for _, o := range c.Evidence.Occurrences {
			places[o.Location]++
		}
	}
	want := map[string]string{
		"jason": "pkg:hex/jason@1.4.4", "fork": "pkg:github/acme/fork@0123456789012345678901234567890123456789", "kernel": "pkg:otp/kernel@8.5.3", "hello": "",
		"erts": "pkg:otp/erts@13.1.5", "libc6": "pkg:deb/debian/libc6@1%3A2.0-5?arch=amd64&distro=debian-12&upstream=src-libc6@2.0",
		"hello release": "", "debian": "", "files of no package": "",
	}
	if d := cmp.Diff(want, purls); d != "" {
		t.Error(d)
	}
	for name, about := range entries(t, w, r) {
		if !strings.HasSuffix(name, "/") && !strings.HasPrefix(about, "777 ") && places["/"+name] != 1 {
			t.Errorf("/%s belongs to %d components", name, places["/"+name])
		}
	}
	for _, form := range []string{"a.cdx.json", "a.spdx.json", "a.json"} {
		text, err := os.ReadFile(at(form))
		if err != nil || strings.Contains(string(text), "token") {
			t.Errorf("%s: %v; a login in it: %v", form, err, strings.Contains(string(text), "token"))
		}
		before := string(text)
		again, err := w.Build(t.Context(), w.planned(t), ask())
		if err != nil {
			t.Fatal(err)
		}
		w.write(t, again, ask()...)
		if text, err = os.ReadFile(at(form)); err != nil || string(text) != before {
			t.Errorf("%s differs the second time, %v", form, err)
		}
	}
	if w.engine.ran() != 1 {
		t.Errorf("compiled %d times", w.engine.ran())
	}
}

// brokenProgram needs a library that is nowhere.
func brokenProgram() []byte {
	return binarytest.Library{Interp: loader, Needed: []string{"libgone.so.1"}}.Bytes()
}
