package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// layersOf are the digests of an image's layers.
func layersOf(t *testing.T, dir string) (out []string) {
	t.Helper()
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil || len(m.Manifests) != 1 {
		t.Fatal(m, err)
	}
	img, err := index.Image(m.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range manifest.Layers {
		out = append(out, l.Digest.String())
	}
	return out
}

// The system under an image is replaced, and nothing else of it: on a newer system
// the release runs with that one's OpenSSL; on an older one it would not load.
func TestRebase(t *testing.T) {
	real(t)
	dir, out := project(t, "examples/hello"), t.TempDir()
	old := filepath.Join(out, "old")
	dram{args: []string{"image", dir, "--toolchain", "distro:debian/12", "-o", "oci:" + old}}.ok(t)

	newer := filepath.Join(out, "newer")
	said := dram{args: []string{"rebase", "oci:" + old, "--toolchain", "distro:debian/13", "-o", "oci:" + newer}}.ok(t).stderr
	for _, want := range []string{"libssl3t64", "libc6", "(as before)"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	before, after := layersOf(t, old), layersOf(t, newer)
	if before[0] == after[0] || strings.Join(before[1:], " ") != strings.Join(after[1:], " ") {
		t.Errorf("layers %q became %q", before, after)
	}
	code := `elem(hd(:crypto.info_lib()), 2) <> " " <> inspect(Hello.Native.fnv1a("hello"))`
	if got := says(t, "oci:"+newer, code); !strings.HasPrefix(got, "OpenSSL 3.5") {
		t.Errorf("on the newer system it says %q", got)
	}

	nowhere := filepath.Join(out, "older.tar")
	dram{args: []string{"rebase", "oci:" + old, "--toolchain", "distro:debian/11", "-o", nowhere}}.
		fails(t, 3, "GLIBC_2.34 of libc.so.6", "libcrypto.so.3", "[symbol-version]")
	if _, err := os.Stat(nowhere); err == nil {
		t.Error("an image that would not start was written")
	}
}

// On the system that it has, an image is what it was, with all that was put into it.
func TestRebaseOntoTheSame(t *testing.T) {
	real(t)
	for name, more := range map[string]string{"programs": "", "packages": "packages = [\"fonts-dejavu-core\"]\ntzdata = true\n"} {
		t.Run(name, func(t *testing.T) {
			inSample(t, more == "")
			how := map[bool]string{true: "gzip", false: "zstd"}[more == ""]
			dir, out := project(t, "examples/hello"), t.TempDir()
			write(t, dir, "motd", "hello", "dram.toml", `
[toolchain]
ref = "distro:debian/13"
packages = [`+map[bool]string{false: `"tzdata"`}[more == ""]+`]
[image]
programs = ["ls", "perl"]
`+more+`
package_list = true
user = "1000:1000"
labels = { team = "core" }
expose = [4000]
[[image.files]]
source = "motd"
destination = "/etc/motd"
`)
			tar := filepath.Join(out, "hello.tar")
			made := dram{args: []string{"image", dir, "-o", tar, "--compression", how}}.ok(t).digest(t)
			rebase := []string{"rebase", tar, "-o", "oci:" + filepath.Join(out, "again")}
			if more != "" {
				rebase = append(rebase, "--package", "tzdata", "--package", "fonts-dejavu-core")
			}
			again := dram{args: rebase}.ok(t)
			if got := again.digest(t); got != made {
				t.Errorf("%s became %s:\n%s", made, got, again.stderr)
			}
			if strings.Contains(again.stderr, "no more") {
				t.Errorf("something got lost:\n%s", again.stderr)
			}
		})
	}
}

// What cannot be rebased is said before anything is made.
func TestRebaseRefuses(t *testing.T) {
	real(t)
	out := t.TempDir()
	foreign := filepath.Join(out, "foreign")
	if _, err := layout.Write(foreign, empty.Index); err != nil {
		t.Fatal(err)
	}
	p, err := layout.FromPath(foreign)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.AppendImage(empty.Image); err != nil {
		t.Fatal(err)
	}
	to := []string{"-o", filepath.Join(out, "x.tar")}
	write(t, out, "junk.tar", string(bytes.Repeat([]byte("junk"), 512)))
	for what, says := range map[string]string{
		"oci:" + foreign:               "was not made by dram",
		"oci:" + out + "/none":         "no such file",
		filepath.Join(out, "junk.tar"): "junk.tar",
		"distro:debian/13":             "a distribution cannot be used here",
	} {
		dram{args: append([]string{"rebase", what}, to...)}.fails(t, 2, says)
	}
	dram{args: []string{"rebase", "oci:" + foreign}}.fails(t, 2, "where the image goes was not said")
	dram{args: []string{"rebase", "oci:" + foreign, "-o", out + "/x.tar", "--sbom", out + "/x.cdx.json"}}.fails(t, 2, "no bill of materials")
}
