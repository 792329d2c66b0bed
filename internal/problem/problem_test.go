package problem

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestCodeAndHint(t *testing.T) {
	usage := New(Usage, "do that", "reading %q: %w", "x", fs.ErrNotExist)
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
		{"the outermost counts", New(Environment, "set it", "opening: %w", usage), 5, "set it"},
		{"a hint from below", New(Build, "", "opening: %w", usage), 4, "do that"},
		{"no hint at all", New(Check, "", "x"), 3, ""},
		{"cancelled", fmt.Errorf("building: %w", context.Canceled), 130, ""},
		{"cancelled, whatever it was", New(Build, "x", "building: %w", context.Canceled), 130, "x"},
		{"too late", fmt.Errorf("asking: %w", context.DeadlineExceeded), 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Code(tt.err); got != tt.code {
				t.Errorf("code %d, want %d", got, tt.code)
			}
			if got := Hint(tt.err); got != tt.hint {
				t.Errorf("hint %q, want %q", got, tt.hint)
			}
		})
	}
	if got := usage.Error(); got != `reading "x": file does not exist` || !errors.Is(usage, fs.ErrNotExist) {
		t.Errorf("message %q, or the cause cannot be found", got)
	}
}
