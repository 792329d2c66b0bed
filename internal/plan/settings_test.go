package plan

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/config"
	"dram/internal/project"
)

// What was set of the steps, the image and the check is a decision that says by whom
// it was made; what was not set is none. No secret is shown.
func TestSettingsAreDecisions(t *testing.T) {
	set := func(flag string, values ...string) func(config.Config) (config.Config, error) {
		return func(c config.Config) (config.Config, error) { return c.WithFlag(flag, values) }
	}
	environ := func(kv string) func(config.Config) (config.Config, error) {
		return func(c config.Config) (config.Config, error) { return c.WithEnviron([]string{kv}) }
	}
	for _, tt := range []struct {
		name string
		set  func(config.Config) (config.Config, error)
		want Decision
	}{
		{"programs", set("program", "curl", "jq"), Decision{"programs", "curl, jq", "set by --program"}},
		{"user", environ("DRAM_IMAGE_USER=7:8"), Decision{"user", "7:8", "set by DRAM_IMAGE_USER"}},
		{"ports", set("expose", "4001", "4000"), Decision{"expose", "4000, 4001", "set by --expose"}},
		{"variables", set("image-env", "B=2", "A=1"), Decision{"image env", "A=1, B=2", "set by --image-env"}},
		{"labels", set("label", "team=a"), Decision{"labels", "team=a", "set by --label"}},
		{"a target", set("target", "profile:debian/12"), Decision{"target", "profile:debian/12", "set by --target"}},
		{"rules", environ("DRAM_ALLOW=soname,symbol"), Decision{"allow", "soname, symbol", "set by DRAM_ALLOW"}},
		{"of the build", set("build-env", "A=1"), Decision{"build env", "A=1", "set by --build-env"}},
		{"old indexes", set("expired-indexes", "allow"), Decision{"expired indexes", "allow", "set by --expired-indexes"}},
		{"secret files", set("include-secret", "priv/*.pem"), Decision{"include secrets", "priv/*.pem", "set by --include-secret"}},
		{
			"secrets by their names", set("build-env", "API_TOKEN=abc", "SECRET_KEY_BASE=abc", "DB_PASS=abc", "DEPLOY_KEY=abc", "MONKEY=abc"),
			Decision{"build env", "API_TOKEN=***, DB_PASS=***, DEPLOY_KEY=***, MONKEY=***, SECRET_KEY_BASE=***", "set by --build-env"},
		},
		{
			"secrets by what they are", set("image-env", "DATABASE_URL=ecto://app:hunter2@db/app", "HOME_URL=https://example.com/", "GH=ghp_aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY2zA4"),
			Decision{"image env", "DATABASE_URL=***, GH=***, HOME_URL=https://example.com/", "set by --image-env"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := inputs(project.Project{App: "app", OwnApps: []string{"app"}, Version: "1.0.0"})
			before, err := Make(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if in.Config, err = tt.set(in.Config); err != nil {
				t.Fatal(err)
			}
			pl, err := Make(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(append(before.Decisions, tt.want), pl.Decisions); d != "" {
				t.Error(d)
			}
			raw, err := json.Marshal(pl)
			if err != nil || strings.Contains(string(raw), "hunter2") || strings.Contains(string(raw), `"abc"`) || strings.Contains(string(raw), "=abc") {
				t.Errorf("%v: %s", err, raw)
			}
		})
	}
}
