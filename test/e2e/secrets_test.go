package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// selfSigned is what mix phx.gen.cert writes: a key and its certificate.
func selfSigned(t *testing.T) (key, cert string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	armour := func(label string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
	}
	return armour("EC PRIVATE KEY", der), armour("CERTIFICATE", signed)
}

// A key in priv goes into no image unasked, and its certificate does; let in,
// it stops what would ship it, until that is allowed as well.
func TestPrivateKeysStayOut(t *testing.T) {
	real(t)
	dir := project(t, "examples/hello")
	key, cert := selfSigned(t)
	write(t, dir, "priv/cert/selfsigned_key.pem", key, "priv/cert/selfsigned.pem", cert, ".netrc", "machine a.example.org login me password s3cretWord\n")
	out := t.TempDir()
	image := filepath.Join(t.TempDir(), "hello.tar")
	args := []string{"image", dir, "--output-dir", out, "-o", image}

	plain := dram{args: args}.ok(t)
	for _, says := range []string{"priv/cert/selfsigned_key.pem (it holds an EC private key)", ".netrc (it holds a password for a.example.org)", "--include-secret"} {
		if !strings.Contains(plain.stderr, says) {
			t.Errorf("nothing says %q:\n%s", says, plain.stderr)
		}
	}
	tarball := filepath.Join(out, "releases", "0.1.0", "hello.tar.gz")
	names := tarNames(t, tarball)
	if !strings.Contains(names, "priv/cert/selfsigned.pem") || strings.Contains(names, "selfsigned_key.pem") {
		t.Errorf("the tarball has:\n%s", names)
	}
	if err := os.RemoveAll(out); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(image); err != nil {
		t.Fatal(err)
	}

	asked := append(args, "--include-secret", "priv/cert/selfsigned_key.pem")
	refused := dram{args: asked}.fails(t, 3, "lib/hello-0.1.0/priv/cert/selfsigned_key.pem", "an EC private key", "[secret]", "--allow secret")
	if strings.Contains(refused.stderr, strings.Split(key, "\n")[1]) {
		t.Error("the key is printed")
	}
	nothingIn(t, out)
	if _, err := os.Stat(image); err == nil {
		t.Error("an image with a key in it was written")
	}

	dram{args: append(asked, "--allow", "secret")}.ok(t)
	if names := tarNames(t, tarball); !strings.Contains(names, "selfsigned_key.pem") {
		t.Errorf("the key was allowed, and the tarball has:\n%s", names)
	}
	// Neither the cache nor a file that was written sends it unasked: it is
	// refused before anybody is spoken to.
	dram{args: asked}.fails(t, 3, "[secret]")
	dram{args: []string{"push", image, "localhost:1/hello"}}.fails(t, 3, "[secret]")
}

func tarNames(t *testing.T, tarball string) string {
	t.Helper()
	names, err := exec.CommandContext(t.Context(), "tar", "tzf", tarball).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(names)
}

// A step that misses a file that was left out says which, and what to do.
func TestAMissingSecretIsNamed(t *testing.T) {
	real(t)
	dir := project(t, "examples/hello")
	write(t, dir, "config/config.exs", "import Config\nimport_config \"prod.secret.exs\"\n",
		"config/prod.secret.exs", "import Config\nconfig :hello, secret_key_base: \"a8Zk3q9xB7mT2Qw8eR5yUpLo\"\n")
	failed := dram{args: []string{"build", dir}}.fails(t, 4, "config/prod.secret.exs was left out of the build", "--include-secret config/prod.secret.exs")
	if strings.Contains(failed.stderr, "a8Zk3q9x") {
		t.Error("the secret is printed")
	}
	dram{args: []string{"build", dir, "--include-secret", "config/prod.secret.exs"}}.ok(t)
}
