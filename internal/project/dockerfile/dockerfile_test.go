package dockerfile

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// read is Read of a file that nothing lies around.
func read(text string) Recipe { return Read(text, Surroundings{}) }

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

// followed is one that does by itself what dram may do like it.
const followed = `FROM node:20-alpine AS js
WORKDIR /js
COPY assets /js
RUN yarn run deploy:js
FROM elixir:1.17 AS build
ARG DOMAIN=https://x.example
ARG SHA
ENV SELF_HOSTED=1 TITLE="a b" SHA=$SHA PATH=/x:$PATH MIX_ENV=prod DATA_DIR=x
ENV PLACE=/opt/x
WORKDIR /src
COPY --from=js /js /src/priv
COPY . .
RUN apt-get install -y libsodium-dev && mix deps.get
RUN npm run --prefix assets build && cd web && npm run css
RUN mix do compile, gen.sitemap $DOMAIN, assets.deploy, phx.digest
RUN mix tag $(date)
RUN mix release shop && mix late
FROM debian:12
ARG SITE=https://x.example
ENV PORT 4000
ENV SITE=${SITE}/a LANG=C EMPTY=
COPY --from=build /src/_build/prod/rel/shop /app
EXPOSE $PORT 53/udp 4000/tcp
VOLUME ["/data"]
HEALTHCHECK CMD true
CMD ["/app/bin/shop", "start"]
`

// mixed is a task at the top of a project.
func mixed(task, before string) Command {
	return Command{Text: "mix " + task, Run: "mix " + task, Dir: ".", Before: before}
}

