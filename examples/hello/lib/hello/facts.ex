defmodule Hello.Facts do
  @moduledoc """
  What this system is and what works in it. Each result is computed anew, so a
  page that comes is proof that the NIF, the port program, OpenSSL and TLS work
  here and now.
  """

  @sample "hello"

  # Where the distributions keep their CA certificates.
  @bundles [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem"
  ]

  @doc "All facts, in the order of the page."
  @spec all() :: keyword
  def all do
    [
      hello: to_string(Application.spec(:hello, :vsn)),
      elixir: System.version(),
      otp: System.otp_release(),
      erts: to_string(:erlang.system_info(:version)),
      node: to_string(node()),
      uid: Hello.Native.uid(),
      encoding: [io: io_encoding(), file_names: to_string(:file.native_name_encoding())],
      nif: [fnv1a: hex(<<Hello.Native.fnv1a(@sample)::64>>)],
      port_program: [crc32: hex(<<Hello.Checksum.crc32(@sample)::32>>)],
      crypto: crypto(),
      tls: tls()
    ]
  end

  defp io_encoding do
    case :io.getopts() do
      options when is_list(options) -> to_string(options[:encoding])
      {:error, _} -> nil
    end
  end

  defp crypto do
    [{_name, _number, library} | _] = :crypto.info_lib()
    zero = &:binary.copy(<<0>>, &1)

    # The first block of the AES-256-GCM test vectors: everything zero.
    {block, tag} =
      :crypto.crypto_one_time_aead(:aes_256_gcm, zero.(32), zero.(12), zero.(16), "", true)

    [
      library: library,
      sha256: hex(:crypto.hash(:sha256, @sample)),
      hmac_sha256: hex(:crypto.mac(:hmac, :sha256, "key", @sample)),
      aes_256_gcm: hex(block <> tag)
    ]
  end

  defp tls do
    %{protocol: protocol, cipher: cipher} = Hello.TLS.handshake()
    [protocol: protocol, cipher: cipher, ca_certificates: ca_certificates()]
  end

  defp ca_certificates do
    case Enum.find(@bundles, &File.regular?/1) do
      nil -> 0
      bundle -> bundle |> File.read!() |> :public_key.pem_decode() |> length()
    end
  end

  defp hex(bytes), do: Base.encode16(bytes, case: :lower)
end
