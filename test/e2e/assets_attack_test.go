package e2e

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// spy is Elixir that writes down, to files beside one another, whether it had a key
// and whether it reached a port of this machine.
func spy(name, port string) string {
	return `dir = Path.join(Mix.Project.build_path(), "spies")
File.mkdir_p!(dir)
key = if System.get_env("HEX_API_KEY") || System.get_env("HEX_REPOS_KEY"), do: "a key", else: "no key"

net =
  case :gen_tcp.connect({127, 0, 0, 1}, ` + port + `, [], 1000) do
    {:ok, _} -> "the network"
    {:error, _} -> "no network"
  end

File.write!(Path.join(dir, "` + name + `"), key <> ", " <> net)
`
}

// Code that is compiled has neither the network nor a key, whoever calls for its
// compilation: a dependency in the project, one of git, and the project's own, of
// which assets.setup asks for all. What sets assets up has the network and no key.
func TestSetupCompilesNothing(t *testing.T) {
	real(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	git := bareRepository(t, "hx_spy", spy("git dependency", port))
	dir := write(t, filepath.Join(t.TempDir(), "spied"),
		"nonce", nonce(),
		"mix.exs", `defmodule Spied.MixProject do
  use Mix.Project

  def project do
    [
      app: :spied,
      version: "1.0.0",
      deps: [{:shelf, path: "libs/shelf"}, {:hx_spy, git: "`+git+`"}],
      aliases: ["assets.setup": ["deps.loadpaths", "compile", "spy"], "assets.deploy": ["compile", "gather"]]
    ]
  end
end
`,
		"libs/shelf/mix.exs", "defmodule Shelf.MixProject do\n  use Mix.Project\n  def project, do: [app: :shelf, version: \"0.1.0\"]\nend\n",
		"libs/shelf/lib/shelf.ex", "defmodule Shelf do\n"+spy("path dependency", port)+"end\n",
		"lib/spied.ex", "defmodule Spied do\n"+spy("project", port)+"  def told, do: File.read!(Application.app_dir(:spied, \"priv/told\"))\nend\n",
		"lib/mix/tasks/spy.ex", "defmodule Mix.Tasks.Spy do\n  use Mix.Task\n  def run(_) do\n"+spy("setup", port)+"  end\nend\n",
		"priv/readme", "",
		"lib/mix/tasks/gather.ex", `defmodule Mix.Tasks.Gather do
  use Mix.Task

  def run(_) do
    dir = Path.join(Mix.Project.build_path(), "spies")
    told = for name <- Enum.sort(File.ls!(dir)), do: name <> ": " <> File.read!(Path.join(dir, name)) <> "\n"
    File.write!("priv/told", told)
  end
end
`)
	dram{args: []string{"image", dir}, env: []string{"HEX_API_KEY=5ecre7-key-of-the-te5t", "HEX_REPOS_KEY=an0ther-key-of-the-te5t"}}.ok(t)
	const want = "git dependency: no key, no network\npath dependency: no key, no network\nproject: no key, no network\nsetup: no key, the network\n"
	if got := says(t, imageOf(dir, "spied", "1.0.0"), "Spied.told()"); got != want {
		t.Errorf("the spies say:\n%swant:\n%s", got, want)
	}
}

// bareRepository serves a git repository of one package whose module body is given.
func bareRepository(t *testing.T, name, body string) (url string) {
	t.Helper()
	work := write(t, t.TempDir(),
		"mix.exs", "defmodule "+moduleName(name)+".MixProject do\n  use Mix.Project\n  def project, do: [app: :"+name+", version: \"0.3.0\"]\nend\n",
		"lib/"+name+".ex", "defmodule "+moduleName(name)+" do\n"+body+"end\n")
	inside(t, work, "sh", "-ec", `cd /w
git init -q -b main . && git add . && git -c user.name=t -c user.email=t@example.invalid commit -q -m one
git clone -q --bare . bare.git && git -C bare.git update-server-info`)
	public := t.TempDir()
	if err := os.Rename(filepath.Join(work, "bare.git"), filepath.Join(public, name+".git")); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(public)))
	t.Cleanup(server.Close)
	return server.URL + "/" + name + ".git"
}

func moduleName(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}
