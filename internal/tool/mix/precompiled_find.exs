# What precompiled NIFs packages want, written down for the step that fetches them:
# an application, URL, place and SHA-256 a line, parted by tabs. It has no network.
# rustler_precompiled tells what it would fetch when a module that uses it is compiled,
# whether it then fetches or, as it is told here, leaves that to Rust.
cache = Path.join(System.get_env("XDG_CACHE_HOME"), "rustler_precompiled")
deps = System.get_env("MIX_DEPS_PATH") || "deps"
build = System.get_env("MIX_BUILD_PATH") || Path.join("_build", System.get_env("MIX_ENV"))
force = [{"RUSTLER_PRECOMPILED_FORCE_BUILD_ALL", "1"}]

compile = fn args, env ->
  System.cmd("mix", ["deps.compile" | args], env: env, stderr_to_stdout: true)
end

told = fn app ->
  for file <- Path.wildcard(Path.join([cache, "metadata", "metadata-*.exs"])),
      {%{otp_app: owner} = metadata, _} <- [Code.eval_string(File.read!(file))],
      to_string(owner) == app do
    "metadata-" <> module = Path.basename(file, ".exs")
    {module, metadata}
  end
end

File.rm_rf!(Path.join(cache, "metadata"))

wanted =
  for app <- String.split(System.get_env("DRAM_PRECOMPILED")), File.dir?(Path.join(deps, app)) do
    {said, _} = compile.([app, "--include-children"], force)
    # One of the children may fail for the same reason; what uses it is asked again.
    if told.(app) == [], do: compile.([app], force)
    File.rm_rf!(Path.join([build, "lib", app]))
    if told.(app) == [], do: IO.puts("#{app} does not tell what it would fetch:\n#{said}")

    for {module, metadata} <- told.(app) do
      sums =
        case File.read(Path.join([deps, app, "checksum-#{module}.exs"])) do
          {:ok, text} -> elem(Code.eval_string(text), 0)
          {:error, _} -> %{}
        end

      # From 0.8 on, what is sent along stands beside the URL.
      metadata =
        case metadata do
          %{base_url: {url, []}} when is_binary(url) -> %{metadata | base_url: url}
          _ -> metadata
        end

      case metadata do
        %{base_url: url, file_name: name, cached_tar_gz: path} when is_binary(url) ->
          case sums do
            %{^name => "sha256:" <> sum} ->
              IO.puts("#{app}: #{name}")
              uri = URI.parse(url)
              url = to_string(%{uri | path: Path.join(uri.path || "/", name)})
              Enum.join([app, url, path, sum], "\t") <> "\n"

            _ ->
              IO.puts("#{app} has no checksum of #{name}: it is not fetched")
              []
          end

        %{base_url: url} when not is_binary(url) ->
          IO.puts("#{app} fetches its NIFs in a way of its own: they are not fetched before")
          []

        _ ->
          IO.puts("#{app} has no precompiled NIF for #{:erlang.system_info(:system_architecture)}")
          []
      end
    end
  end

File.mkdir_p!(cache)
File.write!(Path.join(cache, "wanted"), wanted)
