package e2e

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"dram/internal/sandbox"
)

const bothPlatforms = "linux/amd64,linux/arm64"

// otherArch is the architecture that this machine is not of.
func otherArch() string {
	if runtime.GOARCH == "arm64" {
		return "amd64"
	}
	return "arm64"
}

// One index comes of examples/hello (a NIF, a port program, crypto) for two platforms on a
// machine of one that has no emulator: it holds what the build for this machine alone is,
// all that the other image has of native code is for the other platform, and it is the same
// of another directory at another time.
func TestPlatforms(t *testing.T) {
	real(t)
	if sandbox.Emulates(otherArch()) == nil {
		t.Log("this machine has an emulator; that it is not used is not shown here")
	}
	dir := project(t, "examples/hello")
	unlikeBefore(t, dir)
	alone := dram{args: []string{"image", dir, "-o", filepath.Join(t.TempDir(), "one.tar")}}.ok(t).digest(t)
	at := filepath.Join(t.TempDir(), "layout")
	r := dram{args: []string{"image", dir, "--platform", bothPlatforms, "-o", "oci:" + at}}.ok(t)
	digest := r.digest(t)
	images := platformImages(t, at, digest)
	if got := images[runtime.GOARCH]; got == nil || digestOf(t, got) != alone {
		t.Errorf("the image for this machine is not %s, which it is alone", alone)
	}
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		files := natives(t, images[arch])
		if len(files) < 20 {
			t.Errorf("%s: %d native files", arch, len(files))
		}
		for name, m := range files {
			if m != machine {
				t.Errorf("%s is for %v in the image for %s", name, m, arch)
			}
		}
		for _, want := range []string{"app/lib/hello-0.1.0/priv/hello_nif.so", "app/lib/hello-0.1.0/priv/hello_crc"} {
			if _, ok := files[want]; !ok {
				t.Errorf("%s: no %s", arch, want)
			}
		}
	}
	other := project(t, "examples/hello")
	copyTree(t, dir, other)
	if err := errors.Join(os.Chtimes(filepath.Join(other, "mix.exs"), time.Unix(1e9, 0), time.Unix(1e9, 0)), os.WriteFile(filepath.Join(other, "NOTES.md"), []byte("elsewhere"), 0o600)); err != nil {
		t.Fatal(err)
	}
	tar := dram{args: []string{"image", other, "--platform", bothPlatforms}, umask: "077"}.ok(t)
	if got := tar.digest(t); got != digest {
		t.Errorf("from another directory: %s, want %s", got, digest)
	}
	for _, name := range []string{"hello-0.1.0.tar", "releases/0.1.0/hello-linux-arm64.tar.gz", "releases/0.1.0/hello-linux-amd64.tar.gz"} {
		if _, err := os.Stat(filepath.Join(other, "releases/hello", name)); err != nil {
			t.Error(err)
		}
	}
	bootsElsewhere(t, filepath.Join(other, "releases/hello/hello-0.1.0.tar"))
}

// A NIF whose Makefile takes no notice of CC is refused by its name and its application's,
// and nothing is written: not for this machine either.
func TestPlatformsRefuseWhatIgnoresCC(t *testing.T) {
	real(t)
	dir := project(t, "examples/hello")
	replace(t, filepath.Join(dir, "Makefile"), "$(CC) $(CFLAGS) -fPIC", "gcc $(CFLAGS) -fPIC")
	dram{args: []string{"image", dir, "--platform", bothPlatforms}}.fails(
		t, 4, "native code was not compiled for linux/"+otherArch()+": lib/hello-0.1.0/priv/hello_nif.so of application hello is for linux/"+runtime.GOARCH, "$(CC)", "--emulate")
	if _, err := os.Stat(filepath.Join(dir, "releases")); err == nil {
		t.Error("something was written")
	}
}

