package sandbox

import (
	"strings"
	"testing"
	"testing/fstest"

	"dram/internal/problem"
)

func TestEmulates(t *testing.T) {
	const magic = "offset 0\nmagic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n"
	entry := func(text string) fstest.MapFS {
		return fstest.MapFS{"register": {}, "status": {Data: []byte("enabled\n")}, "qemu-aarch64": {Data: []byte(text)}}
	}
	for _, tt := range []struct {
		name string
		fs   fstest.MapFS
		arch string
		says string // "" if it can
		code int
	}{
		{"registered", entry("enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: POCF\n" + magic), "arm64", "", 0},
		{"without F", entry("enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OC\n" + magic), "arm64", "without the flag F", 5},
		{"disabled", entry("disabled\ninterpreter /x\nflags: F\n" + magic), "arm64", "qemu-aarch64 is disabled", 5},
		{"another machine", entry("enabled\ninterpreter /x\nflags: F\n" + magic), "amd64", "none is registered", 5},
		{"a short magic", entry("enabled\ninterpreter /x\nflags: F\noffset 0\nmagic 7f454c46\n"), "arm64", "none is registered", 5},
		{"another format", entry("enabled\ninterpreter /x\nflags: F\nextension .py\n"), "arm64", "none is registered", 5},
		{"not mounted", fstest.MapFS{}, "arm64", "not mounted", 5},
		{"unknown", fstest.MapFS{}, "vax", "not an architecture", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := emulates(tt.fs, tt.arch)
			if problem.Code(err) != tt.code || tt.says != "" && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("exit %d: %v", problem.Code(err), err)
			}
		})
	}
}
