package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// facts is the page of examples/hello.
type facts struct {
	Hello, Elixir, OTP, Node string
	UID                      int
	Encoding                 struct {
		IO        string
		FileNames string `json:"file_names"`
	}
	NIF         struct{ FNV1a string }
	PortProgram struct{ CRC32 string } `json:"port_program"`
	Crypto      struct {
		Library string
		SHA256  string
	}
	TLS struct {
		Protocol       string
		CACertificates int `json:"ca_certificates"`
	}
}

// check compares what the service computed with what is true.
func (f facts) check(t *testing.T) {
	t.Helper()
	if f.NIF.FNV1a != "a430d84680aabd0b" { // FNV-1a of "hello", 64 bits
		t.Errorf("the NIF says %q", f.NIF.FNV1a)
	}
	if f.PortProgram.CRC32 != "3610a686" { // CRC-32 of "hello"
		t.Errorf("the port program says %q", f.PortProgram.CRC32)
	}
	if sum := sha256.Sum256([]byte("hello")); f.Crypto.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("crypto says %q", f.Crypto.SHA256)
	}
	if !strings.HasPrefix(f.TLS.Protocol, "tlsv1.") || f.TLS.CACertificates < 50 {
		t.Errorf("TLS: %+v", f.TLS)
	}
	if f.Encoding.IO != "unicode" || f.Encoding.FileNames != "utf8" {
		t.Errorf("encodings: %+v", f.Encoding)
	}
	if f.UID == 0 {
		t.Error("runs as root")
	}
}

