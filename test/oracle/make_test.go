package oracle

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dram/internal/check"
	"dram/internal/sandbox"
)

// system is a Debian that builds and that releases run on.
type system struct {
	name string // "11", "forky"
	age  int    // 11; 14 for forky
	root string
}

func (s system) ref() string { return "distro:debian/" + s.name }

// place is where releases run: a system, perhaps without some of its files.
type place struct {
	system
	without string // what is missing, for people; "" for a whole system
	musl    bool
}

// ref is the place as a target.
func (p place) ref() string {
	if p.musl || p.without != "" {
		return "dir:/srv/root"
	}
	return p.system.ref()
}

func (p place) String() string {
	switch {
	case p.musl:
		return "musl"
	case p.without != "":
		return p.name + " without " + p.without
	}
	return p.name
}

func systems(t testing.TB, names ...string) (out []system) {
	t.Helper()
	for _, name := range names {
		s := system{name: name, age: map[string]int{"11": 11, "12": 12, "13": 13, "forky": 14}[name]}
		s.root = dram(t, "toolchain", "root", s.ref())
		out = append(out, s)
	}
	return out
}

// tools is a root with what no plain toolchain has: musl, and the programs that
// the check is compared with.
var tools = sync.OnceValue(func() func(testing.TB) string {
	var once sync.Once
	var root string
	return func(t testing.TB) string {
		once.Do(func() {
			root = dram(t, "toolchain", "root", "distro:debian/12",
				"--package", "musl-tools", "--package", "busybox-static", "--package", "dpkg-dev", "--package", "libtree")
		})
		return root
	}
})()

// group is the line of the table that the place is counted in.
func (p place) group() string {
	if p.without != "" {
		return p.name + " without a library"
	}
	return p.String()
}

// removals are libraries that a system may lack, by what their files begin with.
func removals() map[string][]string {
	return map[string][]string{
		"libcrypto":   {"libcrypto.so.", "libssl.so."},
		"libtinfo":    {"libtinfo.so."},
		"libncursesw": {"libncursesw.so."},
		"libstdc++":   {"libstdc++.so."},
		"libgcc_s":    {"libgcc_s.so."},
		"libz":        {"libz.so."},
	}
}

// bulk is what no release ever looks at; leaving it out makes copies quick.
func bulk(name string) bool {
	switch name {
	case "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/perl", "usr/include", "usr/lib/gcc", "usr/libexec", "usr/lib/python3":
		return true
	}
	return false
}

// incomplete is a copy of a system without some libraries, made of hard links.
func incomplete(t testing.TB, s system, without string) place {
	t.Helper()
	to := newDir(t, "root")
	starts := removals()[without]
	err := filepath.WalkDir(s.root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(s.root, p)
		if err != nil {
			return err
		}
		for _, prefix := range starts {
			if strings.HasPrefix(d.Name(), prefix) {
				return nil
			}
		}
		switch {
		case d.IsDir() && bulk(rel):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(p)
			if err != nil {
				return err
			}
			return os.Symlink(link, filepath.Join(to, rel))
		}
		return os.Link(p, filepath.Join(to, rel))
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(to, "etc/hosts"), "127.0.0.1 localhost\n") // as every installed system has it
	s.root = to
	return place{system: s, without: without}
}

// muslPlace is a root with musl's loader, a shell, and a program in the VM's
// place, which opens NIF libraries as the VM does.
func muslPlace(t testing.TB, headers string) (p place, vm string) {
	t.Helper()
	root, out := newDir(t, "musl"), newDir(t, "vm")
	r := box(t.Context(), t, tools(t), []sandbox.Mount{
		{Source: absolute(t, "testdata"), Target: "/src", ReadOnly: true},
		{Source: headers, Target: "/headers", ReadOnly: true},
		{Source: out, Target: "/out"},
		{Source: root, Target: "/musl"},
	}, nil, "sh", "-euc", `musl-gcc -O1 -rdynamic -I/headers -o /out/beam.smp /src/vm.c
mkdir -p /musl/bin /musl/lib /musl/etc /musl/proc /musl/dev /musl/tmp /musl/run /musl/app /musl/out /musl/var/lib/dpkg
cp /lib/x86_64-linux-musl/libc.so /musl/lib/ld-musl-x86_64.so.1
cp /bin/busybox /musl/bin/busybox
for p in sh sed cut cat grep dirname basename readlink env mkdir date dd od tr awk; do ln -s busybox /musl/bin/$p; done
echo 127.0.0.1 localhost > /musl/etc/hosts
dpkg-query -s musl > /musl/var/lib/dpkg/status`)
	if r.ended != nil {
		t.Fatalf("%v\n%s%s", r.ended, r.out, r.err)
	}
	return place{system: system{name: "musl", root: root}, musl: true}, filepath.Join(out, "beam.smp")
}

