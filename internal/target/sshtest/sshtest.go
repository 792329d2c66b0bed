// Package sshtest runs OpenSSH's own server for tests of what speaks to one.
package sshtest

import (
	"bytes"
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
)

// Server is a real sshd on loopback, with keys of its own.
type Server struct {
	dir, port, user string
}

// Start runs a server, and puts an ssh first in PATH that only knows this
// server's host key and one user key.
func Start(t *testing.T, config ...string) Server {
	t.Helper()
	program := "/usr/sbin/sshd"
	if _, err := os.Stat(program); err != nil {
		t.Skip("left out: sshd is not installed (openssh-server)")
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := Server{dir: t.TempDir(), port: FreePort(t), user: me.Username}
	for _, key := range []string{"host", "user", "other"} {
		command(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(s.dir, key))
	}
	public, err := os.ReadFile(filepath.Join(s.dir, "host.pub"))
	if err != nil {
		t.Fatal(err)
	}
	s.Write(t, "known_hosts", fmt.Sprintf("[127.0.0.1]:%s %s", s.port, public), 0o600)
	s.Write(t, "config", s.config("user"), 0o600)
	s.Write(t, "ssh", fmt.Sprintf("#!/bin/sh\nexec /usr/bin/ssh -F %s/config \"$@\"\n", s.dir), 0o700)
	t.Setenv("PATH", s.dir+":"+os.Getenv("PATH"))
	lines := append([]string{
		"ListenAddress 127.0.0.1", "Port " + s.port, "HostKey " + s.dir + "/host", "AuthorizedKeysFile " + s.dir + "/user.pub",
		"PidFile none", "StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes",
	}, config...)
	s.Write(t, "sshd_config", strings.Join(lines, "\n")+"\n", 0o600)
	if os.Geteuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o700); err != nil {
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
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", "127.0.0.1:"+s.port)
		if err == nil {
			_ = c.Close()
			return s
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("sshd does not listen")
	return s
}

// Ref is the server as a target.
func (s Server) Ref() string { return "ssh:" + s.user + "@127.0.0.1:" + s.port }

// Write writes a file of the server: "known_hosts", or "config", the user's.
func (s Server) Write(t *testing.T, name, body string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(body), mode); err != nil {
		t.Fatal(err)
	}
}

// FreePort is a loopback port that nobody listens on.
func FreePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
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

// Agent starts an agent of ssh that has the user's key, and gives the environment
// of somebody who uses it and knows the server.
func (s Server) Agent(t *testing.T) []string {
	t.Helper()
	socket := filepath.Join(s.dir, "agent")
	agent := exec.CommandContext(t.Context(), "ssh-agent", "-D", "-a", socket)
	agent.WaitDelay = time.Second
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = agent.Process.Kill()
		_ = agent.Wait()
	})
	for range 100 {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	add := exec.CommandContext(t.Context(), "ssh-add", "-q", filepath.Join(s.dir, "user"))
	add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("ssh-add: %v\n%s", err, out)
	}
	home := t.TempDir()
	known, err := os.ReadFile(filepath.Join(s.dir, "known_hosts"))
	if err == nil {
		err = errors.Join(os.Mkdir(filepath.Join(home, ".ssh"), 0o700), os.WriteFile(filepath.Join(home, ".ssh", "known_hosts"), known, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	return []string{"SSH_AUTH_SOCK=" + socket, "HOME=" + home}
}

// URL is a path of the server as git takes it.
func (s Server) URL(path string) string { return "ssh://" + s.user + "@127.0.0.1:" + s.port + path }

// UseOtherKey has ssh offer a key that the server does not let in.
func (s Server) UseOtherKey(t *testing.T) {
	t.Helper()
	s.Write(t, "config", s.config("other"), 0o600)
}

func (s Server) config(key string) string {
	return fmt.Sprintf("IdentityFile %s/%s\nIdentitiesOnly yes\nUserKnownHostsFile %s/known_hosts\n", s.dir, key, s.dir)
}
