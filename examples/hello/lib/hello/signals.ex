defmodule Hello.Signals do
  @moduledoc """
  Answers SIGTERM: the application stops in its supervisors' order, the log is
  written out and the VM ends at once.

  OTP's own handler calls `:init.stop/0`, which stops as gracefully but then
  waits a whole second for the `user` process, every time (`user_sup`).
  """
  @behaviour :gen_event

  # What may hang while stopping does not hold up the end longer than this.
  @stop_ms 5_000

  @doc "Takes the place of OTP's handler; doing so again changes nothing."
  def install do
    :gen_event.swap_handler(:erl_signal_server, {:erl_signal_handler, []}, {__MODULE__, []})
  end

  @impl true
  def init(_args), do: {:ok, nil}

  @impl true
  def handle_event(:sigterm, state) do
    # In a process of its own: this one must be free for the next signal.
    spawn(&stop/0)
    {:ok, state}
  end

  def handle_event(:sigquit, _state), do: :erlang.halt()
  def handle_event(:sigusr1, _state), do: :erlang.halt(~c"Received SIGUSR1")
  def handle_event(_signal, state), do: {:ok, state}

  @impl true
  def handle_call(_request, state), do: {:ok, :ok, state}

  defp stop do
    {:ok, _} = :timer.apply_after(@stop_ms, :erlang, :halt, [1])
    Application.stop(:hello)
    Logger.flush()
    System.halt(0)
  end
end
