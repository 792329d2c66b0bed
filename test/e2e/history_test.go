package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// ledger is a project with one of everything that an edit may be about: modules,
// a macro, a file read while compiling, configuration, priv, a NIF, an overlay, a
// template and a path dependency.
func ledger(t *testing.T) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "ledger"),
		"nonce", nonce(),
		"mix.exs", `defmodule Ledger.MixProject do
  use Mix.Project

  def project do
    [app: :ledger, version: "1.0.0", compilers: Mix.compilers() ++ [:native], deps: [{:paper, path: "libs/paper"}]]
  end
end

defmodule Mix.Tasks.Compile.Native do
  use Mix.Task.Compiler

  def run(_) do
    File.mkdir_p!(Path.join(Mix.Project.app_path(), "priv"))
    {_, 0} = System.cmd("make", ["-s", "OUT=" <> Path.join(Mix.Project.app_path(), "priv")])
    :ok
  end
end
`,
		"Makefile", "ERL = $(shell erl -noshell -eval 'io:put_chars(code:root_dir()), halt().')\n"+
			"$(OUT)/ledger.so: c_src/ledger.c\n\tmkdir -p $(OUT)\n\tcc -shared -fPIC -I$(ERL)/usr/include -o $@ $<\n",
		"c_src/ledger.c", nifSource("1"),
		"config/config.exs", "import Config\nconfig :ledger, currency: \"euro\", later: 1\n",
		"config/runtime.exs", "import Config\nconfig :ledger, later: 1\n",
		"rel/overlays/NOTICE", "first\n",
		"priv/table.txt", "one\n",
		"priv/read.txt", "read\n",
		"lib/ledger.ex", `defmodule Ledger do
  require Ledger.Macros
  @currency Application.compile_env!(:ledger, :currency)
  def currency, do: @currency
  def twice(x), do: Ledger.Macros.times(x)
  def paper, do: Paper.size()
  def table, do: Ledger.Table.rows()
end
`,
		"lib/ledger/macros.ex", "defmodule Ledger.Macros do\n  defmacro times(x), do: quote(do: unquote(x) * 2)\nend\n",
		"lib/ledger/table.ex", `defmodule Ledger.Table do
  @external_resource "priv/table.txt"
  @rows String.split(File.read!("priv/table.txt"))
  @other File.read!("priv/read.txt")
  def rows, do: {@rows, @other}
end
`,
		"lib/ledger/entry.ex", "defmodule Ledger.Entry do\n  defstruct amount: 0\n  def new(n), do: %__MODULE__{amount: n}\nend\n",
		"lib/ledger/sums.ex", "defmodule Ledger.Sums do\n  def add(a, b), do: %Ledger.Entry{amount: a + b}\nend\n",
		"lib/ledger/page.ex", "defmodule Ledger.Page do\n  require EEx\n  EEx.function_from_file(:def, :page, \"lib/ledger/page.eex\", [:x])\nend\n",
		"lib/ledger/page.eex", "page of <%= x %>\n",
		"src/ledger_old.erl", "-module(ledger_old).\n-include(\"ledger_old.hrl\").\n-export([value/0]).\nvalue() -> ?VALUE.\n",
		"src/ledger_old.hrl", "-define(VALUE, 1).\n",
		"libs/paper/mix.exs", "defmodule Paper.MixProject do\n  use Mix.Project\n  def project, do: [app: :paper, version: \"0.1.0\"]\nend\n",
		"libs/paper/lib/paper.ex", "defmodule Paper do\n  def size, do: :a4\nend\n",
	)
}

func nifSource(n string) string {
	return `#include <erl_nif.h>
static ERL_NIF_TERM value(ErlNifEnv *e, int c, const ERL_NIF_TERM v[]) { return enif_make_int(e, ` + n + `); }
static ErlNifFunc funcs[] = {{"value", 0, value}};
ERL_NIF_INIT(ledger_nif, funcs, NULL, NULL, NULL, NULL)
`
}

