package debian

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"dram/internal/fsutil"
)

// Furnish fills dir, an empty directory, with the packages of a set for another
// processor: nothing of them is run. Of what their scripts would do, that is done here
// which a release takes into its image: the bundle of certificates. Users, the loader's
// cache and services are none of it, and links by which packages share a name are made
// for sh and awk alone. The packages are recorded as installed.
func (c *Client) Furnish(ctx context.Context, set *Set, dir string) error {
	return c.fill(ctx, set, dir, installedState, func(root *os.Root, dir string, packages []*installed) error {
		if err := writeCertificates(root); err != nil {
			return err
		}
		return tidy(root, dir, epoch(packages))
	})
}

// Where certificates come from, one file each, and where all of them go.
const (
	certificatesDir = "usr/share/ca-certificates"
	certificates    = "etc/ssl/certs/ca-certificates.crt"
)

// Bounds of certificates; Mozilla's are 150 of 2,000 bytes each.
const (
	maxCertificate  = 1 << 20
	maxCertificates = 16 << 20
)

// writeCertificates puts the certificates into one file, as update-ca-certificates(8)
// does with all of them chosen: in the order of their names, each ending in a newline.
func writeCertificates(root *os.Root) error {
	var all bytes.Buffer
	err := fs.WalkDir(root.FS(), certificatesDir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !strings.HasSuffix(name, ".crt") {
			return err
		}
		raw, err := fsutil.ReadIn(root, name, maxCertificate)
		if err != nil {
			return err
		}
		all.Write(raw)
		if !bytes.HasSuffix(raw, []byte("\n")) {
			all.WriteByte('\n')
		}
		if all.Len() > maxCertificates {
			return errors.New("the certificates in " + certificatesDir + " are too large")
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a set without them
	}
	if err != nil {
		return err
	}
	if err := root.MkdirAll(path.Dir(certificates), 0o755); err != nil {
		return err
	}
	return putFile(root, certificates, all.Bytes(), 0o644)
}
