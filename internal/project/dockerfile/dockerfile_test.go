package dockerfile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const phoenix = `# syntax=docker/dockerfile:1
ARG ELIXIR_VERSION=1.18.4
ARG BUILDER="hexpm/elixir:${ELIXIR_VERSION}-erlang-27.3-debian-bookworm-20250610-slim"
ARG RUNNER=debian:bookworm-slim
FROM ${BUILDER} AS builder
ARG GIT_SHA
RUN apt-get update -y && \
    # to compile
    apt-get install -y --no-install-recommends build-essential git curl cmake=3.25 -t bookworm-backports libvips-dev \
    && apt-get clean
RUN mix local.hex --force && mix local.rebar --force
ENV MIX_ENV=prod
COPY mix.exs mix.lock ./
RUN mix deps.get --only $MIX_ENV
RUN mix do assets.deploy, sentry.package_source_code --output x + phx.digest, release shop
FROM ${RUNNER}
RUN apt-get update && apt-get install -y libstdc++6 openssl locales imagemagick libvips42 tini \
  && sed -i s/a/b/ /etc/locale.gen && locale-gen
COPY --from=builder /app/_build/prod/rel/shop ./
ENTRYPOINT ["tini", "--"]
CMD ["/app/bin/server"]
`

var recipes = []struct {
	name, text string
	want       Recipe
}{
	{"Phoenix's, with more", phoenix, Recipe{
		Images: []string{"hexpm/elixir:1.18.4-erlang-27.3-debian-bookworm-20250610-slim", "debian:bookworm-slim"},
		Build:  []string{"cmake", "libvips-dev"}, Run: []string{"imagemagick"},
		Commands: []string{"mix sentry.package_source_code --output x", "mix phx.digest"},
		Args:     []string{"GIT_SHA"}, Copies: []string{"mix.exs", "mix.lock"}, Start: "/app/bin/server", Makes: true,
	}},
	{"stages of all kinds", `FROM node:22 AS assets
RUN npm ci && npm run deploy
FROM elixir:1.17-alpine AS deps
RUN apk add --no-cache --virtual .deps nodejs~20 npm rust $MORE
FROM deps
COPY --from=assets /x /x
RUN set -eux; curl https://sh.rustup.rs | sh -s -- -y; ./scripts/prepare.sh && make content; if true; then mix release; fi
FROM ubuntu AS fwup
RUN apt-get install -y mtools && make fwup
FROM alpine:3
COPY --from=fwup /usr/bin/fwup /usr/bin/
COPY --from=2 / /
RUN apk add curl ffmpeg ffmpeg-libs
CMD ["bin/shop", "start"]
`, Recipe{
		Images: []string{"node:22", "elixir:1.17-alpine", "ubuntu", "alpine:3"},
		Build:  []string{"nodejs", "npm", "rust", "rustup"}, Run: []string{"curl", "ffmpeg"},
		Commands: []string{"npm ci", "npm run deploy", "./scripts/prepare.sh", "make content"}, Beside: []string{"fwup"}, Node: "22", Makes: true,
	}},
	{"one stage, with a heredoc and a script to start", `FROM elixir:1.16
ARG SENTRY_DSN=
ARG NODE_VERSION=20.1
RUN <<EOF
apt-get install -y zip
mix download_geoip
MIX_ENV=prod mix release
EOF
ENTRYPOINT ./entrypoint.sh
`, Recipe{
		Images: []string{"elixir:1.16"}, Build: []string{"zip"}, Commands: []string{"mix download_geoip"}, Args: []string{"SENTRY_DSN"},
		Start: "./entrypoint.sh", Makes: true,
	}},
	{"a monorepo's, with what comes before the start", `ARG SERVICE
ARG BASE=trixie
ARG RELEASE
FROM elixir:1.18-${BASE} AS build
ARG RELEASE
ARG BASE
ARG SERVICE
ENV R=$RELEASE
COPY apps/$SERVICE/mix.exs ./
COPY --from=ghcr.io/x/y / /
COPY libs/ ./libs
ADD --checksum=sha256:0 https://trust.example/bundle.pem priv/
COPY .git .git
RUN NODE=22 && echo "deb https://mirror.example/nodesource.com/node_$NODE.x nodistro main" > /etc/apt/sources.list.d/n && apt-get install -y nodejs
RUN zypper -n in make gcc cmake==3.1
RUN git rev-parse HEAD > REVISION && make prod && npx --yes puppeteer browsers install
FROM debian
COPY --from=build /rel .
CMD ["sh", "-c", "ulimit -n 65536 && /app/bin/migrate && exec /app/bin/server"]
`, Recipe{
		Images: []string{"elixir:1.18-trixie", "debian"}, Build: []string{"cmake", "nodejs"},
		Commands: []string{"ADD https://trust.example/bundle.pem", "make prod", "npx --yes puppeteer browsers install"},
		Args:     []string{"RELEASE", "SERVICE"}, Start: "/app/bin/server", First: []string{"/app/bin/migrate"}, Node: "22", Git: true,
		Copies: []string{"apps/$SERVICE/mix.exs", "libs", ".git"}, Makes: true,
	}},
	{"of a developer", "FROM elixir:1.16\nRUN apt-get install -y vim inotify-tools imagemagick\nCMD mix phx.server\n", Recipe{Images: []string{"elixir:1.16"}}},
	{"an image that is not known", "ARG BASE\nFROM ${BASE} AS build\nRUN mix release\nFROM build\nCMD bin/shop start\n", Recipe{Makes: true}},
	{"none", "not a Dockerfile", Recipe{}},
	{"empty", "", Recipe{}},
	{"too long", "FROM elixir\n" + strings.Repeat("#\n", MaxFile), Recipe{}},
}

