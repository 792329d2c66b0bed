package mix

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/portable/launchertest"
	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/rootfs"
)

// with is a release of some files.
func with(t *testing.T, files map[string]string) *release.Release {
	t.Helper()
	tree := map[string]rootfs.Node{}
	rel := &release.Release{Name: "shop", Version: "1.0", ERTS: "15.2"}
	for name, text := range files {
		tree[name] = rootfs.Node{Text: text, Mode: 0o755, Size: int64(len(text))}
		rel.Files = append(rel.Files, release.File{Path: name, Mode: 0o755, Size: int64(len(text))})
	}
	rel.FS = rootfs.NewSkeleton(tree)
	return rel
}

// What env.sh sets, as a launcher has it: \x01NAME\x02DEFAULT\x03 is a variable.
func TestSettingsOfEnv(t *testing.T) {
	for script, want := range map[string]string{
		"#!/bin/sh\n# nothing\n":                                                    "",
		"export A=1\nexport B='x y' C=\"z\"\n":                                      "A=1|B=x y|C=z",
		"export RELEASE_NODE=\"shop@${POD_IP}\"":                                    "RELEASE_NODE=shop@\x01POD_IP\x02\x03",
		"RELEASE_DISTRIBUTION=name\nexport RELEASE_DISTRIBUTION":                    "RELEASE_DISTRIBUTION=name",
		"RELEASE_MODE=interactive":                                                  "RELEASE_MODE=interactive",
		"export POOL=${POOL:-10} E=":                                                "POOL=\x01POOL\x0210\x03|E=",
		"export X=$Y\n# dram: cookie\nif [ -z \"$RELEASE_COOKIE\" ]; then dd; fi\n": "X=\x01Y\x02\x03",
	} {
		got, err := settingsOf(with(t, map[string]string{"releases/1.0/env.sh": script}), "releases/1.0/env.sh")
		if diff := cmp.Diff(want, strings.Join(got, "|")); diff != "" || err != nil {
			t.Errorf("%q: %v\n%s", script, err, diff)
		}
	}
}

func TestSettingsOfEnvRefuses(t *testing.T) {
	for script, want := range map[string]string{
		"#!/bin/sh\nip=$(hostname -i)\nexport RELEASE_NODE=a@$ip":  "env.sh:2: ip is set and not exported",
		"export A=$(hostname -i)":                                  "env.sh:1: a value that a program gives",
		"\n\ncase $RELEASE_COMMAND in daemon*) export B=1 ;; esac": "env.sh:3: it decides",
		"[ -n \"$A\" ] && export B=1":                              "env.sh:1: it decides",
		"hostname":                                                 "env.sh:1: it calls a program",
		". /etc/default/shop":                                      "env.sh:1: it calls a program",
		"export A=1 > /tmp/x":                                      "env.sh:1: it does more",
		"export A=${B#x}":                                          "env.sh:1: a variable that is changed",
		"export A=$REL_VSN_DIR":                                    "env.sh:1: a variable that is changed, or is the shell's own",
		"export A=~/x":                                             "env.sh:1: a backslash or a home",
		"export RELEASE_NAME=other":                                "env.sh:1: RELEASE_NAME is another",
		"export \"$A\"":                                            "env.sh:1: export of words",
		"if":                                                       "reading a script",
	} {
		_, err := settingsOf(with(t, map[string]string{"releases/1.0/env.sh": script}), "releases/1.0/env.sh")
		if err == nil || !strings.Contains(err.Error(), want) || problem.Code(err) != 2 || problem.Hint(err) == "" {
			t.Errorf("%q: %v, want %q", script, err, want)
		}
	}
}

