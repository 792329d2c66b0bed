package httpbound_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"dram/internal/httpbound"
)

// A pause is as long as it is asked to be, and over as soon as nobody waits for what
// follows it: with the cause that they went for.
func TestPause(t *testing.T) {
	began := time.Now()
	if err := httpbound.Pause(t.Context(), 30*time.Millisecond); err != nil || time.Since(began) < 30*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	had := errors.New("the user had enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(10*time.Millisecond, func() { cancel(had) })
	if err := httpbound.Pause(ctx, time.Hour); !errors.Is(err, had) {
		t.Errorf("cancelled meanwhile: %v", err)
	}
	if err := httpbound.Pause(ctx, time.Hour); !errors.Is(err, had) {
		t.Errorf("cancelled before: %v", err)
	}
}

// Who has something else done in place of waiting is told how long it would be.
func TestPauseByAnotherClock(t *testing.T) {
	var asked []time.Duration
	no := errors.New("no")
	ctx := context.WithValue(t.Context(), httpbound.PauseKey{}, httpbound.Waiter(func(_ context.Context, d time.Duration) error {
		asked = append(asked, d)
		if d > time.Hour {
			return no
		}
		return nil
	}))
	if err := httpbound.Pause(ctx, time.Hour); err != nil {
		t.Error(err)
	}
	if err := httpbound.Pause(ctx, 2*time.Hour); !errors.Is(err, no) {
		t.Errorf("err = %v", err)
	}
	if len(asked) != 2 || asked[0] != time.Hour || asked[1] != 2*time.Hour {
		t.Errorf("asked for %v", asked)
	}
}
