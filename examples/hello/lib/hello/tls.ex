defmodule Hello.TLS do
  @moduledoc """
  A TLS handshake of the VM with itself over loopback, each side checking what
  it should: the server shows a certificate made for the occasion, the client
  verifies its chain and host name.
  """

  @host ~c"localhost"
  @loopback {127, 0, 0, 1}
  @timeout 5_000

  @doc "The protocol and the cipher suite that the two sides agreed on."
  @spec handshake() :: %{protocol: String.t(), cipher: String.t()}
  def handshake do
    %{server_config: server, client_config: client} = certificates()
    {:ok, listener} = :ssl.listen(0, [ip: @loopback, active: false, mode: :binary] ++ server)

    try do
      {:ok, {_address, port}} = :ssl.sockname(listener)
      accepting = Task.async(fn -> accept(listener) end)
      agreed = connect(port, client)
      :ok = Task.await(accepting, @timeout)
      agreed
    after
      :ssl.close(listener)
    end
  end

  defp accept(listener) do
    {:ok, socket} = :ssl.transport_accept(listener, @timeout)
    {:ok, socket} = :ssl.handshake(socket, @timeout)
    {:ok, "hello"} = :ssl.recv(socket, 5, @timeout)
    :ssl.close(socket)
  end

  defp connect(port, client) do
    options = [verify: :verify_peer, server_name_indication: @host, active: false, mode: :binary]
    {:ok, socket} = :ssl.connect(@loopback, port, options ++ client, @timeout)
    :ok = :ssl.send(socket, "hello")

    {:ok, [protocol: protocol, selected_cipher_suite: suite]} =
      :ssl.connection_information(socket, [:protocol, :selected_cipher_suite])

    :ssl.close(socket)
    %{protocol: to_string(protocol), cipher: to_string(:ssl.suite_to_str(suite))}
  end

  defp certificates do
    names = {:Extension, {2, 5, 29, 17}, false, [dNSName: @host]}
    root = [digest: :sha256, key: {:namedCurve, :secp256r1}]

    :public_key.pkix_test_data(%{
      server_chain: %{root: root, intermediates: [], peer: [{:extensions, [names]} | root]},
      client_chain: %{root: root, intermediates: [], peer: root}
    })
  end
end
