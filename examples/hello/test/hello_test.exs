defmodule HelloTest do
  use ExUnit.Case

  test "the NIF gives FNV-1a's published values" do
    assert Hello.Native.fnv1a("") == 0xCBF29CE484222325
    assert Hello.Native.fnv1a("foobar") == 0x85944171F73967E8
    assert_raise ArgumentError, fn -> Hello.Native.fnv1a(:binary.copy("x", 300_000)) end
  end

  test "the port program agrees with the VM, however many ask at once" do
    for data <- ["", "hello", :binary.copy("x", 65_535)] do
      assert Hello.Checksum.crc32(data) == :erlang.crc32(data)
    end

    1..50
    |> Enum.map(fn n -> Task.async(fn -> {n, Hello.Checksum.crc32("#{n}")} end) end)
    |> Enum.each(fn task ->
      {n, crc} = Task.await(task)
      assert crc == :erlang.crc32("#{n}")
    end)
  end

  test "the page reports what the known answers say" do
    {200, body} = get("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    assert body =~ ~s("elixir":"#{System.version()}")
    assert body =~ ~s("fnv1a":"a430d84680aabd0b")
    assert body =~ ~s("crc32":"3610a686")
    assert body =~ "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert body =~ "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
    assert body =~ ~s("protocol":"tlsv1.)
  end

  test "requests are answered with the right status" do
    assert get("GET /health HTTP/1.1\r\nhost: x\r\n\r\n") == {200, "ok\n"}
    assert get("GET /health?x=1 HTTP/1.0\r\n\r\n") == {200, "ok\n"}
    assert get("HEAD /health HTTP/1.1\r\nhost: x\r\n\r\n") == {200, ""}
    assert {404, _} = get("GET /none HTTP/1.1\r\nhost: x\r\n\r\n")
    assert {405, _} = get("POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc")
    assert {400, _} = get("nonsense\r\n\r\n")
    assert {431, _} = get(["GET / HTTP/1.1\r\n", :binary.copy("a: b\r\n", 5_000), "\r\n"])
    assert {431, _} = get(["GET /", :binary.copy("a", 20_000), " HTTP/1.1\r\n\r\n"])
  end

  test "the signal handler is in place after a restart too" do
    assert Hello.Signals.install() == :ok
    assert Hello.Signals in :gen_event.which_handlers(:erl_signal_server)
  end

  test "JSON is escaped" do
    value = [text: "a\"b\\c\n\u0001é" <> <<0xFF>>, list: [1, true, nil, []]]
    json = IO.iodata_to_binary(Hello.JSON.encode(value))
    assert json == ~S({"text":"a\"b\\c\n\u0001é) <> "\uFFFD" <> ~S(","list":[1,true,null,[]]})
  end

  defp get(request) do
    options = [:binary, active: false, packet: :raw]
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, Hello.Listener.port(), options)
    :ok = :gen_tcp.send(socket, request)
    response = receive_all(socket, "")
    :gen_tcp.close(socket)
    [head, body] = String.split(response, "\r\n\r\n", parts: 2)
    <<"HTTP/1.1 ", status::binary-size(3), _::binary>> = head
    {String.to_integer(status), body}
  end

  defp receive_all(socket, data) do
    case :gen_tcp.recv(socket, 0, 5_000) do
      {:ok, more} -> receive_all(socket, data <> more)
      {:error, :closed} -> data
    end
  end
end
