package plan

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dram/internal/source"
	"dram/internal/store"
)

// What may do more than define modules while it is compiled, by any name or way
// to a name; and what ordinary code holds and may not.
func TestActs(t *testing.T) {
	for _, text := range []string{
		`File.write!("x", "y")`, `alias File, as: F`, `import File`, `File . write!("x", "y")`, `:file.write_file("x", "y")`, `:prim_file.write()`,
		`System.cmd("sh", [])`, `s = System`, `:os.cmd('sh')`, `Port.open(x, y)`, `open_port(x, y)`, `Code.eval_string(x)`, `Code.compile_quoted(x)`, `eval_quoted(x)`,
		`EEx.eval_string(x)`, `:code.add_path('x')`, `:compile.forms(x)`, `Mix.Shell.cmd(x)`, `use Mix.Task`, `defmodule Mix.Tasks.Compile.X do`, `Module.create(M, q, e)`,
		`Application.put_env(:a, :b, :c)`, `:persistent_term.put(x, y)`, `:ets.insert(t, x)`, `Agent.start(f)`, `use Rustler, otp_app: :x`,
		`Node.spawn(n, f)`, `:rpc.call(n, m, f, a)`, `:beam_lib.strip(x)`, `Kernel.ParallelCompiler.compile(x)`, `IEx.Helpers.c("x")`,
		"-compile({parse_transform, evil}).", "parse_transform(Forms, _) -> file:write_file(x, y).", `os:cmd("sh")`, `c:c(x)`, `erl_eval:exprs(X, Y)`, "M = file, M:write_file(x, y).",
		`File.read!("x"); File.rm!("x")`, `System.get_env("x"); System.put_env("x", "y")`,
	} {
		if !mayAct([]byte(text)) {
			t.Errorf("%s counts as harmless", text)
		}
	}
	for _, name := range []string{
		`m = :file`, `m = :"Elixir.File"`, `m = :'Elixir.File'`, `m = :"file"`, `m = :"fi#{le}"`, `m = :"fi\x6ce"`, `[m] = ~w(file)a`, `[m] = ~w[x file]a`, `[m] = ~w"file"a`, "[m] = ~w(\n  file\n)a",
		`[{m, _}] = [file: 1]`, `[{m, _}] = ["file": 1]`, `[{m, _}] = ["fi\x6ce": 1]`, `[m] = ~w(fi\u006ce)a`, `m = String.to_atom("x")`, `m = String.to_existing_atom(x)`, `m = List.to_atom(x)`,
		`m = :erlang.binary_to_atom(x)`, `m = :erlang.binary_to_term(x)`, `m = Module.concat(["Fi", "le"])`, `m = Process.info(self())`, `m = __STACKTRACE__`,
	} {
		for _, call := range []string{`m.write(1, 2)`, `m().write(1)`, `apply(m, f, a)`, `spawn(m, f, a)`, `:timer.apply_after(0, m, f, a)`, `Task.start(m, f, a)`, `Supervisor.start_link([{m, a}], o)`, `GenServer.start_link(m, a)`} {
			if text := name + "; " + call; !mayAct([]byte(text)) {
				t.Errorf("%s counts as harmless", text)
			}
		}
	}
	for _, text := range []string{`alias :file, as: F; F.write(1, 2)`, `import :file; write_file(1, 2)`, `defdelegate write(a, b), to: :file`} {
		if !mayAct([]byte(text)) {
			t.Errorf("%s counts as harmless", text)
		}
	}
	for _, text := range []string{
		`System.get_env("PORT")`, `System.monotonic_time()`, `File.read!("x")`, `Application.get_env(:a, :b)`, `Mix.env()`, `%{file: 1, code: 2}`, `{:error, :file}`, `:erlang.system_info(:otp_release)`,
		`"\u00e9"`, `:"user:created"`, `:gen_tcp.send(s, x)`, `String.to_existing_atom(x)`, `Application.compile_env!(:a, :b)`, `ensure_all_started(:ssl)`,
		"defmodule Shop.Basket do\n  use Ecto.Schema\n  import Ecto.Changeset\n  schema \"baskets\" do\n    field :profile, :string\n    timestamps()\n  end\n" +
			"  def changeset(b, attrs), do: b |> cast(attrs, ~w(name email)a) |> validate_required([:name])\nend\n",
		"defmodule ShopWeb.PageController do\n  use ShopWeb, :controller\n  plug :authenticate when action in [:index]\n  def index(conn, _), do: render(conn, :index, files: [])\nend\n",
		"defmodule Shop.Worker do\n  use GenServer\n  def init(x), do: {:ok, x}\n  def handle_call(:get, _from, s), do: {:reply, s, s}\nend\n",
		"-module(shop).\n-export([value/1]).\nvalue(#{profile := X}) -> lists:map(fun(Y) -> Y + 1 end, X).\n",
		"<div class={@class}><%= for item <- @items do %><%= item.name %><% end %></div>",
		"defmacro times(x), do: quote(do: unquote(x) * 2)",
	} {
		if mayAct([]byte(text)) {
			t.Errorf("it counts as acting (%q, %q, %q):\n%s", acts.FindString(text), byName.FindString(text), dynamic.FindString(text), text)
		}
	}
}

