package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"golang.org/x/crypto/bcrypt"
)

// The registry that the push is tried with: the reference implementation.
const registryModule = "github.com/distribution/distribution/v3/cmd/registry@v3.1.2"

var registryBinary struct {
	once sync.Once
	path string
	err  error
}

// installRegistry builds the registry from its Go module, once; it stays in
// bin/ beside the linters.
func installRegistry(t *testing.T) string {
	t.Helper()
	real(t)
	r := &registryBinary
	r.once.Do(func() {
		dir, err := filepath.Abs(filepath.Join("..", "..", "bin", "registry-v3.1.2"))
		r.path, r.err = filepath.Join(dir, "registry"), err
		if _, err := os.Stat(r.path); err == nil {
			return
		}
		cmd := exec.Command("go", "install", registryModule)
		cmd.Env = append(os.Environ(), "GOBIN="+dir, "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			r.err = fmt.Errorf("go install %s: %w\n%s", registryModule, err, out)
		}
	})
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.path
}

const user, password = "ann", "a secret of the test"

// realRegistry is distribution/distribution with TLS and basic authentication.
type realRegistry struct {
	host string // 127.0.0.1:PORT
	ca   string // the file of its certificate
	pool *x509.CertPool
}

func startRegistry(t *testing.T) *realRegistry {
	t.Helper()
	bin := installRegistry(t)
	dir := t.TempDir()
	r := &realRegistry{host: "127.0.0.1:" + freePort(t)}
	r.ca, r.pool = certificate(t, dir)
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "htpasswd", user+":"+string(hash)+"\n", "config.yml", fmt.Sprintf(`
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: %[1]s/data}
http:
  addr: %[2]s
  secret: of the test
  tls: {certificate: %[1]s/cert.pem, key: %[1]s/key.pem}
auth:
  htpasswd: {realm: here, path: %[1]s/htpasswd}
`, dir, r.host))
	var log bytes.Buffer
	cmd := exec.Command(bin, "serve", filepath.Join(dir, "config.yml"))
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if conn, err := net.Dial("tcp", r.host); err == nil {
			_ = conn.Close()
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("the registry does not answer:\n%s", log.String())
		}
	}
}

// certificate writes cert.pem, signed by itself for loopback, and key.pem.
func certificate(t *testing.T, dir string) (file string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "registry of the test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	write(t, dir, "cert.pem", string(certPEM), "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw})))
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return filepath.Join(dir, "cert.pem"), pool
}

// login is an environment with the registry's certificate, and with a
// credential helper that knows user and password for these hosts.
func (r *realRegistry) login(t *testing.T, hosts ...string) []string {
	t.Helper()
	dir := t.TempDir()
	var helpers []string
	for _, h := range hosts {
		helpers = append(helpers, fmt.Sprintf("%q:%q", h, "dram-test"))
	}
	write(t, dir, "config.json", `{"credHelpers":{`+strings.Join(helpers, ",")+`}}`,
		"bin/docker-credential-dram-test", fmt.Sprintf("#!/bin/sh\nread host\necho \"$1 $host\" >> %s/asked\n"+
			`printf '{"ServerURL":"%%s","Username":"%s","Secret":"%s"}' "$host"`+"\n", dir, user, password))
	if err := os.Chmod(filepath.Join(dir, "bin", "docker-credential-dram-test"), 0o755); err != nil {
		t.Fatal(err)
	}
	return []string{"DOCKER_CONFIG=" + dir, "SSL_CERT_FILE=" + r.ca, "PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH")}
}

func (r *realRegistry) options(t *testing.T) []remote.Option {
	return []remote.Option{
		remote.WithContext(t.Context()), remote.WithAuth(&authn.Basic{Username: user, Password: password}),
		remote.WithTransport(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: r.pool}}),
	}
}

// pull fetches an image whole, and says so if anything of it is missing or
// damaged.
func (r *realRegistry) pull(t *testing.T, ref string) (v1.Image, string) {
	t.Helper()
	parsed, err := name.ParseReference(r.host + "/" + ref)
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(parsed, r.options(t)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(img); err != nil {
		t.Errorf("%s: %v", ref, err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return img, digest.String()
}

// tags lists the tags of a repository; one that is not there has none.
func (r *realRegistry) tags(t *testing.T, repository string) []string {
	t.Helper()
	repo, err := name.NewRepository(r.host + "/" + repository)
	if err != nil {
		t.Fatal(err)
	}
	tags, err := remote.List(repo, r.options(t)...)
	if err != nil && !strings.Contains(err.Error(), "NAME_UNKNOWN") {
		t.Fatal(err)
	}
	return tags
}

// line is a TCP proxy to a registry: it counts what goes up, and breaks each
// connection where cut, if there is one, says.
type line struct {
	addr  string
	up    atomic.Int64 // bytes, those of TLS included
	broke atomic.Int64
}

func newLine(t *testing.T, to string, cut func() (up, down int64)) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	l := &line{addr: listener.Addr().String()}
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			up, down := int64(1)<<40, int64(1)<<40
			if cut != nil {
				up, down = cut()
			}
			go l.join(in, to, up, down)
		}
	}()
	return l
}

func (l *line) join(in net.Conn, to string, up, down int64) {
	out, err := net.Dial("tcp", to)
	if err != nil {
		_ = in.Close()
		return
	}
	both := func() { _, _ = in.Close(), out.Close() }
	go func() {
		defer both()
		if n, err := io.CopyN(in, out, down); n == down && err == nil {
			l.broke.Add(1)
		}
	}()
	defer both()
	n, err := io.CopyN(io.MultiWriter(out, (*counting)(&l.up)), in, up)
	if n == up && (err == nil || errors.Is(err, io.EOF)) {
		l.broke.Add(1)
	}
}

type counting atomic.Int64

func (c *counting) Write(p []byte) (int, error) {
	(*atomic.Int64)(c).Add(int64(len(p)))
	return len(p), nil
}

// randomCuts breaks connections after at most so many bytes, as seed says.
func randomCuts(seed uint64, up, down int64) func() (int64, int64) {
	r := mathrand.New(mathrand.NewPCG(seed, 0))
	return func() (int64, int64) { return 1 + r.Int64N(up), 1 + r.Int64N(down) } // one goroutine accepts
}