var recipes = []struct {
	name, text string
	want       Recipe
}{
	{"Phoenix's, with more", phoenix, Recipe{
		Images: []string{"hexpm/elixir:1.18.4-erlang-27.3-debian-bookworm-20250610-slim", "debian:bookworm-slim"},
		Build:  []string{"cmake", "libvips-dev"}, BuildBy: "apt-get", Run: []string{"imagemagick"}, RunBy: "apt-get",
		Commands: []Command{mixed("sentry.package_source_code --output x", "assets"), mixed("phx.digest", "release")},
		Args:     []string{"GIT_SHA"}, Seen: Seen{In: "."}, Copies: []string{"mix.exs", "mix.lock"}, Start: []string{"/app/bin/server"}, Release: "shop", Makes: true,
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
		Build:  []string{"nodejs", "npm", "rust", "rustup"}, BuildBy: "apk", Run: []string{"curl", "ffmpeg"}, RunBy: "apk",
		Commands: []Command{
			{Text: "npm ci", Run: "npm ci", Before: "release"},
			{Text: "npm run deploy", Run: "npm run deploy", Before: "release"},
			{Text: "COPY --from=assets /x /x", Takes: "assets", Before: "release"},
			{Text: "./scripts/prepare.sh", Run: "./scripts/prepare.sh", Dir: ".", Before: "release"},
			{Text: "make content", Run: "make content", Dir: ".", Before: "release"},
		}, Seen: Seen{Beside: []string{"fwup"}}, Node: "22", Makes: true,
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
		Images: []string{"elixir:1.16"}, Build: []string{"zip"}, BuildBy: "apt-get", Run: []string{"zip"}, RunBy: "apt-get", Commands: []Command{mixed("download_geoip", "release")}, Args: []string{"SENTRY_DSN"},
		Start: []string{"./entrypoint.sh"}, Makes: true,
	}},
	{"the release's own script, in the foreground", `FROM erlang:27 AS build
RUN rebar3 as prod release
FROM alpine
COPY --from=build /b/rel /rel
ENTRYPOINT ["/rel/bin/web"]
CMD ["foreground"]
`, Recipe{Images: []string{"erlang:27", "alpine"}, Makes: true}},
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
		Images: []string{"elixir:1.18-trixie", "debian"}, Build: []string{"cmake", "nodejs"}, BuildBy: "zypper",
		Commands: []Command{
			{Text: "ADD https://trust.example/bundle.pem", Dir: ".", Before: "release"},
			{Text: "make prod", Run: "make prod", Dir: "."},
			{Text: "npx --yes puppeteer browsers install", Run: "npx --yes puppeteer browsers install", Dir: "."},
		},
		Args: []string{"RELEASE", "SERVICE"}, Start: []string{"/app/bin/server"}, First: []string{"/app/bin/migrate"}, Node: "22", Git: true,
		Copies: []string{"apps/$SERVICE/mix.exs", "libs", ".git"}, Makes: true,
	}},
	{"variables, places and an order", followed, Recipe{
		Images: []string{"node:20-alpine", "elixir:1.17", "debian:12"}, Build: []string{"libsodium-dev"}, BuildBy: "apt-get", Node: "20",
		Commands: []Command{
			{Text: "yarn run deploy:js", Run: "yarn run deploy:js", Dir: "assets", Copied: true, Before: "compile"},
			{
				Text: "COPY --from=js /js /src/priv", Run: "if [ -d assets ]; then mkdir -p priv && cp -R assets/. priv; else mkdir -p . && cp assets priv; fi",
				Dir: ".", Takes: "js", Before: "compile",
			},
			{Text: "npm run --prefix assets build", Run: "npm run --prefix assets build", Dir: ".", Before: "compile"},
			{Text: "npm run css", Run: "npm run css", Dir: "web", Before: "compile"},
			{Text: "mix gen.sitemap $DOMAIN", Run: "mix gen.sitemap https://x.example", Dir: ".", Before: "assets"},
			{Text: "mix phx.digest", Run: "mix phx.digest", Dir: ".", Before: "release"},
			{Text: "mix tag $(date)", Dir: ".", Before: "release"},
			{Text: "mix late", Run: "mix late", Dir: "."},
		},
		Args: []string{"SHA"}, Env: []string{"DOMAIN=https://x.example", "SELF_HOSTED=1", "TITLE=a b"}, RunEnv: []string{"PORT=4000", "SITE=https://x.example/a"},
		Copies: []string{"assets", "."}, Seen: Seen{In: "."}, Expose: []int{4000}, Release: "shop", Makes: true,
	}},
	{"what is run by Mix, and no release", "FROM elixir:1.12-alpine\nRUN apk add build-base git nodejs gmp-dev postgresql-client\nENV MIX_ENV prod\nCOPY mix.exs ./\n" +
		"RUN mix deps.get\nCOPY . .\nRUN mix compile && mix assets.compile\nCMD [\"mix\", \"phx.server\"]\n", Recipe{
		Images: []string{"elixir:1.12-alpine"}, Build: []string{"gmp-dev", "nodejs", "postgresql-client"}, BuildBy: "apk", Run: []string{"postgresql-client"}, RunBy: "apk",
		Commands: []Command{mixed("assets.compile", "release")}, Copies: []string{"mix.exs", "."}, Makes: true,
	}},
	{"an image that begins with a stage", "FROM alpine AS runs\nRUN apk add ffmpeg libvips git && curl -o /usr/bin/x https://x.example\nFROM elixir:1.17 AS build\nRUN mix release\n" +
		"FROM runs\nCOPY --from=build /_build/prod/rel/shop /app\nCMD [\"/app/bin/shop\", \"start\"]\n", Recipe{
		Images: []string{"alpine", "elixir:1.17"}, Run: []string{"ffmpeg", "git"}, RunBy: "apk", Makes: true,
	}},
	{
		"what it does that makes no release", "FROM vendor/builder:1 AS build\nARG VSN\nCOPY . /src\nRUN apt-get install -y jq && make ${PROFILE}-tgz\nFROM debian\nCOPY --from=build /out /opt\nVOLUME /data\nENTRYPOINT [\"/docker-entrypoint.sh\"]\n",
		Recipe{Images: []string{"vendor/builder:1", "debian"}, Seen: Seen{Else: []string{"jq", "VSN", "make ${PROFILE}-tgz", "/docker-entrypoint.sh", "/data"}}},
	},
	{"an environment for one command", "FROM elixir:1.17\nRUN env -i MIX_ENV=prod mix release\n", Recipe{Images: []string{"elixir:1.17"}, Makes: true}},
	{"dram's own", "FROM elixir:1.17\nRUN sh /dram/bottle && mix release\nENV A=1\n", Recipe{}},
	{"of a developer", "FROM elixir:1.16\nRUN apt-get install -y vim inotify-tools imagemagick\nCMD mix phx.server\n", Recipe{Images: []string{"elixir:1.16"}}},
	{
		"a release that is started where it was made", "FROM erlang:27\nWORKDIR /app\nCOPY . ./\nRUN make\nEXPOSE 8080\nCMD [\"./_rel/web/bin/web\", \"foreground\"]\n",
		Recipe{Images: []string{"erlang:27"}, Makes: true, Expose: []int{8080}, Copies: []string{"."}, Commands: []Command{{Text: "make", Run: "make", Dir: ".", Copied: true}}},
	},
	{"an image that is not known", "ARG BASE\nFROM ${BASE} AS build\nRUN mix release\nFROM build\nCMD bin/shop start\n", Recipe{Makes: true}},
	{"none", "not a Dockerfile", Recipe{}},
	{"empty", "", Recipe{}},
	{"too long", "FROM elixir\n" + strings.Repeat("#\n", MaxFile), Recipe{}},
}

