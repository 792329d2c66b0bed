package main

import (
	"slices"
	"strings"
)

func states() []string {
	return strings.Fields("open pending booked settled rejected expired archived")
}

func verbs() []string {
	return strings.Fields("apply check derive fetch group match price rank settle total")
}

const umbrellaText = `defmodule Big.MixProject do
  use Mix.Project

  def project do
    [
      apps_path: "apps",
      version: "0.1.0",
      start_permanent: Mix.env() == :prod,
      deps: [],
      releases: [
        big: [
          version: "0.1.0",
          applications: [«LAST»: :permanent],
          include_executables_for: [:unix]
        ]
      ]
    ]
  end
end
`

const appText = `defmodule «CAMEL».MixProject do
  use Mix.Project

  def project do
    [
      app: :«APP»,
      version: "0.1.0",
      build_path: "../../_build",
      config_path: "../../config/config.exs",
      deps_path: "../../deps",
      lockfile: "../../mix.lock",
      elixir: "~> 1.10",
      start_permanent: Mix.env() == :prod,
      deps: deps()
    ]
  end

  def application do
    [extra_applications: [:logger]«MOD»]
  end

  defp deps do
    «DEPS»
  end
end
`

const contractText = `defmodule «NAME» do
  @moduledoc "What every record of this project has."

  defmacro __using__(options) do
    limit = Keyword.fetch!(options, :limit)

    quote do
      @behaviour unquote(__MODULE__)

      @impl unquote(__MODULE__)
      def limit, do: unquote(limit)

      @impl unquote(__MODULE__)
      def valid?(%__MODULE__{amount: amount}), do: amount >= 0 and amount <= limit()
    end
  end

  @callback limit() :: pos_integer
  @callback valid?(struct) :: boolean
end
`

const recordText = `defmodule «NAME» do
  @moduledoc "A record with an amount and a state."

  defstruct id: 0, amount: 0, state: :«STATE», tags: [], lines: %{}

  use «CONTRACT», limit: «LIMIT»

  @type t :: %__MODULE__{
          id: non_neg_integer,
          amount: number,
          state: atom,
          tags: [String.t()],
          lines: %{optional(atom) => number}
        }

  @spec new(non_neg_integer, number) :: t
  def new(id, amount), do: %__MODULE__{id: id, amount: amount}

  @spec tag(t, String.t()) :: t
  def tag(%__MODULE__{tags: tags} = «VAR», tag) when is_binary(tag) do
    %{«VAR» | tags: Enum.uniq([tag | tags])}
  end

  @spec move(t, atom) :: {:ok, t} | {:error, :same_state | :over_limit}
  def move(%__MODULE__{state: state}, state), do: {:error, :same_state}

  def move(%__MODULE__{} = «VAR», state) do
    if valid?(«VAR»), do: {:ok, %{«VAR» | state: state}}, else: {:error, :over_limit}
  end

  @spec put_line(t, atom, number) :: t
  def put_line(%__MODULE__{lines: lines} = «VAR», name, value) do
    lines = Map.put(lines, name, value)
    %{«VAR» | lines: lines, amount: lines |> Map.values() |> Enum.sum()}
  end
end
`

const headText = `defmodule «NAME» do
  @moduledoc "Works on records of «SUBJECT»."

  alias «SUBJECT»

  @seed «SEED»
  «REVISION»0

  @doc "The revision of the rules below."
  def revision, do: {@revision, @seed}

  @doc "An example to try them on."
  def example, do: «ALIAS».new(@seed, rem(@seed, 100))
`

// snippets are the functions that modules are made of.
func snippets() []string { return slices.Concat(recordSnippets(), valueSnippets()) }