func absolute(t testing.TB, name string) string {
	t.Helper()
	abs, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// nifHeaders are those of a system's Erlang/OTP.
func nifHeaders(s system) string { return filepath.Join(s.root, "usr/lib/erlang/usr/include") }

// natives makes every case that builder can make, each in a directory of its
// name. The NIF API is that of headers.
func natives(t testing.TB, builder, headers, root, cc string, cases []nativeCase) (dir string, made []nativeCase) {
	t.Helper()
	src, dir := newDir(t, "src"), newDir(t, "natives-"+builder)
	if err := os.CopyFS(src, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	age := map[string]int{"11": 11, "12": 12, "13": 13, "forky": 14, "musl": 12}[builder]
	var names []string
	for _, c := range cases {
		if c.since > age || cc == "musl-gcc" && !c.musl {
			continue
		}
		suffix := ".c"
		if strings.Contains(c.source, "std::") {
			suffix = ".cc"
		}
		write(t, filepath.Join(src, "cases", c.name+suffix), c.source+"\n")
		e := "-DEXTRA $x.c"
		if c.source == "" {
			e = ""
		}
		write(t, filepath.Join(src, "cases", c.name+".sh"), fmt.Sprintf(
			"name=%s CC=%s x=/src/cases/$name e=\"%s\" out=/out/$name\n. /src/build.sh\nmkdir $out\ncd $(mktemp -d)\nexec 2>$out.log\n%s\n", c.name, cc, e, c.build))
		names = append(names, c.name)
		made = append(made, c)
	}
	r := box(t.Context(), t, root, []sandbox.Mount{
		{Source: src, Target: "/src", ReadOnly: true}, {Source: headers, Target: "/headers", ReadOnly: true}, {Source: dir, Target: "/out"},
	}, nil, "sh", "-c", "printf '%s\\n' "+strings.Join(names, " ")+" | xargs -P 2 -I N sh -c 'sh /src/cases/N.sh || { echo N; exit 255; }'")
	if r.ended != nil {
		logs, _ := os.ReadFile(filepath.Join(dir, strings.TrimSpace(r.out)+".log"))
		t.Fatalf("making %q on %s: %v\n%s%s", r.out, builder, r.ended, r.err, logs)
	}
	return dir, made
}

// onMusl is a release whose programs are all one, which stands for the VM.
func onMusl(t testing.TB, release, natives, vm string) string {
	t.Helper()
	rel := graft(t, release, natives)
	bin := filepath.Dir(only(t, filepath.Join(rel, "erts-*/bin/beam.smp")))
	entries, err := os.ReadDir(bin)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if isELF(filepath.Join(bin, e.Name())) {
			err := errors.Join(os.Remove(filepath.Join(bin, e.Name())), os.Link(vm, filepath.Join(bin, e.Name())))
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return rel
}

// project is the project of which releases are made: a module for each library.
func project(t testing.TB) string {
	t.Helper()
	dir := newDir(t, "project")
	if err := os.CopyFS(dir, os.DirFS("testdata/project")); err != nil {
		t.Fatal(err)
	}
	for _, c := range libraries() {
		write(t, filepath.Join(dir, "src", "c_"+c.name+".erl"), fmt.Sprintf(
			"-module(c_%s).\n-export([load/1, call/0]).\nload(Path) -> erlang:load_nif(Path, 0).\ncall() -> erlang:nif_error(not_loaded).\n", c.name))
	}
	return dir
}

// releases are what was built already in this run, by system and name.
var releases = struct {
	sync.Mutex
	project string
	dirs    map[string]string
}{dirs: map[string]string{}}

// releaseOf is a release made on a system.
func releaseOf(t testing.TB, s system, name string) string {
	t.Helper()
	releases.Lock()
	defer releases.Unlock()
	if releases.project == "" {
		releases.project = project(t)
	}
	key := s.name + " " + name
	if releases.dirs[key] == "" {
		releases.dirs[key] = build(t, releases.project, s, name)
	}
	return releases.dirs[key]
}

// build has dram build one of the project's releases, and unpacks it. What the
// check says of it is what this package asks for itself.
func build(t testing.TB, dir string, s system, name string) string {
	t.Helper()
	args := []string{"build", dir, "--toolchain", s.ref(), "--release", name}
	for _, r := range check.Rules() {
		args = append(args, "--allow", r.ID)
	}
	tar, to := dram(t, args...), newDir(t, name+"-"+s.name)
	if out, err := exec.CommandContext(t.Context(), "tar", "-xzf", tar, "-C", to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return to
}

// priv is where the cases lie in a release.
const priv = "lib/oracle-0.1.0/priv"

// graft is a copy of a release, made of hard links where that does no harm,
// with natives in it.
func graft(t testing.TB, release, natives string) string {
	t.Helper()
	to := newDir(t, "release")
	if out, err := exec.CommandContext(t.Context(), "cp", "-al", release+"/.", to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	entries, err := os.ReadDir(natives)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if err := os.CopyFS(filepath.Join(to, priv, e.Name()), os.DirFS(filepath.Join(natives, e.Name()))); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func isELF(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, 4)
	_, err = f.Read(head)
	return err == nil && bytes.Equal(head, []byte("\x7fELF"))
}

// replace puts a copy of a file in the place of another.
func replace(t testing.TB, name, with string) {
	t.Helper()
	b, err := os.ReadFile(with)
	if err == nil {
		err = os.Remove(name)
	}
	if err == nil {
		err = os.WriteFile(name, b, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}
