package rootfs_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/binary"
	"dram/internal/rootfs"
)

func TestSessionLoad(t *testing.T) {
	const in = "usr/lib/x86_64-linux-gnu/"
	for name, tt := range map[string]struct {
		root    tree
		program string
		libs    []string
		want    string // real names, "|" where what was opened later begins
		missing string
		reason  string
	}{
		"what the program has counts for what it opens": {
			root: debian(tree{
				"app/p": prog(glibc, "", "libz.so.1", "libc.so.6"), in + "libz.so.1": lib("libz.so.1", ""),
				"app/nif.so": lib("", "$ORIGIN", "libz.so.1", "libown.so"), "app/libz.so.1": lib("libz.so.1", ""),
				"app/libown.so": lib("libown.so", "", "libc.so.6"),
			}),
			program: "app/p", libs: []string{"app/nif.so"},
			want: "app/p " + in + "libz.so.1 " + in + "libc.so.6 " + in + "ld-linux-x86-64.so.2 | app/nif.so app/libown.so",
		},
		"what a library needs and nobody has": {
			root: debian(tree{
				"app/p": prog(glibc, "", "libc.so.6"), "app/nif.so": lib("", "", "libcrypto.so.1.1"),
			}),
			program: "app/p", libs: []string{"app/nif.so"},
			want:    "app/p " + in + "libc.so.6 " + in + "ld-linux-x86-64.so.2 | app/nif.so",
			missing: "app/nif.so needs libcrypto.so.1.1",
		},
		"RPATH of the program counts for what it opens": {
			root: debian(tree{
				"app/p": rlib("/opt/x", "libc.so.6", "ld-linux-x86-64.so.2"), "opt/x/liba.so": lib("", ""),
				"app/nif.so": lib("", "", "liba.so"),
			}),
			program: "app/p", libs: []string{"app/nif.so"},
			want: "app/p " + in + "libc.so.6 " + in + "ld-linux-x86-64.so.2 | app/nif.so opt/x/liba.so",
		},
		"another machine's": {
			root:    debian(tree{"app/p": foreign()}),
			program: "app/p",
			reason:  "it is built for EM_AARCH64 (ELFCLASS64), and this root has a loader for EM_X86_64",
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := rootfs.NewLoader(tt.root.open(t))
			if err != nil {
				t.Fatal(err)
			}
			s := l.Session()
			for range 2 { // the second time from memory
				got, err := s.Load(tt.program, tt.libs...)
				if err != nil {
					t.Fatal(err)
				}
				var names, missing []string
				for i, o := range got.Objects {
					if i == got.Later {
						names = append(names, "|")
					}
					names = append(names, o.Real)
				}
				for _, m := range got.Missing {
					missing = append(missing, m.File+" needs "+m.Soname)
				}
				if diff := cmp.Diff([]string{tt.want, tt.missing, tt.reason},
					[]string{strings.Join(names, " "), strings.Join(missing, " "), got.Reason}); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestSessionLoadMusl(t *testing.T) {
	l, err := rootfs.NewLoader((tree{
		"lib/ld-musl-x86_64.so.1": lib("libc.musl-x86_64.so.1", ""),
		"app/p":                   prog(musl, "", "libc.so"),
		"app/nif.so":              lib("", "", "libc.so.6"),
	}).open(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.Session().Load("app/p", "app/nif.so")
	if err != nil || !got.Musl || len(got.Missing) != 0 || len(got.Objects) != 3 {
		t.Errorf("got %+v, %v; want the program, musl and the library", got, err)
	}
}

// described is a root whose ELF files have no bytes.
type described struct {
	rootfs.FS
	files map[string]*binary.File
}

func (d described) ELF(name string) (*binary.File, bool) {
	f, ok := d.files[name]
	return f, ok
}

func TestSessionLoadDescribed(t *testing.T) {
	elf, err := binary.ReadELF(strings.NewReader(lib("libz.so.1", "")), int64(len(lib("libz.so.1", ""))))
	if err != nil {
		t.Fatal(err)
	}
	const name = "usr/lib/x86_64-linux-gnu/libz.so.1"
	root := described{debian(tree{name: ""}).open(t), map[string]*binary.File{name: elf}}
	l, err := rootfs.NewLoader(rootfs.Mount(root, "app", tree{"p": prog(glibc, "", "libz.so.1")}.open(t)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.Session().Load("app/p")
	if err != nil || len(got.Missing) != 0 || len(got.Objects) != 3 {
		t.Errorf("got %+v, %v; want the program, libz and the loader", got, err)
	}
}
