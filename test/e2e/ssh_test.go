package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dram/internal/target/sshtest"
)

// A Debian that ssh reaches, whose shell is dash and whose tools are
// coreutils': its capture is that of its directory, and a check against it
// finds what a check against the directory finds.
func TestSSHTargetIsItsRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("left out: only root may chroot")
	}
	root := strings.TrimSpace(dram{args: []string{"toolchain", "root", "distro:debian/11"}}.ok(t).stdout)
	s := sshtest.Start(t, "ForceCommand chroot "+root+" /bin/sh")
	capture := func(ref string) map[string]any {
		to := filepath.Join(t.TempDir(), "target.json")
		dram{args: []string{"target", "capture", ref, "-o", to}}.ok(t)
		b, err := os.ReadFile(to)
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(b, &doc); err != nil {
			t.Fatal(err)
		}
		delete(doc, "name")
		return doc
	}
	want, got := capture("dir:"+root), capture(s.Ref())
	for part := range want {
		a, errA := json.Marshal(want[part])
		b, errB := json.Marshal(got[part])
		if errA != nil || errB != nil || string(a) != string(b) {
			t.Errorf("%s: %d bytes of the directory, %d over ssh (%v, %v)", part, len(a), len(b), errA, errB)
		}
	}
	if libraries, _ := got["libraries"].([]any); len(libraries) < 50 || len(got) != len(want) {
		t.Errorf("the capture has %d libraries and %d parts", len(libraries), len(got))
	}
	rel := unpackedRelease(t, "12")
	dir, ssh := short(checked(t, 3, rel, "dir:"+root)), short(checked(t, 3, rel, s.Ref()))
	if strings.Join(dir, "\n") != strings.Join(ssh, "\n") || len(dir) == 0 {
		t.Errorf("the directory:\n%s\nover ssh:\n%s", strings.Join(dir, "\n"), strings.Join(ssh, "\n"))
	}
}