// edits are kinds of change, one upon the other.
var edits = []struct {
	name string
	edit func(t *testing.T, dir string)
	same bool // the bytes may stay as they are
}{
	{"a function edited", func(t *testing.T, dir string) { replace(t, dir+"/lib/ledger/sums.ex", "a + b", "b + a + 0") }, false},
	{"a module added", func(t *testing.T, dir string) {
		write(t, dir, "lib/ledger/more.ex", "defmodule Ledger.More do\n  def more, do: Ledger.Entry.new(1)\nend\n")
	}, false},
	{"a module renamed", func(t *testing.T, dir string) {
		replace(t, dir+"/lib/ledger/more.ex", "Ledger.More do", "Ledger.Most do")
	}, false},
	{"a file renamed", func(t *testing.T, dir string) { rename(t, dir+"/lib/ledger/more.ex", dir+"/lib/ledger/most.ex") }, true},
	{"a module removed", func(t *testing.T, dir string) { remove(t, dir+"/lib/ledger/most.ex") }, false},
	{"a macro changed", func(t *testing.T, dir string) { replace(t, dir+"/lib/ledger/macros.ex", "* 2", "* 3") }, false},
	{"a struct changed", func(t *testing.T, dir string) {
		replace(t, dir+"/lib/ledger/entry.ex", "amount: 0", "amount: 0, note: nil")
	}, false},
	{"a file that is read changed, with an older time", func(t *testing.T, dir string) {
		write(t, dir, "priv/table.txt", "two\n")
		old(t, dir+"/priv/table.txt")
	}, false},
	{"a file that is read in secret changed", func(t *testing.T, dir string) { write(t, dir, "priv/read.txt", "other\n") }, false},
	{"configuration changed", func(t *testing.T, dir string) { replace(t, dir+"/config/config.exs", "euro", "krone") }, false},
	{"runtime configuration changed", func(t *testing.T, dir string) { replace(t, dir+"/config/runtime.exs", "later: 1", "later: 2") }, false},
	{"priv changed", func(t *testing.T, dir string) { write(t, dir, "priv/new.txt", "new\n") }, false},
	{"priv removed", func(t *testing.T, dir string) { remove(t, dir+"/priv/new.txt") }, false},
	{"NIF source changed", func(t *testing.T, dir string) { write(t, dir, "c_src/ledger.c", nifSource("2")) }, false},
	{"an overlay changed", func(t *testing.T, dir string) { write(t, dir, "rel/overlays/NOTICE", "second\n") }, false},
	{"an overlay renamed", func(t *testing.T, dir string) {
		rename(t, dir+"/rel/overlays/NOTICE", dir+"/rel/overlays/NOTE")
	}, false},
	{"a template changed", func(t *testing.T, dir string) { write(t, dir, "lib/ledger/page.eex", "a page of <%= x %>\n") }, false},
	{"an Erlang header changed", func(t *testing.T, dir string) { write(t, dir, "src/ledger_old.hrl", "-define(VALUE, 2).\n") }, false},
	{"a path dependency changed", func(t *testing.T, dir string) { replace(t, dir+"/libs/paper/lib/paper.ex", ":a4", ":a5") }, false},
	{"a path dependency's version", func(t *testing.T, dir string) { replace(t, dir+"/libs/paper/mix.exs", "0.1.0", "0.2.0") }, false},
	{"a compiler step changed", func(t *testing.T, dir string) {
		replace(t, dir+"/mix.exs", `"-s", `, `"-s", "-B", `)
	}, true},
	{"a compiler step that writes added", func(t *testing.T, dir string) {
		replace(t, dir+"/mix.exs", "    :ok\n", "    File.write!(Path.join(Mix.Project.app_path(), \"ebin/Elixir.Left.beam\"), \"left\")\n    :ok\n")
	}, false},
	{"a compiler step that writes removed", func(t *testing.T, dir string) {
		replace(t, dir+"/mix.exs", "    File.write!(Path.join(Mix.Project.app_path(), \"ebin/Elixir.Left.beam\"), \"left\")\n", "")
	}, false},
	{"the version changed", func(t *testing.T, dir string) { replace(t, dir+"/mix.exs", "1.0.0", "1.0.1") }, false},
	{"nothing but times", func(t *testing.T, dir string) { old(t, dir+"/lib/ledger.ex") }, true},
}

