package image

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"dram/internal/problem"
	"dram/internal/rootfs"
	"dram/internal/store"
)

// keptImage is a small image in a store.
func keptImage(t *testing.T) (*store.Store, *Image) {
	t.Helper()
	st := openStore(t)
	img, err := Build(t.Context(), st, readRelease(t, dirFS(t, releaseFiles())), Options{Root: dirFS(t, rootFiles())})
	if err != nil {
		t.Fatal(err)
	}
	return st, img
}

// An image that was kept is the same when it is opened again.
func TestKeptImageIsOpened(t *testing.T) {
	st, img := keptImage(t)
	if err := Keep(t.Context(), st, img.OCI); err != nil {
		t.Fatal(err)
	}
	again, err := Open(st, img.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(again); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(flat(t, img.OCI), flat(t, again)); diff != "" {
		t.Error(diff)
	}
	d, err := again.Digest()
	if err != nil || d.String() != string(img.Digest) {
		t.Errorf("it has the digest %s, %v; want %s", d, err, img.Digest)
	}
	var sum int64
	for _, l := range img.Layers {
		if l.Size == 0 {
			t.Errorf("layer %s has no size", l.Name)
		}
		sum += l.Size
	}
	if img.Size() != sum {
		t.Errorf("its size is %d, its layers' %d", img.Size(), sum)
	}
}

// Of an image, each blob that is gone or is not what it was is found: when it is
// opened, or when it is read.
func TestOpenFindsWhatIsGone(t *testing.T) {
	blob := func(st *store.Store, d string) string {
		hex := strings.TrimPrefix(d, "sha256:")
		return filepath.Join(st.Dir(), "blobs", "sha256", hex[:2], hex)
	}
	for _, tt := range []struct {
		name   string
		damage func(at string) error
	}{
		{"gone", os.Remove},
		{"cut short", func(at string) error { return os.Truncate(at, 10) }},
		{"something else", func(at string) error {
			raw, err := os.ReadFile(at)
			if err != nil {
				return err
			}
			raw[len(raw)/2] ^= 1
			if err := os.Chmod(at, 0o600); err != nil {
				return err
			}
			return os.WriteFile(at, raw, 0o600)
		}},
	} {
		for _, which := range []string{"manifest", "configuration", "layer"} {
			t.Run(which+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				st, img := keptImage(t)
				if err := Keep(t.Context(), st, img.OCI); err != nil {
					t.Fatal(err)
				}
				m, err := img.OCI.Manifest()
				if err != nil {
					t.Fatal(err)
				}
				at := map[string]string{"manifest": string(img.Digest), "configuration": m.Config.Digest.String(), "layer": m.Layers[1].Digest.String()}[which]
				if err := tt.damage(blob(st, at)); err != nil {
					t.Fatal(err)
				}
				again, err := Open(st, img.Digest)
				if err == nil {
					err = validate.Image(again)
				} else if !strings.Contains(err.Error(), "opening image "+string(img.Digest)) {
					t.Errorf("the error does not name the image: %v", err)
				}
				if err == nil {
					t.Errorf("nothing is wrong")
				}
			})
		}
	}
}

// The files that are checked are those that ship: the view of an image, of a
// tarball and the archives hold the same names and bytes.
func TestViewsAreWhatShips(t *testing.T) {
	st := openStore(t)
	rel := readRelease(t, dirFS(t, releaseFiles()))
	d, err := NewDraft(st, rel, Options{Root: dirFS(t, rootFiles())})
	if err != nil {
		t.Fatal(err)
	}
	img, err := d.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	system, shipped := d.View()
	got := map[string]string{}
	for prefix, view := range map[string]rootfs.FS{"": system, "app/": shipped} {
		maps.Copy(got, regular(t, view, prefix))
	}
	want := flat(t, img.OCI)
	for name, text := range want {
		mode, body, _ := strings.Cut(text, " ")
		if _, isFile := got[name]; !isFile {
			continue // a directory or a link
		}
		if got[name] != body {
			t.Errorf("%s (%s) is %q in the view, %q in the image", name, mode, got[name], body)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is in the view and not in the image", name)
		}
	}
	if len(got) < 25 {
		t.Errorf("the views have %d files: %q", len(got), slices.Sorted(maps.Keys(got)))
	}
}

// regular is the content of a view's regular files.
func regular(t *testing.T, view rootfs.FS, prefix string) map[string]string {
	t.Helper()
	out := map[string]string{}
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := view.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name := strings.TrimPrefix(dir+"/"+e.Name(), "./")
			switch {
			case e.IsDir():
				walk(name)
			case e.Type().IsRegular():
				f, err := view.Open(name)
				if err != nil {
					t.Fatal(err)
				}
				raw, err := io.ReadAll(f)
				if err != nil {
					t.Fatal(err)
				}
				_ = f.Close()
				out[prefix+name] = string(raw)
			}
		}
	}
	walk(".")
	return out
}