const harmless = "defmodule A do\n  def a, do: 1\nend\n"

func TestLineage(t *testing.T) {
	base := map[string]string{
		"mix.exs": "defmodule A.MixProject do\nend\n", "lib/a.ex": harmless, "lib/b.ex": harmless, "config/config.exs": "import Config\n",
		"config/runtime.exs": "import Config\n", "config/test.exs": "import Config\n", "README.md": "a", "test/a_test.exs": "a", "priv/x": "1", "lib/a.html.heex": "<p>",
	}
	reader := map[string]string{"lib/r.ex": `@x File.read!("README.md")`}
	coder := map[string]string{"lib/r.ex": `@x File.read!(Path.join(__DIR__, "a.ex"))`}
	edited := map[string]string{"lib/a.ex": "defmodule A do\n  def a, do: 2\nend\n"}
	naming := map[string]string{"config/config.exs": "import Config\nimport_config \"runtime.exs\"\n"}
	// as Phoenix's generator writes it
	speaking := map[string]string{"config/prod.exs": "import Config\n\n# Runtime configuration is done on config/runtime.exs.\n"}
	for _, tt := range []struct {
		name    string
		more    map[string]string // beside base, before and after
		changed map[string]string
		want    bool // another lineage
	}{
		{"nothing", nil, nil, false},
		{"code", nil, map[string]string{"lib/a.ex": "defmodule A do\n  def a, do: 2\nend\n"}, false},
		{"code added", nil, map[string]string{"lib/c.ex": harmless}, false},
		{"code removed", nil, map[string]string{"lib/b.ex": ""}, false},
		{"a template", nil, map[string]string{"lib/a.html.heex": "<b>"}, false},
		{"code that acts now", nil, map[string]string{"lib/a.ex": "defmodule A do\n  File.write!(1, 2)\nend\n"}, true},
		{"code that acts, added", nil, map[string]string{"lib/c.ex": `System.cmd("a", [])`}, true},
		{"mix.exs", nil, map[string]string{"mix.exs": "defmodule A.MixProject do\n\nend\n"}, true},
		{"another mix.exs", nil, map[string]string{"libs/x/mix.exs": "defmodule X.MixProject do\nend\n"}, true},
		{"configuration", nil, map[string]string{"config/config.exs": "import Config\n\n"}, true},
		{"configuration of the start", nil, map[string]string{"config/runtime.exs": "import Config\n\n"}, false},
		{"the same, which the build reads", naming, map[string]string{"config/runtime.exs": "import Config\n\n"}, true},
		{"the same, of which a comment speaks", speaking, map[string]string{"config/runtime.exs": "import Config\n\n"}, false},
		{"configuration of another environment", nil, map[string]string{"config/test.exs": "import Config\n\n"}, false},
		{"priv", nil, map[string]string{"priv/x": "2"}, true},
		{"priv removed", nil, map[string]string{"priv/x": ""}, true},
		{"documentation", nil, map[string]string{"README.md": "b"}, false},
		{"documentation where files are read", reader, map[string]string{"README.md": "b"}, true},
		{"documentation where code is read", coder, map[string]string{"README.md": "b"}, true},
		{"code where documentation is read", reader, edited, false},
		{"code where code is read", coder, edited, true},
		{"code where the README names code", map[string]string{"README.md": "lib/a.ex __DIR__"}, edited, false},
		{"a link", nil, map[string]string{"lib/c.ex": harmless, "lib/a.ex": ""}, false},
		{"a test", nil, map[string]string{"test/a_test.exs": "b"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st, err := store.Open(filepath.Join(t.TempDir(), "cache"))
			if err != nil {
				t.Fatal(err)
			}
			before := lineageOf(t, st, base, tt.more)
			after := lineageOf(t, st, base, tt.more, tt.changed)
			if got := before != after; got != tt.want {
				t.Errorf("another lineage: %t, want %t", got, tt.want)
			}
			if again := lineageOf(t, st, base, tt.more); again != before {
				t.Error("the same source has another lineage")
			}
		})
	}
}

func lineageOf(t *testing.T, st *store.Store, layers ...map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, files := range layers {
		for name, text := range files {
			p := filepath.Join(dir, name)
			if text == "" {
				_ = os.Remove(p)
				continue
			}
			if err := os.MkdirAll(filepath.Dir(p), 0o750); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	src, err := source.Read(t.Context(), dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := (&Plan{Dir: "/project", BuildSettings: BuildSettings{MixEnv: "prod"}}).Lineage(t.Context(), src, st)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(got)
}
