defmodule Words do
  @moduledoc "Counts words: words [--top N] [FILE]"

  def main(arguments) do
    case OptionParser.parse(arguments, strict: [top: :integer]) do
      {options, files, []} when length(files) <= 1 -> count(text(files), options[:top] || 3)
      _ -> fail("usage: words [--top N] [FILE]")
    end
  end

  defp text([]), do: IO.read(:stdio, :eof)

  defp text([file]) do
    case File.read(file) do
      {:ok, text} -> text
      {:error, reason} -> fail("#{file}: #{:file.format_error(reason)}")
    end
  end

  defp count(text, top) do
    words = text |> String.downcase() |> String.split(~r/[^\p{L}]+/u, trim: true)
    digest = :crypto.hash(:sha256, text) |> Base.encode16(case: :lower) |> binary_part(0, 12)
    IO.puts("#{length(words)} words, sha256 #{digest}")

    words
    |> Enum.frequencies()
    |> Enum.sort_by(fn {word, n} -> {-n, word} end)
    |> Enum.take(top)
    |> Enum.each(fn {word, n} -> IO.puts("#{n} #{word}") end)
  end

  defp fail(says) do
    IO.puts(:stderr, says)
    System.halt(2)
  end
end
