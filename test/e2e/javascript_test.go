package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// npmRegistry serves one package as npm's registry does, its archive as altered says,
// and below /dist/ an archive of Node.js: this machine's, laid out as nodejs.org's.
type npmRegistry struct {
	server  *httptest.Server
	tgz     []byte
	altered atomic.Bool
	node    []byte
	asked   atomic.Int64 // for the package's archive
}

const nodeArchive = "node-v20.99.0-linux-x64.tar.gz"

func newRegistry(t *testing.T) *npmRegistry {
	t.Helper()
	r := &npmRegistry{
		tgz:  packed(t, map[string]string{"package/package.json": `{"name": "tiny", "version": "1.0.0", "main": "index.js"}`, "package/index.js": "module.exports = 'tiny 1.0.0'\n"}),
		node: packedNode(t),
	}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/tiny":
			_, _ = fmt.Fprintf(w, `{"name": "tiny", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": {"name": "tiny", "version": "1.0.0", "dist": {"tarball": "%s/tiny/-/tiny-1.0.0.tgz", "integrity": "%s"}}}}`, r.server.URL, r.integrity())
		case "/tiny/-/tiny-1.0.0.tgz":
			r.asked.Add(1)
			sent := bytes.Clone(r.tgz)
			if r.altered.Load() {
				sent[len(sent)/2] ^= 1
			}
			_, _ = w.Write(sent)
		case "/dist/latest-v20.x/SHASUMS256.txt":
			_, _ = fmt.Fprintf(w, "%x  %s\n", sha256.Sum256(r.node), nodeArchive)
		case "/dist/latest-v20.x/" + nodeArchive:
			_, _ = w.Write(r.node)
		default:
			http.NotFound(w, req)
		}
	}))
	t.Cleanup(r.server.Close)
	return r
}

func (r *npmRegistry) integrity() string {
	sum := sha512.Sum512(r.tgz)
	return "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

// packed are files as a gzip tar.
func packed(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// packedNode is this machine's Node.js and npm.
func packedNode(t *testing.T) []byte {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("this machine has no Node.js to make an archive of")
	}
	if node, err = filepath.EvalSymlinks(node); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "npm", "root", "-g").Output()
	if err != nil {
		t.Skip("this machine has no npm to make an archive of")
	}
	modules := strings.TrimSpace(string(out))
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	w := tar.NewWriter(z)
	add := func(from, to string) {
		raw, err := os.ReadFile(from)
		if err == nil {
			err = w.WriteHeader(&tar.Header{Name: "node-v20.99.0-linux-x64/" + to, Mode: 0o755, Size: int64(len(raw))})
		}
		if err == nil {
			_, err = w.Write(raw)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add(node, "bin/node")
	if err := w.WriteHeader(&tar.Header{Name: "node-v20.99.0-linux-x64/bin/npm", Typeflag: tar.TypeSymlink, Linkname: "../lib/node_modules/npm/bin/npm-cli.js"}); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(modules, "npm"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.HasSuffix(path, ".md") && !strings.HasSuffix(path, ".html") {
			add(path, "lib/node_modules"+strings.TrimPrefix(path, modules))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []io.Closer{w, z} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// A project of Phoenix 1.4's layout: no alias makes its assets, but a script of its
// package.json, with the Node.js that it asks for and packages of its lock file.
func TestAssetsByNPM(t *testing.T) {
	real(t)
	inSample(t, false) // three minutes
	r := newRegistry(t)
	dir := write(t, filepath.Join(t.TempDir(), "old"),
		"nonce", nonce(), ".nvmrc", "v20\n", "priv/static/cache_manifest.json", "stale", "priv/readme", "",
		"mix.exs", "# "+nonce()+"\ndefmodule Old.MixProject do\n  use Mix.Project\n  def project, do: [app: :old, version: \"1.0.0\"]\nend\n",
		"lib/old.ex", "defmodule Old do\n  def read(name), do: File.read!(Application.app_dir(:old, \"priv/static/\" <> name))\n"+
			"  def files, do: File.ls!(Application.app_dir(:old, \"priv/static\")) |> Enum.sort() |> Enum.join(\" \")\nend\n",
		"assets/package.json", `{"name": "assets", "scripts": {"deploy": "node build.js"}, "dependencies": {"tiny": "1.0.0"}}`,
		"assets/package-lock.json", `{"name": "assets", "lockfileVersion": 3, "requires": true, "packages": {"": {"name": "assets", "dependencies": {"tiny": "1.0.0"}},
  "node_modules/tiny": {"version": "1.0.0", "integrity": "`+r.integrity()+`"}}}`,
		"assets/build.js", `const fs = require("fs")
const keys = Object.keys(process.env).filter(k => /TOKEN|HEX_API/.test(k)).join(" ")
const tell = net => {
  fs.mkdirSync("../priv/static", { recursive: true })
  fs.writeFileSync("../priv/static/app.js", [require("tiny"), keys || "no key", net].join(", "))
}
require("net").connect(`+r.server.URL[strings.LastIndex(r.server.URL, ":")+1:]+`, "127.0.0.1")
  .on("connect", () => { tell("the network"); process.exit(0) })
  .on("error", () => tell("no network"))
`)
	env := []string{"NPM_CONFIG_REGISTRY=" + r.server.URL, "NODEJS_ORG_MIRROR=" + r.server.URL + "/dist", "HEX_API_KEY=none-of-its-business", "NPM_TOKEN=nor-this"}
	build := dram{args: []string{"image", dir}, env: env}
	build.ok(t)
	image := imageOf(dir, "old", "1.0.0")
	if got, want := says(t, image, `Old.read("app.js") <> "; " <> Old.files()`), "tiny 1.0.0, no key, no network; app.js"; got != want {
		t.Errorf("the release says %q, want %q", got, want)
	}
	asked := r.asked.Load()
	replace(t, filepath.Join(dir, "assets/build.js"), `"no key"`, `"no key at all"`)
	build.ok(t)
	if got := says(t, image, `Old.read("app.js")`); got != "tiny 1.0.0, no key at all, no network" || r.asked.Load() != asked || asked == 0 {
		t.Errorf("after an edit the release says %q, and packages were fetched %d and %d times", got, asked, r.asked.Load())
	}
	r.altered.Store(true)
	write(t, dir, "assets/.npmrc", "audit=false\n", "nonce", nonce())
	replace(t, filepath.Join(dir, "mix.exs"), "defmodule", "# "+nonce()+"\ndefmodule")
	refused := dram{args: build.args, env: env}.fails(t, 4, `step "packages of assets"`, "EINTEGRITY")
	if strings.Contains(refused.stderr, "nor-this") {
		t.Error("the token is printed")
	}
}