func page(t *testing.T, port string) facts {
	t.Helper()
	var f facts
	if err := json.Unmarshal([]byte(get(t, port, "/")), &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// The main job: from a project directory to a tarball, an image and a running
// service, with an empty cache, and nothing of the host's but the network.
func TestHelloFromEmptyCacheToRunningService(t *testing.T) {
	real(t)
	dir := project(t, "examples/hello")
	before := listing(t, dir)
	r := dram{args: []string{"image", dir}, env: []string{"PATH=/nowhere"}}.ok(t)
	r.digest(t)

	tarball := filepath.Join(dir, "releases/hello/releases/0.1.0/hello.tar.gz")
	image := filepath.Join(dir, "releases/hello/hello-0.1.0-linux-amd64.tar")
	for _, path := range []string{tarball, image} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	after := listing(t, dir)
	for path := range after {
		if _, ok := before[path]; !ok && !strings.HasPrefix(path, "releases") {
			t.Errorf("the build left %q in the project", path)
		}
	}
	if built := (dram{args: []string{"build", dir}}).ok(t); strings.TrimSpace(built.stdout) != tarball {
		t.Errorf("dram build says %q, want %q", built.stdout, tarball)
	}

	port := freePort(t)
	s := dram{args: []string{"run", "-e", "PORT=" + port, dir}}.start(t)
	page(t, port).check(t)
	if health := get(t, port, "/health"); strings.TrimSpace(health) != "ok" {
		t.Errorf("/health says %q", health)
	}
	if code, took := s.stop(t, syscall.SIGTERM); code != 0 || took > 5*time.Second {
		t.Errorf("stopping: exit %d after %s\n%s", code, took, s.stderr)
	}
}

// listing is every path below dir with its content's digest.
func listing(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		sum := sha256.Sum256(raw)
		out[rel] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRunPassesExitCodeAndCommands(t *testing.T) {
	real(t)
	dir := project(t, "examples/hello")
	dram{args: []string{"image", dir}}.ok(t)
	image := filepath.Join(dir, "releases/hello/hello-0.1.0-linux-amd64.tar")
	r := dram{args: []string{"run", "-q", image, "--", "eval", `IO.puts("grüß " <> to_string(1 + 1)); System.halt(7)`}}.run(t)
	if r.code != 7 || r.stdout != "grüß 2\n" {
		t.Errorf("exit %d, stdout %q\n%s", r.code, r.stdout, r.stderr)
	}
	r = dram{args: []string{"run", "-q", image, "--", "/bin/sh", "-c", "id -u 2>/dev/null; echo $LANG; ls / 2>/dev/null || echo no ls"}}.run(t)
	if r.code != 0 || !strings.Contains(r.stdout, "C.UTF-8") || !strings.Contains(r.stdout, "no ls") {
		t.Errorf("the image holds more than it should, or its environment is not there: exit %d, %q, %s", r.code, r.stdout, r.stderr)
	}
}

// The image's promise: TLS, crypto, a shell and CA certificates in at most
// 13.5 MB of gzip layers.
func TestImageOfHelloIsSmall(t *testing.T) {
	real(t)
	dir := project(t, "examples/hello")
	out := filepath.Join(t.TempDir(), "layout")
	dram{args: []string{"image", dir, "-o", "oci:" + out}}.ok(t)
	var total int64
	for _, size := range layers(t, out) {
		total += size
	}
	if total > 13_500_000 {
		t.Errorf("the layers are %d bytes, more than 13,500,000", total)
	}
	t.Logf("layers: %d bytes", total)
}

// layers is the layers of the only image of an OCI layout: digest → size.
func layers(t *testing.T, layout string) map[string]int64 {
	t.Helper()
	var index, manifest struct {
		Manifests []struct{ Digest string }
		Layers    []struct {
			Digest string
			Size   int64
		}
	}
	readJSON(t, filepath.Join(layout, "index.json"), &index)
	readJSON(t, filepath.Join(layout, "blobs", strings.Replace(index.Manifests[0].Digest, ":", "/", 1)), &manifest)
	out := map[string]int64{}
	for _, l := range manifest.Layers {
		out[l.Digest] = l.Size
	}
	return out
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// A one-line edit changes one layer, by little; taking it back gives the first
// digest again; and an incremental build gives what a fresh one does.
func TestEditChangesOneLayer(t *testing.T) {
	real(t)
	dir := project(t, "examples/hello")
	tmp := t.TempDir()
	first := dram{args: []string{"image", dir, "-o", "oci:" + filepath.Join(tmp, "1")}}.ok(t).digest(t)
	file := filepath.Join(dir, "lib/hello/router.ex")
	replace(t, file, `"ok\n"`, `"OK\n"`)
	second := dram{args: []string{"image", dir, "-o", "oci:" + filepath.Join(tmp, "2")}}.ok(t).digest(t)
	if first == second {
		t.Fatal("the edit did not change the image")
	}
	var changed int64
	old := layers(t, filepath.Join(tmp, "1"))
	for digest, size := range layers(t, filepath.Join(tmp, "2")) {
		if _, ok := old[digest]; !ok {
			changed += size
		}
	}
	if changed == 0 || changed > 150_000 {
		t.Errorf("%d bytes of layers changed, want 1 to 150,000", changed)
	}
	replace(t, file, `"OK\n"`, `"ok\n"`)
	if again := (dram{args: []string{"image", dir, "-o", "oci:" + filepath.Join(tmp, "3")}}).ok(t).digest(t); again != first {
		t.Errorf("the edit taken back gives %s, at first it was %s", again, first)
	}
	replace(t, file, `"ok\n"`, `"OK\n"`)
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	copyTree(t, dir, elsewhere)
	if fresh := (dram{args: []string{"image", elsewhere}}).ok(t).digest(t); fresh != second {
		t.Errorf("a fresh build gives %s, the incremental one gave %s", fresh, second)
	}
}

// Nothing changed: nothing is built, and files that are right are left alone.
func TestNothingChangedDoesNothing(t *testing.T) {
	real(t)
	dir := project(t, "examples/hello")
	first := dram{args: []string{"image", dir}}.ok(t)
	image := filepath.Join(dir, "releases/hello/hello-0.1.0-linux-amd64.tar")
	was, err := os.Stat(image)
	if err != nil {
		t.Fatal(err)
	}
	second := dram{args: []string{"image", dir}}.ok(t)
	if first.stdout != second.stdout || !strings.Contains(second.stderr, "nothing changed") {
		t.Errorf("second build: %q\n%s", second.stdout, second.stderr)
	}
	if is, err := os.Stat(image); err != nil || !is.ModTime().Equal(was.ModTime()) {
		t.Errorf("the image file was written again: %v", err)
	}
	if err := os.Remove(image); err != nil {
		t.Fatal(err)
	}
	dram{args: []string{"image", dir}}.ok(t)
	if _, err := os.Stat(image); err != nil {
		t.Errorf("the image that was removed is not there again: %v", err)
	}
}

// Two runs of one release on one machine do not get in each other's way.
func TestTwoRunsAtOnce(t *testing.T) {
	real(t)
	dir := project(t, "examples/hello")
	dram{args: []string{"image", dir}}.ok(t)
	image := filepath.Join(dir, "releases/hello/hello-0.1.0-linux-amd64.tar")
	for range 2 {
		port := freePort(t)
		dram{args: []string{"run", "-e", "PORT=" + port, image}}.start(t)
		page(t, port).check(t)
	}
}
