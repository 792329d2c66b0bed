package managers

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/distro"
	"dram/internal/problem"
	"dram/internal/store"
)

var errExit = errors.New("exit status 1")

// says is a manager's program that says these texts, one a run, and ends so.
type says struct {
	texts []string
	err   error
	runs  []distro.Command
}

func (s *says) Run(_ context.Context, c distro.Command) error {
	s.runs = append(s.runs, c)
	text := s.texts[min(len(s.runs), len(s.texts))-1]
	if c.Root != "" {
		for name, body := range map[string]string{"var/cache/m/index": text, "usr/bin/tool": "tool"} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(c.Root, name)), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(c.Root, name), []byte(body), 0o600); err != nil {
				return err
			}
		}
	}
	_, err := c.Out.Write([]byte(text))
	return errors.Join(err, s.err)
}

func by(t *testing.T, program string) adder {
	t.Helper()
	for _, m := range table() {
		if m.program == program {
			return adder{m}
		}
	}
	t.Fatalf("no manager %q", program)
	return adder{}
}

// What managers say that they would install, as they write it.
func TestChoose(t *testing.T) {
	for _, tt := range []struct {
		name, program, text string
		err                 error
		want                []string // the packages, or the error
		fails               string
	}{
		{
			"dnf 4, a name that fills its line", "dnf",
			"Dependencies resolved.\n====\n Package      Arch   Version   Repository   Size\n====\nInstalling:\n git          x86_64 2.43.5-1.el9 appstream 54 k\nInstalling dependencies:\n" +
				" perl-a-name-that-is-longer-than-columns-are\n              noarch 1.2-3.el9    appstream 1.2 M\n\nTransaction Summary\n====\nInstall  2 Packages\n\nTotal download size: 1.2 M\nOperation aborted.\n",
			errExit,
			[]string{"git x86_64 2.43.5-1.el9 appstream 54 k", "perl-a-name-that-is-longer-than-columns-are noarch 1.2-3.el9 appstream 1.2 M"},
			"",
		},
		{
			"dnf 5", "dnf5",
			"Package         Arch   Version       Repository      Size\nUpgrading:\n glibc          x86_64 2.40-2.fc41   updates      6.6 MiB\n   replacing glibc x86_64 2.40-1.fc41 fedora     6.6 MiB\nInstalling:\n" +
				" make           x86_64 1:4.4.1-8.fc41 fedora       1.8 MiB\n\nTransaction Summary:\nOperation aborted by the user.\n",
			errExit,
			[]string{"glibc x86_64 2.40-2.fc41 updates 6.6 MiB", "make x86_64 1:4.4.1-8.fc41 fedora 1.8 MiB"},
			"",
		},
		{
			"yum", "yum", "Installing:\n git    x86_64   1.8.3.1-25.el7_9   updates   4.4 M\n\nExiting on user command\n", errExit,
			[]string{"git x86_64 1.8.3.1-25.el7_9 updates 4.4 M"},
			"",
		},
		{"all is there", "dnf", "Package git-2.43.5-1.el9.x86_64 is already installed.\nDependencies resolved.\nNothing to do.\nComplete!\n", nil, nil, ""},
		{"dnf knows none", "dnf", "No match for argument: gti\nError: Unable to find a match: gti\n", errExit, nil, `dnf knows no package "gti"`},
		{"yum knows none", "yum", "No package gti available.\nError: Nothing to do\n", errExit, nil, `yum knows no package "gti"`},
		{"dnf is refused", "dnf", "Error: Failed to download metadata for repo 'x'\n", errExit, nil, "asking dnf: exit status 1; its last lines:\nError: Failed to download metadata for repo 'x'"},
		{
			"zypper", "zypper",
			"<?xml version='1.0'?>\n<stream>\n<message type=\"info\">Resolving package dependencies...</message>\n<to-install>\n" +
				"<solvable type=\"package\" name=\"git\" edition=\"1-1\" arch=\"noarch\" repository=\"test\" summary=\"x\">\n<description>x</description></solvable>\n</to-install>\n", nil,
			[]string{`<solvable type="package" name="git" edition="1-1" arch="noarch"`},
			"",
		},
		{"zypper knows none", "zypper", "<message type=\"info\">&apos;gti&apos; not found in package names. Trying capabilities.</message>\n<message type=\"error\">No provider of &apos;gti&apos; found.</message>\n", errExit, nil, `zypper knows no package "gti"`},
		{"zypper has all", "zypper", "<message type=\"info\">Nothing to do.</message>\n", nil, nil, ""},
		{"zypper speaks otherwise", "zypper", "The following NEW package is going to be installed:\ngit\n", nil, nil, "asking zypper: it lists nothing that dram can read; its last lines:\nThe following NEW package is going to be installed:\ngit"},
		{"apk", "apk", "(1/2) Installing pcre2 (10.43-r0)\n(2/2) Installing git (2.47.2-r0)\nOK: 12 MiB in 18 packages\n", nil, []string{"(1/2) Installing pcre2 (10.43-r0)", "(2/2) Installing git (2.47.2-r0)"}, ""},
		{"apk knows none", "apk", "ERROR: unable to select packages:\n  gti (no such package):\n    required by: world[gti]\n", errExit, nil, `apk knows no package "gti"`},
		{"pacman", "pacman", ":: Synchronizing package databases...\n core downloading...\ngit 2.47.1-1 6918344\nperl-error 0.17029-6.1 23000\n", nil, []string{"git 2.47.1-1 6918344", "perl-error 0.17029-6.1 23000"}, ""},
		{"pacman knows none", "pacman", "error: target not found: gti\n", errExit, nil, `pacman knows no package "gti"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := by(t, tt.program).choose(t.Context(), distro.Addition{Run: &says{texts: []string{tt.text}, err: tt.err}}, distro.Command{})
			if err != nil || tt.fails != "" {
				if err == nil || err.Error() != tt.fails || problem.Hint(err) == "" {
					t.Errorf("hint %q: %v", problem.Hint(err), err)
				}
				if want := map[bool]int{true: 2, false: 1}[strings.Contains(tt.fails, "knows no")]; problem.Code(err) != want {
					t.Errorf("exit %d, want %d", problem.Code(err), want)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An answer holds for a day, and for longer where nobody answers; other packages are
// another root.
func TestAnswersAreKept(t *testing.T) {
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a := by(t, "pacman")
	add := func(s *says, refresh bool) (*distro.Root, error) {
		return a.Add(t.Context(), distro.Access{Store: st, Tell: t.Logf}, distro.Addition{
			Base: "base", Packages: []string{"git"}, Refresh: refresh, Run: s, Dir: func(context.Context) (string, error) { return "/over", nil },
		})
	}
	one := &says{texts: []string{"git 1-1 5\n"}}
	first, err := add(one, false)
	if err != nil || first.Name != "1 packages by pacman" || len(one.runs) != 1 || one.runs[0].Over != "/over" || !one.runs[0].Online {
		t.Fatalf("%+v, %v, %+v", first, err, one.runs)
	}
	if got := one.runs[0].Argv; !slices.Equal(got[3:], []string{"pacman", "git"}) {
		t.Errorf("ran %q", got)
	}
	gone := &says{texts: []string{"error: failed retrieving file\n"}, err: errExit}
	if kept, err := add(gone, false); err != nil || kept.ID != first.ID || len(gone.runs) > 0 {
		t.Errorf("within the day: %+v, %v, %d runs", kept, err, len(gone.runs))
	}
	if kept, err := add(gone, true); err != nil || kept.ID != first.ID || len(gone.runs) != 1 {
		t.Errorf("where nobody answers: %+v, %v", kept, err)
	}
	if _, err := add(&says{texts: []string{"error: target not found: git\n"}, err: errExit}, true); problem.Code(err) != 2 {
		t.Errorf("where there is none any more: %v", err)
	}
	if next, err := add(&says{texts: []string{"git 2-1 5\n"}}, true); err != nil || next.ID == first.ID {
		t.Errorf("of other packages: %+v, %v", next, err)
	}
	if none, err := add(&says{texts: []string{" there is nothing to do\n"}}, true); err != nil || none != nil {
		t.Errorf("where all is there: %+v, %v", none, err)
	}
}

// A root is filled with the packages that name it, or not at all; what managers leave
// in caches is none of it.
func TestFill(t *testing.T) {
	a := by(t, "pacman")
	dir := t.TempDir()
	add := distro.Addition{Packages: []string{"git"}, Run: &says{texts: []string{"git 1-1 5\n"}}}
	if err := a.fill(t.Context(), dir, add, []string{"git 1-1 5"}, t.Logf); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "usr/bin/tool")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "var/cache/m/index")); err == nil {
		t.Error("the manager's cache is left")
	}
	err := a.fill(t.Context(), dir, add, []string{"git 0-1 5"}, t.Logf)
	if !errors.Is(err, distro.ErrGone) {
		t.Errorf("others than were chosen: %v", err)
	}
}

// Nothing that is asked for is an option of the manager.
func TestNames(t *testing.T) {
	for name, want := range map[string]bool{
		"git": true, "gcc-c++": true, "libssl.so.3()(64bit)": true, "@development-tools": true, "python3.12": true,
		"-y": false, "--root=/": false, "a b": false, "": false, "a\nb": false, "$(x)": false,
	} {
		s := &says{texts: []string{"git 1-1 5\n"}}
		st, err := store.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		_, err = by(t, "pacman").Add(t.Context(), distro.Access{Store: st, Tell: t.Logf}, distro.Addition{
			Packages: []string{name}, Run: s, Dir: func(context.Context) (string, error) { return "/", nil },
		})
		if want != (err == nil) || want != (len(s.runs) > 0) || !want && problem.Code(err) != 2 {
			t.Errorf("%q: %v, %d runs", name, err, len(s.runs))
		}
	}
}

func FuzzChoose(f *testing.F) {
	f.Add(" git x86_64 2.43.5-1.el9 appstream 54 k\nOperation aborted.\n")
	f.Add("error: target not found: gti\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range table() {
			begun := time.Now()
			got, err := adder{m}.choose(t.Context(), distro.Addition{Run: &says{texts: []string{text}}}, distro.Command{})
			if err == nil && slices.ContainsFunc(got, func(p string) bool { return strings.ContainsAny(p, "\n\r") || p == "" }) || time.Since(begun) > 5*time.Second {
				t.Fatalf("%s: %q", m.program, got)
			}
		}
	})
}
