package problem_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"dram/internal/problem"
)

func TestCodeAndHint(t *testing.T) {
	usage := problem.New(problem.Usage, "do that", "reading %q: %w", "x", fs.ErrNotExist)
	for _, tt := range []struct {
		name string
		err  error
		code int
		hint string
	}{
		{"nothing", nil, 0, ""},
		{"of no kind", errors.New("x"), 1, ""},
		{"a problem", usage, 2, "do that"},
		{"wrapped", fmt.Errorf("planning: %w", usage), 2, "do that"},
		{"joined", errors.Join(errors.New("x"), usage), 2, "do that"},
		{"the outermost counts", problem.New(problem.Environment, "set it", "opening: %w", usage), 5, "set it"},
		{"a hint from below", problem.New(problem.Build, "", "opening: %w", usage), 4, "do that"},
		{"no hint at all", problem.New(problem.Check, "", "x"), 3, ""},
		{"cancelled", fmt.Errorf("building: %w", context.Canceled), 130, ""},
		{"cancelled, whatever it was", problem.New(problem.Build, "x", "building: %w", context.Canceled), 130, "x"},
		{"too late", fmt.Errorf("asking: %w", context.DeadlineExceeded), 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := problem.Code(tt.err); got != tt.code {
				t.Errorf("code %d, want %d", got, tt.code)
			}
			if got := problem.Hint(tt.err); got != tt.hint {
				t.Errorf("hint %q, want %q", got, tt.hint)
			}
		})
	}
	if got := usage.Error(); got != `reading "x": file does not exist` || !errors.Is(usage, fs.ErrNotExist) {
		t.Errorf("message %q, or the cause cannot be found", got)
	}
}
