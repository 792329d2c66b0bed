package ui

import (
	"bytes"
	"testing"
)

func TestPaint(t *testing.T) {
	for text, want := range map[string]string{
		"FAIL    x: FAIL\n  file y\nOK: z\n": "\x1b[1;31mFAIL\x1b[0m    x: FAIL\n  file y\n\x1b[32mOK\x1b[0m: z\n",
		"error: no\n  hint: yes":             "\x1b[1;31merror:\x1b[0m no\n  hint: yes",
		"":                                   "",
	} {
		if got := string(paint([]byte(text))); got != want {
			t.Errorf("paint(%q) = %q, want %q", text, got, want)
		}
	}
}

// What is no terminal gets the text as it is.
func TestPaintOnlyTerminals(t *testing.T) {
	var b bytes.Buffer
	if w := Paint(&b); w != &b {
		t.Errorf("a buffer is painted: %T", w)
	}
}
