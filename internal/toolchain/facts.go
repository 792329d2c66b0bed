package toolchain

import (
	"cmp"
	"io"
	"io/fs"
	"path"
	"strings"

	"dram/internal/beam"
	"dram/internal/distro"
	"dram/internal/rootfs"
)

// Facts is what a build needs to know of a toolchain, read from its files.
type Facts struct {
	OTP     string `json:"otp"`     // "27.3.4.1", "" if there is no Erlang
	Elixir  string `json:"elixir"`  // "1.18.3", "" if there is no Elixir
	OS      string `json:"os"`      // "Debian GNU/Linux 13 (trixie)"
	Path    string `json:"path"`    // PATH for programs in it
	Hex     bool   `json:"hex"`     // Mix finds Hex without an archive
	Rebar3  string `json:"rebar3"`  // its path, "" if there is none
	CC      bool   `json:"cc"`      // a C compiler and make are there
	CACerts string `json:"cacerts"` // the CA bundle, "" if there is none
}

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// erlangRoots are where Erlang is installed: by distributions, and by images that
// build it.
var erlangRoots = []string{"usr/local/lib/erlang", "usr/lib/erlang", "opt/erlang"}

// elixirPrograms are those of an Elixir's bin/ that people call.
var elixirPrograms = []string{"elixir", "elixirc", "iex", "mix"}

var elixirRoots = []string{"usr/local/lib/elixir", "usr/lib/elixir", "usr/local/src/elixir", "opt/elixir", "usr/local"}

// readFacts reads the facts of root; env is the image's own environment.
func readFacts(root rootfs.FS, env []string) Facts {
	f := Facts{Path: defaultPath, OS: osName(root)}
	for _, kv := range env {
		if p, ok := strings.CutPrefix(kv, "PATH="); ok && p != "" {
			f.Path = p
		}
	}
	for _, dir := range erlangRoots {
		if f.OTP == "" {
			f.OTP = otpVersion(root, dir)
		}
	}
	for _, dir := range elixirRoots {
		if f.Elixir == "" {
			f.Elixir = elixirVersion(root, dir)
		}
		f.Hex = f.Hex || exists(root, dir+"/lib/hex/ebin/hex.app")
	}
	f.Rebar3 = find(root, f.Path, "rebar3")
	f.CC = find(root, f.Path, "cc") != "" && find(root, f.Path, "make") != ""
	for _, c := range distro.CABundles() {
		if exists(root, c) {
			f.CACerts = "/" + c
			break
		}
	}
	return f
}

// find looks a program up in a PATH inside root.
func find(root rootfs.FS, searchPath, name string) string {
	for dir := range strings.SplitSeq(searchPath, ":") {
		p := path.Join(dir, name)
		if exists(root, strings.TrimPrefix(p, "/")) {
			return p
		}
	}
	return ""
}

func exists(root rootfs.FS, name string) bool {
	info, err := root.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

func otpVersion(root rootfs.FS, dir string) string {
	for _, pattern := range []string{dir + "/releases/*/OTP_VERSION", dir + "/OTP_VERSION"} {
		names, err := fs.Glob(root, pattern)
		if err != nil {
			continue
		}
		for _, n := range names {
			if v := strings.TrimSpace(string(readSmall(root, n))); v != "" {
				return strings.TrimSuffix(v, "**") // a patched installation says so with stars
			}
		}
	}
	return ""
}

func elixirVersion(root rootfs.FS, dir string) string {
	app, err := beam.ParseApp(readSmall(root, dir+"/lib/elixir/ebin/elixir.app"), "elixir")
	if err != nil || len(app.Version) > 64 {
		return ""
	}
	return app.Version
}

func osName(root rootfs.FS) string { return cmp.Or(distro.Identify(root).Name, "unknown") }

// readSmall reads at most 64 KiB of a file; nothing if it cannot be read.
func readSmall(root rootfs.FS, name string) []byte {
	f, err := root.Open(name)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return nil
	}
	return raw
}
