# Node.js of the asked line, from its archive, which is verified by the checksums
# that lie beside it; or nothing, where the toolchain has that line already.
asked = System.get_env("DRAM_NODE")
to = Path.join(System.get_env("DRAM_JAVASCRIPT"), "node")
base = String.trim_trailing(System.get_env("NODEJS_ORG_MIRROR") || "https://nodejs.org/dist", "/")
prefix = asked |> String.replace_prefix("latest-", "") |> String.trim_trailing("x")

there =
  with node when node != nil <- System.find_executable("node"),
       npm when npm != nil <- System.find_executable("npm"),
       {text, 0} <- System.cmd(node, ["--version"]) do
    String.trim(text)
  else
    _ -> ""
  end

if there == asked or String.ends_with?(prefix, ".") and String.starts_with?(there, prefix) do
  IO.puts("Node.js #{there} is there")
else
  machine = to_string(:erlang.system_info(:system_architecture))

  arch =
    case machine do
      "x86_64" <> _ -> "x64"
      "aarch64" <> _ -> "arm64"
      _ -> Dram.Get.fail("#{base} has no Node.js for #{machine}")
    end

  if String.contains?(machine, "musl") do
    Dram.Get.fail("#{base} has no Node.js for musl: add the distribution's with --package nodejs --package npm, or build in a toolchain with glibc")
  end

  get = fn name ->
    url = "#{base}/#{asked}/#{name}"

    case Dram.Get.get(url) do
      {:ok, bytes} -> bytes
      {:error, why} -> Dram.Get.fail("Node.js #{asked} cannot be had: #{url}: #{why}")
    end
  end

  wanted = ~r/^([0-9a-f]{64})  (node-v[0-9.]+-linux-#{arch}\.tar\.gz)$/m

  case Regex.run(wanted, get.("SHASUMS256.txt")) do
    [_, sum, name] ->
      bytes = get.(name)

      if Dram.Get.sha256(bytes) != sum do
        Dram.Get.fail("#{name} of #{base} has SHA-256 #{Dram.Get.sha256(bytes)}, and its SHASUMS256.txt says #{sum}: refused")
      end

      File.rm_rf!(to)
      File.mkdir_p!(to)
      archive = to <> ".tar.gz"
      File.write!(archive, bytes)
      {_, 0} = System.cmd("tar", ["-xzf", archive, "--strip-components=1", "--no-same-owner", "-C", to])
      File.rm!(archive)
      IO.puts("#{name}, SHA-256 #{sum}")

    nil ->
      Dram.Get.fail("#{base}/#{asked}/SHASUMS256.txt has no Node.js for linux-#{arch}")
  end
end
