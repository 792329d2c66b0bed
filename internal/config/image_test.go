package config_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/config"
	"dram/internal/problem"
)

const imageToml = `[image]
entrypoint = ["tini", "--", "/app/bin/hello"]
command = ["start"]
packages = ["imagemagick", "fonts-dejavu-core"]
tzdata = true
locales = ["de_DE.UTF-8", "sr_RS@latin"]
package_list = true

[[image.files]]
source = "config/app.yml"
destination = "/etc/app/"
mode = "0640"
owner = "0:65532"

[[image.files]]
source = "scripts"
destination = "/usr/local/bin"

[[image.directories]]
path = "/var/lib/app"
volume = true

[[image.directories]]
path = "/app/uploads"
mode = "1777"
owner = "1000"

[image.healthcheck]
command = ["rpc", "Hello.health()"]
interval = "30s"
retries = 5
`

func TestImageTables(t *testing.T) {
	c, err := config.Parse([]byte(imageToml))
	if err != nil {
		t.Fatal(err)
	}
	want := config.ImageTables{
		ImageFiles: []config.ImageFile{
			{Source: "config/app.yml", Destination: "/etc/app/", Mode: "0640", Owner: "0:65532"}, {Source: "scripts", Destination: "/usr/local/bin"},
		},
		Directories: []config.ImageDirectory{{Path: "/var/lib/app", Volume: true}, {Path: "/app/uploads", Mode: "1777", Owner: "1000"}},
		Healthcheck: &config.Healthcheck{Command: []string{"rpc", "Hello.health()"}, Interval: "30s", Retries: 5},
	}
	if d := cmp.Diff(want, c.ImageTables); d != "" {
		t.Error(d)
	}
	if !c.TZData || !c.PackageList || len(c.Locales) != 2 || c.Entrypoint[0] != "tini" || c.Command[0] != "start" || c.ImagePackages[0] != "imagemagick" {
		t.Errorf("%+v", c.Image)
	}
	if c.ImageFiles[0].To() != "etc/app/app.yml" || c.ImageFiles[1].To() != "usr/local/bin" {
		t.Errorf("%q, %q", c.ImageFiles[0].To(), c.ImageFiles[1].To())
	}
	again, err := config.Parse(c.Encode())
	if d := cmp.Diff(c.Image, again.Image); d != "" || err != nil {
		t.Errorf("encoded: %v\n%s", err, d)
	}
}

// What cannot be is refused before anything is built, with what to do.
func TestBadImageTables(t *testing.T) {
	const file, dir, health = "[[image.files]]\n", "[[image.directories]]\n", "[image.healthcheck]\n"
	for name, tt := range map[string]struct{ toml, says, hint string }{
		"files that leave the project":     {file + "source = \"../x\"\ndestination = \"/x\"", "leaves the project", "inside the project"},
		"files that are absolute":          {file + "source = \"/etc/passwd\"\ndestination = \"/x\"", "leaves the project", "inside the project"},
		"files without a source":           {file + "destination = \"/x\"", "no source", "source ="},
		"files in no place":                {file + "source = \"x\"\ndestination = \"x\"", "no place in an image", "absolute path"},
		"files outside":                    {file + "source = \"x\"\ndestination = \"/a/../../x\"", "no place in an image", "absolute path"},
		"files in /proc":                   {file + "source = \"x\"\ndestination = \"/proc/x\"", "the kernel's", "another place"},
		"a mode that is a number":          {file + "source = \"x\"\ndestination = \"/x\"\nmode = 640", "mode: must be a string", "image-contents"},
		"a set-user-id mode":               {file + "source = \"x\"\ndestination = \"/x\"\nmode = \"4755\"", "no set of permissions", "octal"},
		"an owner by name":                 {file + "source = \"x\"\ndestination = \"/x\"\nowner = \"nobody\"", "not of the form", "no names"},
		"a key that is none":               {file + "source = \"x\"\ndestination = \"/x\"\nmodes = \"1\"", `unknown key "modes"`, `"mode"`},
		"a table in place of a list":       {"[image.files]\nsource = \"x\"", "must be a list", "image-contents"},
		"a directory inside the release":   {dir + "path = \"/app/lib/x\"", "inside the release", "/app/data"},
		"the release":                      {dir + "path = \"/app/\"", "inside the release", "/app/data"},
		"a directory of ERTS":              {dir + "path = \"/app/erts-15.2/bin\"", "inside the release", "/app/data"},
		"the whole":                        {dir + "path = \"/\"", "no place", "absolute"},
		"a health check without a command": {health + "interval = \"3s\"", "without a command", "command ="},
		"an interval without a unit":       {health + "command = [\"pid\"]\ninterval = \"30\"", "no duration", `"30s"`},
		"no retries":                       {health + "command = [\"pid\"]\nretries = 0", "above 0", "image-contents"},
		"a locale that is none":            {"[image]\nlocales = [\"german\"]", "no locale", "de_DE"},
		"a locale in latin1":               {"[image]\nlocales = [\"de_DE.ISO-8859-1\"]", "no locale", "de_DE"},
		"a path in place of a locale":      {"[image]\nlocales = [\"../../etc\"]", "no locale", "de_DE"},
		"time zones by name":               {"[image]\ntzdata = \"Europe/Berlin\"", "must be true or false", "time zones"},
		"an empty word":                    {"[image]\ncommand = [\"\"]", "empty", ""},
		"a near miss":                      {"[[image.file]]\nsource = \"x\"", `unknown setting "image.file"`, "image.files"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse([]byte(tt.toml + "\n"))
			if problem.Code(err) != int(problem.Usage) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(problem.Hint(err), tt.hint) {
				t.Errorf("%v (%d), hint %q", err, problem.Code(err), problem.Hint(err))
			}
		})
	}
}

func TestPermissions(t *testing.T) {
	for mode, want := range map[string]fs.FileMode{"0640": 0o640, "755": 0o755, "1777": fs.ModeSticky | 0o777} {
		if got, ok := config.Permissions(mode); got != want || !ok {
			t.Errorf("%s: %v, %v", mode, got, ok)
		}
	}
	if _, ok := config.Permissions(""); ok {
		t.Error("none is one")
	}
}

// A switch may be set by a variable and by a flag, like all else.
func TestSwitches(t *testing.T) {
	c, err := config.Config{}.WithEnviron([]string{"DRAM_TZDATA=true"})
	if err != nil || !c.TZData {
		t.Errorf("%v, %v", c.TZData, err)
	}
	if c, err = c.WithFlag("tzdata", []string{"false"}); err != nil || c.TZData || c.Origin("image.tzdata") != "--tzdata" {
		t.Errorf("%v, %v, %q", c.TZData, err, c.Origin("image.tzdata"))
	}
	if _, err := c.WithEnviron([]string{"DRAM_TZDATA=perhaps"}); problem.Code(err) != int(problem.Usage) {
		t.Errorf("%v", err)
	}
}