// A package that one of the platforms lacks is named, with the platform.
func TestPlatformsThatLackAPackage(t *testing.T) {
	real(t)
	if runtime.GOARCH != "amd64" {
		t.Skip("the package is one of amd64 alone")
	}
	dir := project(t, "examples/hello")
	dram{args: []string{"image", dir, "--platform", bothPlatforms, "--package", "grub-pc-bin"}}.fails(t, 2, `no package "grub-pc-bin"`, "linux/arm64")
}

// platformImages are the images of the index that a layout's one entry names.
func platformImages(t *testing.T, dir, digest string) map[string]v1.Image {
	t.Helper()
	top, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(top); err != nil {
		t.Fatal(err)
	}
	hash, err := v1.NewHash(digest)
	if err != nil {
		t.Fatal(err)
	}
	index, err := top.ImageIndex(hash)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	images := map[string]v1.Image{}
	for _, e := range entries.Manifests {
		if images[e.Platform.Architecture], err = index.Image(e.Digest); err != nil {
			t.Fatal(err)
		}
	}
	if len(images) != 2 || images["amd64"] == nil || images["arm64"] == nil {
		t.Fatalf("the index has %+v", entries.Manifests)
	}
	return images
}

func digestOf(t *testing.T, img v1.Image) string {
	t.Helper()
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

// natives are the processors of an image's ELF files.
func natives(t *testing.T, img v1.Image) map[string]elf.Machine {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]elf.Machine{}
	for _, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		for entries := tar.NewReader(r); ; {
			h, err := entries.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			raw, err := io.ReadAll(entries)
			if err != nil {
				t.Fatal(err)
			}
			if f, err := elf.NewFile(bytes.NewReader(raw)); err == nil {
				out[h.Name] = f.Machine
			}
		}
	}
	return out
}

// bootsElsewhere starts the image for the other platform under an emulator that is known to
// a namespace of the test's own and to nothing else on this machine, and asks its page.
func bootsElsewhere(t *testing.T, at string) {
	t.Helper()
	if runtime.GOARCH != "amd64" || !everyEdit() {
		t.Log("make campaign starts the other image, where this machine is of amd64")
		return
	}
	port := freePort(t)
	const registration = `:dram-test:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:`
	script := `set -e
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
printf '%s' "$1" > /proc/sys/fs/binfmt_misc/register
shift
exec "$@"`
	cmd := exec.CommandContext(t.Context(), "unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", registration+emulator(t)+":F", //nolint:gosec // the test's own
		binary, "run", at, "--platform", "linux/arm64", "-e", "PORT="+port, "-e", "ERL_FLAGS=+JMsingle true")
	cmd.Env = append(os.Environ(), "DRAM_CACHE_DIR="+cacheDir)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }()
	if !answers(t, port, ended) {
		t.Fatalf("the image for arm64 does not answer:\n%s", log.String())
	}
	page(t, port).check(t)
}

// answers waits for a port until the process has ended.
func answers(t *testing.T, port string, ended <-chan error) bool {
	t.Helper()
	for deadline := time.After(3 * time.Minute); ; {
		if resp, err := http.Get("http://127.0.0.1:" + port + "/health"); err == nil { //nolint:noctx // the test's time
			_ = resp.Body.Close()
			return resp.StatusCode == http.StatusOK
		}
		select {
		case <-ended:
			return false
		case <-deadline:
			return false
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// emulator is qemu's, which is taken out of its package and installed nowhere.
func emulator(t *testing.T) string {
	t.Helper()
	if at, err := exec.LookPath("qemu-aarch64-static"); err == nil {
		return at
	}
	dir := t.TempDir()
	get := exec.CommandContext(t.Context(), "apt-get", "download", "-q", "qemu-user-static")
	get.Dir = dir
	if out, err := get.CombinedOutput(); err != nil {
		t.Fatalf("fetching qemu-user-static: %v\n%s", err, out)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%q, %v", found, err)
	}
	if out, err := exec.CommandContext(t.Context(), "dpkg-deb", "-x", found[0], dir).CombinedOutput(); err != nil { //nolint:gosec // fetched just now
		t.Fatalf("unpacking qemu-user-static: %v\n%s", err, out)
	}
	return filepath.Join(dir, "usr/bin/qemu-aarch64-static")
}
