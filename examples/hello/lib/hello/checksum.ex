defmodule Hello.Checksum do
  @moduledoc """
  Owns the port program `hello_crc` (`c_src/hello_crc.c`) and speaks with it.

  The program answers in the order in which it was asked, so callers wait in a
  queue and none holds up another's question. If the program ends, so does this
  process, and its supervisor starts both anew.
  """
  use GenServer

  # The largest message that a two-byte length can announce.
  @max_bytes 65_535

  def start_link(_options), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)

  @doc "The CRC-32 of at most 65,535 bytes, by the port program."
  @spec crc32(binary) :: non_neg_integer
  def crc32(data) when byte_size(data) <= @max_bytes do
    GenServer.call(__MODULE__, {:crc32, data})
  end

  @impl true
  def init(nil) do
    program = Application.app_dir(:hello, "priv/hello_crc")
    port = Port.open({:spawn_executable, program}, [:binary, :exit_status, packet: 2])
    {:ok, {port, :queue.new()}}
  end

  @impl true
  def handle_call({:crc32, data}, from, {port, waiting}) do
    Port.command(port, data)
    {:noreply, {port, :queue.in(from, waiting)}}
  end

  @impl true
  def handle_info({port, {:data, <<crc::32>>}}, {port, waiting}) do
    {{:value, from}, waiting} = :queue.out(waiting)
    GenServer.reply(from, crc)
    {:noreply, {port, waiting}}
  end

  def handle_info({port, {:exit_status, status}}, {port, _waiting} = state) do
    {:stop, {:port_program_ended, status}, state}
  end
end
