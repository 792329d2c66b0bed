package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dram/internal/config"
	"dram/internal/problem"
)

// project makes a directory with a dram.toml.
func project(t *testing.T, toml string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "project")
	if err := errors.Join(
		os.Mkdir(dir, 0o700),
		os.WriteFile(filepath.Join(dir, config.FileName), []byte(toml), 0o600),
		os.Symlink("/", filepath.Join(dir, "away")),
		os.Symlink("..", filepath.Join(dir, "up")),
	); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What a project's own dram.toml says stays in the project; what the user says may
// go anywhere.
func TestWhatAProjectMayNotSay(t *testing.T) {
	for _, tt := range []struct{ name, toml, says, hint, flag, value string }{
		{"the host engine", `engine = "host"`, "outside the sandbox", "--engine host", "engine", "host"},
		{"an output above", `output_dir = "../x"`, "outside of the project", "--output-dir", "output-dir", "../x"},
		{"an output elsewhere", `output_dir = "/x"`, "outside of the project", "DRAM_OUTPUT_DIR", "output-dir", "/x"},
		{"an output through a link", `output_dir = "a/../away/x"`, `"away" is a link that leads out of the project, to "/"`, "--output-dir", "output-dir", "away/x"},
		{"an output through a link up", `output_dir = "up/x"`, `"up" is a link`, "--output-dir", "output-dir", "up/x"},
		{"an output with an end of line", `output_dir = "a\nb"`, "control characters", "letters", "output-dir", "a\nb"},
		{"a toolchain above", "[toolchain]\nref = \"tar:../x.tar\"", "outside of the project", "--toolchain", "toolchain", "tar:../x.tar"},
		{"a toolchain elsewhere", "[toolchain]\nref = \"oci:/x\"", "outside of the project", "DRAM_TOOLCHAIN", "toolchain", "oci:/x"},
		{"a base elsewhere", "[image]\nbase = \"tar:/x\"", "outside of the project", "DRAM_BASE", "base", "tar:/x"},
		{"a target elsewhere", "[check]\ntarget = \"dir:/\"", "outside of the project", "DRAM_TARGET", "target", "dir:/"},
		{"a target through a link", "[check]\ntarget = \"file:away/etc/x.json\"", `"away" is a link`, "--target", "target", "file:away/etc/x.json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := config.Load(project(t, tt.toml), nil)
			if problem.Code(err) != 2 || !strings.Contains(err.Error(), tt.says) || !strings.Contains(problem.Hint(err), tt.hint) {
				t.Errorf("err = %v (exit %d, hint %q)", err, problem.Code(err), problem.Hint(err))
			}
			if _, err := (config.Config{}).WithFlag(tt.flag, []string{tt.value}); err != nil {
				t.Errorf("the user may: %v", err)
			}
		})
	}
}

func TestPathsOfAProjectAreRelativeToIt(t *testing.T) {
	dir := project(t, "output_dir = \"dist\"\n[toolchain]\nref = \"tar:sub/x.tar\"\n[check]\ntarget = \"profile:debian/12\"")
	c, err := config.Load(dir, nil)
	if err != nil || c.Toolchain != "tar:"+filepath.Join(dir, "sub/x.tar") || c.OutputDir != "dist" || c.CheckTarget != "profile:debian/12" {
		t.Errorf("%v: %q %q %q", err, c.Toolchain, c.OutputDir, c.CheckTarget)
	}
}

func TestNamesOfSettings(t *testing.T) {
	for _, s := range []string{"..", "../x", "-x", "--force", "a/b", "a b", "x\x1b[2J", strings.Repeat("a", 200)} {
		for _, flag := range []string{"release", "mix-env", "release-env"} {
			if _, err := (config.Config{}).WithFlag(flag, []string{s}); problem.Code(err) != 2 {
				t.Errorf("--%s %q: %v", flag, s, err)
			}
		}
	}
}

