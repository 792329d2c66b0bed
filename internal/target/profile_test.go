package target_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/binary"
	"dram/internal/problem"
	"dram/internal/rootfs"
	"dram/internal/target"
)

func profile(t *testing.T, name string) *target.Target {
	t.Helper()
	got, err := target.Open(t.Context(), "profile:"+name, nil)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// library is the file that the loader's search finds first, and its versions.
func library(t *testing.T, tg *target.Target, soname string) (real string, versions []string) {
	t.Helper()
	loader, err := rootfs.NewLoader(tg.Root())
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range loader.Directories() {
		real, err := rootfs.Resolve(tg.Root(), dir+"/"+soname)
		if err != nil {
			continue
		}
		described, ok := tg.Root().(rootfs.Described)
		if !ok {
			t.Fatal("the root does not describe its files")
		}
		f, ok := described.ELF(real)
		if !ok {
			t.Fatalf("%s is not described", real)
		}
		for _, d := range f.VersionDefs {
			versions = append(versions, d.Name)
		}
		return real, versions
	}
	return "", nil
}

func TestProfiles(t *testing.T) {
	for _, tt := range []struct {
		name, soname, has, hasNot, symbol string
		gaps                              target.Gaps
	}{
		{"rhel/7/amd64", "libc.so.6", "GLIBC_2.17", "GLIBC_2.18", "memcpy@GLIBC_2.14", target.Gaps{Partial: true, Families: []string{"GLIBC_"}}},
		{"centos/7/amd64", "libpthread.so.0", "GLIBC_2.12", "GLIBC_2.18", "pthread_create@GLIBC_2.2.5", target.Gaps{Partial: true, Families: []string{"GLIBC_"}}},
		{"rocky/9/amd64", "libc.so.6", "GLIBC_2.34", "GLIBC_2.35", "pthread_create@GLIBC_2.34", target.Gaps{Partial: true, Families: []string{"GLIBC_"}, Later: []string{"GLIBC_2.35"}}},
		{"rocky/9@latest/amd64", "libc.so.6", "GLIBC_2.35", "GLIBC_2.36", "epoll_pwait2@GLIBC_2.35", target.Gaps{Partial: true, Families: []string{"GLIBC_"}}},
		{"rhel/9@first/amd64", "libm.so.6", "GLIBC_2.29", "GLIBC_2.35", "exp@GLIBC_2.29", target.Gaps{Partial: true, Families: []string{"GLIBC_"}}},
		{"ubuntu/24.04/amd64", "libcrypto.so.3", "OPENSSL_3.0.9", "OPENSSL_3.4.0", "EVP_sm4_cbc@OPENSSL_3.0.0", target.Gaps{Partial: true, Families: []string{"OPENSSL_"}, Package: "libssl3t64"}},
		{"fedora/43/amd64", "libgcc_s.so.1", "GCC_14.0.0", "GCC_15.0.0", "__truncxfhf2@GCC_12.0.0", target.Gaps{Partial: true, Families: []string{"GCC_"}, Optional: true, Package: "libgcc"}},
		{"rhel/9/amd64", "libgcc_s.so.1", "GCC_7.0.0", "GCC_12.0.0", "_Unwind_Resume@GCC_3.0", target.Gaps{Partial: true, Families: []string{"GCC_"}, Optional: true, Package: "libgcc"}},
		{"fedora/40/amd64", "libtinfo.so.6", "", "NCURSES6_TINFO_5.0.19991023", "tgetent", target.Gaps{Partial: true, Optional: true, Package: "ncurses-libs"}},
		{"ubuntu/14.04/amd64", "libc.so.6", "GLIBC_2.18", "GLIBC_2.22", "memcpy@GLIBC_2.14", target.Gaps{Partial: true, Families: []string{"GLIBC_"}}},
		{"arch/amd64", "libc.so.6", "GLIBC_2.44", "GLIBC_2.45", "memcpy@GLIBC_2.14", target.Gaps{Partial: true, Families: []string{"GLIBC_"}}},
		{"arch/amd64", "libm.so.6", "GLIBC_2.29", "GLIBC_2.44", "exp@GLIBC_2.29", target.Gaps{Partial: true}},
		{"debian/12/arm64", "libc.so.6", "GLIBC_2.36", "GLIBC_2.38", "memcpy@GLIBC_2.17", target.Gaps{Package: "libc6"}},
		{"debian/bookworm/amd64", "libcrypto.so.3", "OPENSSL_3.0.9", "OPENSSL_3.4.0", "EVP_DigestInit@OPENSSL_3.0.0", target.Gaps{Optional: true, Package: "libssl3"}},
		{"debian/13/amd64", "libcrypto.so.3", "OPENSSL_3.4.0", "OPENSSL_3.6.0", "EVP_DigestInit@OPENSSL_3.0.0", target.Gaps{Package: "libssl3t64"}},
		{"opensuse/15.4@first/amd64", "libstdc++.so.6", "GLIBCXX_3.4.29", "GLIBCXX_3.4.30", "_Znwm@GLIBCXX_3.4", target.Gaps{Partial: true, Optional: true, Package: "libstdc++6", Families: []string{"GLIBCXX_", "CXXABI_"}}},
		{"opensuse/15.4@latest/amd64", "libstdc++.so.6", "GLIBCXX_3.4.32", "GLIBCXX_3.4.33", "_Znwm@GLIBCXX_3.4", target.Gaps{Partial: true, Optional: true, Package: "libstdc++6", Families: []string{"GLIBCXX_", "CXXABI_"}}},
		{"opensuse/15.4/amd64", "libstdc++.so.6", "GLIBCXX_3.4.29", "GLIBCXX_3.4.30", "_Znwm@GLIBCXX_3.4", target.Gaps{
			Partial: true, Optional: true, Package: "libstdc++6", Families: []string{"GLIBCXX_"}, Later: []string{"GLIBCXX_3.4.30", "GLIBCXX_3.4.31", "GLIBCXX_3.4.32"},
		}},
		{"alpine/3.22/amd64", "ld-musl-x86_64.so.1", "", "GLIBC_2.2.5", "puts", target.Gaps{Partial: true}},
		{"fedora/41/amd64", "libcrypto.so.3", "OPENSSL_3.0.0", "OPENSSL_3.2.0", "", target.Gaps{Partial: true, Optional: true, Package: "openssl-libs"}},
	} {
		t.Run(tt.name+" "+tt.soname, func(t *testing.T) {
			tg := profile(t, tt.name)
			real, versions := library(t, tg, tt.soname)
			if real == "" {
				t.Fatalf("there is no %s", tt.soname)
			}
			if tt.has != "" && !slices.Contains(versions, tt.has) || slices.Contains(versions, tt.hasNot) {
				t.Errorf("the versions are %v, want %s and not %s", versions, tt.has, tt.hasNot)
			}
			if diff := cmp.Diff(tt.gaps, tg.Gaps(real)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			exports, err := tg.Exports(real)
			if err != nil || tt.symbol != "" && !slices.ContainsFunc(exports, func(s binary.Symbol) bool { return s.String() == tt.symbol }) {
				t.Errorf("of %d symbols none is %s (%v)", len(exports), tt.symbol, err)
			}
			for _, s := range exports {
				if s.Version == tt.hasNot {
					t.Errorf("it has %s", s)
				}
			}
		})
	}
}

// A profile is kept whole in a capture, with all that it does not know.
func TestCapturedProfile(t *testing.T) {
	for _, name := range []string{"debian/12/amd64", "opensuse/15.4/amd64", "alpine/3.20/amd64", "debian/forky/arm64"} {
		live := profile(t, name)
		var first, second bytes.Buffer
		if err := live.Capture(&first); err != nil {
			t.Fatal(err)
		}
		again, err := target.Load(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Capture(&second); err != nil {
			t.Fatal(err)
		}
		if first.String() != second.String() {
			t.Errorf("%s: captured again it differs", name)
		}
		if diff := cmp.Diff(live.Profile(), again.Profile()); diff != "" || live.Profile() == nil {
			t.Errorf("%s (-live +captured):\n%s", name, diff)
		}
		real, _ := library(t, live, "libstdc++.so.6")
		if diff := cmp.Diff(live.Gaps(real), again.Gaps(real)); diff != "" {
			t.Errorf("%s (-live +captured):\n%s", name, diff)
		}
	}
}

func TestUnknownProfile(t *testing.T) {
	for ref, want := range map[string]string{
		"profile:debian/7": "debian/12", "profile:mint/1": "dram target list", "profile:rhel/7@third": "@latest", "profile:rhel/7/arm64": "rhel/7/amd64",
	} {
		_, err := target.Open(t.Context(), ref, nil)
		if problem.Code(err) != int(problem.Usage) || !strings.Contains(problem.Hint(err), want) {
			t.Errorf("%s: %v (%s), want a usage problem that hints at %q", ref, err, problem.Hint(err), want)
		}
	}
}

func TestAbsentAndOpen(t *testing.T) {
	tg := profile(t, "debian/12/amd64")
	for soname, want := range map[string]bool{"libcrypto.so.1.1": true, "libpq.so.5": false} {
		if got := tg.Absent(soname); got != want {
			t.Errorf("Absent(%q) = %t, want %t", soname, got, want)
		}
	}
	if !tg.Open(target.Erlang) || tg.Open(target.Locales) || tg.Open(target.Patches) {
		t.Errorf("open are %v", tg.Profile().Open)
	}
	if live := debian().open(t); live.Open(target.Libraries) || !live.Absent("libpq.so.5") || live.Gaps("usr/lib").Partial {
		t.Error("a target that was read whole leaves something open")
	}
}

func BenchmarkOpenProfile(b *testing.B) {
	for b.Loop() {
		if _, err := target.Open(b.Context(), "profile:debian/12/amd64", nil); err != nil {
			b.Fatal(err)
		}
	}
}
