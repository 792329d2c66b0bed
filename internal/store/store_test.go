package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dram/internal/store"
)

func open(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// underWay lists what work in progress there is.
func underWay(t *testing.T, s *store.Store) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(s.Dir(), "tmp", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func TestBlobRoundTrip(t *testing.T) {
	s := open(t)
	want := []byte("twenty-one bytes long")
	d, n, err := s.PutBlob(t.Context(), bytes.NewReader(want), store.DigestOf(want))
	if err != nil || n != int64(len(want)) || d != store.DigestOf(want) {
		t.Fatalf("PutBlob = %s, %d, %v", d, n, err)
	}
	r, err := s.OpenBlob(d)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("read %q, %v", got, err)
	}
}

func TestBlobWithWrongDigestIsNotKept(t *testing.T) {
	s := open(t)
	want := store.DigestOf([]byte("expected"))
	if _, _, err := s.PutBlob(t.Context(), strings.NewReader("other"), want); err == nil {
		t.Fatal("a blob with another digest was kept")
	}
	if s.HasBlob(want, -1) || s.HasBlob(store.DigestOf([]byte("other")), -1) {
		t.Error("a refused blob is in the cache")
	}
	if left := underWay(t, s); len(left) != 0 {
		t.Errorf("%v left in tmp", left)
	}
}

func TestCorruptBlobIsFoundAndRemoved(t *testing.T) {
	for _, damage := range []struct {
		name string
		do   func(path string) error
	}{
		{"flipped byte", func(p string) error { return os.WriteFile(p, []byte("hellO"), 0o600) }},
		{"truncated", func(p string) error { return os.Truncate(p, 2) }},
		{"emptied", func(p string) error { return os.Truncate(p, 0) }},
		{"longer", func(p string) error { return os.WriteFile(p, []byte("hello!"), 0o600) }},
	} {
		t.Run(damage.name, func(t *testing.T) {
			s := open(t)
			d, _, err := s.PutBlob(t.Context(), strings.NewReader("hello"), "")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(s.BlobPath(d), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := damage.do(s.BlobPath(d)); err != nil {
				t.Fatal(err)
			}
			if err := s.VerifyBlob(d); !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("verifying gave %v, want ErrCorrupt", err)
			}
			if s.HasBlob(d, -1) {
				t.Error("the corrupt blob is still there")
			}
		})
	}
}

func TestRecordIsWholeOrNotThere(t *testing.T) {
	s := open(t)
	type value struct{ A, B string }
	want := value{"x", "y"}
	if err := s.Put("kind", "a key / with anything: in it", want); err != nil {
		t.Fatal(err)
	}
	var got value
	if !s.Get("kind", "a key / with anything: in it", &got) || got != want {
		t.Fatalf("got %v", got)
	}
	files, err := filepath.Glob(filepath.Join(s.Dir(), "records", "kind", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, %v", files, err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw { // any damaged byte makes it count as absent
		bad := bytes.Clone(raw)
		bad[i] ^= 1
		if err := os.WriteFile(files[0], bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if s.Get("kind", "a key / with anything: in it", &got) {
			t.Fatalf("a record with byte %d damaged was believed", i)
		}
	}
}

func TestTreeIsMadeOnce(t *testing.T) {
	s := open(t)
	var mu sync.Mutex
	made := 0
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			dir, err := s.Tree(t.Context(), "kind", "key", func(_ context.Context, dir string) error {
				mu.Lock()
				made++
				mu.Unlock()
				return os.WriteFile(filepath.Join(dir, "f"), []byte("x"), 0o600)
			})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := os.Stat(filepath.Join(dir, "f")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if made != 1 {
		t.Errorf("made %d times", made)
	}
}

func TestFailedTreeLeavesNothing(t *testing.T) {
	s := open(t)
	boom := errors.New("boom")
	_, err := s.Tree(t.Context(), "kind", "key", func(_ context.Context, dir string) error {
		_ = os.WriteFile(filepath.Join(dir, "half"), nil, 0o600)
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatalf("err = %v", err)
	}
	if s.HasTree("kind", "key") {
		t.Error("the failed tree counts as there")
	}
	if left := underWay(t, s); len(left) != 0 {
		t.Errorf("%v left in tmp", left)
	}
}

func TestLockWaitsAndGivesUp(t *testing.T) {
	s := open(t)
	unlock, err := s.Lock(t.Context(), "l", nil)
	if err != nil {
		t.Fatal(err)
	}
	waited := false
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.Lock(ctx, "l", func() { waited = true }); !errors.Is(err, context.DeadlineExceeded) || !waited {
		t.Errorf("second lock: %v, waited %v", err, waited)
	}
	unlock()
	again, err := s.Lock(t.Context(), "l", nil)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestUnusableCacheSaysWhatToDo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(filepath.Join(file, "cache"))
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("err = %v, want one that names %q", err, file)
	}
}
