package layer_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/layer"
	"dram/internal/store"
)

func open(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func file(path, content string) layer.Entry {
	return layer.Entry{
		Path: path, Mode: 0o640, Size: int64(len(content)), Digest: store.DigestOf([]byte(content)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil },
	}
}

func build(t *testing.T, st *store.Store, groups []layer.Group) *layer.Archive {
	t.Helper()
	a, err := layer.Build(t.Context(), st, groups, layer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func content(t *testing.T, a *layer.Archive) []byte {
	t.Helper()
	r, err := a.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// list is a tar as lines of type, mode, owner, time, name, target and content.
func list(t *testing.T, blob []byte) []string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(blob))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, strings.TrimSpace(fmt.Sprintf("%c %o %d:%d@%d %s %s%s",
			h.Typeflag, h.Mode, h.Uid, h.Gid, h.ModTime.Unix(), h.Name, h.Linkname, b)))
	}
}

func sample() []layer.Group {
	x := file("app/bin/run", "#!/bin/sh\n")
	x.Mode = 0o711 | fs.ModeSetuid
	return []layer.Group{
		{Name: "b", Entries: []layer.Entry{
			x, file("app/a", "A"),
			{Path: "tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
			{Path: "app/link", Mode: fs.ModeSymlink | 0o777, Link: "bin/run"},
		}},
		{Name: "empty"},
		{Name: "a", Entries: []layer.Entry{file("app/"+strings.Repeat("é", 130), "long")}},
	}
}

func TestBuildNormalises(t *testing.T) {
	got := list(t, content(t, build(t, open(t), sample())))
	want := []string{
		"5 755 0:0@1 app/", "5 755 0:0@1 app/bin/",
		"0 644 0:0@1 app/a A", "0 755 0:0@1 app/bin/run #!/bin/sh", "2 777 0:0@1 app/link bin/run", "5 1777 0:0@1 tmp/",
		"0 644 0:0@1 app/" + strings.Repeat("é", 130) + " long",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// big is groups large enough for compression to matter.
func big() []layer.Group {
	rnd := rand.New(rand.NewSource(1)) //nolint:gosec // reproducible on purpose
	var groups []layer.Group
	for g := range 8 {
		var es []layer.Entry
		for f := range 6 {
			var b strings.Builder
			for range 400 {
				fmt.Fprintf(&b, "word%d ", rnd.Intn(500))
			}
			es = append(es, file(fmt.Sprintf("g%d/f%02d", g, f), b.String()))
		}
		groups = append(groups, layer.Group{Name: fmt.Sprint(g), Entries: es, Dense: g%2 == 0})
	}
	return groups
}

func TestSameBytesWhateverTheConcurrencyAndOrder(t *testing.T) {
	want := build(t, open(t), big())
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	groups := big()
	for _, g := range groups {
		rand.Shuffle(len(g.Entries), func(i, j int) { g.Entries[i], g.Entries[j] = g.Entries[j], g.Entries[i] })
	}
	got := build(t, open(t), groups)
	if got.Digest != want.Digest || got.DiffID != want.DiffID || got.Size != want.Size {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestDescribesItself(t *testing.T) {
	a := build(t, open(t), big())
	blob := content(t, a)
	z, err := gzip.NewReader(bytes.NewReader(blob))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	type facts struct {
		Digest, DiffID store.Digest
		Size, Plain    int64
		Members        int
	}
	// eight groups, the directories in front, the end
	want := facts{store.DigestOf(blob), store.DigestOf(plain), int64(len(blob)), int64(len(plain)), 10}
	got := facts{a.Digest, a.DiffID, a.Size, a.UncompressedSize, a.Members}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOnlyWhatChangedIsCompressedAgain(t *testing.T) {
	st := open(t)
	if a := build(t, st, big()); a.Reused != 0 || a.Members != 10 {
		t.Fatalf("first: %d of %d reused", a.Reused, a.Members)
	}
	unread := big()
	for _, g := range unread {
		for i := range g.Entries {
			g.Entries[i].Open = func() (io.ReadCloser, error) { return nil, errors.New("read again") }
		}
	}
	if a := build(t, st, unread); a.Reused != 10 {
		t.Errorf("unchanged: %d of %d reused", a.Reused, a.Members)
	}
	unread[3].Entries[5] = file("g3/f05", "changed")
	for i := range unread[3].Entries {
		if i != 5 {
			unread[3].Entries[i] = big()[3].Entries[i]
		}
	}
	if a := build(t, st, unread); a.Reused != 9 {
		t.Errorf("one changed: %d of %d reused", a.Reused, a.Members)
	}
}

func TestOptionsChangeTheBytes(t *testing.T) {
	st := open(t)
	seen := map[store.Digest]layer.Options{}
	for _, o := range []layer.Options{{}, {UID: 1}, {GID: 1}, {Epoch: 1700000000}} {
		a, err := layer.Build(t.Context(), st, sample(), o)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[a.Digest]; ok {
			t.Errorf("%+v gives what %+v gives", o, other)
		}
		seen[a.Digest] = o
	}
}

// TestDamagedCache damages each stored blob in turn, in each way.
func TestDamagedCache(t *testing.T) {
	st := open(t)
	want := build(t, st, big())
	damage := map[string]func(path string) error{
		"deleted": os.Remove,
		"flipped": func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b[len(b)/2] ^= 1
			return errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, b, 0o600))
		},
		"cut": func(path string) error { return errors.Join(os.Chmod(path, 0o600), os.Truncate(path, 7)) },
	}
	blobs, err := filepath.Glob(filepath.Join(st.Dir(), "blobs", "sha256", "*", "*"))
	if err != nil || len(blobs) != 11 {
		t.Fatalf("%d blobs, %v", len(blobs), err)
	}
	for name, hurt := range damage {
		for _, path := range blobs {
			if err := errors.Join(hurt(path), removeAny(st.BlobPath(want.Digest))); err != nil {
				t.Fatal(err)
			}
			got := build(t, st, big())
			if got.Digest != want.Digest || store.DigestOf(content(t, got)) != want.Digest {
				t.Errorf("%s %s: got %s, want %s", name, filepath.Base(path), got.Digest, want.Digest)
			}
		}
	}
}

func removeAny(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func TestDamagedArchiveIsMadeAgain(t *testing.T) {
	st := open(t)
	a := build(t, st, sample())
	path := st.BlobPath(a.Digest)
	b := content(t, a)
	b[20] ^= 1
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, b, 0o600)); err != nil {
		t.Fatal(err)
	}
	again := build(t, st, sample())
	if got := store.DigestOf(content(t, again)); got != a.Digest || again.Reused != again.Members {
		t.Errorf("got %s, %d of %d reused", got, again.Reused, again.Members)
	}
}

func TestRefused(t *testing.T) {
	lie := file("a", "abc")
	lie.Digest = store.DigestOf([]byte("abd"))
	short, long := file("a", "abc"), file("a", "abc")
	short.Size, long.Size = 4, 2
	broken := file("a", "abc")
	broken.Open = func() (io.ReadCloser, error) { return nil, fs.ErrPermission }
	for name, test := range map[string]struct {
		entries []layer.Entry
		want    string
	}{
		"absolute":      {[]layer.Entry{file("/a", "")}, "relative and clean"},
		"up":            {[]layer.Entry{file("a/../b", "")}, "relative and clean"},
		"root":          {[]layer.Entry{{Path: ".", Mode: fs.ModeDir}}, "relative and clean"},
		"zero byte":     {[]layer.Entry{file("a\x00b", "")}, "relative and clean"},
		"twice":         {[]layer.Entry{file("a", ""), file("a", "")}, "twice"},
		"under a file":  {[]layer.Entry{file("a", ""), file("a/b/c", "")}, "not a directory"},
		"device":        {[]layer.Entry{{Path: "a", Mode: fs.ModeDevice}}, "neither file"},
		"empty link":    {[]layer.Entry{{Path: "a", Mode: fs.ModeSymlink}}, "target"},
		"no content":    {[]layer.Entry{{Path: "a"}}, "no content"},
		"other content": {[]layer.Entry{lie}, "changed while"},
		"shorter":       {[]layer.Entry{short}, "changed while"},
		"longer":        {[]layer.Entry{long}, "changed while"},
		"unreadable":    {[]layer.Entry{broken}, "permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := layer.Build(t.Context(), open(t), []layer.Group{{Name: "g", Entries: test.entries}}, layer.Options{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want ... %s ...", err, test.want)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	st := open(t)
	if _, err := layer.Build(ctx, st, big(), layer.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(st.Dir(), "tmp", "*", "*")); err != nil || len(left) != 0 {
		t.Errorf("left in tmp: %v, %v", left, err)
	}
}

// TestOtherReaders has the programs that people use read the members.
func TestOtherReaders(t *testing.T) {
	a := build(t, open(t), sample())
	path := filepath.Join(t.TempDir(), "a.tar.gz")
	if err := os.WriteFile(path, content(t, a), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, argv := range [][]string{{"tar", "-tzf", path}, {"sh", "-c", "gzip -dc " + path + " | tar -tf -"}} {
		if _, err := exec.LookPath(argv[0]); err != nil {
			t.Skip(err)
		}
		out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput() //nolint:gosec // fixed programs
		if err != nil {
			t.Fatalf("%v: %v\n%s", argv, err, out)
		}
		if n := strings.Count(string(out), "\n"); n != 7 {
			t.Errorf("%v lists %d entries:\n%s", argv, n, out)
		}
	}
}
