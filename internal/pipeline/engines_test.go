package pipeline

import (
	"context"
	"strings"
	"testing"

	"dram/internal/problem"
	"dram/internal/sandbox"
)

// auto never chooses the engine that isolates nothing, and says how to.
func TestAutoChoosesNoHostEngine(t *testing.T) {
	works := func(context.Context) []sandbox.Precondition { return nil }
	lacks := func(context.Context) []sandbox.Precondition {
		return []sandbox.Precondition{{Name: "user namespaces", Detail: "none"}}
	}
	host := EngineOption{Name: "host", ByName: "nothing is isolated", Needs: works}
	for _, tt := range []struct {
		name    string
		options []EngineOption
		want    string
	}{
		{"native works", []EngineOption{{Name: "native", Needs: works}, host}, "native"},
		{"native lacks something", []EngineOption{{Name: "native", Needs: lacks}, host}, ""},
		{"host alone", []EngineOption{host}, ""},
		{"another works", []EngineOption{{Name: "native", Needs: lacks}, host, {Name: "buildkit", Needs: works}}, "buildkit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _, err := planner(t, tt.options...).chooseEngine(t.Context(), "auto")
			if got != tt.want || tt.want == "" && (problem.Code(err) != 5 || !strings.Contains(problem.Hint(err), "--engine host")) {
				t.Errorf("%q, %v (hint %q)", got, err, problem.Hint(err))
			}
		})
	}
	if got, _, err := planner(t, host).chooseEngine(t.Context(), "host"); got != "host" || err != nil {
		t.Errorf("asked for: %q, %v", got, err)
	}
}
