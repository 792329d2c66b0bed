package image

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/problem"
	"dram/internal/release"
)

func TestWithoutCookie(t *testing.T) {
	const said = "# no -setcookie: COOKIE gives it, or it is made at start"
	for _, c := range []struct{ name, args, want string }{
		{"generated", "## Name\n-name a@127.0.0.1\n\n## Cookie\n-setcookie abc\n\n-smp auto\n", "## Name\n-name a@127.0.0.1\n\n## Cookie\n" + said + "\n\n-smp auto\n"},
		{"quoted", "-setcookie \"a b\" -smp auto\n-setcookie 'c d'\n", said + " -smp auto\n" + said + "\n"},
		{"behind another flag", "-name a -setcookie b\r\n", "-name a " + said + "\r\n"},
		{"at the end", "-setcookie b", said},
		{"dram's variables", "-setcookie ${COOKIE}\n-setcookie \"${RELEASE_COOKIE}\"\n", said + "\n" + said + "\n"},
		{"another variable", "-setcookie ${MY_COOKIE}\n", "-setcookie ${MY_COOKIE}\n"},
		{"a comment", "# -setcookie abc\n", "# -setcookie abc\n"},
		{"none", "-name a\n", "-name a\n"},
	} {
		if diff := cmp.Diff(c.want, string(withoutCookie([]byte(c.args)))); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// distilleryFiles is a release in Distillery's layout.
func distilleryFiles() map[string]string {
	const dir = "releases/0.1.0/"
	return map[string]string{
		"bin/hello*":                           "#!/bin/sh\nexec \"$(dirname \"$0\")/hello_rc_exec.sh\" \"$@\"\n",
		"bin/hello_rc_exec.sh*":                "#!/usr/bin/env bash\nexec \"$RELEASES_DIR/$REL_VSN/hello.sh\" \"$@\"\n",
		"bin/hello.bat":                        "rem",
		"erts-15.2/bin/beam.smp*":              "beam",
		"erts-15.2/bin/escript*":               "escript",
		"lib/hello-0.1.0/ebin/Hello.beam":      "hello",
		"releases/start_erl.data":              "15.2 0.1.0",
		"releases/RELEASES":                    "[].",
		dir + "hello.rel":                      `{release,{"hello","0.1.0"},{erts,"15.2"},[]}.`,
		dir + "hello.sh*":                      "#!/usr/bin/env bash\nuname | grep -q Darwin\n",
		dir + "hello.ps1":                      "ps",
		dir + "vm.args":                        "-name hello@127.0.0.1\n-setcookie SECRET\n",
		dir + "libexec/config.sh*":             "#!/usr/bin/env bash\ncp -a a b\nmv a b\n",
		dir + "libexec/env.sh*":                "#!/usr/bin/env bash\nset -e\n",
		dir + "libexec/commands/foreground.sh": "#!/usr/bin/env bash\nsleep 2\n",
		dir + "libexec/win/erts.ps1":           "ps",
		dir + "hooks/pre_start.d/01_wait":      "uptime # without a first line, as hooks are\n",
		dir + "commands/migrate.sh":            "perl -e 1\n",
	}
}

func readDistillery(t *testing.T, files map[string]string) *release.Release {
	t.Helper()
	rel, err := release.Read(t.Context(), dirFS(t, files), release.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return rel
}

func distilleryRoot() map[string]string {
	root := rootFiles()
	for p := range strings.FieldsSeq("bash uname cp mv sleep") {
		root["usr/bin/"+p+"*"] = "program " + p
	}
	return root
}

func TestDistilleryImage(t *testing.T) {
	st, rel := openStore(t), readDistillery(t, distilleryFiles())
	if rel.Tool != release.Distillery {
		t.Errorf("made by %v", rel.Tool)
	}
	img, err := Build(t.Context(), st, rel, Options{Root: dirFS(t, distilleryRoot())})
	if err != nil {
		t.Fatal(err)
	}
	c, err := img.OCI.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Config.Entrypoint, []string{"/app/bin/hello"}) || !slices.Equal(c.Config.Cmd, []string{"foreground"}) {
		t.Errorf("runs %q %q", c.Config.Entrypoint, c.Config.Cmd)
	}
	for _, kv := range []string{"RELEASE_MUTABLE_DIR=/tmp/hello-0.1.0", "REPLACE_OS_VARS=true"} {
		if !slices.Contains(c.Config.Env, kv) {
			t.Errorf("%s is not in %q", kv, c.Config.Env)
		}
	}
	got := flat(t, img.OCI)
	for p := range strings.FieldsSeq("bash uname grep cp mv sleep uptime perl env") {
		if _, ok := got["usr/bin/"+p]; !ok {
			t.Errorf("%s is not in the image", p)
		}
	}
	for name, text := range got {
		if strings.Contains(text, "SECRET") {
			t.Errorf("%s has the cookie", name)
		}
		if strings.HasSuffix(name, ".ps1") || strings.HasSuffix(name, ".bat") {
			t.Errorf("%s is in the image", name)
		}
	}
	if want := "755 #!/usr/bin/env bash\nset -e\n\n" + string(distilleryScript); got["app/releases/0.1.0/libexec/env.sh"] != want {
		t.Errorf("env.sh is\n%s", got["app/releases/0.1.0/libexec/env.sh"])
	}
}

// The tarball keeps a cookie that the project declares, and no other; of either
// the same image is made.
func TestDistilleryTarball(t *testing.T) {
	rel := readDistillery(t, distilleryFiles())
	root := dirFS(t, distilleryRoot())
	var digests []string
	for _, keep := range []bool{true, false} {
		view, err := TarballView(rel, TarballOptions{KeepCookie: keep})
		if err != nil {
			t.Fatal(err)
		}
		unpacked, err := release.Read(t.Context(), view, release.Options{})
		if err != nil {
			t.Fatal(err)
		}
		args, err := view.Open("releases/0.1.0/vm.args")
		if err != nil {
			t.Fatal(err)
		}
		text := make([]byte, 200)
		n, _ := args.Read(text)
		if strings.Contains(string(text[:n]), "SECRET") != keep {
			t.Errorf("kept %v: %s", keep, text[:n])
		}
		img, err := Build(t.Context(), openStore(t), unpacked, Options{Root: root})
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, string(img.Digest))
	}
	img, err := Build(t.Context(), openStore(t), rel, Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	if digests[0] != digests[1] || digests[0] != string(img.Digest) {
		t.Errorf("images %s of the tarballs, %s of the release", digests, img.Digest)
	}
}

// A release that counts on the machine's Erlang cannot run in an image.
func TestNoErlang(t *testing.T) {
	files := distilleryFiles()
	delete(files, "erts-15.2/bin/beam.smp*")
	delete(files, "erts-15.2/bin/escript*")
	_, err := Build(t.Context(), openStore(t), readDistillery(t, files), Options{Root: dirFS(t, distilleryRoot())})
	if problem.Code(err) != 2 || !strings.Contains(err.Error(), `release "hello" brings no Erlang`) || !strings.Contains(problem.Hint(err), "include_erts: true") {
		t.Errorf("code %d, hint %q: %v", problem.Code(err), problem.Hint(err), err)
	}
}

// rcScript does what Distillery's start script does around env.sh.
const rcScript = `set -e
RELEASE_ROOT_DIR="$1"
REL_VSN=0.1.0
export RELEASE_ROOT_DIR
shift
. "$RELEASE_ROOT_DIR/releases/0.1.0/env.sh"
echo "${COOKIE:-none}|${ERL_AFLAGS:-}"
`

func distilleryDir(t *testing.T, args string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "releases", "0.1.0"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "releases", "0.1.0", "env.sh"), string(withCookie([]byte("set -e\n"), distilleryScript)))
	write(t, filepath.Join(root, "releases", "0.1.0", "vm.args"), args)
	return root
}

