defmodule Hello.Connection do
  @moduledoc """
  One request and its response, then the connection is closed (RFC 9112).

  The VM's own HTTP parser splits the head into lines; how many bytes the head
  may have and how long it may take are bounded here.
  """
  require Logger

  @request_ms 5_000
  @head_bytes 16_384
  @drain_bytes 65_536
  @drain_ms 200

  @reasons %{
    200 => "OK",
    400 => "Bad Request",
    404 => "Not Found",
    405 => "Method Not Allowed",
    408 => "Request Timeout",
    431 => "Request Header Fields Too Large",
    500 => "Internal Server Error"
  }

  @doc "Serves the connection and closes it."
  def serve(socket) do
    # Told to stop, the supervisor waits for this request rather than cutting it off.
    Process.flag(:trap_exit, true)

    case read(socket, now() + @request_ms) do
      {:ok, method, path} -> respond(socket, method, handle(method, path))
      {:error, status} -> respond(socket, :GET, text(status))
      :closed -> :ok
    end
  after
    :gen_tcp.close(socket)
  end

  defp read(socket, deadline) do
    case next(:http_bin, socket, "", deadline, @head_bytes) do
      {:ok, {:http_request, method, {:abs_path, path}, _version}, rest, left} ->
        skip_headers(socket, rest, deadline, left, {:ok, method, path})

      {:ok, {:http_request, method, {:absoluteURI, _, _, _, path}, _version}, rest, left} ->
        skip_headers(socket, rest, deadline, left, {:ok, method, path})

      {:ok, _anything_else, _rest, _left} ->
        {:error, 400}

      other ->
        other
    end
  end

  defp skip_headers(socket, buffer, deadline, left, request) do
    case next(:httph_bin, socket, buffer, deadline, left) do
      {:ok, :http_eoh, _rest, _left} ->
        request

      {:ok, {:http_header, _, _, _, _}, rest, left} ->
        skip_headers(socket, rest, deadline, left, request)

      {:ok, _anything_else, _rest, _left} ->
        {:error, 400}

      other ->
        other
    end
  end

  # The next line, parsed, what was received beyond it, and how many bytes more
  # may be received.
  defp next(kind, socket, buffer, deadline, left) do
    case :erlang.decode_packet(kind, buffer, []) do
      {:ok, line, rest} ->
        {:ok, line, rest, left}

      {:more, _} when left <= 0 ->
        {:error, 431}

      {:more, _} ->
        with {:ok, data} <- receive_more(socket, deadline) do
          next(kind, socket, buffer <> data, deadline, left - byte_size(data))
        end

      {:error, _} ->
        {:error, 400}
    end
  end

  defp receive_more(socket, deadline) do
    case :gen_tcp.recv(socket, 0, max(deadline - now(), 0)) do
      {:ok, data} -> {:ok, data}
      {:error, :timeout} -> {:error, 408}
      {:error, _closed_or_reset} -> :closed
    end
  end

  defp handle(method, path) when method in [:GET, :HEAD] do
    Hello.Router.route(path |> String.split("?", parts: 2) |> hd())
  rescue
    error ->
      Logger.error(Exception.format(:error, error, __STACKTRACE__))
      text(500)
  catch
    :exit, reason ->
      Logger.error("no answer: #{Exception.format_exit(reason)}")
      text(500)
  end

  defp handle(_method, _path), do: text(405)

  defp text(status), do: {status, "text/plain; charset=utf-8", [@reasons[status], ?\n]}

  defp respond(socket, method, {status, type, body}) do
    head = [
      "HTTP/1.1 #{status} #{Map.fetch!(@reasons, status)}\r\n",
      if(status == 405, do: "allow: GET, HEAD\r\n", else: []),
      "content-type: #{type}\r\n",
      "content-length: #{IO.iodata_length(body)}\r\n",
      "connection: close\r\n\r\n"
    ]

    with :ok <- :gen_tcp.send(socket, if(method == :HEAD, do: head, else: [head, body])),
         :ok <- :gen_tcp.shutdown(socket, :write) do
      drain(socket, @drain_bytes, now() + @drain_ms)
    end
  end

  # Closing a socket with unread bytes resets the connection, and the response
  # may be lost on its way: read what is left of the request, within bounds.
  defp drain(socket, bytes, deadline) do
    case :gen_tcp.recv(socket, 0, max(deadline - now(), 0)) do
      {:ok, data} when byte_size(data) < bytes -> drain(socket, bytes - byte_size(data), deadline)
      _ -> :ok
    end
  end

  defp now, do: System.monotonic_time(:millisecond)
end