func TestRead(t *testing.T) {
	for _, c := range recipes {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, Read(c.text), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// No list outgrows its bound, and no command a line.
func TestBounds(t *testing.T) {
	var b strings.Builder
	b.WriteString("FROM elixir\n")
	for i := range 1000 {
		b.WriteString("RUN mix task" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + strings.Repeat(" y", 20) + "\n")
	}
	b.WriteString("RUN mix release\nRUN make " + strings.Repeat("z", 500))
	r := Read(b.String())
	if !r.Makes || len(r.Commands) != maxNames {
		t.Errorf("%t, %d commands", r.Makes, len(r.Commands))
	}
	one := Read("FROM elixir\nRUN mix release && make " + strings.Repeat("z", 500))
	if len(one.Commands) != 1 || len([]rune(one.Commands[0])) != 161 {
		t.Errorf("%q", one.Commands)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(phoenix)
	f.Add("FROM a AS b\nFROM b AS a\nCOPY --from=a x y\nRUN mix release\n")
	f.Add("ARG A=$B\nARG B=${A:-$A}\nFROM $A$B\nRUN <<E\nmix do a, b + release\nE\nCMD [\"\"]\nENTRYPOINT []")
	f.Fuzz(func(t *testing.T, text string) {
		r := Read(text)
		for _, list := range [][]string{r.Build, r.Run, r.Commands, r.Args} {
			if len(list) > maxNames {
				t.Fatalf("%d names", len(list))
			}
		}
		if !r.Makes && len(r.Build)+len(r.Commands) > 0 {
			t.Fatal("of no release")
		}
	})
}

// Which directories of a repository a Dockerfile builds in.
func TestTakes(t *testing.T) {
	r := Recipe{Copies: []string{"apps/$SERVICE/mix.exs", "libs", "tools/one", "."}}
	for dir, want := range map[string]bool{
		"apps/shop": true, "apps": true, "libs": true, "libs/x": false, "tools/one": true, "tools/two": false, "tools": true, "shop": false,
	} {
		if got := r.Takes(dir); got != want {
			t.Errorf("%s: %v", dir, got)
		}
	}
}