// unstaged is commands whatever stage runs them.
var unstaged = cmpopts.IgnoreFields(Command{}, "Stage")

// What stages that build take of others that made it is in the project's tree, or copied
// within that; and what cannot be placed is a text.
func TestTakesOfStages(t *testing.T) {
	const build = "FROM elixir:1.17\nWORKDIR /src\nCOPY . .\nRUN mix deps.get\n"
	for _, c := range []struct {
		name, text string
		want       []string // Dir: Run, or the text
	}{
		{"a front end in a folder", "FROM node:22 AS web\nWORKDIR /opt\nCOPY webapp .\nRUN npm run build\n" + build + "COPY --from=web /opt/dist priv/static/web\nRUN mix phx.digest && mix release\n", []string{
			"assets webapp: npm run build",
			"assets .: if [ -d webapp/dist ]; then mkdir -p priv/static/web && cp -R webapp/dist/. priv/static/web; else mkdir -p priv/static && cp webapp/dist priv/static/web; fi",
			"release .: mix phx.digest",
		}},
		{"the same script in two folders", "FROM node:22 AS a\nWORKDIR /a\nCOPY a .\nRUN npm run build\nFROM node:22 AS b\nWORKDIR /b\nCOPY b .\nRUN npm run build\n" + build +
			"COPY --from=a /a/x.js priv/\nCOPY --from=b /b/priv/node_modules /x\nRUN mix release\n", []string{
			"release a: npm run build", // and b is no part of it, but for what is fetched again
			"release b: npm run build",
			"release .: if [ -d a/x.js ]; then mkdir -p priv && cp -R a/x.js/. priv; else mkdir -p priv && cp a/x.js priv/; fi",
		}},
		{"Phoenix's folder, and what it made beside", "FROM node:22 AS js\nWORKDIR /app/assets\nCOPY assets ./\nRUN yarn deploy\n" + build + "COPY --from=js /app/priv/static priv/static\nRUN mix release\n", []string{"release assets: yarn deploy"}},
		{
			"beside the directory that it works in", "FROM node:22 AS js\nWORKDIR /w\nCOPY apps/web/assets ./\nRUN npm run build\n" + build + "COPY --from=js /priv/static apps/web/priv/static\nRUN mix release\n",
			[]string{"release apps/web/assets: npm run build"},
		},
		{"a tree that was taken of another stage", build + "FROM node:22 AS js\nCOPY --from=0 /src /src\n" + "FROM elixir:1.17 AS all\nWORKDIR /src\nCOPY . .\nRUN mix compile\nFROM node:22 AS web\nWORKDIR /src\nCOPY --from=all /src/ /src/\n" +
			"RUN npm --prefix admin run build\nFROM all\nCOPY --from=web /src/ /src/\nRUN mix release\n", []string{"release .: npm --prefix admin run build"}},
		{
			"a way and back", build + "RUN cd assets && npm run css && cd - && mix gen.x && cd apps/web && npm run js\nRUN mix release\n",
			[]string{"release assets: npm run css", "release .: mix gen.x", "release apps/web: npm run js"},
		},
		{
			"what was moved, nobody knows where from", "FROM debian AS jar\nWORKDIR /b\nCOPY vendor/x vendor/x\nRUN ./gradlew jar && cp vendor/x/y.jar /b/priv/\n" + build + "COPY --from=jar /b/priv/y.jar priv/\nRUN mix release\n",
			[]string{"release .: ./gradlew jar", "COPY --from=jar /b/priv/y.jar priv/"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, command := range read(c.text).Commands {
				line := command.Before + " " + command.Dir + ": " + command.Run
				if command.Run == "" {
					line = command.Text
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What fetches into the project, and what of it is nothing by itself.
func TestReadsWhatFetches(t *testing.T) {
	const sum = "e5bb2084ccf45087bda1c9bffdea0eb15ee67f0b91646106e466714f9de3c7e3"
	for line, want := range map[string]string{
		"ADD https://x.example/a/b.pem priv/c.pem":                          "mkdir -p priv && curl -fsSL -o priv/c.pem 'https://x.example/a/b.pem'",
		"ADD --checksum=sha256:" + sum + " https://x.example/a/b.pem priv/": "mkdir -p priv && curl -fsSL -o priv/b.pem 'https://x.example/a/b.pem' && echo '" + sum + "  priv/b.pem' | sha256sum -c",
		"ADD --checksum=$SUM https://x.example/b.pem priv/":                 "",
		"ADD https://x.example/b.pem /etc/":                                 "",
		"ADD http://x.example/b.pem priv/":                                  "",
		"ADD https://x.example/b.pem';id;' priv/":                           "",
		"RUN curl -fsSL https://x.example/b.pem -o priv/b.pem":              "curl -fsSL https://x.example/b.pem -o priv/b.pem",
		"RUN curl https://x.example/b.gz | gunzip > b":                      "",
		"RUN mix gen $(curl https://x.example/b)":                           "",
		"RUN mix run -e 'A.b(); C.d(\"x\")' --no-start":                     `mix run -e 'A.b(); C.d("x")' --no-start`,
		"RUN mix run -e \"A.b($SHA)\"":                                      "",
		"ARG MONTH\nRUN mix geo${MONTH:+ --month ${MONTH}}":                 "mix geo",
		"ARG MONTH=5\nRUN mix geo ${MONTH:+--month=${MONTH}}":               "mix geo --month=5",
	} {
		r := read("FROM elixir:1.17\nWORKDIR /s\nCOPY . .\nRUN mix deps.get\n" + line + "\nRUN mix release\n")
		if len(r.Commands) == 0 || r.Commands[len(r.Commands)-1].Run != want && r.Commands[0].Run != want {
			t.Errorf("%s: %+v", line, r.Commands)
		}
	}
}

// What lies around a Dockerfile: arguments that others give, and scripts that it calls.
func TestReadAround(t *testing.T) {
	around := Surroundings{
		Args: map[string]string{"OTP": "28.5", "NAME": "shop", "HAS": "2"},
		Text: func(name string) (string, bool) {
			text, ok := map[string]string{
				"bin/build.sh": "set -e\nmix deps.get\nmix gen.x\nmix escript.build\n./bin/build.sh\n", "run": "case $1 in a) mix release ;; esac\n", "bin/seed.sh": "psql\n",
			}[name]
			return text, ok
		},
	}
	for _, c := range []struct {
		name, text string
		want       Recipe
	}{
		{
			"arguments without a default", "ARG OTP\nARG HAS=1\nFROM erlang:${OTP} AS build\nARG NAME\nRUN rebar3 as prod release\nFROM debian:$HAS\nARG NAME\nRUN mkdir /var/log/$NAME\n",
			Recipe{Images: []string{"erlang:28.5", "debian:1"}, Env: []string{"NAME=shop"}, Makes: true, Laid: Laid{Dirs: []string{"/var/log/shop"}}},
		},
		{"a script that builds", "FROM elixir:1.17\nWORKDIR /src\nCOPY . .\nRUN ./bin/build.sh\n", Recipe{
			Images: []string{"elixir:1.17"}, Copies: []string{"."}, Seen: Seen{In: "."}, Makes: true, Commands: []Command{
				{Text: "mix gen.x", Run: "mix gen.x", Dir: ".", Before: "release"}, {Text: "./bin/build.sh", Run: "./bin/build.sh", Dir: "."},
			},
		}},
		{"scripts that do not, or are told what", "FROM elixir:1.17\nWORKDIR /src\nCOPY . .\nRUN sh bin/seed.sh && ./run a\nRUN mix release\n", Recipe{
			Images: []string{"elixir:1.17"}, Copies: []string{"."}, Seen: Seen{In: "."}, Makes: true, Commands: []Command{
				{Text: "sh bin/seed.sh", Run: "sh bin/seed.sh", Dir: ".", Before: "release"}, {Text: "./run a", Run: "./run a", Dir: ".", Before: "release"},
			},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ignore := cmpopts.IgnoreFields(Laid{}, "Place", "WorkDir", "Entrypoint", "Cmd", "Also", "Files")
			if diff := cmp.Diff(c.want, Read(c.text, around), cmpopts.EquateEmpty(), ignore, unstaged); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRead(t *testing.T) {
	for _, c := range recipes {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, read(c.text), cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Recipe{}, "Laid", "MixEnv"), unstaged); diff != "" {
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
	r := read(b.String())
	if !r.Makes || len(r.Commands) != maxNames {
		t.Errorf("%t, %d commands", r.Makes, len(r.Commands))
	}
	one := read("FROM elixir\nRUN mix release && make " + strings.Repeat("z", 500))
	if len(one.Commands) != 1 || len([]rune(one.Commands[0].Text)) != 161 {
		t.Errorf("%+v", one.Commands)
	}
}

// What is made of itself again and again does not fill the memory.
func TestVariablesDoNotGrow(t *testing.T) {
	for name, line := range map[string]string{
		"arguments before a stage": "ARG A=$A$A\n", "arguments of a stage": "FROM elixir AS a\nARG A=$A$A\n",
		"variables": "ENV A=$A$A\n", "directories": "WORKDIR $A$A\nENV A=$A$A\n",
	} {
		text := "ARG A=0123456789\nFROM elixir:$A\nENV A=0123456789\n" + strings.Repeat(line, 60) + "RUN mix release\n"
		if strings.HasPrefix(name, "arguments before") {
			text = "ARG A=0123456789\n" + strings.Repeat(line, 60) + "FROM elixir:$A\nRUN mix release\n"
		}
		r := read(text)
		for _, image := range r.Images {
			if len(image) > 3*maxGrowth {
				t.Errorf("%s: an image of %d bytes", name, len(image))
			}
		}
		if !r.Makes {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := read("FROM elixir\nRUN apt-get install -y " + strings.Repeat("a", 1000) + " jq\nRUN mix release\n"); !cmp.Equal(r.Build, []string{"jq"}) {
		t.Errorf("packages %.200q", r.Build)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(phoenix)
	f.Add("FROM a AS b\nFROM b AS a\nCOPY --from=a x y\nRUN mix release\n")
	f.Add("ARG A=bb\n" + strings.Repeat("ARG A=$A$A\n", 40) + "FROM $A\nRUN mix release\n")
	f.Add("ARG A=$B\nARG B=${A:-$A}\nFROM $A$B\nRUN <<E\nmix do a, b + release\nE\nCMD [\"\"]\nENTRYPOINT []")
	f.Fuzz(func(t *testing.T, text string) {
		r := read(text)
		for _, list := range [][]string{r.Build, r.Run, r.Args, r.Env, r.RunEnv, r.Also, r.Dirs, r.Taken, make([]string, len(r.Commands))} {
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

// What a stage takes of another is copied by a command only where its name is none to a
// shell.
func TestTakesPlainNames(t *testing.T) {
	for name, copied := range map[string]bool{"/js/out": true, "/js/a;b": false, "/js/a&b": false, "/js/$(x)": false, "/js/a>b": false} {
		text := "FROM node:20 AS js\nWORKDIR /js\nCOPY assets .\nRUN npm run css\nFROM elixir:1.17 AS build\nWORKDIR /src\nCOPY . .\nCOPY --from=js " + name +
			" /src/priv/x\nRUN MIX_ENV=prod mix release\nFROM debian\nCOPY --from=build /src/_build/prod/rel/shop /app\n"
		commands := Read(text, Surroundings{}).Commands
		i := slices.IndexFunc(commands, func(c Command) bool { return c.Takes == "js" })
		if i < 0 || (commands[i].Run != "") != copied {
			t.Errorf("%s: %+v", name, commands)
		}
	}
}