// everyEdit says whether all of a campaign is run, and not a sample of it.
func everyEdit() bool { return os.Getenv("DRAM_CAMPAIGN") != "" }

// For each kind of edit, what is built over an earlier build is what an empty
// place gives.
func TestIncrementalIsFresh(t *testing.T) {
	real(t)
	incrementalIsFresh(t, 4)
}

// The same in Docker's own BuildKit, where what is kept lies at the builder.
func TestDockerIncrementalIsFresh(t *testing.T) {
	withDocker(t)
	incrementalIsFresh(t, 12, "--engine", "buildkit")
}

// incrementalIsFresh builds after one edit in so many, and after all of them in a
// campaign.
func incrementalIsFresh(t *testing.T, every int, args ...string) {
	t.Helper()
	dir := ledger(t)
	before := ledgerSum(t, dir, args...)
	for i, e := range edits {
		e.edit(t, dir)
		if !everyEdit() && i%every != 0 && e.name != "a module removed" {
			continue // it counts with the next that is built
		}
		got := ledgerSum(t, dir, args...)
		elsewhere := filepath.Join(t.TempDir(), "elsewhere")
		copyTree(t, dir, elsewhere)
		if want := ledgerSum(t, elsewhere, args...); got != want {
			t.Errorf("%s: over an earlier build %s, from nothing %s", e.name, got, want)
		}
		if got == before && everyEdit() && !e.same {
			t.Errorf("%s: nothing changed, so this shows nothing", e.name)
		}
		before = got
	}
}

// ledgerSum is the digest of the tarball that the ledger comes to. What a compiler
// step of its leaves is no module, which the check says.
func ledgerSum(t *testing.T, dir string, args ...string) string {
	t.Helper()
	dram{args: append([]string{"build", dir, "--allow", "beam"}, args...)}.ok(t)
	found, err := filepath.Glob(filepath.Join(dir, "releases/ledger/releases/*/ledger.tar.gz"))
	if err != nil || len(found) != 1 {
		t.Fatalf("tarballs: %v, %v", found, err)
	}
	sum := listing(t, filepath.Dir(found[0]))["ledger.tar.gz"]
	removeAll(filepath.Join(dir, "releases"))
	return sum
}

