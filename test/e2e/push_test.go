package e2e

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"dram/internal/oci"
	"dram/internal/publish"
	"dram/internal/ref"
)

// sentAfterALine is how much a push may send after a one-line edit, in bytes,
// TLS and all.
const sentAfterALine = 150_000

// A push to the real registry, with TLS and a login: what is pulled back is what
// was made. After an edit only what changed is sent, and another repository is
// sent no layer at all.
func TestPushToARealRegistry(t *testing.T) {
	reg := startRegistry(t)
	l := newLine(t, reg.host, nil)
	env := reg.login(t, l.addr)
	dir := project(t, "examples/hello")
	push := func(args ...string) result { return dram{args: args, env: env}.ok(t) }

	first := push("image", dir, "--push", l.addr+"/team/hello", "--tag", "0.1.0", "--tag", "latest")
	repository, digest, _ := strings.Cut(strings.TrimSpace(first.stdout), "@")
	if repository != l.addr+"/team/hello" || strings.Count(first.stdout, "\n") != 1 {
		t.Errorf("stdout is %q", first.stdout)
	}
	if plain := (dram{args: []string{"image", dir}}).ok(t).digest(t); plain != digest {
		t.Errorf("pushed %s, made %s", digest, plain)
	}
	for _, at := range []string{":0.1.0", ":latest", "@" + digest} {
		if _, got := reg.pull(t, "team/hello"+at); got != digest {
			t.Errorf("%s is %s, want %s", at, got, digest)
		}
	}
	asked, err := os.ReadFile(filepath.Join(strings.TrimPrefix(env[0], "DOCKER_CONFIG="), "asked"))
	if err != nil || !strings.Contains(string(asked), "get "+l.addr) {
		t.Errorf("the credential helper was asked %q (%v)", asked, err)
	}

	replace(t, filepath.Join(dir, filepath.FromSlash("lib/hello/tls.ex")), "defmodule Hello.TLS do", "defmodule Hello.TLS do\n  def one_more_line, do: :"+nonce()+"\n")
	l.up.Store(0)
	second := push("image", dir, "--push", l.addr+"/team/hello:0.1.1")
	sent := l.up.Load()
	t.Logf("after one line: %d bytes", sent)
	if sent > sentAfterALine || sent < 10_000 {
		t.Errorf("after one line, the push sent %d bytes, want at most %d", sent, sentAfterALine)
	}
	if second.stdout == first.stdout {
		t.Error("the edit made no other image")
	}
	image := imageOf(dir, "hello", "0.1.0")
	again := push("push", image, l.addr+"/team/hello:0.1.1", "--tag", "again")
	if again.stdout != second.stdout || !strings.Contains(again.stderr, "in 0 of 4 blobs, 4 there already") {
		t.Errorf("pushed from its tar: %q\n%s", again.stdout, again.stderr)
	}
	if _, got := reg.pull(t, "team/hello:again"); !strings.HasSuffix(strings.TrimSpace(second.stdout), got) {
		t.Errorf("the tar gave %s, the build %s", got, second.stdout)
	}

	l.up.Store(0)
	other := push("push", image, l.addr+"/other/place:1")
	if sent := l.up.Load(); sent > 20_000 || !strings.Contains(other.stderr, "4 mounted") {
		t.Errorf("another repository was sent %d bytes:\n%s", sent, other.stderr)
	}
	reg.pull(t, "other/place:1")
	if fresh := (dram{
		args: []string{"push", image, l.addr + "/third:1", "--mount-from", l.addr + "/team/hello"}, env: env, cache: t.TempDir(),
	}).ok(t); !strings.Contains(fresh.stderr, "4 mounted") {
		t.Errorf("with a fresh cache:\n%s", fresh.stderr)
	}
}

// nothingBroken says that every tag of a repository names an image that can be
// pulled whole.
func (r *realRegistry) nothingBroken(t *testing.T, repository, want string) (tags int) {
	t.Helper()
	for _, tag := range r.tags(t, repository) {
		if _, got := r.pull(t, repository+":"+tag); got != want {
			t.Errorf("%s:%s is %s, want %s", repository, tag, got, want)
		}
		tags++
	}
	return tags
}

