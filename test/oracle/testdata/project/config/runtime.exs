import Config

config :oracle, stage: config_env()
