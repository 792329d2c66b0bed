package session

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dram/internal/problem"
)

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"hello": true, "a": true, "0.1_x-y": true, strings.Repeat("a", 63): true,
		"": false, ".": false, "..": false, "-x": false, "../x": false, "a/b": false, "a\n": false, "a b": false, "ä": false, strings.Repeat("a", 64): false,
	} {
		if err := CheckName(name); (err == nil) != ok || err != nil && problem.Code(err) != int(problem.Usage) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// A name is one door's, is listed while that is there, and free afterwards; what others
// have in the directory is no name.
func TestClaim(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 30)) // longer than an address may be
	first, err := Claim(dir, "hello")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "hello.sock")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	if _, err := Claim(dir, "hello"); problem.Code(err) != int(problem.Usage) || !strings.Contains(err.Error(), "already") {
		t.Errorf("twice: %v", err)
	}
	for name, text := range map[string]string{"left.lock": "", "odd name.lock": "", "x.sock": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := running(dir); len(got) != 1 || got[0] != "hello" {
		t.Errorf("%q run", got)
	}
	first.Close()
	if got := running(dir); len(got) != 0 {
		t.Errorf("%q run after the end", got)
	}
	again, err := Claim(dir, "hello")
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "evil.lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := Claim(dir, "evil"); err == nil {
		t.Error("a link is taken for a name's file")
	}
}

// Who asks for a command learns why there is none.
func TestRunRefuses(t *testing.T) {
	dir := t.TempDir()
	call := Call{Argv: []string{"pid"}, Stdout: io.Discard, Stderr: io.Discard}
	if err := Run(t.Context(), filepath.Join(dir, "none"), "hello", call); problem.Code(err) != int(problem.Usage) || !strings.Contains(err.Error(), "nothing runs") {
		t.Errorf("without a directory: %v", err)
	}
	lock, free, err := lockOf(dir, "begins")
	if err != nil || !free {
		t.Fatal(free, err)
	}
	defer func() { _ = lock.Close() }()
	if err := Run(t.Context(), dir, "begins", call); problem.Code(err) != int(problem.Failure) || !strings.Contains(err.Error(), "takes no commands") {
		t.Errorf("without a socket: %v", err)
	}
	if err := Run(t.Context(), dir, "hello", call); !strings.Contains(problem.Hint(err), `"begins"`) {
		t.Errorf("what runs is not said: %v: %s", err, problem.Hint(err))
	}
	door, err := Claim(dir, "ends")
	if err != nil {
		t.Fatal(err)
	}
	defer door.Close()
	go func() { // whoever is behind the door goes as soon as somebody comes
		if conn, err := door.listener.AcceptUnix(); err == nil || !errors.Is(err, net.ErrClosed) {
			_ = conn.Close()
		}
	}()
	if err := Run(t.Context(), dir, "ends", call); err == nil {
		t.Error("a door that closes has run a command")
	}
}