// old gives a file a time long ago.
func old(t *testing.T, name string) {
	t.Helper()
	then := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	if err := os.Chtimes(name, then, then); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

// histories are variants of the ledger that leave something where later builds
// look: each is made of the clean one by an edit.
var histories = []struct {
	name string
	evil func(t *testing.T, dir string)
}{
	{"a file that writes a module, gone since", func(t *testing.T, dir string) {
		write(t, dir, "lib/evil.ex", "defmodule Ledger.Evil do\n"+evilBeam+"end\n")
	}},
	{"a module's body that writes over another's", func(t *testing.T, dir string) {
		replace(t, dir+"/lib/ledger/sums.ex", "  def add", evilBeam+"  def add")
	}},
	{"a macro that does", func(t *testing.T, dir string) {
		replace(t, dir+"/lib/ledger/macros.ex", "defmacro times(x), do: quote", "defmacro times(x) do\n"+evilBeam+"  quote")
		replace(t, dir+"/lib/ledger/macros.ex", "* 2)", "* 2)\n  end")
	}},
	{"by names that are made", func(t *testing.T, dir string) {
		replace(t, dir+"/lib/ledger/sums.ex", "  def add", `  m = String.to_atom("Elixir.Fi" <> "le"); m.write!("_build/prod/lib/ledger/ebin/Elixir.Ledger.Evil.beam", "evil")`+"\n  def add")
	}},
	{"by Erlang's file module", func(t *testing.T, dir string) {
		replace(t, dir+"/lib/ledger/sums.ex", "  def add", `  :ok = :file.write_file("_build/prod/lib/paper/ebin/Elixir.Paper.Evil.beam", "evil")`+"\n  def add")
	}},
	{"mix.exs", func(t *testing.T, dir string) {
		replace(t, dir+"/mix.exs", "defmodule Mix.Tasks", `File.mkdir_p!("_build/prod/lib/ledger/ebin"); File.write!("_build/prod/lib/ledger/ebin/Elixir.Ledger.Evil.beam", "evil")`+"\n\ndefmodule Mix.Tasks")
	}},
	{"an archive in Mix's home", func(t *testing.T, dir string) {
		replace(t, dir+"/mix.exs", "defmodule Mix.Tasks", `home = System.get_env("MIX_HOME"); File.mkdir_p!(home <> "/archives/evil-1/evil-1/ebin"); File.write!(home <> "/archives/evil-1/evil-1/ebin/evil.app", "evil")`+"\n\ndefmodule Mix.Tasks")
	}},
	{"configuration", func(t *testing.T, dir string) {
		replace(t, dir+"/config/config.exs", "import Config\n", `import Config; File.mkdir_p!("_build/prod/lib/ledger/ebin"); File.write!("_build/prod/lib/ledger/ebin/Elixir.Ledger.Evil.beam", "evil")`+"\n")
	}},
	{"make", func(t *testing.T, dir string) {
		replace(t, dir+"/Makefile", "\tcc ", "\techo evil > $(OUT)/../ebin/Elixir.Ledger.Evil.beam; echo evil > priv/evil\n\tcc ")
	}},
	{"a path dependency", func(t *testing.T, dir string) {
		replace(t, dir+"/libs/paper/lib/paper.ex", "  def size", evilBeam+"  def size")
	}},
	{"a link where the release goes", func(t *testing.T, dir string) {
		replace(t, dir+"/lib/ledger/sums.ex", "  def add", `  File.rm_rf!("_build/prod/rel"); File.ln_s!("../lib", "_build/prod/rel")`+"\n  def add")
	}},
}

const evilBeam = `  for app <- ["ledger", "paper"] do
    File.mkdir_p!("_build/prod/lib/#{app}/ebin")
    File.write!("_build/prod/lib/#{app}/ebin/Elixir.Evil.beam", "evil")
    File.write!("_build/prod/lib/#{app}/ebin/Elixir.Ledger.Table.beam", "evil")
  end
`

// Whatever was built at a place before, the same source has the same bytes there,
// and elsewhere.
func TestHistoryLeavesNothing(t *testing.T) {
	real(t)
	clean := ledger(t)
	for i, h := range histories {
		if !everyEdit() && i%3 != 0 {
			continue
		}
		t.Run(h.name, func(t *testing.T) {
			write(t, clean, "nonce", nonce()) // results of the other histories are not taken from the cache
			dir := filepath.Join(t.TempDir(), "ledger")
			copyTree(t, clean, dir)
			h.evil(t, dir)
			dram{args: []string{"build", dir, "--allow", "nif-entry"}}.run(t) // it may well fail
			removeAll(dir)
			copyTree(t, clean, dir)
			elsewhere := filepath.Join(t.TempDir(), "elsewhere")
			copyTree(t, clean, elsewhere)
			if got, want := ledgerSum(t, dir), ledgerSum(t, elsewhere); got != want {
				t.Errorf("after the other one %s, from nothing %s", got, want)
			}
		})
	}
}
