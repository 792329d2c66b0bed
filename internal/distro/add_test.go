package distro

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dram/internal/rootfs"
)

// one is an adder that does nothing.
type one struct {
	family  Family
	program string
}

func (o one) Family() Family      { return o.family }
func (o one) Of(s *Snapshot) bool { return s.Programs[o.program] != "" }
func (o one) Add(context.Context, Access, Addition) (*Root, error) {
	return nil, nil //nolint:nilnil // nothing is missing
}

// A system's own package manager comes before one that is installed there, too.
func TestAdderFor(t *testing.T) {
	all := Adders{one{Deb, "dpkg"}, one{RPM, "dnf"}}
	for _, tt := range []struct {
		id, programs string
		want         Family
	}{
		{"fedora", "dpkg dnf", RPM},
		{"debian", "dpkg dnf", Deb},
		{"fedora", "dpkg", Deb},
		{"nobody", "dnf", RPM},
		{"debian", "", NoFamily},
	} {
		s := &Snapshot{System: System{ID: tt.id}, Programs: map[string]string{}}
		for p := range strings.FieldsSeq(tt.programs) {
			s.Programs[p] = "usr/bin/" + p
		}
		got := NoFamily
		if a := all.For(s); a != nil {
			got = a.Family()
		}
		if got != tt.want {
			t.Errorf("%s with %q: %q, want %q", tt.id, tt.programs, got, tt.want)
		}
	}
}

// A snapshot has what tells of packages, and follows links inside the system alone.
func TestLook(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"usr/lib/os-release": "ID=debian\nVERSION_CODENAME=trixie\n", "var/lib/dpkg/status": "Package: a\n", "var/lib/dpkg/status.d/b": "Package: b\n",
		"etc/apt/sources.list.d/x.sources": "Types: deb\n", "etc/apt/other": "no", "opt/bin/git": "", "usr/bin/gcc": "", "usr/bin/make": "", "usr/bin/cmake/x": "",
	} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"usr/bin/cc": "/usr/bin/gcc", "etc/apt/trusted.gpg": "../../../../../etc/passwd", "usr/bin/ssh": "/nowhere"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := rootfs.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	s, err := Look(root, "/opt/bin:/usr/bin")
	if err != nil {
		t.Fatal(err)
	}
	if s.System.ID != "debian" || s.System.Codename != "trixie" {
		t.Errorf("system %+v", s.System)
	}
	var files []string
	for name := range s.Files {
		files = append(files, name)
	}
	if len(files) != 3 || string(s.Files["var/lib/dpkg/status.d/b"]) != "Package: b\n" {
		t.Errorf("files %q", files)
	}
	if s.Programs["git"] != "opt/bin/git" {
		t.Errorf("programs %q", s.Programs)
	}
	for need, want := range map[Need]bool{Git: true, C: true, SSH: false, CMake: false} {
		if s.Meets(need) != want {
			t.Errorf("%s: %v", need, !want)
		}
	}
}

// What is as new as a run is litter in some places, and nowhere else.
func TestRemoveLitter(t *testing.T) {
	dir := t.TempDir()
	begun := time.Now().Add(-time.Minute)
	for name, old := range map[string]bool{"var/log/old": true, "var/log/new": false, "usr/new": false, "tmp/a/new": false, "var/logs": false} {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if old {
			if err := os.Chtimes(at, begun.Add(-time.Hour), begun.Add(-time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	if err := RemoveLitter(root, dir, begun); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"var/log/old": true, "var/log/new": false, "usr/new": true, "tmp/a/new": false, "var/logs": true} {
		if _, err := os.Lstat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTail(t *testing.T) {
	tail := &Tail{Max: 8}
	for _, s := range []string{"one\ntwo\n", "three\n"} {
		if n, err := tail.Write([]byte(s)); n != len(s) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if tail.String() != "o\nthree\n" || tail.Last(1) != "three" {
		t.Errorf("%q, %q", tail, tail.Last(1))
	}
}
