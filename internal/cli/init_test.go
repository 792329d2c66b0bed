package cli_test

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/rogpeppe/go-internal/testscript"

	"dram/internal/cli"
	"dram/internal/plan"
	"dram/internal/scaffold"
)

// toolchain FILE writes an image, as docker save does, with what tells that
// there are Erlang and Elixir: enough to plan with.
func toolchain(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: toolchain FILE")
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for path, text := range map[string]string{
		"usr/lib/erlang/releases/27/OTP_VERSION":    "27.3.4.1\n",
		"usr/lib/elixir/lib/elixir/ebin/elixir.app": `{application,elixir,[{vsn,"1.18.3"}]}.`,
		"usr/lib/elixir/lib/hex/ebin/hex.app":       "",
		"usr/bin/rebar3":                            "",
		"etc/os-release":                            "PRETTY_NAME=\"Toy 1\"\n",
	} {
		ts.Check(w.WriteHeader(&tar.Header{Name: path, Mode: 0o755, Size: int64(len(text))}))
		_, err := io.WriteString(w, text)
		ts.Check(err)
	}
	ts.Check(w.Close())
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	ts.Check(err)
	img, err := mutate.AppendLayers(empty.Image, layer)
	ts.Check(err)
	config, err := img.ConfigFile()
	ts.Check(err)
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", ts.Getenv("ARCH")
	img, err = mutate.ConfigFile(img, config)
	ts.Check(err)
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(tarball.Write(name.MustParseReference("toy:1"), img, f))
	ts.Check(f.Close())
}

var dramCall = regexp.MustCompile(`(?m)^\s*(?:- |run: )?dram ([^\n|&;]*)$`)

// Each call of dram in a pipeline is one that the command line takes.
func TestPipelinesCallDramAsItIs(t *testing.T) {
	for _, service := range scaffold.Services() {
		f, err := scaffold.Pipeline(service, &plan.Plan{Release: "web", Toolchain: "distro:debian/13"}, "")
		if err != nil {
			t.Fatal(err)
		}
		text, err := f.Text(nil)
		if err != nil {
			t.Fatal(err)
		}
		calls := dramCall.FindAllStringSubmatch(string(text), -1)
		if len(calls) < 5 {
			t.Errorf("%s calls dram %d times:\n%s", service, len(calls), text)
		}
		for _, c := range calls {
			root := cli.New(cli.Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}).Commands()
			cmd, rest, err := root.Find(strings.Fields(c[1]))
			if err == nil {
				err = cmd.ParseFlags(rest)
			}
			if err == nil && cmd.Args != nil {
				err = cmd.Args(cmd, cmd.Flags().Args())
			}
			if err != nil || cmd == root {
				t.Errorf("%s: dram %s: %v", service, c[1], err)
			}
		}
	}
}
