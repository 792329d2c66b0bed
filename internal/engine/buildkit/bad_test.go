package buildkit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dram/internal/engine"
	"dram/internal/engine/buildkit"
	"dram/internal/engine/buildkit/buildkitdtest"
	"dram/internal/engine/enginetest"
	"dram/internal/problem"
	"dram/internal/source"
	"dram/internal/store"
)

// expect checks an error's exit code, text and that it says what to do.
func expect(t *testing.T, err error, code int, says, hint string) {
	t.Helper()
	if problem.Code(err) != code || !strings.Contains(fmt.Sprint(err), says) || !strings.Contains(problem.Hint(err), hint) || problem.Hint(err) == "" {
		t.Errorf("error %v\nhint %q, exit %d;\nwant %q, %q, exit %d", err, problem.Hint(err), problem.Code(err), says, hint, code)
	}
	if strings.Contains(fmt.Sprint(err), "desc =") || strings.Contains(fmt.Sprint(err), "\n") {
		t.Errorf("error %q is not for people", err)
	}
}

func probe(t *testing.T, at buildkit.Address) error {
	t.Helper()
	_, err := buildkit.Probe(t.Context(), at)
	return err
}

func TestAddressesThatAreWrong(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.sock")
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, tt := range []struct {
		name       string
		at         buildkit.Address
		code       int
		says, hint string
	}{
		{"no daemon", buildkit.Address{URL: "docker", Environ: []string{"DOCKER_HOST=unix://" + missing}}, 5, "no Docker daemon answers", "start Docker"},
		{"no buildkitd", buildkit.Address{URL: "unix://" + missing}, 5, "no such file", "see that buildkitd runs"},
		{"from the environment", buildkit.Address{Environ: []string{"BUILDKIT_HOST=unix://" + missing}}, 5, missing, "see that buildkitd runs"},
		{"nothing listens", buildkit.Address{URL: "tcp://127.0.0.1:1"}, 5, "connection refused", "see that buildkitd runs"},
		{"no scheme", buildkit.Address{URL: "builder:1234"}, 2, `"builder:1234"`, "write docker, unix:///PATH"},
		{"another scheme", buildkit.Address{URL: "https://builder.example"}, 2, "not one that BuildKit knows", "write docker"},
		{"nothing after the scheme", buildkit.Address{URL: "tcp://"}, 2, "not one that BuildKit knows", "write docker"},
		{"certificates for a socket", buildkit.Address{URL: "unix://" + missing, TLS: buildkit.TLS{CA: "/ca.pem"}}, 2, "takes no certificates", "tcp://"},
		{"no such certificate", buildkit.Address{URL: "tcp://127.0.0.1:1", TLS: buildkit.TLS{CA: missing}}, 2, missing, "path"},
		{"no program for the scheme", buildkit.Address{URL: "podman-container://x"}, 5, "podman", "see that buildkitd runs"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "no program for the scheme" {
				t.Setenv("PATH", "")
			}
			expect(t, probe(t, tt.at), tt.code, tt.says, tt.hint)
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if _, err := buildkit.Probe(ctx, buildkit.Address{URL: "tcp://" + silent.Addr().String()}); err == nil || time.Since(begun) > 5*time.Second {
		t.Errorf("a server that says nothing: %v after %v", err, time.Since(begun))
	}
}

// A daemon from before BuildKit answers, but not where BuildKit is.
func TestDockerWithoutBuildKit(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "docker.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.44")
		switch {
		case strings.HasSuffix(r.URL.Path, "/_ping"):
		case strings.HasSuffix(r.URL.Path, "/version"):
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"Version": "25.0.0", "ApiVersion": "1.44", "MinAPIVersion": "1.24"}`)
		default:
			http.NotFound(w, r)
		}
	})}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	expect(t, probe(t, buildkit.Address{URL: "docker", Environ: []string{"DOCKER_HOST=unix://" + socket}}), 5, "404", "update it")
}

// TestHelperProbe is what TestSocketThatIsNotOurs runs as another user.
func TestHelperProbe(t *testing.T) {
	url := os.Getenv("DRAM_TEST_PROBE")
	if url == "" {
		t.Skip("for TestSocketThatIsNotOurs")
	}
	expect(t, probe(t, buildkit.Address{URL: url, Environ: os.Environ()}), 5, "permission denied", "group")
}

func TestSocketThatIsNotOurs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become somebody else")
	}
	dir, err := os.MkdirTemp("", "dram-sockets-") //nolint:usetesting // the other user has to reach it
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "test")
	socket := filepath.Join(dir, "its.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(binary, self, 0o755), os.Chmod(socket, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, env := range [][]string{
		{"DRAM_TEST_PROBE=unix://" + socket},
		{"DRAM_TEST_PROBE=docker", "DOCKER_HOST=unix://" + socket},
	} {
		cmd := exec.Command(binary, "-test.run=^TestHelperProbe$")
		cmd.Dir = dir
		cmd.Env = append(env, "HOME="+dir)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if out, err := cmd.CombinedOutput(); err != nil || bytes.Contains(out, []byte("SKIP")) {
			t.Errorf("%v: %v\n%s", env, err, out)
		}
	}
}

func TestCertificatesThatAreWrong(t *testing.T) {
	d := buildkitdtest.Start(t, buildkitdtest.Options{})
	other := t.TempDir()
	if err := buildkitdtest.MakeCertificates(other); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(t.TempDir(), "garbage.pem")
	if err := os.WriteFile(garbage, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		spoil func(*buildkit.TLS)
		code  int
		hint  string
	}{
		{"none", func(c *buildkit.TLS) { *c = buildkit.TLS{} }, 5, "certificate"},
		{"another authority", func(c *buildkit.TLS) { c.CA = filepath.Join(other, "ca.pem") }, 5, "certificate authority"},
		{"a client that it does not know", func(c *buildkit.TLS) {
			c.Cert, c.Key = filepath.Join(other, "client.pem"), filepath.Join(other, "client-key.pem")
		}, 5, "certificate"},
		{"no client's", func(c *buildkit.TLS) { c.Cert, c.Key = "", "" }, 5, "certificate"},
		{"another key", func(c *buildkit.TLS) { c.Key = filepath.Join(other, "client-key.pem") }, 5, "certificate"},
		{"no key", func(c *buildkit.TLS) { c.Key = "" }, 2, "both"},
		{"another name", func(c *buildkit.TLS) { c.ServerName = "builder.example" }, 5, "server name"},
		{"no certificate at all", func(c *buildkit.TLS) { c.CA = garbage }, 5, "certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at := d.Address
			tt.spoil(&at.TLS)
			expect(t, probe(t, at), tt.code, "builder", tt.hint)
		})
	}
	if err := probe(t, d.Address); err != nil {
		t.Errorf("with all as it should be: %v", err)
	}
}

// one runs a job of one step.
func one(t *testing.T, at buildkit.Address, tc engine.Toolchain, out io.Writer, script string) error {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	src, err := source.Read(t.Context(), dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := buildkit.New(st, at).Run(t.Context(), engine.Job{
		Key: store.DigestOf([]byte(dir)).Hex(), Name: "bad", Toolchain: tc, Source: src, Env: []string{"PATH=/usr/bin:/bin"},
		Steps:     []engine.Step{{Name: "compile", Argv: []string{"sh", "-euc", script}}},
		CacheDirs: []string{"/app/_build"}, Export: "/app/_build/rel",
	}, engine.Events{Step: func(engine.Step, bool) {}, Output: out})
	if err == nil {
		r.Close()
	}
	return err
}

func TestBuilderLostInTheMiddleOfAStep(t *testing.T) {
	tc, _ := enginetest.Toolchain(t)
	d := buildkitdtest.Start(t, buildkitdtest.Options{})
	var once sync.Once
	begun := time.Now()
	err := one(t, d.Address, tc, onWrite(func() { once.Do(func() { begun = time.Now(); go d.Kill() }) }), "echo begun; sleep 600")
	expect(t, err, 5, `was lost in step "compile"`, "run dram again")
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("it took %v to notice", took)
	}
}

type onWrite func()

func (f onWrite) Write(p []byte) (int, error) { f(); return len(p), nil }

func TestBuilderWhoseDiskIsFull(t *testing.T) {
	tc, _ := enginetest.Toolchain(t)
	for _, tt := range []struct{ name, size string }{
		{"for the toolchain", "100m"},
		{"for a step", "1200m"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			root := t.TempDir()
			if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+tt.size, "none", root).CombinedOutput(); err != nil {
				t.Skipf("%v %s", err, out)
			}
			t.Cleanup(func() { _ = exec.Command("umount", "-l", root).Run() })
			d := buildkitdtest.Start(t, buildkitdtest.Options{Root: root})
			expect(t, one(t, d.Address, tc, io.Discard, "head -c 2G /dev/zero > _build/large"), 5, "is full", "prune")
		})
	}
}