// Scripts of Phoenix hand on to the start script.
func TestCommandOfScript(t *testing.T) {
	const begin = "#!/bin/sh\nset -eu\n\ncd -P -- \"$(dirname -- \"$0\")\"\n"
	for script, want := range map[string]string{
		begin + "PHX_SERVER=true exec ./shop start\n":            "bin: start; PHX_SERVER=true",
		begin + "exec ./shop eval Shop.Release.migrate\n":        "bin: eval Shop.Release.migrate; ",
		begin + "export POOL_SIZE=2\nexec ./shop eval 'a b'":     "bin: eval a b; POOL_SIZE=2",
		begin + "exec ./shop eval Shop.Release.migrate \"$@\"\n": "it does more",
		begin + "./wait-for-db\nexec ./shop start\n":             "bin/x:5: it does more",
		begin + "exec ./other start":                             "it does more",
		"#!/bin/sh\nexec ./shop start":                           "it does more",
		begin + "exec ./shop start\necho never":                  "it does more",
		begin:                                                    "hands on to no command",
		begin + "if true; then exec ./shop start; fi":            "it does more",
	} {
		c, err := commandOf(with(t, nil), "bin/x", script)
		got := c.dir + ": " + strings.Join(c.words, " ") + "; " + strings.Join(c.env, ",")
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%q is %q, want %q", script, got, want)
		}
	}
}

// Scripts that Mix did not write are refused: nobody knows what they do.
func TestLaunchRefusesOtherScripts(t *testing.T) {
	_, err := launch(with(t, map[string]string{
		"bin/shop": "#!/bin/sh\nexec erl", "releases/1.0/elixir": "#!/bin/sh\n", "releases/1.0/iex": "#!/bin/sh\n", "releases/1.0/env.sh": "",
	}), "amd64")
	if err == nil || !strings.Contains(err.Error(), "are not the scripts that Mix of a known Elixir writes") || problem.Code(err) != 2 {
		t.Errorf("%v", err)
	}
	if _, err := launch(with(t, nil), "riscv64"); err == nil {
		t.Error("there is a launcher for riscv64")
	}
}

// What starts by a launcher is known by it, and nothing that was changed in it is.
func TestLaunched(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		base, err := launchers.ReadFile("launcher/mix-" + arch)
		if err != nil {
			t.Fatal(err)
		}
		rel := with(t, nil)
		program, err := command{scripts: scripts{"1800", "-mode"}, env: []string{"A=1"}}.program(rel, base)
		if err != nil {
			t.Fatal(err)
		}
		if _, is := launched(with(t, map[string]string{"bin/shop": string(program)})); !is {
			t.Errorf("%s: it is not known", arch)
		}
		program[len(program)-1] ^= 1
		_, is := launched(with(t, map[string]string{"bin/shop": string(program)}))
		if _, without := launched(rel); is || without {
			t.Errorf("%s: another is", arch)
		}
		if _, err := (command{env: []string{strings.Repeat("A", room)}}).program(rel, base); err == nil || problem.Hint(err) == "" {
			t.Errorf("more than there is room for: %v", err)
		}
	}
}

// Launchers of images that exist are known by their digests: here, what dram made before it
// knew the scripts of other Elixirs.
func TestLaunchedKnowsFormerOnes(t *testing.T) {
	text := strings.Join([]string{"shop", "1.0", "15.2", "", "", "A=1", "RELEASE_DISTRIBUTION=name", "", ""}, "\x00")
	l, is := settingsIn([]byte(text+strings.Repeat("\x00", room-len(text))), true)
	if !is || l.name != "shop" || l.level != 1800 || l.mode != "-mode" || len(l.words) != 0 || len(l.env) != 2 {
		t.Errorf("%+v, %v", l, is)
	}
	for _, f := range formers() {
		if f.at+room > f.size || len(f.digest) != 32 {
			t.Errorf("%+v", f)
		}
	}
}

func FuzzLauncherSettings(f *testing.F) {
	f.Add([]byte("shop\x001.0\x0015.2\x001800\x00-mode\x00\x00\x00A=\x01B\x02c\x03\x00\x00"))
	f.Add([]byte("shop\x001.0\x0015.2\x001000\x00-mode\x00bin\x00start\x00\x00RELEASE_VSN=\x01\x00\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, old := range []bool{true, false} {
			if l, is := settingsIn(raw[:min(len(raw), room)], old); is {
				rel := &release.Release{Name: "shop", FS: rootfs.NewSkeleton(map[string]rootfs.Node{})}
				if run := l.run(rel, "app", map[string]string{"B": "d"}); len(run.Argv) == 0 || !run.Main {
					t.Errorf("%+v", run)
				}
			}
		}
	})
}

func TestLauncherIsOfItsSource(t *testing.T) {
	launchertest.OfSource(t, "../../portable/launcher/compile.sh", "launcher", "mix")
}
