defmodule Oracle.MixProject do
  use Mix.Project

  @native [crypto: :permanent, asn1: :permanent, runtime_tools: :permanent, os_mon: :permanent, odbc: :load]

  def project do
    [
      app: :oracle,
      version: "0.1.0",
      releases: [
        oracle: [include_executables_for: [:unix]],
        full: [include_executables_for: [:unix], applications: @native],
        bare: [include_executables_for: [:unix], include_erts: false, applications: @native]
      ],
      default_release: :oracle
    ]
  end

  def application, do: [mod: {:oracle, []}, extra_applications: []]
end
