package image

import (
	"slices"
	"strings"
	"testing"

	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/tool/tools"
)

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
	img, err := Build(t.Context(), st, rel, Options{Root: dirFS(t, distilleryRoot())})
	if err != nil {
		t.Fatal(err)
	}
	c, err := img.OCI.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Config.Entrypoint, []string{"/usr/lib/dram/init", "/app/bin/hello"}) || !slices.Equal(c.Config.Cmd, []string{"foreground"}) {
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
	if want := "755 #!/usr/bin/env bash\nset -e\n\n" + string(tools.Boot(rel).Cookie.Script); got["app/releases/0.1.0/libexec/env.sh"] != want {
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
