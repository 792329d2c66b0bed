package image

import (
	"debug/elf"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/binary/binarytest"
	"dram/internal/layer"
	"dram/internal/problem"
	"dram/internal/store"
)

// added is a file that the user adds.
func added(t *testing.T, at, text string, mode fs.FileMode) Extra {
	t.Helper()
	from := filepath.Join(t.TempDir(), "added")
	if err := os.WriteFile(from, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Extra{
		Entry: layer.Entry{
			Path: at, Mode: mode, Size: int64(len(text)), Digest: store.DigestOf([]byte(text)), Exact: true,
			Open: func() (io.ReadCloser, error) { return os.Open(from) },
		},
		File: func() (fs.File, error) { return os.Open(from) },
		What: "image.files: " + at,
	}
}

// What the user adds is looked at where it will lie, through the image's own links, and
// counted among what dram knows of the image.
func TestWhatIsAdded(t *testing.T) {
	rel := readRelease(t, dirFS(t, releaseFiles()))
	d, err := NewDraft(openStore(t), rel, Options{Root: dirFS(t, rootFiles()), Inventory: true, Contents: Contents{Extra: []Extra{
		added(t, "etc/hello/app.yml", "a: 1", 0o640), added(t, "bin/tool", "#!/bin/sh\n", 0o755), added(t, "app/etc/extra.conf", "x", 0o644),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	system, shipped := d.View()
	if got := regular(t, system, ""); got["etc/hello/app.yml"] != "a: 1" || got["usr/bin/tool"] != "#!/bin/sh\n" || got["app/etc/extra.conf"] != "" {
		t.Errorf("around the release there is %q", got)
	}
	if got := regular(t, shipped, ""); got["etc/extra.conf"] != "x" || got["bin/hello"] == "" || got["etc/hello/app.yml"] != "" {
		t.Errorf("in the release there is %q", got)
	}
	img, err := d.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := flat(t, img.OCI)
	for name, text := range map[string]string{"etc/hello/app.yml": "a: 1", "usr/bin/tool": "#!/bin/sh\n", "app/etc/extra.conf": "x"} {
		if !strings.HasSuffix(all[name], " "+text) {
			t.Errorf("%s is %q in the image", name, all[name])
		}
	}
	other := map[string]store.Digest{}
	for _, f := range d.inventory().Other {
		other[f.Path] = f.Digest
	}
	for name, text := range map[string]string{"etc/hello/app.yml": "a: 1", "usr/bin/tool": "#!/bin/sh\n"} {
		if other[name] != store.DigestOf([]byte(text)) {
			t.Errorf("the inventory has %s as %q", name, other[name])
		}
	}
}

// What the image or the release has already is not replaced by what is added.
func TestWhatCannotBeAdded(t *testing.T) {
	for name, tt := range map[string]struct {
		extra []Extra
		says  string
	}{
		"a file of the release":       {[]Extra{added(t, "app/bin/hello", "x", 0o755)}, "/app/bin/hello is the release's own"},
		"below a file of the release": {[]Extra{added(t, "app/bin/hello/x", "x", 0o755)}, "/app/bin/hello/x is the release's own"},
		"a file for a directory":      {[]Extra{added(t, "app/lib/hello-0.1.0", "x", 0o644)}, "/app/lib/hello-0.1.0 is the release's own"},
		"a directory for a file":      {[]Extra{added(t, "app/bin/hello", "", fs.ModeDir|0o755)}, "/app/bin/hello is the release's own"},
		"twice":                       {[]Extra{added(t, "etc/x", "1", 0o644), added(t, "etc/x", "2", 0o644)}, "/etc/x is there twice"},
		"twice, by a link":            {[]Extra{added(t, "bin/x", "1", 0o644), added(t, "usr/bin/x", "2", 0o644)}, "/usr/bin/x is there twice"},
		"a directory of the image":    {[]Extra{added(t, "usr/bin", "x", 0o644)}, "/usr/bin is a directory of the image"},
		"below a file of the image":   {[]Extra{added(t, "etc/passwd/x", "x", 0o644)}, "/etc/passwd is a file of the image"},
	} {
		t.Run(name, func(t *testing.T) {
			rel := readRelease(t, dirFS(t, releaseFiles()))
			_, err := NewDraft(openStore(t), rel, Options{Root: dirFS(t, rootFiles()), Contents: Contents{Extra: tt.extra}})
			if problem.Code(err) != int(problem.Usage) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "image.files") {
				t.Errorf("%v (%d), want %q", err, problem.Code(err), tt.says)
			}
		})
	}
}

// Of an application's compiled code the libraries are known that it names, of one that is
// damaged that it is there; what is no code is not listed.
func TestInventoryOfNativeCode(t *testing.T) {
	library := string(binarytest.New().Name(elf.DT_NEEDED, "libz.so.1", "libc.so.6").Bytes())
	files := map[string]string{
		"lib/hello-0.1.0/ebin/hello.app":  "{application,hello,[{vsn,\"0.1.0\"},{applications,[kernel,jason]}]}.",
		"lib/hello-0.1.0/priv/nif.so":     library,
		"lib/hello-0.1.0/priv/alone.so":   string(binarytest.New().Bytes()),
		"lib/hello-0.1.0/priv/damaged.so": library[:100],
		"lib/hello-0.1.0/priv/text.so":    "no code",
	}
	rel := readRelease(t, dirFS(t, files))
	d := &Draft{rel: rel}
	a := &AppInventory{Name: "hello", Version: "0.1.0"}
	for _, f := range rel.Files {
		if f.Mode.IsRegular() {
			a.take(File{Entry: layer.Entry{Path: f.Path, Mode: f.Mode, Size: f.Size, Digest: f.Digest, Open: func() (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader(files[f.Path])), nil
			}}})
		}
	}
	if diff := cmp.Diff([]Native{
		{"app/lib/hello-0.1.0/priv/alone.so", nil},
		{"app/lib/hello-0.1.0/priv/damaged.so", nil},
		{"app/lib/hello-0.1.0/priv/nif.so", []string{"libz.so.1", "libc.so.6"}},
	}, a.Native); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"kernel", "jason"}, a.Uses); diff != "" || len(a.Files) != len(files) {
		t.Errorf("%d files %s", len(a.Files), diff)
	}
	if got := d.inventory(); got != nil {
		t.Errorf("nobody asked for %+v", got)
	}
}
