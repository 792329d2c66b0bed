package attack

import (
	"os"
	"path/filepath"
	"testing"
)

// What a project's dram.toml may not say, since it comes with whatever was cloned.
func TestTrust(t *testing.T) {
	plan := []string{"plan $PROJECT", "build $PROJECT"}
	with := func(toml string, more ...string) map[string]string { return hello(append(more, "dram.toml", toml)...) }
	builder := func(address string) map[string]string {
		return with("[[builder]]\nname = \"x\"\naddress = '" + address + "'\n")
	}
	// The host engine would run the script mix that lies first in PATH.
	ran := func(w *world, _ result) {
		if _, err := os.Stat(filepath.Join(w.home, "ran")); err == nil {
			w.t.Error("a step ran outside of the sandbox")
		}
	}
	tools := func(w *world) {
		for _, name := range []string{"mix", "erl", "elixir"} {
			path := filepath.Join(w.home, "bin", name)
			w.write(filepath.Dir(path), map[string]string{name: "#!/bin/sh\necho ran > $HOME/ran\nexit 1\n"})
			w.must(os.Chmod(path, 0o755))
		}
	}
	host := []string{"PATH=$HOME/bin:/usr/bin:/bin", "DOCKER_HOST=unix://$HOME/none.sock"}
	try(t, []attack{
		{name: "a project switches the sandbox off", files: with(`engine = "host"`), lay: tools, env: host, each: plan, code: 2, says: []string{"engine", "--engine host", "DRAM_ENGINE=host"}, after: ran},
		{name: "a project switches the sandbox off by its toolchain", files: with("[toolchain]\nref = \"host:\""), lay: tools, env: host, each: plan, code: 2, says: []string{"host"}, after: ran},
		{
			name: "the host engine runs without a word", files: hello(), lay: tools, env: append(host, "DRAM_ENGINE=host"), each: plan[1:], code: 2,
			says: []string{"warning: the host engine isolates nothing", "as you"},
		},
		{name: "a toolchain is read outside of the project", files: with("[toolchain]\nref = \"tar:$OUT/secret\""), each: plan, code: 2, says: []string{"toolchain.ref", "--toolchain"}},
		{name: "a toolchain that is a pipe is waited for", files: with("[toolchain]\nref = \"tar:tc.tar\""), lay: func(w *world) { w.pipe("tc.tar") }, each: plan[1:], code: 2, says: []string{"named pipe"}},
		{name: "a toolchain that is a device is read", files: with("[toolchain]\nref = \"tar:tc.tar\""), lay: func(w *world) { w.link("/dev/zero", "tc.tar") }, each: plan, code: 2, says: []string{"tc.tar"}},
		{name: "a pipe that the user names is waited for", files: hello(), each: []string{"build $PROJECT --toolchain tar:$OUT/pipe", "build $PROJECT --toolchain oci:$OUT/pipe"}, code: 2, says: []string{"pipe"}},
		{name: "a toolchain's layout with a pipe is waited for", files: with("[toolchain]\nref = \"oci:tc\"", "tc/oci-layout", `{"imageLayoutVersion":"1.0.0"}`), lay: func(w *world) { w.pipe("tc/index.json") }, each: plan[1:], code: 2, says: []string{"index.json"}},
		{name: "a toolchain's layout with a device fills the memory", files: with("[toolchain]\nref = \"oci:tc\"", "tc/oci-layout", `{"imageLayoutVersion":"1.0.0"}`), lay: func(w *world) { w.link("/dev/zero", "tc/index.json") }, each: plan[1:], code: 2, says: []string{"index.json"}},
		{name: "a target is read outside of the project", files: with("[check]\ntarget = \"file:$OUT/secret\""), each: plan, code: 2, says: []string{"check.target", "--target"}, hush: []string{"a secret"}},
		{name: "a target is an option of ssh", files: with("[check]\ntarget = \"ssh:-oProxyCommand=touch$OUT/x\""), each: []string{"build $PROJECT --toolchain $TOY"}, code: 2, says: []string{"names no host"}},
		{name: "a builder's address is an option of ssh", files: builder("ssh://-oProxyCommand=x"), each: plan, code: 2, says: []string{"address"}},
		{name: "a builder's address is a command of its shell", files: builder("ssh://localhost/x;touch $OUT/x"), each: plan, code: 2, says: []string{"address"}},
		{name: "a builder's address is an option of docker", files: builder("docker-container://--privileged"), each: plan, code: 2, says: []string{"address"}},
		{name: "a builder's certificate is a device", files: with("[[builder]]\nname = \"x\"\naddress = \"tcp://127.0.0.1:9\"\nca = \"/dev/zero\"\n"), each: plan, code: 2, says: []string{"/dev/zero"}},
		{name: "a builder's key is a pipe", files: with("[[builder]]\nname = \"x\"\naddress = \"tcp://127.0.0.1:9\"\ncert = \"c\"\nkey = \"k\"\n"), lay: func(w *world) { w.pipe("k") }, each: plan, code: 2, says: []string{"no such file"}},
		{name: "a suite is a path", files: with("[toolchain]\nref = \"distro:debian/../../x\""), each: plan, code: 2, says: []string{"suite"}},
		{name: "a program of the image is a path outside", files: hello(), each: []string{"image $PROJECT --toolchain $TOY --program ../../../../../../$OUT/run.sh"}, code: 2, says: []string{"run.sh"}},
	})
}
