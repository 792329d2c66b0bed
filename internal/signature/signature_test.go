package signature_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"

	"dram/internal/problem"
	"dram/internal/signature"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// environ is an environment of these pairs.
func environ(pairs ...string) signature.Environ {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func file(t *testing.T, kind string, der []byte) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(at, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return at
}

// pair is a key as cosign keeps it, and its public half.
func pair(t *testing.T, password string) (private, public string) {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	private = file(t, "ENCRYPTED SIGSTORE PRIVATE KEY", must(encrypted.Encrypt(must(x509.MarshalPKCS8PrivateKey(key)), []byte(password))))
	return private, file(t, "PUBLIC KEY", must(x509.MarshalPKIXPublicKey(key.Public())))
}

func TestKeys(t *testing.T) {
	ec := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	long := must(rsa.GenerateKey(rand.Reader, 2048))
	for name, test := range map[string]struct {
		kind string
		der  []byte
		of   any
	}{
		"PKCS #8":         {"PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(ec)), ec.Public()},
		"SEC 1":           {"EC PRIVATE KEY", must(x509.MarshalECPrivateKey(ec)), ec.Public()},
		"RSA":             {"RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(long), long.Public()},
		"RSA in PKCS #8":  {"PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(long)), long.Public()},
		"cosign's older":  {"ENCRYPTED COSIGN PRIVATE KEY", must(encrypted.Encrypt(must(x509.MarshalPKCS8PrivateKey(ec)), []byte("pw"))), ec.Public()},
		"cosign's":        {"ENCRYPTED SIGSTORE PRIVATE KEY", must(encrypted.Encrypt(must(x509.MarshalPKCS8PrivateKey(ec)), []byte("pw"))), ec.Public()},
		"cosign's of RSA": {"ENCRYPTED SIGSTORE PRIVATE KEY", must(encrypted.Encrypt(must(x509.MarshalPKCS8PrivateKey(long)), []byte("pw"))), long.Public()},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name == "cosign's of RSA" {
				t.Skip("scrypt takes a second for each")
			}
			at := file(t, test.kind, test.der)
			s, err := signature.OpenSigner(at, environ(signature.PasswordVariable, "pw"))
			if err != nil {
				t.Fatal(err)
			}
			text := string(must(os.ReadFile(at)))
			held, err := signature.OpenSigner("env:KEY", environ("KEY", text, signature.PasswordVariable, "pw"))
			if err != nil {
				t.Fatal(err)
			}
			v, err := signature.OpenVerifier(file(t, "PUBLIC KEY", must(x509.MarshalPKIXPublicKey(test.of))), environ())
			if err != nil {
				t.Fatal(err)
			}
			payload, sig, err := s.Simple(digest, "registry.example/a")
			if err != nil || v.CheckSimple(payload, sig, digest) != signature.Signed {
				t.Errorf("%v: %s %s", err, payload, sig)
			}
			bundle := must(s.Bundle(digest))
			if v.CheckBundle(bundle, digest) != signature.Signed {
				t.Errorf("the bundle is not signed: %s", bundle)
			}
			if again := must(held.Bundle(digest)); !bytes.Equal(again, bundle) {
				t.Error("the same key signs the same image with other bytes")
			}
		})
	}
}

func TestKeysThatCannotBe(t *testing.T) {
	private, public := pair(t, "right")
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short := must(x509.ParsePKCS1PrivateKey(shortRSA(t)))
	for name, test := range map[string]struct {
		at   string
		vars []string
		want string
	}{
		"no password":          {private, nil, "COSIGN_PASSWORD is not set"},
		"wrong password":       {private, []string{signature.PasswordVariable, "wrong"}, "does not open it"},
		"empty password":       {private, []string{signature.PasswordVariable, ""}, "does not open it"},
		"the public half":      {public, nil, "public half"},
		"another curve":        {file(t, "PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))))), nil, "P-256"},
		"Ed25519":              {file(t, "PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(edwards))), nil, "P-256"},
		"a short RSA key":      {file(t, "PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(short))), nil, "2048"},
		"openssl's encryption": {file(t, "ENCRYPTED PRIVATE KEY", []byte("x")), nil, "cosign does not use"},
		"a certificate":        {file(t, "CERTIFICATE", []byte("x")), nil, "public half"},
		"broken":               {file(t, "PRIVATE KEY", []byte("x")), nil, "cannot be used"},
		"broken encryption":    {file(t, "ENCRYPTED SIGSTORE PRIVATE KEY", []byte("{}")), []string{signature.PasswordVariable, ""}, "kdf"},
		"another block":        {file(t, "OPENSSH PRIVATE KEY", []byte("x")), nil, "OPENSSH"},
		"no file":              {filepath.Join(t.TempDir(), "none"), nil, "reading key"},
		"a directory":          {t.TempDir(), nil, "reading key"},
		"no PEM":               {must(os.Executable()), nil, ""},
		"no variable":          {"env:KEY", nil, "variable KEY"},
		"an empty variable":    {"env:KEY", []string{"KEY", ""}, "variable KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := signature.OpenSigner(test.at, environ(test.vars...))
			if err == nil || !strings.Contains(err.Error(), test.want) || problem.Code(err) != int(problem.Usage) || problem.Hint(err) == "" {
				t.Errorf("%v (exit code %d, hint %q), want … %s …", err, problem.Code(err), problem.Hint(err), test.want)
			}
			if err != nil && len(test.vars) > 1 && len(test.vars[1]) > 0 && strings.Contains(err.Error(), test.vars[1]) {
				t.Errorf("the message has the password: %v", err)
			}
		})
	}
	if _, err := signature.OpenVerifier(private, environ()); err == nil || problem.Code(err) != int(problem.Usage) || !strings.Contains(err.Error(), "no public key") {
		t.Errorf("a private key to verify with: %v", err)
	}
}

func shortRSA(t *testing.T) []byte {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	return x509.MarshalPKCS1PrivateKey(must(rsa.GenerateKey(rand.Reader, 1024)))
}

// What is signed by the key, and what is not: each change of a signature that is right.
func TestVerdicts(t *testing.T) {
	private, public := pair(t, "pw")
	_, stranger := pair(t, "pw")
	s := must(signature.OpenSigner(private, environ(signature.PasswordVariable, "pw")))
	v := must(signature.OpenVerifier(public, environ()))
	other := "sha256:" + strings.Repeat("f", 64)
	bundle := must(s.Bundle(digest))
	attested := must(s.Attest(digest, "a", "https://slsa.dev/provenance/v1", json.RawMessage("{}")))
	payload, sig, err := s.Simple(digest, "registry.example/a")
	if err != nil {
		t.Fatal(err)
	}
	var envelope struct {
		Envelope struct {
			Payload string
		} `json:"dsseEnvelope"`
	}
	if err := json.Unmarshal(bundle, &envelope); err != nil {
		t.Fatal(err)
	}
	statement := string(must(base64.StdEncoding.DecodeString(envelope.Envelope.Payload)))
	forged := base64.StdEncoding.EncodeToString([]byte(strings.Replace(statement, digest[7:], other[7:], 1)))
	for name, test := range map[string]struct {
		got  signature.Verdict
		want signature.Verdict
	}{
		"a bundle":                   {v.CheckBundle(bundle, digest), signature.Signed},
		"by a stranger":              {must(signature.OpenVerifier(stranger, environ())).CheckBundle(bundle, digest), signature.Foreign},
		"of another image":           {v.CheckBundle(bundle, other), signature.Other},
		"a statement of another":     {v.CheckBundle(bytes.Replace(bundle, []byte(envelope.Envelope.Payload), []byte(forged), 1), other), signature.Foreign},
		"another type of statement":  {v.CheckBundle(bytes.Replace(bundle, []byte("vnd.in-toto+json"), []byte("vnd.out-toto+json"), 1), digest), signature.Foreign},
		"something said, not signed": {v.CheckBundle(attested, digest), signature.Other},
		"no bundle":                  {v.CheckBundle([]byte("{}"), digest), signature.Foreign},
		"no JSON":                    {v.CheckBundle([]byte("x"), digest), signature.Foreign},
		"simply":                     {v.CheckSimple(payload, sig, digest), signature.Signed},
		"simply, by a stranger":      {must(signature.OpenVerifier(stranger, environ())).CheckSimple(payload, sig, digest), signature.Foreign},
		"simply, of another image":   {v.CheckSimple(payload, sig, other), signature.Other},
		"simply, changed":            {v.CheckSimple(bytes.Replace(payload, []byte(digest), []byte(other), 1), sig, other), signature.Foreign},
		"simply, no signature":       {v.CheckSimple(payload, "", digest), signature.Foreign},
		"simply, no base64":          {v.CheckSimple(payload, "%", digest), signature.Foreign},
	} {
		if test.got != test.want {
			t.Errorf("%s: %d, want %d", name, test.got, test.want)
		}
	}
}

func FuzzBundle(f *testing.F) {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	at := filepath.Join(f.TempDir(), "key")
	if err := os.WriteFile(at, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))}), 0o600); err != nil {
		f.Fatal(err)
	}
	s := must(signature.OpenSigner(at, environ()))
	v := must(s.Verifier())
	f.Add(must(s.Bundle(digest)), digest)
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","dsseEnvelope":{"signatures":[{}]}}`), "")
	f.Fuzz(func(t *testing.T, raw []byte, of string) {
		if v.CheckBundle(raw, of) == signature.Signed && of != digest {
			t.Errorf("%q is signed by %q", of, raw)
		}
	})
}
