package pipeline

import (
	"strings"
	"testing"

	"dram/internal/problem"
)

// A plan for a place is checked against it, and a place that cannot be opened ends it;
// a distribution's system is known by its profile, and nothing of it is fetched.
func TestPlanForAPlace(t *testing.T) {
	for runsOn, tt := range map[string]struct {
		code problem.Kind
		says string
	}{
		"":                        {},
		"profile:debian/12/amd64": {},
		"distro:debian/12":        {},
		"profile:plan9/4":         {problem.Usage, "plan9"},
		"dir:/gone/of/old":        {problem.Usage, "/gone/of/old"},
	} {
		t.Run(strings.ReplaceAll(runsOn, "/", " "), func(t *testing.T) {
			w := newWorld(t)
			w.cfg.RunsOn = runsOn
			pl, err := w.Plan(t.Context(), w.dir, w.cfg)
			if tt.code != 0 {
				if problem.Code(err) != int(tt.code) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%v (%d)", err, problem.Code(err))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if pl.Check.Target != runsOn {
				t.Errorf("it is checked against %q", pl.Check.Target)
			}
			if w.engine.ran() > 0 {
				t.Error("something was built")
			}
		})
	}
}
