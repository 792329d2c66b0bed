import Config

# Read where the release starts, not where it is built.
if port = System.get_env("PORT") do
  config :hello, port: port
end
