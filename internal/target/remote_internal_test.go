package target

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/problem"
)

// local is a probe in a shell of this machine.
type local struct {
	io.Reader
	io.WriteCloser
	cmd *exec.Cmd
}

func startLocal(t *testing.T, env []string, argv ...string) local {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Env, cmd.WaitDelay = env, time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return local{out, in, cmd}
}

func (l local) within(d time.Duration) func() bool {
	return time.AfterFunc(d, func() { _ = l.cmd.Process.Kill() }).Stop
}
func (l local) failed(cause error) error { _ = l.cmd.Process.Kill(); return cause }
func (l local) Close() error {
	_ = l.WriteCloser.Close()
	_ = l.cmd.Wait()
	return nil
}

// The probe needs little, and says the same in every shell.
func TestProbeInShells(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{"file": "content\n\x00\xff", "empty": "", "pro gram": "x", ".hidden": "x", "..odd": "x", "-n": "x", "two\nlines": "passed over", "a\\b$c`d'e\"*": "x"} {
		mode := os.FileMode(0o644)
		if name == "pro gram" {
			mode = 0o755
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"link": "file", "gone": "no where -> there", "loop": "loop", "up": "../" + filepath.Base(dir) + "/sub", "abs": dir + "/sub"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "sub"), 0o755), os.WriteFile(filepath.Join(dir, "sub/in"), []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	want := strings.Split(`-n -rw-r--r--, ..odd -rw-r--r--, .hidden -rw-r--r--, a\b$c`+"`"+`d'e"* -rw-r--r--, abs Lrwxrwxrwx `+dir+`/sub, empty -rw-r--r--, file -rw-r--r--, gone Lrwxrwxrwx no where -> there, link Lrwxrwxrwx file, loop Lrwxrwxrwx loop, pro gram -rwxr-xr-x, sub drwxr-xr-x, up Lrwxrwxrwx ../`+filepath.Base(dir)+`/sub`, ", ")
	ran := 0
	for _, shell := range [][]string{{"dash"}, {"bash"}, {"bash", "--posix"}, {"busybox", "sh"}, {"sh"}} {
		program, err := exec.LookPath(shell[0])
		if err != nil {
			continue
		}
		for _, tools := range []string{"wc cat readlink", "wc cat ls"} {
			t.Run(strings.Join(shell, " ")+" with "+tools, func(t *testing.T) {
				ran++
				bin := t.TempDir()
				for tool := range strings.FieldsSeq(tools) {
					at, err := exec.LookPath(tool)
					if err != nil {
						t.Skip(err)
					}
					if err := os.Symlink(at, filepath.Join(bin, tool)); err != nil {
						t.Fatal(err)
					}
				}
				r, err := newRemote(startLocal(t, []string{"PATH=" + bin}, append([]string{program}, shell[1:]...)...), patience{10 * time.Second, 10 * time.Second})
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = r.Close() }()
				compareListing(t, r, strings.TrimPrefix(dir, "/"), want)
			})
		}
	}
	if ran == 0 {
		t.Error("there is no shell")
	}
}

func compareListing(t *testing.T, r *remote, dir string, want []string) {
	t.Helper()
	entries, err := r.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		line := e.Name() + " " + info.Mode().String()
		if to, err := r.ReadLink(dir + "/" + e.Name()); err == nil {
			line += " " + to
		}
		got = append(got, line)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, name := range []string{"link", "file"} {
		f, err := r.Open(dir + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil || string(b) != "content\n\x00\xff" {
			t.Errorf("%s is %q (%v)", name, b, err)
		}
	}
	for _, name := range []string{"up/in", "abs/in", "sub/in"} {
		if info, err := r.Stat(dir + "/" + name); err != nil || info.Size() != 1 || info.Name() != "in" {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	for _, name := range []string{"gone", "none", "file/in", "none/in"} {
		if _, err := r.Stat(dir + "/" + name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want that it is not there", name, err)
		}
	}
	if _, err := r.Stat(dir + "/loop"); err == nil {
		t.Error("a link to itself leads somewhere")
	}
}

// spoken is a connection at whose other end the answers are given beforehand.
type spoken struct{ io.Reader }

func (spoken) Write(p []byte) (int, error)             { return len(p), nil }
func (spoken) Close() error                            { return nil }
func (spoken) within(time.Duration) (stop func() bool) { return func() bool { return true } }
func (spoken) failed(cause error) error                { return problem.New(problem.Failure, "hint", "%w", cause) }

func TestHostileAnswers(t *testing.T) {
	const hello = "dram-probe 1\n"
	for name, answers := range map[string]string{
		"a name that leaves the directory": hello + "f ../../etc/passwd\n.\n",
		"a name that is the directory":     hello + "d ..\n.\n",
		"a kind that is none":              hello + "z a\n.\n",
		"a line without end":               hello + "f " + strings.Repeat("a", 2*maxLine),
		"a link to nothing":                hello + "l a\n\n.\n",
		"an end too early":                 hello + "f a\n",
		"too many files":                   hello + strings.Repeat("f a\nf b\n", 10) + manyNames() + ".\n",
	} {
		r, err := newRemote(spoken{strings.NewReader(answers)}, patience{time.Second, time.Second})
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := r.ReadDir("."); err == nil {
			t.Errorf("%s: it is believed", name)
		}
		if _, err := r.ReadDir("."); err == nil {
			t.Errorf("%s: it is asked again", name)
		}
		_ = r.Close()
	}
	for name, answers := range map[string]string{
		"too large":               "s 99999999999\n",
		"no number":               "s x\n",
		"a negative size":         "s -1\n",
		"not all of it":           "s 5\nabc",
		"more than it said":       "s 1\nabc\n.\n",
		"no permission":           "denied\n",
		"neither size nor denial": "hm\n",
	} {
		r, err := newRemote(spoken{strings.NewReader(hello + "f a\n.\n" + answers)}, patience{time.Second, time.Second})
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := r.Open("a"); err == nil || errors.Is(err, fs.ErrPermission) != (name == "no permission") {
			t.Errorf("%s: %v", name, err)
		}
		cache := r.cache
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(cache); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: what was fetched is left behind: %v", name, err)
		}
	}
}

func manyNames() string {
	var b strings.Builder
	for i := range maxRemoteDir + 2 {
		b.WriteString("f " + strings.Repeat("x", 1+i%7) + time.Duration(i).String() + "\n")
	}
	return b.String()
}

func FuzzRemote(f *testing.F) {
	f.Add([]byte("d usr\nd etc\nd bin\nl lib\nusr/lib\n.\nd lib\n.\n.\n"))
	f.Add([]byte("d lib64\n.\nf ld-linux-x86-64.so.2\n.\ns 3\nabc\n.\n"))
	f.Add([]byte("l a\nb\nl b\na\n.\n"))
	f.Fuzz(func(t *testing.T, answers []byte) {
		r, err := newRemote(spoken{io.MultiReader(strings.NewReader("\ndram-probe 1\n"), bytes.NewReader(answers))}, patience{time.Second, time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Close() }()
		got, err := New("ssh:x", r)
		if err != nil {
			return
		}
		if err := got.Capture(io.Discard); err != nil {
			t.Logf("capturing: %v", err)
		}
	})
}
