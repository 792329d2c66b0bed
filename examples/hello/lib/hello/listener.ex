defmodule Hello.Listener do
  @moduledoc """
  Owns the listening socket and a process that accepts on it. Each connection
  is served by a task of its own under `Hello.Connections`; where those are at
  their limit, the connection is closed at once.
  """
  use GenServer
  require Logger

  # An open request may take this long once the release is told to stop.
  @shutdown_ms 500

  def start_link(options) do
    GenServer.start_link(__MODULE__, Keyword.fetch!(options, :port), name: __MODULE__)
  end

  @doc "The port that is listened on, which matters where 0 was asked for."
  def port, do: GenServer.call(__MODULE__, :port)

  @impl true
  def init(port) do
    options = [
      :binary,
      active: false,
      reuseaddr: true,
      backlog: 256,
      send_timeout: 5_000,
      send_timeout_close: true
    ]

    with {:ok, socket} <- :gen_tcp.listen(port, options),
         {:ok, port} <- :inet.port(socket),
         {:ok, _pid} <- Task.start_link(fn -> accept(socket) end) do
      Logger.info("listening on port #{port}")
      {:ok, port}
    else
      {:error, reason} -> {:stop, {:listen, port, reason}}
    end
  end

  @impl true
  def handle_call(:port, _from, port), do: {:reply, port, port}

  defp accept(socket) do
    case :gen_tcp.accept(socket) do
      {:ok, connection} ->
        serve(connection)

      {:error, reason} when reason in [:emfile, :enfile, :enobufs, :enomem] ->
        # Nothing was taken from the queue: without a pause this would spin.
        Logger.error("cannot accept a connection: #{:inet.format_error(reason)}")
        Process.sleep(100)

      {:error, reason} when reason in [:econnaborted, :timeout] ->
        :ok

      {:error, reason} ->
        exit({:accept, reason})
    end

    accept(socket)
  end

  defp serve(connection) do
    options = [shutdown: @shutdown_ms]

    with {:ok, pid} <- Task.Supervisor.start_child(Hello.Connections, &await/0, options),
         :ok <- :gen_tcp.controlling_process(connection, pid) do
      send(pid, {:serve, connection})
    else
      _ -> :gen_tcp.close(connection)
    end
  end

  # The task must own the socket before it reads from it.
  defp await do
    receive do
      {:serve, connection} -> Hello.Connection.serve(connection)
    after
      5_000 -> :ok
    end
  end
end
