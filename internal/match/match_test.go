package match_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/distro"
	"dram/internal/distro/distros"
	"dram/internal/match"
	"dram/internal/target"
)

func place(t *testing.T, name string) *match.Place {
	t.Helper()
	where, err := target.Open(t.Context(), name, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = where.Close() })
	return match.New(name, where, distros.All())
}

func suite(t *testing.T, name string) distro.Suite {
	t.Helper()
	_, s, err := distros.All().Find("debian/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSuite(t *testing.T) {
	for _, tt := range []struct {
		place, suite, says string
		ok                 bool
	}{
		{"profile:debian/12/amd64", "12", "it runs there with libssl3", true},
		{"profile:debian/12/arm64", "12", "it runs there with libssl3", true},
		{"profile:debian/forky/arm64", "forky", "it runs there with libatomic1", true},
		{"profile:debian/11/arm64", "12", "the target lacks GLIBC_2.34 of libc.so.6 (it has GLIBC_2.30 at most), GLIBCXX_3.4.29 of libstdc++.so.6 (it has GLIBCXX_3.4.28 at most) and 1 more", false},
		{"profile:debian/13/amd64", "11", "the target lacks libcrypto.so.1.1", false},
		{"profile:debian/13/amd64", "sid", "not known: whether it has what Erlang/OTP of debian/sid needs", false},
		{"profile:alpine/3.22/amd64", "13", "the target lacks glibc (it has musl)", false},
		{"profile:rhel/6/amd64", "11", "the target lacks Linux 3.2 (it has 2.6.32), GLIBC_2.17 of libc.so.6 (it has GLIBC_2.12 at most) and 2 more", false},
	} {
		fit, err := place(t, tt.place).Suite(suite(t, tt.suite))
		if err != nil || fit.OK() != tt.ok {
			t.Errorf("%s on %s: %+v, %v", tt.suite, tt.place, fit, err)
		}
		if d := cmp.Diff(tt.says, fit.String()); d != "" {
			t.Errorf("%s on %s: %s", tt.suite, tt.place, d)
		}
	}
}

// A place that is read whole lacks what is not found there, and knows what it is.
func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	text := "ID=ubuntu\nVERSION_ID=\"22.04\"\nPRETTY_NAME=\"Ubuntu 22.04.5 LTS\"\n"
	if err := os.WriteFile(filepath.Join(dir, "etc/os-release"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := place(t, "dir:"+dir)
	fit, err := p.Suite(suite(t, "13"))
	if err != nil || fit.String() != "the target lacks a C library" {
		t.Errorf("%v, %v", fit, err)
	}
	if id, release, ok := p.Tagged(); id != "ubuntu" || release != "jammy" || !ok || p.Name() != "Ubuntu 22.04.5 LTS" || p.Own(suite(t, "13")) {
		t.Errorf("%s %s, %v, %s", id, release, ok, p.Name())
	}
	if fit := p.Portable(suite(t, "13")); !fit.OK() {
		t.Error(fit)
	}
}

func TestTagged(t *testing.T) {
	for _, tt := range []struct {
		of          distro.System
		id, release string
		ok          bool
	}{
		{distro.System{ID: "alpine", Version: "3.20.3"}, "alpine", "3.20", true},
		{distro.System{ID: "alpine", Version: "3.20"}, "alpine", "3.20", true},
		{distro.System{ID: "ubuntu", Version: "24.04"}, "ubuntu", "noble", true},
		{distro.System{ID: "ubuntu", Version: "30.04", Codename: "zebra"}, "ubuntu", "zebra", true},
		{distro.System{ID: "ubuntu", Version: "30.04"}, "ubuntu", "", false},
		{distro.System{ID: "fedora", Version: "42"}, "", "", false},
		{distro.System{ID: "alpine"}, "", "", false},
	} {
		if id, release, ok := tt.of.Tagged(); id != tt.id || release != tt.release || ok != tt.ok {
			t.Errorf("%v: %q %q %v", tt.of, id, release, ok)
		}
	}
}
