package target_test

import (
	"testing"

	"dram/internal/target"
)

// To a release that brings its C library nothing of that is open, and the target itself
// stays as it is.
func TestWithBrought(t *testing.T) {
	tg := profile(t, "alpine/3.22/amd64")
	got := tg.With(target.Brought{Libc: target.Libc{Kind: "glibc", Version: "2.41"}, CABundle: "app/portable/cacerts.pem"})
	if got.Facts.Libc.Kind != "glibc" || !got.Facts.UTF8 || got.Facts.CABundle != "app/portable/cacerts.pem" || !got.Absent("libz.so.1") {
		t.Errorf("%+v", got.Facts)
	}
	for kind, open := range map[target.Kind]bool{
		target.Libraries: false, target.Locales: false, target.Certificates: false, target.Patches: false, target.Programs: true, target.Erlang: true,
	} {
		if got.Open(kind) != open {
			t.Errorf("%s is open: %v", kind, !open)
		}
	}
	if tg.Facts.Libc.Kind != "musl" || !tg.Open(target.Libraries) || tg.Facts.CABundle != "" {
		t.Errorf("the target was changed: %+v", tg.Facts)
	}
}

func TestWithoutCertificates(t *testing.T) {
	got := profile(t, "alpine/3.22/amd64").With(target.Brought{Libc: target.Libc{Kind: "glibc"}})
	if !got.Open(target.Certificates) || got.Facts.CABundle != "" {
		t.Error("certificates that nobody brings are counted on")
	}
}

// Kernels are known where they are so old that it matters.
func TestProfileKernels(t *testing.T) {
	for name, want := range map[string]string{"rhel/6": "2.6.32", "rhel/7": "3.10.0", "debian/8": "3.16.0", "ubuntu/14.04": "3.13.0", "arch": ""} {
		if got := profile(t, name+"/amd64").Facts.Kernel; got != want {
			t.Errorf("%s has Linux %q, want %q", name, got, want)
		}
	}
}
