package debian

import (
	"archive/tar"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Of a root for another processor no script is run; its certificates are one file, in the
// order of their names, and its packages count as installed.
func TestFurnish(t *testing.T) {
	a := newArchive(t, append(wholesome, testPackage{
		control: controlOf("ca-certificates", ""),
		files: []tar.Header{
			file("./usr/share/ca-certificates/mozilla/B.crt", "second", 0o644), file("./usr/share/ca-certificates/mozilla/A.crt", "first\n", 0o644),
			file("./usr/share/ca-certificates/mozilla/README", "no certificate", 0o644),
		},
		scripts: map[string]string{"postinst": "#!/bin/sh\nexit 1\n"},
	})...)
	c := newClient(t)
	set, err := c.Resolve(t.Context(), a.request("app", "ca-certificates"))
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := c.Furnish(t.Context(), set, root); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(filepath.Join(root, "etc/ssl/certs/ca-certificates.crt")); err != nil || string(raw) != "first\nsecond\n" {
		t.Errorf("%q, %v", raw, err)
	}
	status, err := os.ReadFile(filepath.Join(root, "var/lib/dpkg/status"))
	if err != nil || strings.Count(string(status), "Status: install ok installed\n") != len(set.Packages) || strings.Contains(string(status), "unpacked") {
		t.Errorf("%s, %v", status, err)
	}
	if _, err := os.Stat(filepath.Join(root, policyFile)); err == nil {
		t.Error("a file that keeps scripts from starting services, where none is run")
	}
	if err := c.Furnish(t.Context(), set, filepath.Join(root, "none")); err == nil {
		t.Error("a directory that is not there was filled")
	}
}

// A set without certificates has no bundle, and is no failure.
func TestFurnishWithoutCertificates(t *testing.T) {
	a := newArchive(t, wholesome...)
	c, root := newClient(t), t.TempDir()
	set, err := c.Resolve(t.Context(), a.request("app"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Furnish(t.Context(), set, root); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, certificates)); err == nil {
		t.Error("there is a bundle of none")
	}
}
