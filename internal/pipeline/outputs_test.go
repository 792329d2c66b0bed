package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"dram/internal/daemon"
	"dram/internal/engine"
	"dram/internal/oci"
	"dram/internal/output"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/store"
)

// asked opens what dram image would for these flags.
func asked(t *testing.T, o output.Options, flags ...output.Asked) output.Outputs {
	t.Helper()
	outs, err := output.Open(t.Context(), output.Kinds(), flags, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = outs.Close() })
	return outs
}

// A build is written wherever it is wanted, all of it the same image.
func TestWrittenEverywhere(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	d := serveDaemon(t)
	dir := t.TempDir()
	w := newWorld(t)
	outs := append(output.Usual(), asked(t, output.Options{Environ: d.environ(), Tags: []string{"also"}},
		output.Asked{Flag: "output", Value: filepath.Join(dir, "hello.tar")},
		output.Asked{Flag: "output", Value: "oci:" + filepath.Join(dir, "layout")},
		output.Asked{Flag: "push", Value: host + "/team/hello:0.1.0"},
		output.Asked{Flag: "load"})...)
	r, err := w.Build(t.Context(), w.planned(t), outs)
	if err != nil {
		t.Fatal(err)
	}
	written := w.write(t, r, outs...)
	releases := filepath.Join(w.dir, "releases", "hello")
	want := []output.Written{
		{Name: "tarball", Place: filepath.Join(releases, "releases/0.1.0/hello.tar.gz"), Size: r.Tarball.Size},
		{Name: "image", Place: filepath.Join(releases, "hello-0.1.0-linux-amd64.tar"), Size: r.ImageSize(), Next: "docker load < %s"},
		{Name: "image", Place: filepath.Join(dir, "hello.tar"), Size: r.ImageSize(), Next: "docker load < %s"},
		{Name: "image", Place: "oci:" + filepath.Join(dir, "layout"), Size: r.ImageSize(), Next: "dram run %s"},
		{Place: "hello:0.1.0", Next: "docker run --rm %s"},
		{Place: host + "/team/hello", Ref: host + "/team/hello@" + string(r.Image), Next: "docker pull %s"},
	}
	if d := cmp.Diff(want, written); d != "" {
		t.Error(d)
	}
	for _, from := range []string{"tar:" + written[1].Place, "tar:" + written[2].Place, written[3].Place} {
		img, _, err := output.OpenWritten(named(t, from), oci.Options{Arch: "amd64"})
		if err != nil {
			t.Fatal(err)
		}
		sameImage(t, from, img, r)
	}
	for _, ref := range []string{written[5].Ref, host + "/team/hello:0.1.0", host + "/team/hello:also"} {
		sameImage(t, ref, pulled(t, ref), r)
	}
	if d.loaded != 1 || strings.Join(d.tags, " ") != "docker.io/library/hello:0.1.0 docker.io/library/hello:latest" {
		t.Errorf("the daemon was given %d archives and the tags %q", d.loaded, d.tags)
	}
}

func sameImage(t *testing.T, from string, img v1.Image, r *output.Result) {
	t.Helper()
	digest, err := img.Digest()
	if err != nil || store.Digest(digest.String()) != r.Image {
		t.Errorf("%s is %s, %v; built was %s", from, digest, err, r.Image)
	}
}

