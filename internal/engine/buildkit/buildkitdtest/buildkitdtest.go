// Package buildkitdtest starts real BuildKit daemons for tests: on a loopback
// port, with certificates for both sides made for the test. It needs Linux,
// root, runc and unshare; a test without them is left out, and so are short ones.
package buildkitdtest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"dram/internal/engine/buildkit"
)

// Version is BuildKit's, the same as that of the client's module.
const Version = "v0.34.2"

// Daemon is a BuildKit daemon under test.
type Daemon struct {
	Address buildkit.Address
	Root    string // where it keeps everything
	log     *os.File
	cmd     *exec.Cmd
	done    chan struct{}
}

// Options choose how the daemon runs.
type Options struct {
	Root string   // the test's own temporary directory, if empty
	Args []string // more arguments for buildkitd
}

// Start starts a daemon and waits until it answers. It ends with the test.
func Start(t testing.TB, o Options) *Daemon {
	t.Helper()
	if testing.Short() {
		t.Skip("buildkitd is fetched and compiled once, which takes minutes and the network")
	}
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("buildkitd runs as root on Linux")
	}
	for _, tool := range []string{"runc", "unshare"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	binary, err := build(t.Context())
	if err != nil {
		t.Fatalf("building buildkitd: %v", err)
	}
	d := &Daemon{Root: o.Root, done: make(chan struct{})}
	if d.Root == "" {
		d.Root = t.TempDir()
	}
	certs := t.TempDir()
	if err := MakeCertificates(certs); err != nil {
		t.Fatal(err)
	}
	port, err := freePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.Address = buildkit.Address{
		URL: fmt.Sprintf("tcp://127.0.0.1:%d", port),
		TLS: buildkit.TLS{
			CA: filepath.Join(certs, "ca.pem"), Cert: filepath.Join(certs, "client.pem"), Key: filepath.Join(certs, "client-key.pem"),
		},
		Environ: []string{"HOME=" + os.Getenv("HOME")},
	}
	d.start(t, binary, certs, o.Args)
	return d
}

// start runs the daemon in namespaces of its own: when it dies, all that it
// started and mounted goes with it.
func (d *Daemon) start(t testing.TB, binary, certs string, args []string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "buildkitd.log"))
	if err != nil {
		t.Fatal(err)
	}
	d.log = log
	d.cmd = exec.Command("unshare", append([]string{ //nolint:noctx // it outlives every context, and ends with the test
		"--pid", "--fork", "--kill-child=SIGKILL", "--mount", "--mount-proc", binary,
		"--root", d.Root, "--addr", d.Address.URL, "--oci-worker-gc=false", "--containerd-worker=false",
		"--tlscacert", filepath.Join(certs, "ca.pem"), "--tlscert", filepath.Join(certs, "server.pem"), "--tlskey", filepath.Join(certs, "server-key.pem"),
	}, args...)...)
	d.cmd.Stdout, d.cmd.Stderr = log, log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = d.cmd.Wait(); close(d.done) }()
	t.Cleanup(func() {
		d.Kill()
		if raw, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("buildkitd's log ends with:\n%s", raw[max(0, len(raw)-4096):])
		}
		_ = log.Close()
	})
	for limit := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		_, err := buildkit.Probe(t.Context(), d.Address)
		if err == nil {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("buildkitd does not answer: %v", err)
		}
	}
}

// Kill ends the daemon at once, with whatever it is building.
func (d *Daemon) Kill() {
	_ = d.cmd.Process.Kill()
	<-d.done
}

func freePort(ctx context.Context) (int, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.New("no port")
	}
	return addr.Port, nil
}

// build makes buildkitd from its module, once for this machine.
func build(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "dram-test-tools", "buildkitd-"+Version)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	if err := lock.Lock(); err != nil {
		return "", err
	}
	defer func() { _ = lock.Unlock() }()
	binary := filepath.Join(dir, "buildkitd")
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	// go install refuses modules whose go.mod leaves versions out.
	const module = "module buildkitd\n\ngo 1.26.0\n"
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(module), 0o600); err != nil {
		return "", err
	}
	const pkg = "github.com/moby/buildkit/cmd/buildkitd"
	for _, args := range [][]string{{"get", pkg + "@" + Version}, {"build", "-o", binary + ".new", pkg}} {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("go %v: %w\n%s", args, err, out)
		}
	}
	return binary, os.Rename(binary+".new", binary)
}

// MakeCertificates writes an authority and certificates of both sides into dir:
// ca.pem, server.pem, server-key.pem, client.pem, client-key.pem.
func MakeCertificates(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca := template("dram test authority")
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	raw, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	if err != nil {
		return err
	}
	if err := writePEM(filepath.Join(dir, "ca.pem"), "CERTIFICATE", raw); err != nil {
		return err
	}
	for _, name := range []string{"server", "client"} {
		if err := certificate(dir, name, ca, key); err != nil {
			return err
		}
	}
	return nil
}

func template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
}

func certificate(dir, name string, ca *x509.Certificate, caKey *ecdsa.PrivateKey) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	c := template(name)
	c.KeyUsage = x509.KeyUsageDigitalSignature
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	c.IPAddresses, c.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"localhost"}
	raw, err := x509.CreateCertificate(rand.Reader, c, ca, &key.PublicKey, caKey)
	if err != nil {
		return err
	}
	rawKey, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		writePEM(filepath.Join(dir, name+".pem"), "CERTIFICATE", raw),
		writePEM(filepath.Join(dir, name+"-key.pem"), "EC PRIVATE KEY", rawKey))
}

func writePEM(path, kind string, raw []byte) error {
	var b bytes.Buffer
	if err := pem.Encode(&b, &pem.Block{Type: kind, Bytes: raw}); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o600)
}
