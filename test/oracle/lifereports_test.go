package oracle

import "dram/internal/check"

// lifelikeReports are about entrypoints, env.sh and runtime.exs.
func lifelikeReports() []publicReport {
	const fail, warn = check.Fail, check.Warn
	runtime := func(code string) string { return "cat >> $vsn/runtime.exs <<'E9'\n" + code + "\nE9\n" }
	return []publicReport{
		changed("elixir-lang/elixir-lang.github.com#1535", "Mix.env() in runtime.exs: module Mix is not available", runtime("if Mix.env() == :prod do\n  config :oracle, a: 1\nend"), warn, "config"),
		changed("bitwalker/distillery-aws-example#7", "a provider of settings is not in the release", "sed 's/Elixir.Config.Reader/Elixir.Mix.Release.Config.Providers.Elixir/' $vsn/sys.config > x; rm $vsn/sys.config; mv x $vsn/sys.config", fail, "config"),
		changed("hexpm/hexpm#992", "could not fetch environment variable HEXPM_HOST", runtime("config :oracle, host: System.fetch_env!(\"HEXPM_HOST\")"), warn, "config"),
		changed("sergiotapia/magnetissimo#148", "environment variable SECRET_KEY_BASE is missing", runtime("key =\n  System.get_env(\"SECRET_KEY_BASE\") ||\n    raise \"\"\"\n    environment variable SECRET_KEY_BASE is missing.\n    \"\"\"\nconfig :oracle, key: key"), warn, "config"),
		changed("apache/couchdb#2151", "the start script is a link, and looks beside that", "mkdir libexec; mv bin/oracle bin/app; echo x > libexec/data; printf '#!/bin/sh\\nset -e\\ncat \"${0%%/*}/data\"\\nexec /app/bin/app \"$@\"\\n' > libexec/couch; chmod 755 libexec/couch; ln -s ../libexec/couch bin/oracle", fail, "start"),
		changed("erlware/relx#317", "set -e, and a grep that finds nothing", env("NAME_ARG=$(grep '^-s\\?name' \"$RELEASE_ROOT/releases/0.1.0/vm.args\")\nif [ -z \"$NAME_ARG\" ]; then echo 'vm.args needs a name'; fi"), fail, "start"),
		changed("metachaos-systems/glasnost#15", "./start.sh: Permission denied", "printf '#!/bin/sh\\nexec /app/bin/app \"$@\"\\n' > bin/start.sh; chmod 644 bin/start.sh\n"+entry(ofSh+"cd /app/bin && exec ./start.sh \"$@\""), fail, "start"),
		changed("supabase/supavisor#97", "Invalid node name: FLY_APP_NAME is not set", env("export RELEASE_DISTRIBUTION=name\nexport RELEASE_NODE=${FLY_APP_NAME}@${NODE_IP:-127.0.0.1}"), warn, "vm-args"),
		changed("bitwalker/distillery#266", "the module of a task is in an .exs file, and not in the release", entry(ofSh+"/app/bin/app eval 'App.ReleaseTasks.seed()'\nexec /app/bin/app \"$@\""), warn, "start"),
		changed("erlware/relx#329", "Invalid node name: ${NODE_NAME}, which nothing replaced", env("export RELEASE_DISTRIBUTION=none")+arg("-name ${NODE_NAME}"), fail, "vm-args"),
	}
}