func TestBuilderAddresses(t *testing.T) {
	for address, ok := range map[string]bool{
		"docker": true, "unix:///run/buildkit/buildkitd.sock": true, "tcp://a.example:1234": true, "tcp://[::1]:1234": true,
		"ssh://me@a.example:22/run/b.sock": true, "ssh://a": true, "docker-container://buildkitd?context=far": true,
		"podman-container://b": true, "kube-pod://b?namespace=x&context=arn:aws:eks:a:1:cluster/c": true,

		"": false, "dockerx": false, "ssh://-oProxyCommand=x": false, "ssh://a/x;touch y": false, "ssh://a/$(id)": false,
		"ssh://-x@a": false, "docker-container://--privileged": false, "docker-container://a;b": false,
		"kube-pod://-x": false, "unix://x": false, "tcp://": false, "file:///x": false, "ssh://a/`id`": false, "ssh://a?x": false,
	} {
		toml := "[[builder]]\nname = \"a\"\naddress = " + strings.ReplaceAll(`'`+address+`'`, "''", `""`) + "\n"
		if _, err := config.Parse([]byte(toml)); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// A dram.toml that is no file is refused at once, and one of 900 kB of nonsense in
// a short sentence.
func TestHostileFiles(t *testing.T) {
	for name, lay := range map[string]func(path string) error{
		"a pipe":              func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a directory":         func(path string) error { return os.Mkdir(path, 0o700) },
		"a link to a device":  func(path string) error { return os.Symlink("/dev/zero", path) },
		"a link to elsewhere": func(path string) error { return os.Symlink("/etc/hostname", path) },
		"a link to itself":    func(path string) error { return os.Symlink(config.FileName, path) },
		"a link above":        func(path string) error { return os.Symlink("../x.toml", path) },
		"more than it may be": func(path string) error { return os.WriteFile(path, make([]byte, 1<<20+1), 0o600) },
		"a key of 900 kB":     func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("a", 900_000)+" = 1"), 0o600) },
		"a quoted key": func(path string) error {
			return os.WriteFile(path, []byte(`"`+strings.Repeat("\\u001b", 100_000)+`" = 1`), 0o600)
		},
		"a value of 900 kB": func(path string) error {
			return os.WriteFile(path, []byte(`engine = "`+strings.Repeat("a", 900_000)+`"`), 0o600)
		},
		"a list of many": func(path string) error {
			return os.WriteFile(path, []byte("engine = ["+strings.Repeat("1,", 300_000)+"]"), 0o600)
		},
		"a table of 900 kB": func(path string) error {
			return os.WriteFile(path, []byte("["+strings.Repeat("a", 900_000)+"]"), 0o600)
		},
		"a builder of 900 kB": func(path string) error {
			return os.WriteFile(path, []byte("[[builder]]\nname = \""+strings.Repeat("a", 900_000)+"\""), 0o600)
		},
		"a nonsense of 900 kB": func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("=", 900_000)), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := project(t, "")
			path := filepath.Join(dir, config.FileName)
			if err := errors.Join(os.Remove(path), lay(path)); err != nil {
				t.Fatal(err)
			}
			_, err := config.Load(dir, nil)
			if problem.Code(err) != 2 || len(err.Error()) > 2000 || problem.Hint(err) == "" {
				t.Errorf("exit %d, hint %q: %.2000v", problem.Code(err), problem.Hint(err), err)
			}
		})
	}
}

// What is the user's own is not the project's to ask for.
func TestOwnSettings(t *testing.T) {
	_, err := config.Parse([]byte("[build]\ncredentials = [\"ssh\"]\n"))
	if problem.Code(err) != int(problem.Usage) || !strings.Contains(err.Error(), "a project cannot have what is yours") ||
		!strings.Contains(problem.Hint(err), "--credentials, or DRAM_CREDENTIALS") {
		t.Errorf("err = %v (hint %q)", err, problem.Hint(err))
	}
	c, err := (config.Config{}).WithEnviron([]string{"DRAM_CREDENTIALS=ssh,netrc"})
	if err != nil || len(c.Credentials) != 2 {
		t.Errorf("the credentials are %q, %v", c.Credentials, err)
	}
	if _, err := (config.Config{}).WithFlag("credentials", []string{"key"}); problem.Code(err) != int(problem.Usage) {
		t.Errorf("err = %v", err)
	}
}
