package attack

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"runtime"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// The toy toolchain is busybox, and a mix that is a shell script: it runs the
// project's before.sh, makes a release of a few files where Mix would, and runs
// the project's after.sh. So a project of an attack says in these two what a step
// of its build does; $REL is where the release goes, $MIX what mix was called with.
const toyMix = `#!/bin/sh
set -e
MIX="$*" REL="/app/_build/$MIX_ENV/rel/hello"
case "$1" in
release)
  if [ -f before.sh ]; then . ./before.sh; fi
  if [ ! -f own.sh ]; then
    rm -rf "$REL"
    mkdir -p "$REL/bin" "$REL/releases/1.0.0" "$REL/lib/hello-1.0.0/ebin"
    printf '15.0 1.0.0' > "$REL/releases/start_erl.data"
    printf '#!/bin/sh\necho hello\n' > "$REL/bin/hello"
    chmod 755 "$REL/bin/hello"
    echo '{release,{"hello","1.0.0"},{erts,"15.0"},[{hello,"1.0.0"}]}.' > "$REL/releases/1.0.0/hello.rel"
    echo '{application,hello,[{vsn,"1.0.0"}]}.' > "$REL/lib/hello-1.0.0/ebin/hello.app"
    : > "$REL/releases/1.0.0/env.sh"
    mkdir -p "$REL/erts-15.0/bin"
    cp "$REL/bin/hello" "$REL/erts-15.0/bin/erlexec"
  fi
  if [ -f after.sh ]; then . ./after.sh; fi
  ;;
*)
  if [ -f other.sh ]; then . ./other.sh; fi
  ;;
esac
`

// hello is a project that the toy toolchain builds, with files more.
func hello(more ...string) map[string]string {
	files := map[string]string{"mix.exs": mixExs("app: :hello, version: \"1.0.0\""), "lib/hello.ex": "defmodule Hello do\nend\n"}
	for i := 0; i+1 < len(more); i += 2 {
		files[more[i]] = more[i+1]
	}
	return files
}

// mixExs is a mix.exs whose project is config.
func mixExs(config string) string {
	return "defmodule Hello.MixProject do\n  use Mix.Project\n\n  def project do\n    [" + config + "]\n  end\nend\n"
}

// writeToy writes the toolchain as docker save would.
func writeToy(file string) error {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return fmt.Errorf("install busybox-static: %w", err)
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	layer, err := toyLayer(map[string]string{
		"bin/busybox":  string(program),
		"usr/bin/mix":  toyMix,
		"usr/bin/erl":  "#!/bin/sh\nexit 0\n",
		"usr/bin/true": "#!/bin/sh\n",

		"usr/lib/erlang/releases/27/OTP_VERSION":    "27.3.4.1\n",
		"usr/lib/elixir/lib/elixir/ebin/elixir.app": `{application,elixir,[{vsn,"1.18.3"}]}.`,
		"usr/lib/elixir/lib/hex/ebin/hex.app":       "",
		"usr/bin/rebar3":                            "",
		"etc/os-release":                            "PRETTY_NAME=\"Toy 1\"\n",
		"etc/passwd":                                "root:x:0:0:root:/root:/bin/sh\n",
		"root/.keep":                                "",
	})
	if err != nil {
		return err
	}
	opened, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer)), nil })
	if err != nil {
		return err
	}
	img, err := mutate.AppendLayers(empty.Image, opened)
	if err != nil {
		return err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return err
	}
	return tarball.WriteToFile(file, name.MustParseReference("toy:1"), img)
}

// toyLayer is a layer with files, and busybox's programs as links.
func toyLayer(files map[string]string) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	var headers []tar.Header
	for path, text := range files {
		headers = append(headers, tar.Header{Name: path, Mode: 0o755, Size: int64(len(text))})
	}
	for _, program := range []string{
		"cat", "chmod", "cp", "cut", "dd", "dirname", "basename", "echo", "grep", "head", "id", "kill", "ln", "ls", "mkdir", "mkfifo",
		"mknod", "mv", "od", "printf", "rm", "rmdir", "sed", "sh", "sleep", "stat", "touch", "tr", "unlink",
	} {
		headers = append(headers, tar.Header{Typeflag: tar.TypeSymlink, Name: path.Join("bin", program), Linkname: "busybox", Mode: 0o777})
	}
	slices.SortFunc(headers, func(a, b tar.Header) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	for _, h := range headers {
		if err := w.WriteHeader(&h); err != nil {
			return nil, err
		}
		if _, err := io.WriteString(w, files[h.Name]); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), w.Close()
}