// recordSnippets take or make records.
func recordSnippets() []string {
	return []string{
		`  def «FN»(%«ALIAS»{state: :«STATE»} = «VAR»), do: {:ok, «VAR»}
  def «FN»(%«ALIAS»{amount: amount}) when amount > «LIMIT», do: {:error, :too_large}

  def «FN»(%«ALIAS»{} = «VAR») do
    case «ALIAS».move(«VAR», :«STATE») do
      {:ok, moved} -> {:ok, «ALIAS».tag(moved, "«OTHER»")}
      {:error, reason} -> {:error, reason}
    end
  end
`,
		`  def «FN»(list) when is_list(list) do
    list
    |> Enum.filter(&«ALIAS».valid?/1)
    |> Enum.group_by(& &1.state, & &1.amount)
    |> Enum.map(fn {state, amounts} -> {state, Enum.sum(amounts) * «FACTOR»} end)
    |> Enum.sort()
  end
`,
		`  def «FN»(list) do
    Enum.reduce(list, %{total: 0, kept: [], dropped: 0}, fn
      %«ALIAS»{amount: amount} = «VAR», acc when amount < «LIMIT» ->
        %{acc | total: acc.total + amount, kept: [«VAR» | acc.kept]}

      %«ALIAS»{}, acc ->
        %{acc | dropped: acc.dropped + 1}
    end)
  end
`,
		`  def «FN»(0, acc), do: Enum.reverse(acc)

  def «FN»(n, acc) when n > 0 do
    «VAR» = %«ALIAS»{id: n, amount: rem(n * «FACTOR», «LIMIT»), state: :«STATE»}
    «FN»(n - 1, [«VAR» | acc])
  end
`,
	}
}

// valueSnippets work on lines, bytes, text and numbers.
func valueSnippets() []string {
	return []string{
		`  def «FN»(%«ALIAS»{lines: lines}, name) do
    with {:ok, value} <- Map.fetch(lines, name),
         true <- value <= «LIMIT» do
      {:ok, div(trunc(value) * «FACTOR», 100)}
    else
      :error -> {:error, {:no_line, name}}
      false -> {:error, {:over, «LIMIT»}}
    end
  end
`,
		`  def «FN»(<<kind::8, size::16, rest::binary>>) when byte_size(rest) >= size do
    <<payload::binary-size(size), tail::binary>> = rest
    {:ok, {kind, rem(:erlang.phash2(payload), «LIMIT»)}, tail}
  end

  def «FN»(data) when is_binary(data), do: {:more, data}
`,
		`  def «FN»(text) when is_binary(text) do
    for part <- String.split(text, ",", trim: true),
        [key, value] <- [String.split(part, "=", parts: 2)],
        {number, ""} <- [Integer.parse(value)],
        into: %{} do
      {String.trim(key), number * «FACTOR»}
    end
  end
`,
		`  def «FN»(amount, rate) when rate > 0 do
    cond do
      amount > «LIMIT» * 10 -> {:«STATE», amount * rate / «FACTOR»}
      amount > «LIMIT» -> {:«OTHER», amount * rate}
      amount >= 0 -> {:plain, amount}
      true -> raise ArgumentError, "amount #{amount} of «ALIAS» is negative"
    end
  end
`,
	}
}

const callText = `  @doc "What the rules that these build upon say."
  def below, do: {revision(), «OTHER».revision()}
`

const serverText = `defmodule «NAME» do
  @moduledoc "Knows the revisions of a few modules, and says so when it starts."
  use GenServer
  require Logger

  @modules [
«CALLS»
  ]

  def start_link(options), do: GenServer.start_link(__MODULE__, options, name: __MODULE__)

  @doc "The revision of each module."
  def revisions, do: GenServer.call(__MODULE__, :revisions)

  @impl true
  def init(_options) do
    revisions = Map.new(@modules, fn module -> {module, module.revision()} end)
    Logger.info("serving #{map_size(revisions)} revisions")
    {:ok, revisions}
  end

  @impl true
  def handle_call(:revisions, _from, revisions), do: {:reply, revisions, revisions}
end
`

const applicationText = `defmodule «NAME» do
  @moduledoc false
  use Application

  @impl true
  def start(_type, _args) do
    Supervisor.start_link([«SERVER»], strategy: :one_for_one)
  end
end
`