// What a release's scripts call is in its image, and nothing else that they
// merely name.
func TestProgramsOfScripts(t *testing.T) {
	root := rootFiles()
	for _, p := range []string{"tput", "curl", "jq", "df", "hostname", "node"} {
		root["usr/bin/"+p+"*"] = "#!"
	}
	for _, tt := range []struct {
		name, file, text, program string
		there                     bool
	}{
		{"a start script", "bin/other*", "#!/bin/sh\ncurl x\n", "curl", true},
		{"by env", "bin/other*", "#!/usr/bin/env bash\nx=$(jq .)\n", "jq", true},
		{"an option of the interpreter", "bin/other*", "#! /bin/sh -e\ncurl x\n", "curl", true},
		{"a sourced one", "releases/0.1.0/more.sh", "#!/bin/sh\nhostname -f\n", "hostname", true},
		{"a text", "releases/0.1.0/notes.txt", "hostname -f\n", "hostname", false},
		{"another interpreter's", "bin/other*", "#!/usr/bin/perl\ncurl x\n", "curl", false},
		{"no first line", "bin/other*", "curl x\n", "curl", false},
		{"an application's script", "lib/hello-0.1.0/priv/run.sh*", "#!/bin/sh\ncurl x\n", "curl", false},
		{"one that is named", "bin/other*", "#!/bin/sh\necho curl # jq\n", "curl", false},
	} {
		files := releaseFiles()
		files[tt.file] = tt.text
		img, err := Build(t.Context(), openStore(t), readRelease(t, dirFS(t, files)), Options{Root: dirFS(t, root)})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if _, there := flat(t, img.OCI)["usr/bin/"+tt.program]; there != tt.there {
			t.Errorf("%s: %s is in the image: %v", tt.name, tt.program, there)
		}
	}
}

// Programs that are asked for are known to be missing before there is a release.
func TestHasPrograms(t *testing.T) {
	root := dirFS(t, rootFiles())
	if err := HasPrograms(root, []string{"sed", "uptime"}); err != nil {
		t.Error(err)
	}
	err := HasPrograms(root, []string{"sed", "ffmpeg", "x"})
	if problem.Code(err) != int(problem.Usage) || !strings.Contains(err.Error(), `"ffmpeg" (asked for)`) || problem.Hint(err) == "" {
		t.Errorf("got %v, hint %q", err, problem.Hint(err))
	}
	without := rootFiles()
	delete(without, "usr/bin/sh@")
	_, err = Build(t.Context(), openStore(t), readRelease(t, dirFS(t, releaseFiles())), Options{Root: dirFS(t, without)})
	if problem.Code(err) != int(problem.Usage) || !strings.Contains(err.Error(), `"sh"`) {
		t.Errorf("of a toolchain without a shell an image is made: %v", err)
	}
	for _, p := range Programs() {
		if p != "sh" && !strings.Contains(" dirname basename readlink sed cut cat grep mkdir date dd od awk tr env ", " "+p+" ") {
			t.Errorf("every image has %s: say why in this test", p)
		}
	}
}

// What glibc opens by itself is in the image where the toolchain has it: its
// modules for names of hosts only where it has them not inside.
func TestLibrariesOpenedByName(t *testing.T) {
	const dir = "usr/lib/x86_64-linux-gnu/"
	for version, lookups := range map[string]bool{"2.31": true, "2.33": true, "2.34": false, "2.41": false} {
		root := rootFiles()
		root[dir+"libc.so.6"] = "GNU C Library (Debian GLIBC) stable release version " + version + ".\n"
		for _, lib := range []string{"libgcc_s.so.1", "libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2", "libother.so.1"} {
			root[dir+lib] = lib
		}
		tr := &tree{root: dirFS(t, root)}
		got, err := tr.libraries()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(got, dir+"libgcc_s.so.1") || slices.Contains(got, dir+"libother.so.1") {
			t.Errorf("with glibc %s it opens %q", version, got)
		}
		if slices.Contains(got, dir+"libnss_dns.so.2") != lookups {
			t.Errorf("with glibc %s it opens %q", version, got)
		}
	}
	tr := &tree{root: dirFS(t, rootFiles())}
	if got, err := tr.libraries(); err != nil || len(got) != 0 {
		t.Errorf("without a C library it opens %q, %v", got, err)
	}
}

// The bundle of certificates lies where Erlang looks first, from wherever a
// distribution has it; a root without one gives an image without one.
func TestCertificatesOfDistributions(t *testing.T) {
	for _, tt := range []struct{ at, want string }{
		{"etc/pki/tls/certs/ca-bundle.crt", "644 certificates"}, {"etc/ssl/cert.pem", "644 certificates"}, {"etc/other/bundle", ""},
	} {
		root := rootFiles()
		delete(root, "etc/ssl/certs/ca-certificates.crt@")
		root[tt.at] = "certificates"
		img, err := Build(t.Context(), openStore(t), readRelease(t, dirFS(t, releaseFiles())), Options{Root: dirFS(t, root)})
		if err != nil {
			t.Fatal(err)
		}
		if got := flat(t, img.OCI)["etc/ssl/certs/ca-certificates.crt"]; got != tt.want {
			t.Errorf("with %s the bundle is %q, want %q", tt.at, got, tt.want)
		}
	}
}

// The texts that every image has name its user, and come from nowhere else.
func TestOutside(t *testing.T) {
	for user, line := range map[string]string{
		"65532:65532": "app:x:65532:65532:app:/tmp:/bin/sh", "1000:1001": "app:x:1000:1001:app:/tmp:/bin/sh", "0:0": "", "65534:65534": "",
	} {
		lists, files, err := Outside(user)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(files["passwd"], "\napp:"); got != (line != "") || !strings.Contains(files["passwd"], line) {
			t.Errorf("for user %q /etc/passwd is %q", user, files["passwd"])
		}
		if !slices.Contains(lists["programs"], "sh") || len(lists["bundles"]) == 0 || len(lists["opened"]) == 0 {
			t.Errorf("for user %q the lists are %v", user, lists)
		}
	}
	if _, _, err := Outside("app"); err == nil {
		t.Error("a user that is no number was taken")
	}
}
