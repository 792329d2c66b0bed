defmodule Hello.Native do
  @moduledoc "Functions in C that run inside the VM: `c_src/hello_nif.c`."

  @on_load :load

  @doc "The 64-bit FNV-1a hash of at most 256 KiB."
  @spec fnv1a(iodata) :: non_neg_integer
  def fnv1a(_data), do: :erlang.nif_error(:not_loaded)

  @doc "The user id that the VM runs under."
  @spec uid() :: non_neg_integer
  def uid, do: :erlang.nif_error(:not_loaded)

  @doc false
  def load do
    :hello
    |> Application.app_dir("priv/hello_nif")
    |> String.to_charlist()
    |> :erlang.load_nif(0)
  end
end