// A line that breaks at random places: no tag ever names what is not whole, and
// in the end all is there.
func TestPushOverABadLine(t *testing.T) {
	reg := startRegistry(t)
	dir := project(t, "examples/hello")
	digest := dram{args: []string{"image", dir}}.ok(t).digest(t)
	image := imageOf(dir, "hello", "0.1.0")
	dram{args: []string{"check", image}}.ok(t) // unpacks it, once
	for seed, line := range map[uint64]struct {
		name     string
		up, down int64
		resumes  bool
	}{
		1: {"long", 4 << 20, 64 << 10, true},
		2: {"short", 1 << 20, 32 << 10, true},
		3: {"down", 1 << 40, 6 << 10, false},
		4: {"hopeless", 2 << 10, 2 << 10, false},
	} {
		t.Run(line.name, func(t *testing.T) {
			l := newLine(t, reg.host, randomCuts(seed, line.up, line.down))
			repository := "bad/" + line.name
			var log strings.Builder
			for try := 1; ; try++ {
				r := dram{args: []string{"push", image, l.addr + "/" + repository + ":1"}, env: reg.login(t, l.addr)}.run(t)
				log.WriteString(r.stderr)
				tags := reg.nothingBroken(t, repository, digest)
				if r.code == 0 && tags == 1 {
					break
				}
				if r.code != 1 || !strings.Contains(r.stderr, "hint: ") {
					t.Fatalf("exit %d, %d tags:\n%s", r.code, tags, r.stderr)
				}
				if line.name == "hopeless" {
					if tags != 0 {
						t.Errorf("it failed, and there is a tag:\n%s", r.stderr)
					}
					break
				}
				if try == 6 {
					t.Fatalf("still not there:\n%s", log.String())
				}
			}
			t.Logf("%d connections broke", l.broke.Load())
			if l.broke.Load() == 0 || line.resumes && !strings.Contains(log.String(), "resumed") {
				t.Errorf("%d connections broke, and nothing was resumed:\n%s", l.broke.Load(), log.String())
			}
		})
	}
}

// Who may not push is told so, and what to do.
func TestPushRefusedByARealRegistry(t *testing.T) {
	reg := startRegistry(t)
	dir := project(t, "examples/hello")
	dram{args: []string{"image", dir}}.ok(t)
	image := imageOf(dir, "hello", "0.1.0")
	trusted := "SSL_CERT_FILE=" + reg.ca
	args := []string{"push", image, reg.host + "/hello:1"}
	none := write(t, t.TempDir(), "config.json", "{}")
	wrong := write(t, t.TempDir(), "config.json", `{"auths":{"`+reg.host+`":{"auth":"YW5uOndyb25n"}}}`)
	lost := write(t, t.TempDir(), "config.json", `{"credsStore":"of-that-name-there-is-none"}`)
	dram{args: args, env: []string{trusted, "DOCKER_CONFIG=" + none}}.fails(t, 1, "does not know who pushes", "hint: log in: docker login "+reg.host)
	dram{args: args, env: []string{trusted, "DOCKER_CONFIG=" + wrong}}.fails(t, 1, "does not know who pushes", "docker login")
	dram{args: args, env: []string{trusted, "DOCKER_CONFIG=" + lost}}.fails(t, 5, "docker-credential-of-that-name-there-is-none", "hint: install the credential helper")
	dram{args: args, env: []string{"DOCKER_CONFIG=" + none}}.fails(t, 1, "is not trusted", "SSL_CERT_FILE")
	if tags := reg.tags(t, "hello"); len(tags) != 0 {
		t.Errorf("yet there are the tags %q", tags)
	}
}

// An image that its own check refuses is not pushed, unless the rule is allowed
// by name.
func TestPushChecksTheImage(t *testing.T) {
	reg := startRegistry(t)
	dir := project(t, "examples/hello")
	dram{args: []string{"image", dir}}.ok(t)
	img, err := oci.Open(ref.Ref{Kind: ref.Tar, Value: imageOf(dir, "hello", "0.1.0")}, oci.Options{Arch: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "broken")
	if err := publish.Layout(t.Context(), broken, without(t, img, "usr/lib/x86_64-linux-gnu", "libstdc++.so.6"), ""); err != nil {
		t.Fatal(err)
	}
	args := []string{"push", "oci:" + broken, reg.host + "/broken:1"}
	env := reg.login(t, reg.host)
	r := dram{args: args, env: env}.run(t)
	if r.code != 3 || !strings.Contains(r.stderr, "--allow ") {
		t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if tags := reg.tags(t, "broken"); len(tags) != 0 {
		t.Fatalf("it was pushed: %q", tags)
	}
	for range 8 { // each rule that fails, by name
		_, after, ok := strings.Cut(r.stderr, "--allow ")
		if !ok {
			break
		}
		args = append(args, "--allow", strings.Fields(after)[0])
		if r = (dram{args: args, env: env}).run(t); r.code == 0 {
			reg.pull(t, "broken:1")
			return
		}
	}
	t.Errorf("allowed %q, and still exit %d:\n%s", args[3:], r.code, r.stderr)
}

// without is img with one more layer, which removes a file.
func without(t *testing.T, img v1.Image, dir, file string) v1.Image {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: dir + "/.wh." + file, Mode: 0o644})
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(out.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err = mutate.AppendLayers(img, l)
	if err != nil {
		t.Fatal(err)
	}
	return img
}
