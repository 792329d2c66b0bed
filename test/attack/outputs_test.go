package attack

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Where results go: what the project says stays in the project, through no link;
// what the user says may go anywhere.
func TestOutputs(t *testing.T) {
	both := []string{"plan $PROJECT --toolchain $TOY", "build $PROJECT --toolchain $TOY"}
	link := func(target, name string) func(w *world) { return func(w *world) { w.link(target, name) } }
	at := func(name string) func(w *world, r result) {
		return func(w *world, _ result) {
			if _, err := os.Stat(filepath.Join(w.text(name), "releases/1.0.0/hello.tar.gz")); err != nil {
				w.t.Error(err)
			}
		}
	}
	try(t, []attack{
		{name: "results leave through a link releases", files: hello(), lay: link("$OUT/emptydir", "releases"), each: both, code: 2, says: []string{`"releases" is a link`, "--output-dir"}},
		{name: "results leave through a link up", files: hello(), lay: link("../beside", "releases"), each: both, code: 2, says: []string{`"releases" is a link`}},
		{name: "results leave through a link below releases", files: hello(), lay: link("$OUT", "releases/hello"), each: both, code: 2, says: []string{`"releases/hello" is a link`}},
		{name: "results leave through a link for the version", files: hello(), lay: link("$OUT", "releases/hello/releases/1.0.0"), each: both, code: 2, says: []string{"is a link"}},
		{name: "results leave through a link to a link", files: hello(), lay: func(w *world) { w.link("priv", "releases"); w.link("$OUT", "priv") }, each: both, code: 2, says: []string{"is a link"}},
		{
			name: "the tarball is written through a link", files: hello(), lay: link("$OUT/file", "releases/hello/releases/1.0.0/hello.tar.gz"),
			each: both[1:], writes: []string{"releases"}, after: at("$PROJECT/releases/hello"),
		},
		{
			name: "a pipe in the tarball's place is waited for", files: hello(), lay: func(w *world) { w.pipe("releases/hello/releases/1.0.0/hello.tar.gz") },
			each: both[1:], code: 2, says: []string{"named pipe"}, writes: []string{"releases"},
		},
		{name: "a link inside the project is refused", files: hello(), lay: func(w *world) {
			w.must(os.MkdirAll(filepath.Join(w.project, "priv/out"), 0o755))
			w.link("priv/out", "releases")
		}, each: both[1:], writes: []string{"priv/out"}, after: at("$PROJECT/priv/out/hello")},

		{name: "output_dir of dram.toml leaves the project", files: hello("dram.toml", `output_dir = "$UP/canary/x"`), each: both, code: 2, says: []string{"output_dir", "--output-dir"}},
		{name: "output_dir of dram.toml is elsewhere", files: hello("dram.toml", `output_dir = "$OUT/x"`), each: both, code: 2, says: []string{"output_dir"}},
		{name: "output_dir of dram.toml leaves through a link", files: hello("dram.toml", `output_dir = "priv/x"`), lay: link("$OUT", "priv"), each: both, code: 2, says: []string{`"priv" is a link`}},
		{name: "output_dir of dram.toml goes down and up", files: hello("dram.toml", `output_dir = "a/../../x"`), each: both, code: 2, says: []string{"output_dir"}},
		{name: "output_dir of dram.toml forges a line of output", files: hello("dram.toml", "output_dir = \"x\\n/etc/passwd\""), each: both, code: 2, says: []string{"output_dir"}},
		{name: "output_dir of dram.toml inside is refused", files: hello("dram.toml", `output_dir = "dist"`), each: both[1:], writes: []string{"dist"}, after: at("$PROJECT/dist")},

		{name: "--output-dir outside is refused", files: hello(), each: []string{"build $PROJECT --toolchain $TOY --output-dir $OUT/mine"}, writes: []string{"$OUT/mine"}, after: at("$OUT/mine")},
		{name: "DRAM_OUTPUT_DIR outside is refused", files: hello("dram.toml", `output_dir = "x"`), env: []string{"DRAM_OUTPUT_DIR=$OUT/mine"}, each: both[1:], writes: []string{"$OUT/mine"}, after: at("$OUT/mine")},
		{name: "--output-dir through a link of the user's is refused", files: hello(), lay: func(w *world) {
			w.must(errors.Join(os.Mkdir(filepath.Join(w.base, "far"), 0o755), os.Symlink("far", filepath.Join(w.base, "near"))))
		}, each: []string{"build $PROJECT --toolchain $TOY --output-dir $BASE/near/mine"}, writes: []string{"$BASE/far"}, after: at("$BASE/far/mine")},
	})
}

// An image is written with -o, by the user: in a layout, too, no link leads out.
func TestOutputsOfImages(t *testing.T) {
	const image = "image $PROJECT --toolchain $TOY "
	layout := func(lay func(dir string) error) func(w *world) {
		return func(w *world) {
			dir := filepath.Join(w.project, "layout")
			w.must(os.MkdirAll(dir, 0o755))
			w.must(lay(dir))
		}
	}
	allow := []string{"DRAM_ALLOW=otp"}
	try(t, []attack{
		{name: "an honest image is refused", files: hello(), env: allow, each: []string{image, image, image + "-o $BASE/x.tar"}, writes: []string{"releases", "$BASE/x.tar"}},
		{
			name: "a layout's blobs are written through a link", files: hello(), env: allow, each: []string{image + "-o oci:$PROJECT/layout"}, code: 2, says: []string{"link"}, writes: []string{"releases"},
			lay: layout(func(dir string) error { return os.Symlink("../../../../canary/emptydir", filepath.Join(dir, "blobs")) }),
		},
		{
			name: "a layout's index is a pipe", files: hello(), env: allow, each: []string{image + "-o oci:$PROJECT/layout"}, code: 1, says: []string{"index.json"}, writes: []string{"releases"},
			lay: layout(func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "index.json"), 0o644) }),
		},
		{
			name: "a layout's index is a device", files: hello(), env: allow, each: []string{image + "-o oci:$PROJECT/layout"}, code: 1, says: []string{"index.json"}, writes: []string{"releases"},
			lay: layout(func(dir string) error { return os.Symlink("/dev/zero", filepath.Join(dir, "index.json")) }),
		},
		{
			name: "a device is replaced by an image", files: hello(), env: allow, each: []string{image + "-o $OUT/pipe"}, code: 2, says: []string{"named pipe"}, writes: []string{"releases"},
		},
	})
}
