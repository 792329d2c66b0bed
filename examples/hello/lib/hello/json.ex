defmodule Hello.JSON do
  @moduledoc """
  Writes JSON (RFC 8259). Objects are keyword lists, so that members keep their
  order; an empty list is an array. Bytes that are not UTF-8 become U+FFFD.
  """

  @type value :: nil | boolean | number | String.t() | [value] | [{atom, value}]

  @spec encode(value) :: iodata
  def encode(nil), do: "null"
  def encode(value) when is_boolean(value), do: Atom.to_string(value)
  def encode(value) when is_integer(value), do: Integer.to_string(value)
  def encode(value) when is_float(value), do: Float.to_string(value)
  def encode(value) when is_binary(value), do: [?", escape(value, []), ?"]

  def encode([{key, _} | _] = members) when is_atom(key) do
    [?{, Enum.map_intersperse(members, ?,, &member/1), ?}]
  end

  def encode(values) when is_list(values) do
    [?[, Enum.map_intersperse(values, ?,, &encode/1), ?]]
  end

  defp member({key, value}), do: [encode(Atom.to_string(key)), ?:, encode(value)]

  defp escape(<<char::utf8, rest::binary>>, done), do: escape(rest, [done | character(char)])
  defp escape(<<_byte, rest::binary>>, done), do: escape(rest, [done | "\uFFFD"])
  defp escape(<<>>, done), do: done

  defp character(?"), do: ~S(\")
  defp character(?\\), do: ~S(\\)
  defp character(?\n), do: ~S(\n)

  defp character(char) when char < 0x20 do
    ["\\u", char |> Integer.to_string(16) |> String.pad_leading(4, "0")]
  end

  defp character(char), do: <<char::utf8>>
end
