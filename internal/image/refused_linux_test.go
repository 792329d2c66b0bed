package image

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"dram/internal/rootfs"
)

// An env.sh for a loader that no script can name is not written, nor passed over.
func TestPortableRefusesALoaderOfAnOddName(t *testing.T) {
	p, err := portableOf(t, shellRelease(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	before := ""
	for _, f := range p.files {
		if f.Path == "releases/0.1.0/env.sh" {
			before = string(f.made)
		}
	}
	if before == "" {
		t.Fatal("there is no env.sh")
	}
	if err := p.env(loaderFile{name: "ld'; exit; '.so"}); err == nil || !strings.Contains(err.Error(), "ld'; exit; '.so") {
		t.Errorf("it says %v", err)
	}
	for _, f := range p.files {
		if f.Path == "releases/0.1.0/env.sh" && string(f.made) != before {
			t.Errorf("env.sh became %q", f.made)
		}
	}
}

// gone is a root from which a file goes away once its name was seen.
type gone struct{ rootfs.FS }

var errGone = errors.New("it went away")

func (gone) Stat(string) (fs.FileInfo, error) { return nil, errGone }

// A file of the root that cannot be looked at is no file that is left out.
func TestSystemSaysWhichFileItCannotLookAt(t *testing.T) {
	root := dirFS(t, map[string]string{"etc/hosts": "x", "usr/lib/libc.so.6": "x"})
	for name, put := range map[string]func(*tree) error{
		"of the closure": func(t *tree) error { return t.closureEntry(rootfs.Entry{Path: "usr/lib/libc.so.6"}) },
		"by its place":   func(t *tree) error { return t.file("etc/hosts", "etc/hosts") },
	} {
		sound := tree{root: root, files: map[string]systemFile{}}
		if err := put(&sound); err != nil || len(sound.files) != 1 {
			t.Errorf("%s: %v, %d files", name, err, len(sound.files))
		}
		bad := tree{root: gone{root}, files: map[string]systemFile{}}
		if err := put(&bad); !errors.Is(err, errGone) || len(bad.files) != 0 {
			t.Errorf("%s: %v, %d files", name, err, len(bad.files))
		}
	}
}
