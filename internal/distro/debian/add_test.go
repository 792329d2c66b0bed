package debian

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"dram/internal/distro"
	"dram/internal/problem"
	"dram/internal/store"
)

// keyring is a public key as files of keyrings have it.
func keyring(t *testing.T, key *openpgp.Entity) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := key.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// ubuntuArchive is an archive of Ubuntu's form, with the suite noble and two
// components, signed by the tests' key.
func ubuntuArchive(t *testing.T) *archive {
	t.Helper()
	a := newArchive(t, testPackage{control: controlOf("make", "Depends: libc6\n")})
	sum := ""
	for component, control := range map[string]string{
		"main":     controlOf("libc6", "") + "\n" + controlOf("make", "Depends: libc6\n"),
		"universe": controlOf("cmake", "Depends: make, libc6 (>= 2)\n") + "\n" + strings.Replace(controlOf("libc6", ""), "Version: 1", "Version: 2", 1),
	} {
		var index strings.Builder
		for par := range paragraphs(control) {
			fmt.Fprintf(&index, "%s\nFilename: pool/%s.deb\nSize: 2097152\nSHA256: %s\n\n", strings.TrimSpace(par), field(par, "Package"), emptySum)
		}
		raw := compress(t, ".gz", []byte(index.String()))
		name := component + "/binary-amd64/Packages.gz"
		a.files["/ubuntu/dists/noble/"+name] = raw
		sum += fmt.Sprintf(" %s %d %s\n", hexOf(raw), len(raw), name)
	}
	a.files["/ubuntu/dists/noble/InRelease"] = clearSign(t, signer(t), "Origin: Ubuntu\nSuite: noble\nCodename: noble\nSHA256:\n"+sum)
	return a
}

