package rootfs_test

import (
	"strings"
	"testing"

	"dram/internal/rootfs"
)

// A loader that is called by its path looks in its one folder and nowhere of the
// machine, whatever loader programs name.
func TestBroughtLoader(t *testing.T) {
	root := debian(tree{
		"app/p": prog("/nowhere/ld.so", "", "libz.so.1", "libc.so.6"), "app/nif.so": lib("", "$ORIGIN", "libown.so", "libhost.so.1"),
		"app/libown.so": lib("libown.so", "", "libc.so.6"), "usr/lib/x86_64-linux-gnu/libhost.so.1": lib("libhost.so.1", ""),
		"app/lib/ld-linux-x86-64.so.2": lib("ld-linux-x86-64.so.2", ""), "app/lib/libc.so.6": lib("libc.so.6", ""), "app/lib/libz.so.1": lib("libz.so.1", ""),
		"app/lib/ld-musl-x86_64.so.1": lib("libc.musl-x86_64.so.1", ""), "app/m": prog("/lib/ld-musl-x86_64.so.1", "", "libc.musl-x86_64.so.1"),
	}).open(t)
	for loader, tt := range map[string]struct {
		program, want, missing string
		libs                   []string
	}{
		"ld-linux-x86-64.so.2": {
			"app/p", "app/p app/lib/libz.so.1 app/lib/libc.so.6 app/lib/ld-linux-x86-64.so.2 app/nif.so app/libown.so", "libhost.so.1", []string{"app/nif.so"},
		},
		"ld-musl-x86_64.so.1": {"app/m", "app/m app/lib/ld-musl-x86_64.so.1", "", nil},
	} {
		l, err := rootfs.NewBroughtLoader(root, "/app/lib/"+loader, "app/lib")
		if err != nil {
			t.Fatal(err)
		}
		p, err := l.Session().Load(tt.program, tt.libs...)
		if err != nil || p.Reason != "" {
			t.Fatalf("%v, %q", err, p.Reason)
		}
		var got, missing []string
		for _, o := range p.Objects {
			got = append(got, o.Real)
		}
		for _, m := range p.Missing {
			missing = append(missing, m.Soname)
		}
		if strings.Join(got, " ") != tt.want || strings.Join(missing, " ") != tt.missing {
			t.Errorf("%s: loaded %q, missing %q", loader, got, missing)
		}
	}
	for _, at := range []string{"app/none", "etc", "app"} {
		if _, err := rootfs.NewBroughtLoader(root, at, "app/lib"); err == nil {
			t.Errorf("%q is taken for a loader", at)
		}
	}
}
