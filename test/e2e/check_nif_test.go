package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// variant is one way of making a NIF library wrong, or right.
type variant struct {
	name   string
	source string            // beside the NIF's own
	build  string            // in Debian 13, in a directory with both
	found  map[string]string // by Debian, the findings about it as "VERDICT rule"; none if absent
}

const cc = "gcc -O1 -shared -fPIC -I. -o hello_nif.so hello_nif.c "

func variants() []variant {
	all := func(finding string) map[string]string {
		return map[string]string{"11": finding, "12": finding, "13": finding}
	}
	return []variant{
		{"as it should be", "", cc, nil},
		{"packed relocations", "", cc + "-Wl,-z,pack-relative-relocs", map[string]string{"11": "FAIL relr"}},
		{"packed relocations without a C library", "", cc + "-nostdlib -Wl,-z,pack-relative-relocs", map[string]string{"11": "FAIL relr"}},
		{"an executable stack", "", cc + "-Wl,-z,execstack", map[string]string{"13": "FAIL exec-stack"}},
		{"an undefined symbol", "int missing(void); int use(void) { return missing(); }", cc + "extra.c", all("FAIL symbol")},
		{
			"a weak undefined symbol", "__attribute__((weak)) int missing(void); int use(void) { return missing ? missing() : 0; }",
			cc + "extra.c", nil,
		},
		{
			"a library beside it that it finds", "int dep(void) { return 1; }",
			"gcc -shared -fPIC -o libdep.so extra.c && " + cc + `-Wl,--no-as-needed -L. -ldep -Wl,-rpath,\$ORIGIN`, nil,
		},
		{
			"a library beside it that it does not find", "int dep(void) { return 1; }",
			"gcc -shared -fPIC -o libdep.so extra.c && " + cc + "-Wl,--no-as-needed -L. -ldep", all("FAIL soname"),
		},
		{
			"a newer C++ library", "#include <format>\nextern \"C\" std::string *f(int a) { return new std::string(std::format(\"{}\", a)); }",
			"cp extra.c extra.cc && gcc -c -fPIC -I. hello_nif.c && g++ -std=c++20 -shared -fPIC -o hello_nif.so hello_nif.o extra.cc",
			map[string]string{"11": "FAIL symbol-version", "12": "FAIL symbol-version"},
		},
		{"32 bits by its header", "", cc + `&& printf '\001' | dd of=hello_nif.so bs=1 seek=4 conv=notrunc`, all("FAIL arch")},
		{"for another processor by its header", "", cc + `&& printf '\267' | dd of=hello_nif.so bs=1 seek=18 conv=notrunc`, all("FAIL arch")},
		{"cut short", "", cc + "&& truncate -s 4096 hello_nif.so", all("FAIL format")},
		{"empty", "", cc + "&& truncate -s 0 hello_nif.so", all("FAIL format")},
		{"a Git LFS pointer", "", cc + "&& echo 'version https://git-lfs.github.com/spec/v1' > hello_nif.so", all("FAIL format")},
	}
}

// TestCheckKnowsNIFs makes a NIF wrong in many ways, asks dram check about each
// on three Debians, and loads each there: what fails was predicted, by the true
// rule, and what was predicted fails.
func TestCheckKnowsNIFs(t *testing.T) {
	real(t)
	rel := unpackedRelease(t, "11")
	headers := t.TempDir()
	if r := within(t, "11", headers, "sh", "-c", "cp /usr/lib/erlang/usr/include/*.h /app/"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	place(t, filepath.Join("..", "..", "examples/hello/c_src/hello_nif.c"), filepath.Join(headers, "hello_nif.c"))
	for i, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			inSample(t, i%4 == 0)
			work, made := copied(t, headers), copied(t, rel)
			write(t, work, "extra.c", v.source)
			if r := within(t, "13", work, "sh", "-c", "cd /app && "+v.build); r.code != 0 {
				t.Fatal(r.stderr)
			}
			priv := filepath.Dir(only(t, filepath.Join(made, "lib/hello-*/priv/hello_nif.so")))
			place(t, filepath.Join(work, "hello_nif.so"), filepath.Join(priv, "hello_nif.so"))
			if _, err := os.Stat(filepath.Join(work, "libdep.so")); err == nil {
				place(t, filepath.Join(work, "libdep.so"), filepath.Join(priv, "libdep.so"))
			}
			for _, suite := range []string{"11", "12", "13"} {
				oneTruth(t, made, suite, v.found[suite])
			}
		})
	}
}

// oneTruth compares prediction and truth on one Debian. OpenSSL's bindings of
// Debian 11 load on no other, which is another test's matter.
func oneTruth(t *testing.T, rel, suite, want string) {
	t.Helper()
	code := 0
	if want != "" || suite != "11" {
		code = 3
	}
	var got []string
	for _, f := range checked(t, code, rel, "distro:debian/"+suite) {
		if strings.Contains(f.Subject.File, "/hello-") {
			got = append(got, fmt.Sprintf("%s %s", f.Verdict, f.Rule))
		}
	}
	if strings.Join(got, ", ") != want {
		t.Errorf("Debian %s: found %q, want %q", suite, got, want)
	}
	r := within(t, suite, rel, "/app/bin/hello", "eval", `IO.puts("uid #{Hello.Native.uid()}")`)
	loads := r.code == 0 && strings.Contains(r.stdout, "uid ")
	if loads != (want == "") {
		t.Errorf("Debian %s: it was found to be %q; loading it gave exit %d\n%s%s", suite, want, r.code, r.stdout, r.stderr)
	}
}
