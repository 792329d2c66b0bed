defmodule Words.MixProject do
  use Mix.Project

  def project do
    [
      app: :words,
      version: "0.1.0",
      elixir: "~> 1.13",
      escript: [main_module: Words, emu_args: "+sbtu +A1"]
    ]
  end

  def application, do: [extra_applications: [:crypto]]
end