func pulled(t *testing.T, ref string) v1.Image {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(parsed, remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// What one repository of a registry got from here is mounted into another.
func TestPushMountsWhatWasPushed(t *testing.T) {
	var mu sync.Mutex
	var mounts []string
	real := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if from := r.URL.Query().Get("from"); from != "" {
			mounts = append(mounts, from)
		}
		if r.Method == http.MethodHead && strings.HasPrefix(r.URL.Path, "/v2/b/blobs/") && len(mounts) == 0 {
			rw.WriteHeader(http.StatusNotFound) // unlike this registry, real ones know blobs by repository
			return
		}
		real.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	w := newWorld(t)
	r := w.built(t)
	w.write(t, r, asked(t, output.Options{}, output.Asked{Flag: "push", Value: host + "/a:1"})...)
	w.write(t, r, asked(t, output.Options{}, output.Asked{Flag: "push", Value: host + "/b:1"})...)
	if len(mounts) == 0 || mounts[0] != "a" {
		t.Errorf("asked to mount from %q", mounts)
	}
	sameImage(t, "/b", pulled(t, host+"/b:1"), r)
	w.write(t, r, asked(t, output.Options{}, output.Asked{Flag: "push", Value: host + "/b:2"})...)
	if !strings.Contains(w.said.String(), "there already") {
		t.Errorf("said %s", w.said)
	}
}

// What cannot be written is said before anything is built.
func TestRefusedOutputs(t *testing.T) {
	dir := t.TempDir()
	writeTree(t, dir, tree{"file": "x", "there/x": "x"})
	for _, tt := range []struct {
		flag, value string
		o           output.Options
		code        int
		says        string
	}{
		{"output", filepath.Join(dir, "there"), output.Options{}, 2, "it is a directory"},
		{"output", "oci:" + filepath.Join(dir, "file"), output.Options{}, 2, "it is a file"},
		{"output", "oci:" + filepath.Join(dir, "there"), output.Options{}, 2, "layout"},
		{"output", "oci:", output.Options{}, 2, "the output has no name"},
		{"output", filepath.Join(dir, "none", "x.tar"), output.Options{}, 1, "its directory does not exist"},
		{"output", filepath.Join(dir, "file", "x.tar"), output.Options{}, 1, "not a directory"},
		{"push", "UPPER/case", output.Options{}, 2, "UPPER/case"},
		{"push", "registry.example/a", output.Options{MountFrom: []string{"UPPER"}}, 2, "UPPER"},
		{"load", "", output.Options{Environ: []string{"DOCKER_HOST=tcp://127.0.0.1:1"}}, 5, "no Docker daemon answers"},
	} {
		_, err := output.Open(t.Context(), output.Kinds(), []output.Asked{{Flag: tt.flag, Value: tt.value}}, tt.o)
		if problem.Code(err) != tt.code || !strings.Contains(fmt.Sprint(err), tt.says) {
			t.Errorf("--%s %s: %v (%d)", tt.flag, tt.value, err, problem.Code(err))
		}
	}
}

// No link leads a result out of the project: that is said by the plan.
func TestResultsStayInTheProject(t *testing.T) {
	w := newWorld(t)
	if err := os.Symlink(t.TempDir(), filepath.Join(w.dir, "releases")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Plan(t.Context(), w.dir, w.cfg); problem.Code(err) != 2 || !strings.Contains(fmt.Sprint(err), "leads out of the project") {
		t.Errorf("got %v", err)
	}
}

// A build of several goes on though one fails; what was built is written, and of a
// layout either all platforms or none.
func TestMatrixOfBuilds(t *testing.T) {
	w := newWorld(t)
	writeTree(t, w.dir, tree{"mix.exs": strings.Replace(mixExs, "deps: []", "deps: [], releases: [hello: [], broken: []]", 1)})
	w.engine.during = failing("broken")
	m, err := w.PlanAllReleases(t.Context(), w.dir, w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	var done []*output.Build
	err = m.Build(t.Context(), output.Usual(), func(builds []*output.Build, written []output.Written) {
		done = append(done, builds...)
		for _, o := range written {
			if _, err := os.Stat(o.Place); err != nil {
				t.Error(err)
			}
		}
	})
	if problem.Code(err) != 4 || !strings.Contains(fmt.Sprint(err), "1 of 2 builds failed:\n  broken linux/amd64: ") {
		t.Errorf("got %v", err)
	}
	if len(done) != 1 || done[0].Plan.Release != "hello" {
		t.Fatalf("%d done", len(done))
	}
}

// fakeDaemon is Docker's API, as far as loading an image needs it.
type fakeDaemon struct {
	url    string
	mu     sync.Mutex
	loaded int
	tags   []string
	older  []string // layers of the image that it has under the name
	fails  int      // how many of the next loads
}

func serveDaemon(t *testing.T) *fakeDaemon {
	t.Helper()
	d := &fakeDaemon{}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	d.url = strings.Replace(server.URL, "http://", "tcp://", 1)
	return d
}

func (d *fakeDaemon) environ() []string { return []string{"DOCKER_HOST=" + d.url} }

func (d *fakeDaemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w.Header().Set("Api-Version", "1.44")
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/version"):
		_ = json.NewEncoder(w).Encode(map[string]string{"Version": "1.2.3", "ApiVersion": "1.44"})
	case strings.HasSuffix(r.URL.Path, "/info"):
		_, _ = io.WriteString(w, `{"DriverStatus":[["Backing Filesystem","extfs"]]}`)
	case strings.HasSuffix(r.URL.Path, "/images/load"):
		_, _ = io.Copy(io.Discard, r.Body)
		d.loaded++
		if d.fails--; d.fails >= 0 {
			_, _ = io.WriteString(w, `{"errorDetail":{"message":"a layer is not there"},"error":"a layer is not there"}`)
			return
		}
		_, _ = io.WriteString(w, `{"stream":"Loaded image"}`)
	case strings.HasSuffix(r.URL.Path, "/tag"):
		d.tags = append(d.tags, r.URL.Query().Get("repo")+":"+r.URL.Query().Get("tag"))
		w.WriteHeader(http.StatusCreated)
	case strings.Contains(r.URL.Path, "/images/") && d.older != nil:
		_ = json.NewEncoder(w).Encode(map[string]any{"Id": "sha256:1", "RootFS": map[string]any{"Type": "layers", "Layers": d.older}})
	case strings.Contains(r.URL.Path, "/images/"):
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"message":"no such image"}`)
	}
}

// Layers of an older image are not sent again; should it have gone in between, all are.
func TestLoadOverAnOlderImage(t *testing.T) {
	w := newWorld(t)
	r := w.built(t)
	for _, tt := range []struct {
		name        string
		older       bool
		fails       int
		loads, code int
	}{
		{"none", false, 0, 1, 0},
		{"one", true, 0, 1, 0},
		{"one that went", true, 1, 2, 0},
		{"one that went, and no room", true, 2, 2, 1},
		{"none, and no room", false, 1, 1, 1},
	} {
		d := serveDaemon(t)
		d.fails = tt.fails
		if tt.older {
			d.older = []string{string(r.Layers[0].DiffID)}
		}
		outs := asked(t, output.Options{Environ: d.environ()}, output.Asked{Flag: "load"})
		_, err := w.Write(t.Context(), w.planned(t), r, outs)
		if problem.Code(err) != tt.code || d.loaded != tt.loads {
			t.Errorf("%s: %v (%d) after %d loads", tt.name, err, problem.Code(err), d.loaded)
		}
	}
}

// A toolchain is put into a daemon as an image that names its content.
func TestLoadToolchain(t *testing.T) {
	w, d := newWorld(t), serveDaemon(t)
	client, err := daemon.Connect(t.Context(), d.environ())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	tc, err := w.OpenToolchain(t.Context(), w.cfg.Toolchain, plan.Additions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.LoadToolchain(t.Context(), client, tc, "dram-toolchain:test"); err != nil || d.loaded != 1 {
		t.Errorf("%d loaded, %v", d.loaded, err)
	}
	if want := "is in Docker 1.2.3 as dram-toolchain:test"; !strings.Contains(w.said.String(), want) {
		t.Errorf("said %s", w.said)
	}
}

// failing has the steps of a release fail.
func failing(release string) func(context.Context, engine.Job, engine.Events) error {
	return func(_ context.Context, job engine.Job, _ engine.Events) error {
		if job.Name != release {
			return nil
		}
		return &engine.StepError{Step: job.Steps[len(job.Steps)-1], Err: errors.New("exit status 1")}
	}
}
