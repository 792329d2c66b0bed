package target_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/problem"
	"dram/internal/target"
)

// sshd is a real server on loopback, with keys of its own.
type sshd struct {
	port, dir, user string
}

// startSSHD runs a server, and puts an ssh first in PATH that only knows this
// server's host key and one user key.
func startSSHD(t *testing.T, config ...string) sshd {
	t.Helper()
	program := "/usr/sbin/sshd"
	if _, err := os.Stat(program); err != nil {
		t.Skip("left out: sshd is not installed (openssh-server)")
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := sshd{dir: t.TempDir(), port: freePort(t), user: me.Username}
	for _, key := range []string{"host", "user", "other"} {
		command(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(s.dir, key))
	}
	public, err := os.ReadFile(filepath.Join(s.dir, "host.pub"))
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "known_hosts", fmt.Sprintf("[127.0.0.1]:%s %s", s.port, public), 0o600)
	s.write(t, "config", fmt.Sprintf("IdentityFile %s/user\nIdentitiesOnly yes\nUserKnownHostsFile %s/known_hosts\n", s.dir, s.dir), 0o600)
	s.write(t, "ssh", fmt.Sprintf("#!/bin/sh\nexec /usr/bin/ssh -F %s/config \"$@\"\n", s.dir), 0o700)
	t.Setenv("PATH", s.dir+":"+os.Getenv("PATH"))
	lines := append([]string{
		"ListenAddress 127.0.0.1", "Port " + s.port, "HostKey " + s.dir + "/host", "AuthorizedKeysFile " + s.dir + "/user.pub",
		"PidFile none", "StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes",
	}, config...)
	s.write(t, "sshd_config", strings.Join(lines, "\n")+"\n", 0o600)
	if os.Geteuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	log := &bytes.Buffer{}
	cmd := exec.CommandContext(t.Context(), program, "-D", "-e", "-f", s.dir+"/sshd_config")
	cmd.Stderr, cmd.WaitDelay = log, time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("sshd says:\n%s", log)
		}
	})
	for range 100 {
		c, err := net.Dial("tcp", "127.0.0.1:"+s.port)
		if err == nil {
			_ = c.Close()
			return s
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("sshd does not listen")
	return s
}

func (s sshd) ref() string { return "ssh:" + s.user + "@127.0.0.1:" + s.port }

func (s sshd) write(t *testing.T, name, body string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(body), mode); err != nil {
		t.Fatal(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	return port
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

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

// The capture of a machine is that of its root, byte for byte.
func TestSSHSeesWhatADirectorySees(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("left out: only root may chroot")
	}
	root := busyboxRoot(t)
	for name, command := range map[string]string{
		"busybox":                "chroot " + root + " /bin/sh",
		"noise before the probe": "echo Welcome; echo 'dram-probe?'; chroot " + root + " /bin/sh",
	} {
		t.Run(name, func(t *testing.T) {
			s := startSSHD(t, "ForceCommand "+command)
			want, got := capture(t, "dir:"+root), capture(t, s.ref())
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
}

func TestSSHFails(t *testing.T) {
	for name, tt := range map[string]struct {
		force string
		with  func(t *testing.T, s sshd) (ref string)
		code  problem.Kind
		says  string
		hint  string
	}{
		"no ssh": {"", func(t *testing.T, s sshd) string {
			t.Setenv("PATH", t.TempDir())
			return s.ref()
		}, problem.Environment, "no program ssh", "install"},
		"an unknown host key": {"", func(t *testing.T, s sshd) string {
			s.write(t, "known_hosts", "", 0o600)
			return s.ref()
		}, problem.Environment, "Host key verification failed", "compare the key"},
		"a key that is refused": {"", func(t *testing.T, s sshd) string {
			s.write(t, "config", fmt.Sprintf("IdentityFile %s/other\nIdentitiesOnly yes\nUserKnownHostsFile %s/known_hosts\n", s.dir, s.dir), 0o600)
			return s.ref()
		}, problem.Environment, "Permission denied", "ssh-add"},
		"an unknown host": {"", func(*testing.T, sshd) string { return "ssh:nobody.invalid" }, problem.Failure, "Could not resolve", "name"},
		"a closed port":   {"", func(t *testing.T, _ sshd) string { return "ssh:127.0.0.1:" + freePort(t) }, problem.Failure, "refused", "sshd"},
		"no shell":        {"/no/such/shell", nil, problem.Failure, "No such file", "POSIX shell"},
		"another program": {"cat >/dev/null", func(t *testing.T, s sshd) string {
			return s.ref()
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
			s := startSSHD(t, config...)
			ref := s.ref()
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
	s := startSSHD(t, "ForceCommand sleep 60")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := target.Open(ctx, s.ref(), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want that the time is over", err)
	}
}
