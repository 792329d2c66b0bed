package target_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/problem"
	"dram/internal/target"
	"dram/internal/target/sshtest"
)

// busyboxRoot is Debian's small root with a shell that runs, and awkward names.
func busyboxRoot(t *testing.T) string {
	t.Helper()
	busybox, err := os.ReadFile("/usr/bin/busybox")
	if err != nil {
		busybox, err = os.ReadFile("/bin/busybox")
	}
	if err != nil || bytes.Contains(busybox, []byte("/ld-linux")) {
		t.Skip("left out: there is no static busybox (busybox-static)")
	}
	tr := debian()
	tr["usr/bin/dash"] = string(busybox)
	for _, name := range []string{"wc", "cat", "readlink", "ls"} {
		tr["usr/bin/"+name] = "-> dash"
	}
	tr["usr/bin/a b'c\"$d -> e"] = "x"
	tr["usr/bin/.hidden"] = "x"
	tr["usr/bin/-n"] = "x"
	tr["usr/bin/loop"] = "-> loop"
	tr["usr/bin/empty"] = ""
	tr["usr/lib/x86_64-linux-gnu/with space.so"] = tr["opt/own/libown.so.1"]
	return tr.write(t)
}

func capture(t *testing.T, ref string) string {
	t.Helper()
	tg, err := target.Open(t.Context(), ref, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, problem.Hint(err))
	}
	tg.Name = "same"
	var b bytes.Buffer
	if err := errors.Join(tg.Capture(&b), tg.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The capture of a machine is that of its root, byte for byte, and the root is as it
// was: it has no /dev/null, as a root that is no running system's.
func TestSSHSeesWhatADirectorySees(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("left out: only root may chroot")
	}
	root := busyboxRoot(t)
	if err := os.Mkdir(filepath.Join(root, "dev"), 0o755); err != nil {
		t.Fatal(err)
	}
	before := listing(t, root)
	for name, command := range map[string]string{
		"busybox":                "chroot " + root + " /bin/sh",
		"noise before the probe": "echo Welcome; echo 'dram-probe?'; chroot " + root + " /bin/sh",
	} {
		t.Run(name, func(t *testing.T) {
			s := sshtest.Start(t, "ForceCommand "+command)
			want, got := capture(t, "dir:"+root), capture(t, s.Ref())
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-dir +ssh):\n%s", diff)
			}
			for _, part := range []string{"libown.so.1", "a b'c", "with space.so", `"-n"`, `"usr/bin/loop": "loop"`} {
				if !strings.Contains(got, part) {
					t.Errorf("the capture has no %s:\n%s", part, got)
				}
			}
		})
	}
	if diff := cmp.Diff(before, listing(t, root)); diff != "" {
		t.Errorf("the probe changed the machine (-before +after):\n%s", diff)
	}
}

// listing is each file below dir, with its mode, size and time.
func listing(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			files[path] = fmt.Sprint(info.Mode(), info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestSSHFails(t *testing.T) {
	for name, tt := range map[string]struct {
		force string
		with  func(t *testing.T, s sshtest.Server) (ref string)
		code  problem.Kind
		says  string
		hint  string
	}{
		"no ssh": {"", func(t *testing.T, s sshtest.Server) string {
			t.Setenv("PATH", t.TempDir())
			return s.Ref()
		}, problem.Environment, "no program ssh", "install"},
		"an unknown host key": {"", func(t *testing.T, s sshtest.Server) string {
			s.Write(t, "known_hosts", "", 0o600)
			return s.Ref()
		}, problem.Environment, "Host key verification failed", "compare the key"},
		"a key that is refused": {"", func(t *testing.T, s sshtest.Server) string {
			s.UseOtherKey(t)
			return s.Ref()
		}, problem.Environment, "Permission denied", "ssh-add"},
		"an unknown host": {"", func(*testing.T, sshtest.Server) string { return "ssh:nobody.invalid" }, problem.Failure, "Could not resolve", "name"},
		"a closed port":   {"", func(t *testing.T, _ sshtest.Server) string { return "ssh:127.0.0.1:" + sshtest.FreePort(t) }, problem.Failure, "refused", "sshd"},
		"no shell":        {"/no/such/shell", nil, problem.Failure, "No such file", "POSIX shell"},
		"another program": {"cat >/dev/null", func(t *testing.T, s sshtest.Server) string {
			return s.Ref()
		}, problem.Failure, "no answer in time", "ssh HOST sh"},
		"no end of noise": {"yes", nil, problem.Failure, "not the probe's", "ssh HOST sh"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.says == "no answer in time" && testing.Short() {
				t.Skip("left out: it takes half a minute")
			}
			var config []string
			if tt.force != "" {
				config = []string{"ForceCommand " + tt.force}
			}
			s := sshtest.Start(t, config...)
			ref := s.Ref()
			if tt.with != nil {
				ref = tt.with(t, s)
			}
			_, err := target.Open(t.Context(), ref, nil)
			if problem.Code(err) != int(tt.code) || !strings.Contains(fmt.Sprint(err), tt.says) || !strings.Contains(problem.Hint(err), tt.hint) {
				t.Errorf("%v (%s), code %d; want %q with a hint of %q and code %d", err, problem.Hint(err), problem.Code(err), tt.says, tt.hint, tt.code)
			}
		})
	}
}

func TestSSHIsCancelled(t *testing.T) {
	s := sshtest.Start(t, "ForceCommand sleep 60")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := target.Open(ctx, s.Ref(), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want that the time is over", err)
	}
}
