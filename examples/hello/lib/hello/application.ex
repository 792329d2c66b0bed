defmodule Hello.Application do
  @moduledoc """
  Starts the port program's owner, then the connections' supervisor, then the
  listener. They stop the other way round, so that on SIGTERM no connection is
  taken any more while those that are open still find all they need.
  """
  use Application

  @impl true
  def start(_type, _args) do
    children = [
      Hello.Checksum,
      {Task.Supervisor, name: Hello.Connections, max_children: 256},
      {Hello.Listener, port: port()}
    ]

    :ok = Hello.Signals.install()
    Supervisor.start_link(children, strategy: :one_for_one, name: Hello.Supervisor)
  end

  # Elixir before 1.11 does not know config/runtime.exs, so PORT is asked here too.
  defp port do
    setting = System.get_env("PORT") || Application.fetch_env!(:hello, :port)

    case Integer.parse(setting) do
      {port, ""} when port in 0..65_535 -> port
      _ -> raise ArgumentError, "PORT must be a number from 0 to 65535, not #{inspect(setting)}"
    end
  end
end