func rc(t *testing.T, shell, env []string, args ...string) (cookie, flags string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), shell[0], append(append(shell[1:len(shell):len(shell)], "-c", rcScript, "rc"), args...)...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent"}, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", shell, err, out)
	}
	cookie, flags, _ = strings.Cut(strings.TrimSpace(string(out)), "|")
	return cookie, flags
}

func TestDistilleryCookie(t *testing.T) {
	for _, shell := range shells(t) {
		t.Run(shell[0], func(t *testing.T) {
			plain := distilleryDir(t, "-name a@127.0.0.1\n# -setcookie none\n")
			for _, env := range []string{"COOKIE=mine", "RELEASE_COOKIE=mine"} {
				if cookie, flags := rc(t, shell, []string{env, "ERL_AFLAGS=+Q 9"}, plain, "foreground"); cookie != "mine" || flags != "+Q 9 -setcookie 'mine'" {
					t.Errorf("%s: %q, %q", env, cookie, flags)
				}
			}
			if _, flags := rc(t, shell, []string{"COOKIE=mine", "ERL_AFLAGS= -setcookie 'mine'"}, plain, "console"); flags != " -setcookie 'mine'" {
				t.Errorf("a start by a start has flags %q", flags)
			}
			if cookie, flags := rc(t, shell, nil, distilleryDir(t, "-name a -setcookie theirs\n"), "foreground"); cookie != "none" || flags != "" {
				t.Errorf("with a cookie in vm.args: %q, %q", cookie, flags)
			}
			own := filepath.Join(t.TempDir(), "vm.args")
			write(t, own, "-setcookie theirs\n")
			for _, env := range []string{"VMARGS_PATH=" + own, "RELEASE_CONFIG_DIR=" + filepath.Dir(own)} {
				if cookie, _ := rc(t, shell, []string{env}, plain, "foreground"); cookie != "none" {
					t.Errorf("%s: %q", env, cookie)
				}
			}
			home := t.TempDir()
			write(t, filepath.Join(home, ".erlang.cookie"), "HOMECOOKIE")
			if cookie, _ := rc(t, shell, []string{"HOME=" + home}, plain, "rpc"); cookie != "HOMECOOKIE" {
				t.Errorf("with .erlang.cookie: %q", cookie)
			}
			distilleryNode(t, shell, plain)
		})
	}
}

// distilleryNode has a process with the release's environment run, as the node
// in a container does, and asks for its cookie.
func distilleryNode(t *testing.T, shell []string, root string) {
	t.Helper()
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("no /proc here")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "sleep", "60")
	node.Env = []string{"RELEASE_ROOT_DIR=" + root, "COOKIE=the-node's"}
	if err := node.Start(); err != nil {
		t.Skip(err)
	}
	defer func() { _, _ = node.Process.Kill(), node.Wait() }()
	if cookie, _ := rc(t, shell, nil, root, "remote_console"); cookie != "the-node's" {
		t.Errorf("remote_console: %q", cookie)
	}
	one, flags := rc(t, shell, nil, root, "foreground")
	if two, _ := rc(t, shell, nil, root, "foreground"); !fresh.MatchString(one) || one == two || flags != " -setcookie '"+one+"'" {
		t.Errorf("made %q, then %q, with flags %q", one, two, flags)
	}
}
