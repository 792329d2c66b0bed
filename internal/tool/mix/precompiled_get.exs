# The precompiled NIFs that were found to be wanted, each verified by the checksum that
# its package brings. No code of a package runs here.
cache = Path.join(System.get_env("XDG_CACHE_HOME"), "rustler_precompiled")

for line <- String.split(File.read!(Path.join(cache, "wanted")), "\n", trim: true) do
  [app, url, path, sum] = String.split(line, "\t")
  name = Path.basename(path)
  right = fn bytes -> Dram.Get.sha256(bytes) == sum end

  have =
    case File.read(path) do
      {:ok, bytes} -> right.(bytes)
      {:error, _} -> false
    end

  unless have do
    case Dram.Get.get(url) do
      {:ok, bytes} ->
        unless right.(bytes) do
          Dram.Get.fail("#{url} has SHA-256 #{Dram.Get.sha256(bytes)}, and #{app} says #{sum}: refused")
        end

        File.mkdir_p!(Path.dirname(path))
        File.write!(path, bytes)
        IO.puts("#{app}: #{name}, SHA-256 #{sum}")

      {:error, why} ->
        Dram.Get.fail(
          "#{app}'s precompiled NIF cannot be had: #{url}: #{why}\n" <>
            "To compile it instead: config :rustler_precompiled, :force_build, #{app}: true, with {:rustler, \">= 0.0.0\"} and cargo"
        )
    end
  end
end
