// Package signature signs images, and verifies signatures, in the forms that cosign
// has: its keys (PEM, encrypted by a password as it does it, or plain PKCS #8, SEC 1
// or PKCS #1), "simple signing" payloads, and bundles of Sigstore (version 0.3) with
// an in-toto statement in a DSSE envelope. It knows keys alone, neither certificates
// nor transparency logs, and speaks to nobody.
//
// The same key signs the same image with the same bytes: ECDSA's nonce is that of
// RFC 6979.
package signature

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"

	"dram/internal/fsutil"
	"dram/internal/problem"
)

// PasswordVariable has the password of an encrypted key, as cosign takes it.
const PasswordVariable = "COSIGN_PASSWORD"

const (
	maxKey     = 64 << 10 // bytes of a key's file
	envPrefix  = "env:"
	minRSABits = 2048
)

// Signer signs by a private key.
type Signer struct{ key crypto.Signer }

// Verifier verifies by a public key.
type Verifier struct {
	key crypto.PublicKey
	der []byte
}

// Environ looks variables up, as os.LookupEnv does.
type Environ func(name string) (string, bool)

// OpenSigner reads the private key that place names: a file, or env:NAME for what a
// variable holds.
func OpenSigner(place string, environ Environ) (*Signer, error) {
	block, err := open(place, environ)
	if err != nil {
		return nil, err
	}
	key, err := private(block, environ)
	if err != nil {
		return nil, keyProblem(place, err)
	}
	signer, is := key.(crypto.Signer)
	if !is || !known(signer.Public()) {
		return nil, keyProblem(place, errUnknown)
	}
	return &Signer{signer}, nil
}

// OpenVerifier reads the public key that place names, as OpenSigner does a private one.
func OpenVerifier(place string, environ Environ) (*Verifier, error) {
	block, err := open(place, environ)
	if err != nil {
		return nil, err
	}
	if block.Type != "PUBLIC KEY" {
		return nil, problem.New(problem.Usage, "name the public key of the pair, such as cosign.pub", "%s is no public key: it holds a PEM block of type %q", place, block.Type)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err == nil && !known(key) {
		err = errUnknown
	}
	if err != nil {
		return nil, keyProblem(place, err)
	}
	return newVerifier(key)
}

// Verifier is that of the key's other half.
func (s *Signer) Verifier() (*Verifier, error) { return newVerifier(s.key.Public()) }

func newVerifier(key crypto.PublicKey) (*Verifier, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	return &Verifier{key, der}, err
}

// open reads the PEM block of a key.
func open(place string, environ Environ) (*pem.Block, error) {
	var text []byte
	var err error
	if name, is := strings.CutPrefix(place, envPrefix); is {
		value, set := environ(name)
		if !set || value == "" {
			return nil, problem.New(problem.Usage, "set it to the key, or name a file", "the variable %s, which is to hold the key, is not set", name)
		}
		text = []byte(value)
	} else if text, err = fsutil.Read(place, maxKey); err != nil {
		hint := "name the key's file, or env:NAME for a variable that holds the key"
		if errors.Is(err, os.ErrPermission) {
			hint = "make it readable for you"
		}
		return nil, problem.New(problem.Usage, hint, "reading key %q: %w", place, err)
	}
	block, _ := pem.Decode(bytes.TrimSpace(text))
	if block == nil {
		return nil, problem.New(problem.Usage, "cosign generate-key-pair makes one", "%s is no key: it holds no PEM block", place)
	}
	return block, nil
}

var (
	errUnknown   = errors.New("it is neither an ECDSA key on the curve P-256 nor an RSA key of 2048 bits or more")
	errPublic    = errors.New("it is the public half")
	errPassword  = errors.New("it is encrypted, and " + PasswordVariable + " is not set")
	errWrong     = errors.New("the password in " + PasswordVariable + " does not open it")
	errEncrypted = errors.New("it is encrypted in a way that cosign does not use")
)

// private is the private key of a block.
func private(block *pem.Block, environ Environ) (any, error) {
	switch block.Type {
	case "ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY":
		password, set := environ(PasswordVariable)
		if !set {
			return nil, errPassword
		}
		der, err := encrypted.Decrypt(block.Bytes, []byte(password))
		if err != nil && strings.Contains(err.Error(), "decryption failed") {
			return nil, errWrong
		}
		if err != nil {
			return nil, err
		}
		return x509.ParsePKCS8PrivateKey(der)
	case "PRIVATE KEY":
		return x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case "PUBLIC KEY", "CERTIFICATE":
		return nil, errPublic
	case "ENCRYPTED PRIVATE KEY":
		return nil, errEncrypted
	}
	return nil, fmt.Errorf("it holds a PEM block of type %q", block.Type)
}

// known says whether a key is of a kind that all versions of cosign verify by SHA-256.
func known(key crypto.PublicKey) bool {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return key.Curve == elliptic.P256()
	case *rsa.PublicKey:
		return key.N.BitLen() >= minRSABits
	}
	return false
}

// keyProblem says why a key cannot be used. What it holds is in no message.
func keyProblem(place string, err error) error {
	hint := "cosign generate-key-pair makes one that can be used"
	switch {
	case errors.Is(err, errPassword):
		hint = "set it to the key's password; where there is none, set it to nothing"
	case errors.Is(err, errWrong):
		hint = "see that it is the password of this key"
	case errors.Is(err, errPublic):
		hint = "name the private key of the pair, such as cosign.key"
	case errors.Is(err, errEncrypted):
		hint = "cosign import-key-pair --key FILE makes a key of it that can be used"
	}
	return problem.New(problem.Usage, hint, "key %q cannot be used: %w", place, err)
}

// sign signs the SHA-256 of data.
func (s *Signer) sign(data []byte) ([]byte, error) {
	sum := sha256.Sum256(data)
	return s.key.Sign(nil, sum[:], crypto.SHA256) // without a source of chance, ECDSA takes RFC 6979's
}

// verifies says whether a signature is of data and by the key.
func (v *Verifier) verifies(data, signature []byte) bool {
	sum := sha256.Sum256(data)
	switch key := v.key.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, sum[:], signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) == nil
	}
	return false
}

// hint names a public key, as cosign does it in bundles.
func (v *Verifier) hint() string {
	sum := sha256.Sum256(v.der)
	return base64.StdEncoding.EncodeToString(sum[:])
}
