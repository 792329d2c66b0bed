package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ownDockerfile is one that does more than to make a release, as people write them: it is
// tried whole, packages, steps, files, directories and the start.
const ownDockerfile = `ARG ELIXIR=1.18.3
FROM elixir:${ELIXIR} AS build
ARG GREETING=hello
ENV MIX_ENV=staging TITLE=trip
WORKDIR /src
RUN apt-get update && apt-get install -y jq && mix local.hex --force
COPY . .
RUN mix do deps.get, compile
RUN printf 'route %s\n' north > priv/route && mix stamp ${GREETING}
RUN mix release
FROM debian:trixie-slim
RUN apt-get update && apt-get install -y jq libstdc++6 && useradd app
WORKDIR /srv/trip
COPY --from=build --chown=app /src/_build/staging/rel/trip ./
COPY docker/start.sh ./start.sh
COPY docker/trip.json /etc/trip/
RUN mkdir -p data && chown app data
ENV STORE=/srv/trip/data
ENTRYPOINT ["./start.sh"]
CMD ["bin/trip", "start"]
`

// A project whose Dockerfile is followed: what it installs, writes, runs, copies and
// starts is in the image, which says so when it runs.
func TestDockerfileIsFollowed(t *testing.T) {
	real(t)
	t.Parallel()
	dir := write(t, t.TempDir(), "Dockerfile", ownDockerfile, "nonce", nonce(), "priv/.keep", "", "mix.exs", `defmodule Trip.MixProject do
  use Mix.Project
  def project, do: [app: :trip, version: "0.1.0", deps: []]
  def application, do: [mod: {Trip, []}, extra_applications: [:logger]]
end
`, "config/config.exs", "import Config\nimport_config \"#{config_env()}.exs\"\n", "config/staging.exs", "import Config\nconfig :trip, stage: \"staged\"\n",
		"lib/trip.ex", `defmodule Trip do
  use Application
  @title System.get_env("TITLE")
  def start(_, _) do
    store = System.fetch_env!("STORE")
    File.write!(store <> "/log", "kept")
    read = fn name -> :trip |> Application.app_dir("priv/" <> name) |> File.read!() |> String.trim() end
    IO.puts("TRIP " <> Enum.join([@title, Application.fetch_env!(:trip, :stage), read.("route"), read.("stamp"), System.get_env("TO", "?"), File.read!(store <> "/log")], "; "))
    System.halt(0)
  end
end
`, "lib/mix/tasks/stamp.ex", `defmodule Mix.Tasks.Stamp do
  use Mix.Task
  def run([word]), do: File.write!("priv/stamp", word)
end
`, "docker/start.sh", "#!/bin/sh\nset -e\nTO=$(jq -r .to /etc/trip/trip.json)\nexport TO\nexec \"$@\"\n", "docker/trip.json", `{"to": "the sea"}`)
	if err := os.Chmod(filepath.Join(dir, "docker/start.sh"), 0o600); err != nil { // as a checkout without the bit
		t.Fatal(err)
	}
	plan := dram{args: []string{"plan", dir}}.ok(t)
	for _, want := range []string{"set by Dockerfile", "docker/start.sh at /app/start.sh, mode 0755", "/app/data", "mix stamp hello"} {
		if !strings.Contains(plan.stdout, want) {
			t.Errorf("the plan says no %q:\n%s", want, plan.stdout)
		}
	}
	dram{args: []string{"image", dir}}.ok(t)
	r := dram{args: []string{"run", imageOf(dir, "trip", "0.1.0")}}.ok(t)
	if want := "TRIP trip; staged; route north; hello; the sea; kept"; !strings.Contains(r.stdout, want) {
		t.Errorf("it says\n%s\n%s\nwant %s", r.stdout, r.stderr, want)
	}
}
