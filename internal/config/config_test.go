package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dram/internal/config"
	"dram/internal/problem"
)

const whole = `
engine = "native"
release = "web"
output_dir = "out"

[toolchain]
ref = "distro:debian/12"
packages = ["libsodium-dev", "cmake"]
mirror = "http://mirror.example/debian"

[build]
mix_env = "staging"
env = { SECRET_FREE = "1", A = 2 }

[image]
programs = ["curl"]
user = "1000"
expose = [4000, 80, 4000]
labels = { team = "core" }
`

func TestParse(t *testing.T) {
	got, err := config.Parse([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		Engine: "native", Releases: []string{"web"}, OutputDir: "out", Toolchain: "distro:debian/12",
		Packages: []string{"libsodium-dev", "cmake"}, Places: config.Places{Mirror: "http://mirror.example/debian"}, MixEnv: "staging",
		BuildEnv: []string{"A=2", "SECRET_FREE=1"},
		Image:    config.Image{Programs: []string{"curl"}, User: "1000", Expose: []int{80, 4000}, Labels: []string{"team=core"}},
	}
	if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(config.Config{})); d != "" {
		t.Error(d)
	}
}

func TestFlagsOverEnvironmentOverFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(dir, []string{"DRAM_TOOLCHAIN=distro:debian/13", "DRAM_EXPOSE=1,2", "DRAM_RELEASE=", "OTHER=x"})
	if err != nil {
		t.Fatal(err)
	}
	c, err = c.WithFlag("expose", []string{"9"})
	if err != nil {
		t.Fatal(err)
	}
	type row struct{ Key, Value, Origin string }
	got := []row{
		{"release", c.Release(), c.Origin("release")},
		{"toolchain.ref", c.Toolchain, c.Origin("toolchain.ref")},
		{"image.user", c.User, c.Origin("image.user")},
		{"image.env", strings.Join(c.ImageEnv, " "), c.Origin("image.env")},
	}
	want := []row{
		{"release", "web", "dram.toml"},
		{"toolchain.ref", "distro:debian/13", "DRAM_TOOLCHAIN"},
		{"image.user", "1000", "dram.toml"},
		{"image.env", "", ""},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]int{9}, c.Expose); d != "" || c.Origin("image.expose") != "--expose" {
		t.Errorf("%s, from %q", d, c.Origin("image.expose"))
	}
}

func TestBadSettings(t *testing.T) {
	for _, tt := range []struct{ name, toml, says, hint string }{
		{"unknown key", "engine = \"native\"\nrelese = \"x\"\n", `dram.toml:2: unknown setting "relese"`, `"release"`},
		{"unknown key in a table", "[toolchain]\nref = \"a\"\npackage = []\n", `dram.toml:3: unknown setting "toolchain.package"`, `"toolchain.packages"`},
		{"unknown table", "[tolchain]\nref = \"a\"\n", `dram.toml:1: unknown setting "tolchain"`, "toolchain"},
		{"syntax", "engine = \n", "dram.toml:1:", "write it as TOML"},
		{"not a string", "engine = 3\n", "engine: must be a string", "native"},
		{"not a list", "[image]\nprograms = \"curl\"\n", "image.programs: must be a list", "programs"},
		{"not a table", "[image]\nenv = [\"A=1\"]\n", "image.env: must be a table", "K=V"},
		{"user by name", "[image]\nuser = \"app\"\n", `"app" is not of the form`, "UID"},
		{"user with three parts", "[image]\nuser = \"1:2:3\"\n", `"1:2:3" is not of the form`, "UID"},
		{"none of the choices", "[build]\nnetwork = \"some\"\n", `build.network: "some" is not none or isolated or host`, "compiling"},
		{"platform that is none", "platform = [\"linux/amd64\", \"linux/vax\"]\n", `"linux/vax" is not linux/amd64 or linux/arm64`, "build for"},
		{"a release without a name", "release = [\"web\", \"\"]\n", "holds an empty name", "releases"},
		{"neither name nor list", "release = 3\n", "release: must be a name or a list of them", "releases"},
		{"port too large", "[image]\nexpose = [70000]\n", `"70000" is not a port number`, "ports"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := config.Parse([]byte(tt.toml))
			if problem.Code(err) != 2 || !strings.Contains(err.Error(), tt.says) || !strings.Contains(problem.Hint(err), tt.hint) {
				t.Errorf("err = %v (exit %d, hint %q)", err, problem.Code(err), problem.Hint(err))
			}
		})
	}
	if _, err := (config.Config{}).WithEnviron([]string{"DRAM_LABELS=novalue"}); problem.Code(err) != 2 || !strings.Contains(err.Error(), "DRAM_LABELS") {
		t.Errorf("err = %v", err)
	}
}

// Each setting can be reached in each of its ways, and no two share one.
func TestSettingsTable(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range config.Settings() {
		for _, name := range []string{s.Key, s.Env, "--" + s.Flag} {
			if seen[name] || name == "" {
				t.Errorf("%q stands twice or is empty", name)
			}
			seen[name] = true
		}
		value := "K=1"
		if choice, ok := map[string]string{
			"build.network": "host", "source.dockerfile": "ignore", "build.credentials": "netrc", "engine": "host", "toolchain.expired_indexes": "allow", "platform": "linux/arm64", "release": "web", "image.tzdata": "true", "emulate": "true", "image.git_labels": "true", "build.git": "true", "image.compression": "zstd", "image.compression_level": "3", "image.package_list": "true", "image.shell": "false", "image.strip": "false", "image.locales": "de_DE.UTF-8", "build.mix_env": "qa", "build.release_env": "qa",
			"toolchain.otp": "27.2", "toolchain.elixir": "1.18.1", "toolchain.checksums": "otp_src_27.2.tar.gz=" + strings.Repeat("0a", 32),
		}[s.Key]; ok {
			value = choice
		}
		if s.Key == "image.expose" || s.Key == "image.user" {
			value = "1"
		}
		byEnv, err := (config.Config{}).WithEnviron([]string{s.Env + "=" + value})
		if err != nil || byEnv.Origin(s.Key) != s.Env {
			t.Errorf("%s: %v, origin %q", s.Env, err, byEnv.Origin(s.Key))
		}
		byFlag, err := (config.Config{}).WithFlag(s.Flag, []string{value})
		if err != nil {
			t.Error(err)
		}
		if d := cmp.Diff(byEnv, byFlag, cmpopts.IgnoreUnexported(config.Config{})); d != "" {
			t.Errorf("flag and variable differ: %s", d)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(twoBuilders))
	f.Add([]byte("[a.b]\nc = 1"))
	f.Add([]byte("toolchain = []"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, err := config.Parse(raw)
		if err != nil && problem.Code(err) != 2 {
			t.Errorf("exit %d for %q: %v", problem.Code(err), raw, err)
		}
		if err != nil && len(err.Error()) > 2000 {
			t.Errorf("a message of %d bytes", len(err.Error()))
		}
	})
}
