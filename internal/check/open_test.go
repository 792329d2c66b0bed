package check_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/check"
	"dram/internal/release"
	words "dram/internal/report"
	"dram/internal/target"
)

// What a profile does not know is never OK, and what it knows is as certain as
// of a target that was read whole.
func TestRunAgainstProfiles(t *testing.T) {
	needs := func(soname string, syms ...string) func(*lib) {
		return func(l *lib) {
			if soname != "" {
				l.Needed = append(l.Needed, soname)
			}
			l.Undefined = append(l.Undefined, symbols(syms...)...)
		}
	}
	nothing := func(*lib) {}
	locale := "WARN locale : whether the target has a UTF-8 locale is not known"
	about := func(verdict, rule, says string) string { return verdict + " " + rule + " " + nif + ": " + says }
	for name, tt := range map[string]struct {
		profile string
		nif     func(*lib)
		want    []string
	}{
		"all is known":                 {"debian/12", nothing, nil},
		"a package that is not there":  {"debian/12", needs("libcrypto.so.3"), []string{about("WARN", "soname", "it needs libcrypto.so.3 of the package libssl3, which a bare Debian GNU/Linux 12 (bookworm) has not installed")}},
		"a package that apt needs":     {"debian/13", needs("libcrypto.so.3", "EVP_DigestInit@OPENSSL_3.0.0=libcrypto.so.3"), nil},
		"no package has it":            {"debian/12", needs("libcrypto.so.1.1"), []string{about("FAIL", "soname", "it needs libcrypto.so.1.1, of which Debian GNU/Linux 12 (bookworm) has no package")}},
		"a library that nobody asked":  {"debian/12", needs("libpq.so.5"), []string{about("UNKNOWN", "soname", "it needs libpq.so.5, and whether the target has it is not known")}},
		"a newer version, read":        {"debian/12", needs("", "x@GLIBC_2.38=libc.so.6"), []string{about("FAIL", "symbol-version", "it needs GLIBC_2.38 of libc.so.6, the target's has GLIBC_2.36 at most")}},
		"a symbol that is not, read":   {"debian/12", needs("", "x@GLIBC_2.34=libc.so.6"), []string{about("FAIL", "symbol", "it needs the symbol x@GLIBC_2.34, which nothing that is loaded with it offers")}},
		"of forky, where glibc merged": {"ubuntu/22.04", needs("", "pthread_create@GLIBC_2.34=libc.so.6"), nil},
		"a newer version, derived": {"rhel/7", needs("", "x@GLIBC_2.18=libc.so.6", "memcpy@GLIBC_2.14=libc.so.6"), []string{
			about("FAIL", "symbol-version", "it needs GLIBC_2.18 of libc.so.6, the target's has GLIBC_2.17 at most"), locale,
		}},
		"a symbol that is not, derived": {"rhel/7", needs("", "x@GLIBC_2.17=libc.so.6", "enif_gone"), []string{
			about("FAIL", "symbol", "it needs the symbol enif_gone, which nothing that is loaded with it offers"),
			about("UNKNOWN", "symbol", "it needs the symbol x@GLIBC_2.17, and whether the target has it is not known"), locale,
		}},
		"a symbol without a version": {"rhel/9", needs("", "anywhere"), []string{
			about("UNKNOWN", "symbol", "it needs the symbol anywhere, and whether the target has it is not known"), locale,
		}},
		"a version that some brought back": {"rhel/9", needs("", "y@GLIBC_ABI_X=libc.so.6"), []string{
			about("UNKNOWN", "symbol-version", "it needs GLIBC_ABI_X of libc.so.6, and whether RHEL 9 has it is not known"), locale,
		}},
		"relocations that some brought back": {"rhel/9", func(l *lib) { l.RelR = true }, []string{
			about("UNKNOWN", "relr", "it has packed relative relocations (DT_RELR), which glibc 2.34 knows only where the distribution brought them back"), locale,
		}},
		"what the latest point release has": {"opensuse/15.4", needs("libstdc++.so.6", "z@GLIBCXX_3.4.30=libstdc++.so.6"), []string{
			about("WARN", "soname", "it needs libstdc++.so.6 of the package libstdc++6, which a bare openSUSE Leap 15.4 has not installed"),
			about("UNKNOWN", "symbol-version", "it needs GLIBCXX_3.4.30 of libstdc++.so.6: the first point release of openSUSE Leap 15.4 has GLIBCXX_3.4.29 at most, the latest has it"), locale,
		}},
		"the first point release": {"opensuse/15.4@first", needs("libstdc++.so.6", "z@GLIBCXX_3.4.30=libstdc++.so.6"), []string{
			about("FAIL", "symbol-version", "it needs GLIBCXX_3.4.30 of libstdc++.so.6, the target's has GLIBCXX_3.4.29 at most"),
			about("WARN", "soname", "it needs libstdc++.so.6 of the package libstdc++6, which a bare openSUSE Leap 15.4 has not installed"), locale,
		}},
		"past both point releases": {"opensuse/15.4", needs("libstdc++.so.6", "z@GLIBCXX_3.4.33=libstdc++.so.6"), []string{
			about("FAIL", "symbol-version", "it needs GLIBCXX_3.4.33 of libstdc++.so.6, the target's has GLIBCXX_3.4.29 at most"),
			about("WARN", "soname", "it needs libstdc++.so.6 of the package libstdc++6, which a bare openSUSE Leap 15.4 has not installed"), locale,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			tg, err := target.Open(t.Context(), "profile:"+tt.profile+"/amd64", nil)
			if err != nil {
				t.Fatal(err)
			}
			r, err := release.Read(t.Context(), hello().with(nif, changed(func(l *lib) {
				l.Undefined = l.Undefined[:3] // without a weak wish of glibc 2.99
				tt.nif(l)
			})).open(t), release.Options{Survey: true})
			if err != nil {
				t.Fatal(err)
			}
			report, err := check.Run(t.Context(), check.Input{Release: r, Target: tg})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Join(sorted(tt.want), "\n"), strings.Join(sorted(lines(report)), "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			kept(t, report)
		})
	}
}

// A release that brings no ERTS cannot be OK where none is known to be.
func TestRunWithoutERTSAgainstProfiles(t *testing.T) {
	rel := hello()
	for name := range rel {
		if strings.HasPrefix(name, erts) {
			delete(rel, name)
		}
	}
	for _, profile := range []string{"debian/12", "rhel/7"} {
		t.Run(profile, func(t *testing.T) {
			tg, err := target.Open(t.Context(), "profile:"+profile+"/amd64", nil)
			if err != nil {
				t.Fatal(err)
			}
			r, err := release.Read(t.Context(), rel.open(t), release.Options{Survey: true})
			if err != nil {
				t.Fatal(err)
			}
			report, err := check.Run(t.Context(), check.Input{Release: r, Target: tg})
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, f := range report.Findings {
				if f.Rule == "otp" {
					found = true
					if f.Verdict != check.Unknown || !strings.Contains(words.Say(report, f).Evidence.Detail, "packages Erlang/OTP") {
						t.Errorf("%s: %+v", profile, f)
					}
				}
			}
			if !found || report.Worst() < check.Unknown {
				t.Errorf("%s: %v", profile, lines(report))
			}
			kept(t, report)
		})
	}
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }
