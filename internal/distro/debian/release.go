package debian

import (
	"bytes"
	"crypto"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"dram/internal/problem"
)

// archiveKeys are the public keys of Debian's archive, as the package
// debian-archive-keyring has them: for bullseye, bookworm and trixie the
// automatic, the security and the stable release key each. Testing and
// unstable are signed with the automatic keys of the stable releases.
//
//go:embed keys/*.gpg keys/ubuntu/*.gpg
var archiveKeys embed.FS

const maxKeyring = 1 << 20 // bytes of a key file

// ArchiveKeys are the keys of Debian's own archive.
func ArchiveKeys() (openpgp.EntityList, error) {
	names, err := fs.Glob(archiveKeys, "keys/*.gpg")
	if err != nil {
		return nil, fmt.Errorf("listing archive keys: %w", err)
	}
	var keys openpgp.EntityList
	for _, name := range names {
		raw, err := archiveKeys.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading archive keys: %w", err)
		}
		list, err := ReadKeys(bytes.NewReader(raw))
		if err != nil {
			return nil, fmt.Errorf("reading archive keys %q: %w", name, err)
		}
		keys = append(keys, list...)
	}
	return keys, nil
}

// ReadKeys reads public keys, armored or not, at most 1 MB of them.
func ReadKeys(r io.Reader) (openpgp.EntityList, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxKeyring))
	if err != nil {
		return nil, fmt.Errorf("reading keys: %w", err)
	}
	if bytes.HasPrefix(raw, []byte("-----BEGIN")) {
		return openpgp.ReadArmoredKeyRing(bytes.NewReader(raw))
	}
	return openpgp.ReadKeyRing(bytes.NewReader(raw))
}

// release is what dram reads of an InRelease file.
type release struct {
	origin, suite, codename string
	validUntil              time.Time // zero: for ever
	byHash                  bool
	files                   map[string]indexFile // by path below the InRelease's directory
}

type indexFile struct {
	SHA256 string
	Size   int64
}

// verify checks the signature of an InRelease and returns what was signed.
func verify(raw []byte, keys openpgp.EntityList, now time.Time) (string, error) {
	const hint = "the mirror may be broken or tampered with: try another one"
	block, rest := clearsign.Decode(raw)
	if block == nil {
		return "", problem.New(problem.Failure, hint, "checking signature: not a clear-signed OpenPGP message")
	}
	if len(bytes.TrimSpace(rest)) > 0 || !bytes.HasPrefix(raw, []byte("-----BEGIN PGP SIGNED MESSAGE-----")) {
		return "", problem.New(problem.Failure, hint, "checking signature: text outside the signed message")
	}
	config := &packet.Config{Time: func() time.Time { return now }}
	sig, _, err := openpgp.VerifyDetachedSignature(keys, bytes.NewReader(block.Bytes), block.ArmoredSignature.Body, config)
	switch {
	case errors.Is(err, pgperrors.ErrKeyExpired):
		return "", problem.New(problem.Failure, "check this machine's clock; else a newer dram has newer keys",
			"checking signature: the archive's key has expired at %s", now.Format(time.DateOnly))
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return "", problem.New(problem.Failure, hint+"; keys of an image's own archive are those of its keyrings",
			"checking signature: no key that is known made it: %w", err)
	case err != nil:
		return "", problem.New(problem.Failure, hint, "checking signature: %w", err)
	case sig.Hash != crypto.SHA256 && sig.Hash != crypto.SHA384 && sig.Hash != crypto.SHA512:
		return "", problem.New(problem.Failure, hint, "checking signature: made with the weak hash %v", sig.Hash)
	}
	return string(block.Plaintext), nil
}

// parseRelease reads the signed text of an InRelease.
func parseRelease(text string) (release, error) {
	r := release{files: map[string]indexFile{}}
	for name, value := range fields(text) {
		switch name {
		case "Origin":
			r.origin = value
		case "Suite":
			r.suite = value
		case "Codename":
			r.codename = value
		case "Acquire-By-Hash":
			r.byHash = value == "yes"
		case "Valid-Until":
			t, err := time.Parse(time.RFC1123, value)
			if err != nil {
				return r, fmt.Errorf("reading Valid-Until: %w", err)
			}
			r.validUntil = t
		case "SHA256":
			if err := r.readFiles(value); err != nil {
				return r, err
			}
		}
	}
	if len(r.files) == 0 {
		return r, errors.New("no SHA-256 digests in it")
	}
	return r, nil
}

func (r release) readFiles(value string) error {
	for line := range strings.Lines(value) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) != 3 || !isSHA256(f[0]) {
			return fmt.Errorf("malformed SHA256 line %q", strings.TrimSpace(line))
		}
		size, err := strconv.ParseInt(f[1], 10, 64)
		if err != nil || size < 0 {
			return fmt.Errorf("malformed size in line %q", strings.TrimSpace(line))
		}
		r.files[f[2]] = indexFile{f[0], size}
	}
	return nil
}

func isSHA256(s string) bool {
	ok := len(s) == 64
	for _, c := range s {
		ok = ok && ('0' <= c && c <= '9' || 'a' <= c && c <= 'f')
	}
	return ok
}

// check says whether the release is what was asked for, and still valid.
func (r release) check(dist string, now time.Time, allowExpired bool) error {
	if r.codename != dist && r.suite != dist {
		return problem.New(problem.Failure, "use another mirror",
			"the mirror's %q says that it is %q (%s)", dist, r.codename, r.suite)
	}
	if allowExpired || r.validUntil.IsZero() || now.Before(r.validUntil) {
		return nil
	}
	return problem.New(problem.Failure,
		"the mirror is out of date (or this machine's clock is wrong): use another mirror, or allow it: --expired-indexes allow",
		"the index of %q was valid until %s, and it is %s", dist,
		r.validUntil.UTC().Format(time.DateTime), now.UTC().Format(time.DateTime))
}

// packages picks the Packages index of a component for the architecture: its path
// and digest. xz is a quarter smaller than gzip.
func (r release) packages(component, arch string) (string, indexFile, error) {
	for _, ext := range []string{".xz", ".gz"} {
		name := component + "/binary-" + arch + "/Packages" + ext
		if f, ok := r.files[name]; ok {
			return name, f, nil
		}
	}
	return "", indexFile{}, problem.New(problem.Usage, "use an architecture that Debian has, such as amd64 or arm64",
		"the archive's %q has no packages for %q", r.codename, arch)
}