// The packages of a system that is none of Debian's come of the archive that its own
// sources name, signed by the key that they name.
func TestAddFromTheSystemsOwnArchive(t *testing.T) {
	a := ubuntuArchive(t)
	own := keyring(t, signer(t))
	source := "Types: deb\nURIs: " + a.URL + "/ubuntu/\nSuites: noble\nComponents: main universe\n"
	var armored bytes.Buffer
	w, err := armor.Encode(&armored, openpgp.PublicKeyType, nil)
	if err == nil {
		_, err = w.Write(own)
	}
	if err = firstOf(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	inline := "Signed-By:\n " + strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(armored.String()), "\n\n", "\n.\n"), "\n", "\n ") + "\n"
	for _, tt := range []struct {
		name, packages string
		files          map[string]string
		programs       string
		want           string // the packages, or the error
	}{
		{"a keyring that the source names", "cmake", map[string]string{
			"etc/apt/sources.list.d/u.sources": source + "Signed-By: /usr/share/keyrings/own.gpg\n", "usr/share/keyrings/own.gpg": string(own),
		}, "dpkg", "3 packages of ubuntu noble, 6 MB"},
		{"what apt trusts for all", "make", map[string]string{
			"etc/apt/sources.list": "deb " + a.URL + "/ubuntu noble main universe\n", "etc/apt/trusted.gpg.d/own.gpg": string(own),
		}, "dpkg", "1 packages of ubuntu noble, 2 MB"},
		{"a key in the source", "make", map[string]string{"etc/apt/sources.list.d/u.sources": source + inline}, "dpkg", "1 packages of ubuntu noble, 2 MB"},
		{"all is there", "libc6", nil, "dpkg", ""},
		{
			"a key that is for another archive", "make",
			map[string]string{
				"etc/apt/sources.list.d/u.sources": source + "Signed-By: /usr/share/keyrings/none.gpg\n", "etc/apt/trusted.gpg.d/own.gpg": string(own),
			},
			"dpkg", "no key that is known made it",
		},
		{"no sources", "make", map[string]string{"etc/apt/sources.list": "deb cdrom:[x]/ noble main\n"}, "dpkg", "name no archive that HTTP reaches"},
		{"no dpkg", "make", nil, "", "has no dpkg to add any"},
		{"a list that is half", "make", map[string]string{admin + "/status": "Package: a\nStatus: install ok unpacked\nVersion: 1\nArchitecture: all\n"}, "dpkg", "not installed whole: a (unpacked)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &distro.Snapshot{
				System: distro.System{ID: "ubuntu", Version: "24.04"}, Programs: map[string]string{"dpkg": tt.programs},
				Files: map[string][]byte{admin + "/status": status("libc6 1")},
			}
			for name, text := range tt.files {
				s.Files[name] = []byte(text)
			}
			got, err := adds(t, s, tt.packages, nil)
			switch {
			case err != nil && (problem.Code(err) != 2 || problem.Hint(err) == "" || !strings.Contains(err.Error(), tt.want) || tt.want == ""):
				t.Errorf("exit %d, hint %q: %v", problem.Code(err), problem.Hint(err), err)
			case err == nil && got != tt.want:
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// adds chooses packages for a system, and is the root's name.
func adds(t *testing.T, s *distro.Snapshot, packages string, etc fstest.MapFS) (string, error) {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	access := distro.Access{Store: st, Tell: t.Logf}
	if etc != nil {
		access.Etc = etc
	}
	root, err := clientOn(t, st).add(t.Context(), access, distro.Addition{To: s, Base: "base", Arch: "amd64", Packages: strings.Fields(packages)})
	if err != nil || root == nil {
		return "", err
	}
	return root.Name, nil
}

// Debian's own packages come of the mirror that dram takes, whatever mirror the image
// names; what else this names serves, too, and is left out where it cannot be had.
func TestAddFromDebianAndMore(t *testing.T) {
	a := newArchive(t, append(wholesome, testPackage{control: controlOf("git", "Depends: base\n")})...)
	u := ubuntuArchive(t)
	etc := fstest.MapFS{"apt/sources.list": {Data: []byte("deb " + a.URL + "/debian forky main\n")}}
	sources := "deb http://127.0.0.1:1/debian forky main\ndeb http://127.0.0.1:1/gone forky main\n" +
		"deb [signed-by=/own.gpg] " + u.URL + "/ubuntu noble main\n"
	s := &distro.Snapshot{
		System: distro.System{ID: "debian", Name: "Debian GNU/Linux forky/sid"}, Programs: map[string]string{"dpkg": "usr/bin/dpkg"},
		Files: map[string][]byte{
			admin + "/status": status("base 1", "libc6 1"), "etc/apt/sources.list": []byte(sources),
			"etc/apt/keyrings/own.gpg": keyring(t, signer(t)),
		},
	}
	s.Files["own.gpg"] = s.Files["etc/apt/keyrings/own.gpg"]
	if got, err := adds(t, s, "git make", etc); err == nil || !strings.Contains(err.Error(), "signature") {
		t.Errorf("by a key that is the tests': %q, %v", got, err)
	}
	s.Files["etc/apt/sources.list"] = []byte("deb [signed-by=/own.gpg] http://127.0.0.1:1/debian forky main\n" + sources)
	if got, err := adds(t, s, "git make", etc); err != nil || got != "2 packages of debian forky, 3 MB" {
		t.Errorf("%q, %v", got, err)
	}
}

// dpkgOf is dpkg as far as its list of packages tells.
type dpkgOf struct {
	t    *testing.T
	runs []string
	then []byte // the list after it was configured
}

func (d *dpkgOf) Run(_ context.Context, root string, argv, _ []string, _ io.Writer) error {
	d.runs = append(d.runs, argv[0]+" "+argv[len(argv)-1])
	for _, name := range argv {
		if strings.HasSuffix(name, ".deb") {
			if info, err := os.Stat(filepath.Join(root, name)); err != nil || info.Size() == 0 {
				d.t.Errorf("%s: %v", name, err)
			}
		}
	}
	_ = os.WriteFile(filepath.Join(root, "var/log/alternatives.log"), []byte("now"), 0o600)
	return os.WriteFile(filepath.Join(root, admin, "status"), d.then, 0o600)
}

// What dpkg does not count as installed in the end is not there, whatever it ended with.
func TestInstall(t *testing.T) {
	a := newArchive(t, wholesome...)
	c := newClient(t)
	set, err := c.Resolve(t.Context(), a.request("app"))
	if err != nil {
		t.Fatal(err)
	}
	for then, want := range map[string]string{
		string(status("app 1", "base 1", "lib 1")):                                            "",
		string(status("app 1", "base 1", "lib 2")):                                            "dpkg did not install lib 1",
		"Package: app\nStatus: install ok half-configured\nArchitecture: amd64\nVersion: 1\n": "its packages are not installed whole: app (half-configured)",
	} {
		dir := t.TempDir()
		for _, d := range []string{admin, "var/log"} {
			if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		old := filepath.Join(dir, "var/log/of-the-image")
		if err := firstOf(os.WriteFile(old, nil, 0o600), os.Chtimes(old, noon, noon)); err != nil {
			t.Fatal(err)
		}
		d := &dpkgOf{t: t, then: []byte(then)}
		err := c.install(t.Context(), set, dir, d)
		if want != "" {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("err = %v, want %q", err, want)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(d.runs, ", "); got != "dpkg /var/cache/dram/0002.deb, dpkg -a" {
			t.Errorf("ran %s", got)
		}
		for name, there := range map[string]bool{
			"var/log/of-the-image": true, "var/log/alternatives.log": false, incoming: false, policyFile: false, admin + "/status": true,
		} {
			if info, err := os.Stat(filepath.Join(dir, name)); (err == nil) != there || err == nil && time.Since(info.ModTime()) < time.Hour {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
