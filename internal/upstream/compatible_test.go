package upstream_test

import (
	"strings"
	"testing"

	"dram/internal/problem"
	"dram/internal/upstream"
)

// What does not go together names the nearest pair; what is not known passes.
func TestCompatible(t *testing.T) {
	for _, tt := range []struct {
		elixir, otp string
		says, hint  string // nothing where they go together
	}{
		{"1.18.1", "27.2", "", ""},
		{"1.18.1", "25.0", "", ""},
		{"1.18.1", "28.0", "Elixir 1.18.1 and Erlang/OTP 28.0 do not go together: that Elixir supports OTP 25 to 27", "take OTP 27 for Elixir 1.18.1, or Elixir 1.18.4 for OTP 28"},
		{"1.18.4", "28.0", "", ""},
		{"1.18.10", "28.1.1", "", ""},
		{"1.18.1", "24.3.4", "supports OTP 25 to 27", "take OTP 25 for Elixir 1.18.1, or Elixir 1.16 for OTP 24"},
		{"1.14.4", "26.2.5", "supports OTP 23 to 25", "take OTP 25 for Elixir 1.14.4, or Elixir 1.14.5 for OTP 26"},
		{"1.14.5", "26.2.5", "", ""},
		{"1.10.3", "23.2.6", "", ""},
		{"1.10.2", "23.2.6", "supports OTP 21 to 22", "Elixir 1.10.3 for OTP 23"},
		{"1.1.1", "27.0", "supports OTP 17 to 18", "take OTP 18 for Elixir 1.1.1"},
		{"1.20.0-rc.3", "26.0", "supports OTP 27 to 29", "Elixir 1.19 for OTP 26"},
		{"1.18.1", "29.0-rc1", "supports OTP 25 to 27", "Elixir 1.20 for OTP 29"},
		{"1.99.0", "41.0", "", ""},
		{"1.18.1", "", "", ""},
		{"", "27.0", "", ""},
		{"1.18.1", "27", "", ""},
		{"main", "27.0", "", ""},
	} {
		err := upstream.Compatible(tt.elixir, tt.otp)
		if tt.says == "" {
			if err != nil {
				t.Errorf("Elixir %s on %s: %v", tt.elixir, tt.otp, err)
			}
			continue
		}
		if problem.Code(err) != 2 || !strings.Contains(err.Error(), tt.says) || !strings.Contains(problem.Hint(err), tt.hint) {
			t.Errorf("Elixir %s on %s: %v (exit %d, hint %q)", tt.elixir, tt.otp, err, problem.Code(err), problem.Hint(err))
		}
	}
}

// An OTP that no Elixir of the table supports has no nearest Elixir.
func TestNoNearestElixir(t *testing.T) {
	if hint := problem.Hint(upstream.Compatible("1.18.1", "41.0")); hint != "take OTP 27 for Elixir 1.18.1" {
		t.Error(hint)
	}
}

func TestWhole(t *testing.T) {
	for _, tt := range []struct {
		s       upstream.Software
		version string
		whole   bool
	}{
		{upstream.OTP, "27.2", true},
		{upstream.OTP, "27.3.4.1", true},
		{upstream.OTP, "29.0-rc1", true},
		{upstream.OTP, "27", false},
		{upstream.OTP, "R16B03", false},
		{upstream.OTP, "27.2/../x", false},
		{upstream.OTP, "27.2\n", false},
		{upstream.Elixir, "1.18.1", true},
		{upstream.Elixir, "1.20.0-rc.3", true},
		{upstream.Elixir, "1.18", false},
		{upstream.Elixir, "v1.18.1", false},
		{upstream.Elixir, "1.18.1-otp-27", false},
		{upstream.Elixir, "main", false},
		{upstream.Elixir, "", false},
	} {
		err := upstream.Wanted{Software: tt.s, Version: tt.version}.Check()
		if tt.s.Whole(tt.version) != tt.whole || (err == nil) != tt.whole || err != nil && problem.Code(err) != 2 {
			t.Errorf("%s %q: %v", tt.s, tt.version, err)
		}
	}
}

func TestCheckPlace(t *testing.T) {
	for place, ok := range map[string]bool{
		"sources": true, "/srv/sources": true, "https://mirror.example/beam": true, "http://127.0.0.1:8000": true,
		"ftp://mirror.example/": false, "https://": false, "https://me:secret@mirror.example/": false,
		"https://mirror.example/?a=b": false, "https://mirror.example/#x": false, "https://mirror.example/%zz": false,
	} {
		if err := upstream.CheckPlace(place); (err == nil) != ok {
			t.Errorf("%s: %v", place, err)
		} else if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("a password is shown: %v", err)
		}
	}
}
