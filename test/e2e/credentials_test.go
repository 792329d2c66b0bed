package e2e

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dram/internal/target/sshtest"
)

// repository is a bare repository of Git with an application in it.
func repository(t *testing.T, app, module string) string {
	t.Helper()
	work := write(t, t.TempDir(),
		"mix.exs", "defmodule "+module+".MixProject do\n  use Mix.Project\n  def project, do: [app: :"+app+", version: \"0.1.0\"]\nend\n",
		"lib/"+app+".ex", "defmodule "+module+" do\n  def says, do: \""+app+"\"\nend\n")
	bare := filepath.Join(t.TempDir(), app+".git")
	for _, args := range [][]string{
		{"init", "-q", "-b", "main", "."},
		{"add", "."},
		{"-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "-q", "-m", "one"},
		{"clone", "-q", "--bare", ".", bare},
		{"-C", bare, "update-server-info"},
	} {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = work
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	return bare
}

// depends is a project with a git dependency.
func depends(t *testing.T, app, url string) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "shop"), "nonce", nonce(),
		"mix.exs", `defmodule Shop.MixProject do
  use Mix.Project
  def project, do: [app: :shop, version: "1.0.0", deps: [{:`+app+`, git: "`+url+`"}]]
  # `+nonce()+`
end
`, "lib/shop.ex", "defmodule Shop do\n  def says, do: Priv.says()\nend\n")
}

// A git dependency behind ssh: with the user's agent and the hosts that ssh knows,
// if the user says so.
func TestGitOverSSH(t *testing.T) {
	real(t)
	if os.Geteuid() != 0 {
		t.Skip("left out: the server logs in whoever runs it")
	}
	s := sshtest.Start(t)
	env := s.Agent(t)
	dir := depends(t, "priv", s.URL(repository(t, "priv", "Priv")))
	build := dram{args: []string{"build", dir}, env: env}
	build.fails(t, 4, `step "fetch"`, "--credentials ssh")

	write(t, dir, "dram.toml", "[build]\ncredentials = [\"ssh\"]\n")
	build.fails(t, 2, "dram.toml: build.credentials: a project cannot have what is yours")
	if err := os.Remove(filepath.Join(dir, "dram.toml")); err != nil {
		t.Fatal(err)
	}
	build.args = append(build.args, "--credentials", "ssh")
	unknown := append(append([]string{}, env...), "HOME="+t.TempDir())
	dram{args: build.args, env: unknown}.fails(t, 4, "Host key verification failed", "connect once by hand")
	dram{args: build.args, env: append(env, "SSH_AUTH_SOCK=/nowhere")}.fails(t, 5, "no ssh agent answers", "ssh-add")
	build.ok(t)

	// What compiles has neither.
	replace(t, filepath.Join(dir, "lib/shop.ex"), "do\n", "do\n  if System.get_env(\"SSH_AUTH_SOCK\") || File.exists?(\"/root/.ssh\"), do: raise(\"it has the agent\")\n")
	build.ok(t)
}

// A git dependency behind a password: the entry of .netrc for its host, and no
// other.
func TestGitOverHTTP(t *testing.T) {
	real(t)
	root := http.FileServer(http.Dir(filepath.Dir(repository(t, "priv", "Priv"))))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "0pen-sesame" {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "who are you", http.StatusUnauthorized)
			return
		}
		root.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	home := write(t, t.TempDir(), ".netrc", "machine bank.example login me password n0t-y0urs\nmachine 127.0.0.1 login me password 0pen-sesame\n")
	dir := depends(t, "priv", server.URL+"/priv.git")
	replace(t, filepath.Join(dir, "mix.exs"), "defmodule", `with {:ok, text} <- File.read("/root/.netrc"), true <- text =~ "bank", do: raise("it has all of .netrc")
defmodule`)
	build := dram{args: []string{"build", dir}, env: []string{"HOME=" + home}}
	build.fails(t, 4, `step "fetch"`, "--credentials netrc")
	build.args = append(build.args, "--credentials", "netrc")
	build.ok(t)
	err := filepath.WalkDir(cacheDir, func(p string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.Contains(p, "/trees/") {
			return nil //nolint:nilerr // others use the cache
		}
		if raw, err := os.ReadFile(p); err == nil && strings.Contains(string(raw), "0pen-sesame") {
			t.Errorf("%s holds the password", p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
