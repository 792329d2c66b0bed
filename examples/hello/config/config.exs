import Config

# Tests take any free port.
config :hello, port: if(Mix.env() == :test, do: "0", else: "4000")
