defmodule Mix.Tasks.Compile.Native do
  @moduledoc """
  Compiles the C sources by running `make`.

  What it makes goes to the application's own build directory, never to the
  source tree, so that the source may be read-only and two environments do not
  overwrite each other's binaries. `make` itself decides what is out of date.
  """
  use Mix.Task.Compiler

  @impl true
  def run(_args) do
    File.mkdir_p!(Mix.Project.app_path())
    make(["all"])
  end

  @impl true
  def clean do
    make(["clean"])
    :ok
  end

  defp make(targets) do
    args = ["--no-print-directory" | targets]

    case System.cmd("make", args, env: env(), into: IO.stream(:stdio, :line)) do
      {_, 0} -> :ok
      {_, status} -> Mix.raise("make #{Enum.join(targets, " ")} failed with status #{status}")
    end
  end

  defp env do
    [
      {"MIX_APP_PATH", Mix.Project.app_path()},
      {"ERTS_INCLUDE_DIR", Path.join([:code.root_dir(), erts(), "include"])}
    ]
  end

  defp erts, do: "erts-#{:erlang.system_info(:version)}"
end

defmodule Hello.MixProject do
  use Mix.Project

  def project do
    [
      app: :hello,
      version: "0.1.0",
      elixir: "~> 1.10",
      compilers: [:native | Mix.compilers()],
      start_permanent: Mix.env() == :prod,
      deps: [],
      releases: [hello: [include_executables_for: [:unix]]]
    ]
  end

  def application do
    [
      extra_applications: [:logger, :crypto, :public_key, :ssl],
      mod: {Hello.Application, []}
    ]
  end
end
