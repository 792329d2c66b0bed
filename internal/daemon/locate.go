package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/docker/cli/cli/context"
	"github.com/moby/moby/client"
)

// usualSocket is the daemon's address where nobody named one: the usual socket,
// or the first that is there of those that rootless engines have.
func usualSocket(env map[string]string) string {
	if there(client.DefaultDockerHost) {
		return client.DefaultDockerHost
	}
	if host := env["CONTAINER_HOST"]; host != "" {
		return host
	}
	runtime := env["XDG_RUNTIME_DIR"]
	for _, path := range []string{
		filepath.Join(env["HOME"], ".docker", "run", "docker.sock"),
		filepath.Join(runtime, "docker.sock"),
		filepath.Join(runtime, "podman", "podman.sock"),
		"/run/podman/podman.sock",
	} {
		if host := "unix://" + path; filepath.IsAbs(path) && there(host) {
			return host
		}
	}
	return client.DefaultDockerHost
}

// there says whether a unix:// address has a file.
func there(host string) bool {
	path, ok := cutUnix(host)
	if !ok {
		return true // a named pipe
	}
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func cutUnix(host string) (string, bool) {
	const prefix = "unix://"
	if len(host) > len(prefix) && host[:len(prefix)] == prefix {
		return host[len(prefix):], true
	}
	return "", false
}

// maxPEM bounds a certificate's or key's file, in bytes.
const maxPEM = 1 << 20

// tlsFiles reads the files that docker reads in DOCKER_CERT_PATH; a certificate
// and a key are not needed.
func tlsFiles(dir string) (*context.TLSData, error) {
	var data context.TLSData
	for _, f := range []struct {
		name string
		to   *[]byte
	}{{"ca.pem", &data.CA}, {"cert.pem", &data.Cert}, {"key.pem", &data.Key}} {
		raw, err := readBounded(filepath.Join(dir, f.name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		*f.to = raw
	}
	if len(cmp.Or(string(data.CA), string(data.Cert))) == 0 {
		return nil, fmt.Errorf("%q holds neither ca.pem nor cert.pem", dir)
	}
	return &data, nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read from
	raw, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	if err == nil && len(raw) > maxPEM {
		err = fmt.Errorf("%q is larger than %d bytes", path, maxPEM)
	}
	return raw, err
}

func isPermission(err error) bool { return errors.Is(err, fs.ErrPermission) }
