package dockerfile

import "testing"

// A start script that a Dockerfile copies is whatever somebody wrote.
func FuzzDoes(f *testing.F) {
	f.Add("#!/bin/sh\nset -e\nf() { exec \"$@\"; }\nf /app/bin/hello start\n")
	f.Add("()\x10")
	f.Add("((((((((")
	f.Fuzz(func(_ *testing.T, script string) {
		Laid{Place: "/srv/x", Cmd: []string{"x"}}.Does(script, func(string) bool { return false }, func(string) bool { return true })
	})
}
