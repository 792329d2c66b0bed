package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// told runs an image with input and arguments.
func told(t *testing.T, image, input string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := dram{args: append([]string{"run", "-q", image, "--"}, args...)}.command(t.Context())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &errOut
	_ = cmd.Run() // its exit code is what counts
	return cmd.ProcessState.ExitCode(), out.String(), errOut.String()
}

// examples/escript: one file of Elixir becomes an image that takes its arguments, reads
// its input and ends with its exit code; the same natively and by BuildKit.
func TestEscriptExample(t *testing.T) {
	real(t)
	dir, other := project(t, "examples/escript"), project(t, "examples/escript")
	first := dram{args: []string{"image", dir}}.ok(t).digest(t)
	image := imageOf(dir, "words", "0.1.0")
	dram{args: []string{"check", image, "--strict"}}.ok(t)
	if code, out, errOut := told(t, image, "Ein ein; Äh! eIN mal", "--top", "2"); code != 0 || !strings.HasPrefix(out, "5 words, sha256 ") || !strings.HasSuffix(out, "\n3 ein\n1 mal\n") {
		t.Errorf("exit %d: %q\n%s", code, out, errOut)
	}
	if code, _, errOut := told(t, image, "", "--no-such"); code != 2 || errOut != "usage: words [--top N] [FILE]\n" {
		t.Errorf("exit %d: %q", code, errOut)
	}
	if again := (dram{args: []string{"image", other, "--build-env", "AGAIN=1"}}).ok(t).digest(t); again != first {
		t.Errorf("image %s, elsewhere %s", first, again)
	}
	if info, err := os.Stat(image); err != nil || info.Size() > 14<<20 {
		t.Errorf("the image: %v, %v", info, err)
	}
	if exec.Command("docker", "info").Run() != nil {
		t.Log("no Docker daemon: nothing is built there")
		return
	}
	if built := (dram{args: []string{"image", dir, "--engine", "buildkit"}, cache: ownCache(t)}).ok(t).digest(t); built != first {
		t.Errorf("image %s natively, %s by BuildKit", first, built)
	}
}

// An escript of rebar3, with flags for the VM, files of priv and applications that it
// calls and names nowhere.
func TestEscriptOfRebar3(t *testing.T) {
	real(t)
	dir := write(t, filepath.Join(t.TempDir(), "tool"), "nonce", nonce(),
		"rebar.config", `{escript_name, "my-tool"}.
{escript_emu_args, "%%! +A 3 -escript main tool -kernel its_set yes\n"}.
{escript_incl_apps, [tool]}.
`,
		"src/tool.app.src", "{application, tool, [{vsn, \"2.1.0\"}, {applications, [kernel, stdlib]}]}.\n",
		"src/tool.erl", `-module(tool).
-export([main/1]).
main(["fail"]) -> halt(7);
main(Args) ->
    {ok, Set} = application:get_env(kernel, its_set),
    io:format("~p ~p ~p ~s~n", [Args, Set, erlang:system_info(thread_pool_size), binary:encode_hex(crypto:hash(md5, "x"))]).
`)
	dram{args: []string{"image", dir}}.ok(t)
	image := imageOf(dir, "my-tool", "2.1.0")
	if code, out, errOut := told(t, image, "", "a b", "-c"); code != 0 || out != "[\"a b\",\"-c\"] yes 3 9DD4E461268C8034F5C8564E155C67A6\n" {
		t.Errorf("exit %d: %q\n%s", code, out, errOut)
	}
	if code, _, _ := told(t, image, "", "fail"); code != 7 {
		t.Errorf("exit %d", code)
	}
	dram{args: []string{"plan", dir, "--release", "other"}}.fails(t, 2, `it makes the escript "my-tool"`)
	dram{args: []string{"plan", dir, "--tool", "rebar3"}}.fails(t, 2, "declares no release")
}
