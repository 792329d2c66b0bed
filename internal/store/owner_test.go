package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dram/internal/problem"
	"dram/internal/store"
)

// A cache that others can write to decides what is built: it is refused, with
// what to do. One that is new is made safe.
func TestCacheThatOthersCanWriteToIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(dir string) error
		says string // "" if it opens
	}{
		{"new", func(string) error { return nil }, ""},
		{"by the user alone", func(dir string) error { return os.MkdirAll(dir, 0o755) }, ""},
		{"empty, by all, as a volume is at first", func(dir string) error { return errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, 0o777)) }, ""},
		{"by all", func(dir string) error { return errors.Join(cache(dir), os.Chmod(dir, 0o777)) }, "others can write to it (mode 0777)"},
		{"by the group", func(dir string) error { return errors.Join(cache(dir), os.Chmod(dir, 0o770)) }, "others can write to it (mode 0770)"},
		{"sticky, by all", func(dir string) error { return errors.Join(cache(dir), os.Chmod(dir, os.ModeSticky|0o777)) }, "others can write"},
		{"its trees by all", func(dir string) error { return errors.Join(cache(dir), os.Chmod(filepath.Join(dir, "trees"), 0o777)) }, "trees"},
		{"its tmp by the group", func(dir string) error { return errors.Join(cache(dir), os.Chmod(filepath.Join(dir, "tmp"), 0o770)) }, "tmp"},
		{"another user's", func(dir string) error { return errors.Join(cache(dir), chown(t, dir)) }, "belongs to user 65534"},
		{"another user's, empty", func(dir string) error { return errors.Join(os.MkdirAll(dir, 0o700), chown(t, dir)) }, "belongs to user 65534"},
		{"its records another user's", func(dir string) error { return errors.Join(cache(dir), chown(t, filepath.Join(dir, "records"))) }, "belongs to user 65534"},
		{"a link to one", func(dir string) error { return errors.Join(cache(dir+"-real"), os.Symlink(dir+"-real", dir)) }, ""},
		{"a link to one that all can write to", func(dir string) error {
			return errors.Join(cache(dir+"-real"), os.Chmod(dir+"-real", 0o777), os.Symlink(dir+"-real", dir))
		}, "others can write"},
		{"a link to nothing", func(dir string) error { return os.Symlink(dir+"-none", dir) }, "opening cache"},
		{"a link to itself", func(dir string) error { return os.Symlink(dir, dir) }, "opening cache"},
		{"a file", func(dir string) error { return os.WriteFile(dir, nil, 0o600) }, "not a directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "cache")
			if err := tt.make(dir); errors.Is(err, errNotRoot) {
				t.Skip(err)
			} else if err != nil {
				t.Fatal(err)
			}
			s, err := store.Open(dir)
			if tt.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Begin(); err != nil {
					t.Error(err)
				}
				info, err := os.Stat(dir)
				if err != nil || info.Mode().Perm()&0o022 != 0 {
					t.Errorf("the cache is %v, %v", info.Mode(), err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("error %v, want one that says %q", err, tt.says)
			}
			if problem.Code(err) != int(problem.Environment) || problem.Hint(err) == "" {
				t.Errorf("exit code %d, hint %q", problem.Code(err), problem.Hint(err))
			}
		})
	}
}

// cache makes a sound one.
func cache(dir string) error {
	s, err := store.Open(dir)
	if err == nil {
		s.Close()
	}
	return err
}

var errNotRoot = errors.New("only root can give a directory away")

func chown(t *testing.T, dir string) error {
	t.Helper()
	if os.Geteuid() != 0 {
		return errNotRoot
	}
	return os.Chown(dir, 65534, 65534)
}
