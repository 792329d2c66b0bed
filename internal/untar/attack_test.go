package untar_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dram/internal/untar"
)

// What no sound archive does either fails or stays inside, and leaves nothing
// that a build should not have.
func TestAttacks(t *testing.T) {
	e := func(kind byte, name, link, body string) *entry {
		return &entry{tar.Header{Typeflag: kind, Name: name, Linkname: link, Mode: 0o6777, Size: int64(len(body))}, body}
	}
	reg := func(name string) *entry { return e(tar.TypeReg, name, "", "evil") }
	sym := func(name, to string) *entry { return e(tar.TypeSymlink, name, to, "") }
	hard := func(name, to string) *entry { return e(tar.TypeLink, name, to, "") }
	dir := func(name string) *entry { return e(tar.TypeDir, name, "", "") }
	for name, tt := range map[string]struct {
		entries []*entry
		fails   bool
	}{
		"a hard link to outside":              {[]*entry{hard("a", "../passwd")}, true},
		"a hard link to outside, absolute":    {[]*entry{hard("a", "/etc/passwd")}, true},
		"a hard link through a link":          {[]*entry{sym("d", ".."), hard("a", "d/passwd")}, true},
		"a hard link to a link, then written": {[]*entry{sym("d", "../passwd"), hard("a", "d"), reg("a")}, false},
		"a link, then written through":        {[]*entry{sym("a", "../passwd"), reg("a")}, false},
		"a link up, then a file in it":        {[]*entry{sym("a", ".."), reg("a/passwd2")}, false},
		"a chain of links":                    {[]*entry{sym("a", "b"), sym("b", "c"), sym("c", "../.."), reg("a/x")}, false},
		"links in a circle":                   {[]*entry{sym("a", "b"), sym("b", "a"), reg("a/x")}, true},
		"a directory made a link":             {[]*entry{dir("d"), reg("d/f"), sym("d", ".."), reg("d/passwd")}, false},
		"a link made a directory":             {[]*entry{sym("d", ".."), dir("d"), reg("d/f")}, false},
		"a file made a directory":             {[]*entry{reg("d"), reg("d/f")}, true},
		"up":                                  {[]*entry{reg("../passwd")}, true},
		"up from below":                       {[]*entry{reg("a/../../passwd")}, true},
		"an absolute name":                    {[]*entry{reg("/passwd")}, false},
		"dots and slashes":                    {[]*entry{reg(".//./././a//b/.")}, false},
		"names of every kind":                 {[]*entry{reg("a\nb"), reg(`a\..\b`), reg("A"), reg("a"), reg("é"), reg("e\u0301"), reg("\xff\xfe"), reg(" "), reg("-rf"), reg("...")}, false},
		"setuid, device, pipe":                {[]*entry{reg("su"), dir("sd"), e(tar.TypeChar, "null", "", ""), e(tar.TypeBlock, "sda", "", ""), e(tar.TypeFifo, "p", "", "")}, false},
		"a whiteout of the top":               {[]*entry{reg(".wh..")}, true},
		"a whiteout of what is above":         {[]*entry{reg(".wh...")}, true},
		"a whiteout of nothing":               {[]*entry{reg(".wh.")}, true},
		"an opaque top":                       {[]*entry{reg(".wh..wh..opq")}, false},
		"a whiteout through a link":           {[]*entry{sym("d", ".."), reg("d/.wh.passwd")}, false},
		"an opaque directory through a link":  {[]*entry{sym("d", "../.."), reg("d/.wh..wh..opq")}, false},
		"a long name":                         {[]*entry{reg(strings.Repeat("a", 5000))}, true},
		"a long element":                      {[]*entry{reg(strings.Repeat("a", 256))}, true},
		"deep":                                {[]*entry{reg(strings.Repeat("d/", 300) + "f")}, true},
		"deep by links":                       {[]*entry{sym("a", strings.Repeat("d/", 150)), sym("b", "a/a"), reg("b/a/" + strings.Repeat("e/", 150) + "f")}, true},
		"a link with a long target":           {[]*entry{sym("a", strings.Repeat("x", 5000))}, true},
		"an entry of an unknown type":         {[]*entry{e('Z', "a", "", "")}, true},
		"a hard link to itself":               {[]*entry{reg("a"), hard("a", "a")}, false},
		"a hard link to a directory":          {[]*entry{dir("d"), hard("a", "d")}, true},
		"the top as a file":                   {[]*entry{reg("./.")}, false},
		"the top as a link":                   {[]*entry{sym(".", "..")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			outer, inner := box(t)
			_, err := untar.Extract(t.Context(), bytes.NewReader(archive(t, tt.entries...)), inner, untar.Options{Whiteouts: true})
			if (err != nil) != tt.fails {
				t.Errorf("unpacking: %v", err)
			}
			sane(t, inner)
			intact(t, outer)
		})
	}
}

// sane says that all below dir are files, directories and links without special
// bits, and no file is another name of one outside.
func sane(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if m := info.Mode(); m&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket) != 0 {
			t.Errorf("%s is %v", path, m)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Limits hold for what an archive makes, however it asks for it, and reaching
// them takes no time that grows with the square of it.
func TestBombs(t *testing.T) {
	many := 3_000
	if testing.Short() {
		many = 600
	}
	for name, tt := range map[string]struct {
		make func(w *tar.Writer) error
		opts untar.Options
		ok   bool
	}{
		"directories that names alone ask for": {func(w *tar.Writer) error {
			for i := range 30 {
				if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("%d/%sf", i, strings.Repeat("d/", 150)), Typeflag: tar.TypeReg}); err != nil {
					return err
				}
			}
			return nil
		}, untar.Options{MaxEntries: 1000}, false},
		"a sparse file": {func(w *tar.Writer) error {
			return w.WriteHeader(&tar.Header{Name: "f", Typeflag: tar.TypeReg, Size: 1 << 40})
		}, untar.Options{MaxBytes: 1 << 20}, false},
		"opaque again and again": {func(w *tar.Writer) error {
			for i := range many {
				if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("d/%d", i), Typeflag: tar.TypeReg}); err != nil {
					return err
				}
				if err := w.WriteHeader(&tar.Header{Name: "d/.wh..wh..opq", Typeflag: tar.TypeReg}); err != nil {
					return err
				}
			}
			return nil
		}, untar.Options{Whiteouts: true}, true},
		"one file again and again, beside many directories": {func(w *tar.Writer) error {
			for i := range many {
				if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("%d/", i), Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
					return err
				}
			}
			for range many {
				if err := w.WriteHeader(&tar.Header{Name: "f", Typeflag: tar.TypeReg}); err != nil {
					return err
				}
			}
			return nil
		}, untar.Options{}, true},
		"names of megabytes": {func(w *tar.Writer) error {
			return w.WriteHeader(&tar.Header{Name: strings.Repeat("n", 1<<19), Typeflag: tar.TypeReg, PAXRecords: map[string]string{"SCHILY.xattr.user.x": "y"}})
		}, untar.Options{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, inner := box(t)
			var buf bytes.Buffer
			w := tar.NewWriter(&buf)
			if err := tt.make(w); err != nil {
				t.Fatal(err)
			}
			if tt.ok {
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
			}
			start := time.Now()
			_, err := untar.Extract(t.Context(), &buf, inner, tt.opts)
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, untar.ErrLimit) && !errors.Is(err, untar.ErrName) && !errors.Is(err, tar.ErrHeader) && !errors.Is(err, tar.ErrFieldTooLong) {
				t.Errorf("err = %v", err)
			}
		})
	}
}
