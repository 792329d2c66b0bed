defmodule Dram.Get do
  # In bytes: an archive of Node.js has 60 million, of a NIF up to some hundred.
  @most 1_073_741_824
  # In milliseconds, without a byte.
  @silence 60_000

  def get(url) do
    {:ok, _} = Application.ensure_all_started(:inets)
    {:ok, _} = Application.ensure_all_started(:ssl)
    proxies()
    options = [connect_timeout: 30_000, autoredirect: true, ssl: ssl()] ++ auth(url)
    {:ok, ref} = :httpc.request(:get, {String.to_charlist(url), []}, options, sync: false, stream: :self)
    receive_all(ref, [], 0)
  end

  def fail(text) do
    IO.puts(:stderr, text)
    System.halt(1)
  end

  def sha256(bytes), do: Base.encode16(:crypto.hash(:sha256, bytes), case: :lower)

  defp receive_all(ref, got, size) do
    receive do
      {:http, {^ref, :stream_start, _}} -> receive_all(ref, got, size)
      {:http, {^ref, :stream, part}} when size + byte_size(part) > @most -> {:error, "it is larger than #{@most} bytes"}
      {:http, {^ref, :stream, part}} -> receive_all(ref, [got, part], size + byte_size(part))
      {:http, {^ref, :stream_end, _}} -> {:ok, IO.iodata_to_binary(got)}
      {:http, {^ref, {{_, 200, _}, _, body}}} -> {:ok, body}
      {:http, {^ref, {{_, code, text}, _, _}}} -> {:error, "the server answers #{code} #{text}"}
      {:http, {^ref, {:error, reason}}} -> {:error, inspect(reason)}
    after
      @silence -> {:error, "nothing came for #{div(@silence, 1000)} s"}
    end
  end

  defp ssl do
    trust =
      case System.get_env("HEX_CACERTS_PATH") do
        nil -> [cacerts: apply(:public_key, :cacerts_get, [])]
        path -> [cacertfile: String.to_charlist(path)]
      end

    match = :public_key.pkix_verify_hostname_match_fun(:https)
    [verify: :verify_peer, depth: 5, customize_hostname_check: [match_fun: match]] ++ trust
  end

  defp proxies do
    spared = for host <- String.split(env("NO_PROXY") || "", ",", trim: true), do: String.to_charlist(String.trim(host))

    for {name, option} <- [{"HTTP_PROXY", :proxy}, {"HTTPS_PROXY", :https_proxy}], url = env(name) do
      %{host: host, port: port} = URI.parse(url)
      :ok = :httpc.set_options([{option, {{String.to_charlist(host), port}, spared}}])
    end
  end

  defp auth(url) do
    with proxy when proxy != nil <- env(String.upcase(URI.parse(url).scheme || "") <> "_PROXY"),
         info when info != nil <- URI.parse(proxy).userinfo,
         [user, word] <- String.split(info, ":", parts: 2) do
      [proxy_auth: {String.to_charlist(URI.decode(user)), String.to_charlist(URI.decode(word))}]
    else
      _ -> []
    end
  end

  defp env(name), do: System.get_env(name) || System.get_env(String.downcase(name))
end
