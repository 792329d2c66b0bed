package e2e

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dram/internal/sandbox/ptytest"
)

// resolver answers every question for an IPv4 address with 10.1.2.3, at an address of
// the loopback of its own, as resolv.conf(5) wants it: at port 53.
func resolver(t *testing.T) string {
	t.Helper()
	const at = "127.0.0.77"
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp4", at+":53")
	if errors.Is(err, os.ErrPermission) {
		t.Skip("port 53 is for root alone")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		for buf := make([]byte, 1500); ; {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(answer(bytes.Clone(buf[:n])), from)
		}
	}()
	return at
}

// answer is what RFC 1035 has for a question.
func answer(q []byte) []byte {
	end := 12
	for end < len(q) && q[end] != 0 {
		end += int(q[end]) + 1
	}
	end += 5 // the root, type and class
	if end > len(q) {
		return q
	}
	out := q[:end:end]
	out[2], out[3] = 0x81, 0x80
	copy(out[6:12], make([]byte, 6)) // no additional records
	if out[end-4] != 0 || out[end-3] != 1 {
		return out
	}
	out[7] = 1
	return append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 1, 2, 3)
}

// Names are resolved by what the machine says in /etc, whatever C library it has.
func TestPortableResolvesNames(t *testing.T) {
	real(t)
	at := resolver(t)
	tarball := portableHello(t, "debian/13")
	for name, place := range map[string]func(t *testing.T) string{
		"a shell": busyboxRoot, "musl": muslRoot, "Debian 11": func(t *testing.T) string { return rootOf(t, "debian/11") },
		"nsswitch.conf names modules that are not there": busyboxRoot,
	} {
		t.Run(name, func(t *testing.T) {
			root := place(t)
			_ = os.Remove(filepath.Join(root, "etc/resolv.conf")) // a link in some
			write(t, root, "etc/resolv.conf", "nameserver "+at+"\n", "etc/hosts", "127.0.0.1\tlocalhost\n10.9.8.7\tbeside.test\n")
			if strings.HasPrefix(name, "nsswitch") {
				write(t, root, "etc/nsswitch.conf", "hosts: files mdns4_minimal [NOTFOUND=return] resolve [!UNAVAIL=return] dns myhostname\npasswd: files systemd\n")
			}
			unpackAt(t, tarball, filepath.Join(root, "a place"))
			said := enter(t, root, `cd / && RELEASE_COOKIE=secret RELEASE_DISTRIBUTION=none "/a place/bin/hello" eval '
				for name <- [~c"release.test", ~c"beside.test", ~c"localhost"] do
				  {:ok, found} = :inet.gethostbyname(name)
				  IO.inspect(elem(found, 5))
				end'`)
			if said != "[{10, 1, 2, 3}]\n[{10, 9, 8, 7}]\n[{127, 0, 0, 1}]\n" {
				t.Errorf("it says\n%s", said)
			}
		})
	}
}

// A console at a running node, in a root that has neither a C library nor terminfo, and
// after the release was moved; it lies where nothing can be written.
func TestPortableRemote(t *testing.T) {
	real(t)
	tarball := portableHello(t, "debian/13")
	root := busyboxRoot(t)
	unpackAt(t, tarball, filepath.Join(root, "before"))
	if err := os.Rename(filepath.Join(root, "before"), filepath.Join(root, "a place")); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("chmod", "-R", "a-w", filepath.Join(root, "a place")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	node := "remote" + freePort(t) + "@localhost"
	keyboard, program, err := ptytest.Open(t)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", `cd /; "/a place/bin/hello" start > /tmp/log 2>&1 &
		until "/a place/bin/hello" rpc 1 > /tmp/up 2>&1; do :; done; "/a place/bin/hello" remote; "/a place/bin/hello" stop; wait`)
	cmd.Env = []string{
		"PATH=/bin", "RELEASE_COOKIE=secret", "RELEASE_NODE=" + node, "RELEASE_DISTRIBUTION=sname", "HOME=/tmp", "RELEASE_TMP=/tmp",
		"TERM=xterm", "PORT=" + freePort(t),
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // else they hold the terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Chroot: root, Setsid: true, Setctty: true, Cloneflags: syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = program.Close()
	var screen bytes.Buffer
	read := make(chan struct{})
	prompted := make(chan struct{})
	go func() {
		defer close(read)
		buf := make([]byte, 4096)
		for open := true; ; {
			n, err := keyboard.Read(buf)
			screen.Write(buf[:n])
			if open && strings.Contains(screen.String(), "iex(") {
				close(prompted)
				open = false
			}
			if err != nil {
				return
			}
		}
	}()
	select {
	case <-prompted:
		_, _ = keyboard.WriteString("{node(), Hello.Native.fnv1a(\"a\")}\r")
		time.Sleep(3 * time.Second)
		_, _ = keyboard.WriteString("\x1c") // which ends a console
	case <-read:
	}
	err = cmd.Wait()
	<-read
	if !strings.Contains(screen.String(), node) || !strings.Contains(screen.String(), "12638187200555641996") {
		log, _ := os.ReadFile(filepath.Join(root, "tmp/log"))
		t.Errorf("%v: the screen shows\n%q\nand the release says\n%s", err, screen.String(), log)
	}
}
