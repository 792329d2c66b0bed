package dockerfile

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// whole is one whose image has more than the release.
const whole = `FROM elixir:1.17 AS build
WORKDIR /src
ENV MIX_ENV=staging
COPY . .
RUN echo "import Config" > config/prod.secret.exs && echo deb > /etc/apt/sources.list
RUN printf '%s' "$SHA" >> REVISION && sed -i 's/a/b/' lib/a.ex && sed -i s/a/b/ /etc/locale.gen
RUN mix release
FROM debian:12
ARG HOME=/opt/shop
RUN apt-get update && apt-get install -y libreoffice librsvg2-bin libssl3 && npm install -g svgo@2 && locale-gen
RUN mkdir -p ${HOME}/uploads /var/lib/shop && curl -o /x.zip https://x.example/x.zip
WORKDIR $HOME
COPY --from=build --chown=app /src/_build/staging/rel/shop ./
COPY --from=build /src/priv/repo/seeds.exs ./seeds/
COPY --from=build /src/priv/static /srv/static
COPY --from=flyio/litefs:0.5 /usr/local/bin/litefs /usr/local/bin/litefs
COPY docker-entrypoint.sh ${HOME}
COPY config/docker.exs /etc/shop/config.exs
COPY a.txt b.txt /etc/shop/
COPY *.md /docs/
ENV DATA_DIR=/opt/shop/data ERL_AFLAGS="-proto_dist inet6_tcp" LOGS=/var/log/shop RSVG_HOME=/usr/x PORT=4000
VOLUME /opt/shop/data
HEALTHCHECK CMD true
ENTRYPOINT ["/opt/shop/docker-entrypoint.sh"]
CMD ["start"]
`

func TestLaid(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       Laid
	}{
		{"more than the release", whole, Laid{
			Place: "/opt/shop", WorkDir: "/opt/shop", Health: true, Volumes: []string{"/opt/shop/data"},
			Files: []File{
				{"priv/repo/seeds.exs", "/opt/shop/seeds/"},
				{"docker-entrypoint.sh", "/opt/shop/"},
				{"config/docker.exs", "/etc/shop/config.exs"},
				{"a.txt", "/etc/shop/"},
				{"b.txt", "/etc/shop/"},
				{"*.md", "/docs/"},
			},
			Dirs: []string{"/opt/shop/uploads", "/var/lib/shop"}, Also: []string{"npm install -g svgo@2", "curl -o /x.zip https://x.example/x.zip"},
			Taken:      []string{"/src/priv/static of build", "/usr/local/bin/litefs of flyio/litefs:0.5"},
			Entrypoint: []string{"/opt/shop/docker-entrypoint.sh"}, Cmd: []string{"start"},
		}},
		{"Phoenix's", phoenix, Laid{Place: "/", WorkDir: "/", Entrypoint: []string{"tini", "--"}, Cmd: []string{"/app/bin/server"}}},
		{"a shell's", followed, Laid{Place: "/app", WorkDir: "/", Health: true, Volumes: []string{"/data"}, Cmd: []string{"/app/bin/shop", "start"}}},
		{
			"one stage: what is copied there is the source", "FROM elixir\nWORKDIR /a\nCOPY . .\nRUN mkdir x && make y && mix release\nCMD bin/migrate && bin/shop start\n",
			Laid{WorkDir: "/a", Cmd: []string{"sh", "-c", "bin/migrate && bin/shop start"}},
		},
		{
			"all releases", "FROM elixir AS b\nRUN mix release\nFROM debian\nCOPY --from=b /src/_build/prod/rel /app\n",
			Laid{WorkDir: "/"},
		},
		{
			"all releases, and the one that it starts", "FROM elixir AS b\nRUN mix release\nFROM debian\nCOPY --from=b /src/_build/prod/rel /app\nCMD [\"/app/shop/bin/shop\", \"start\"]\n",
			Laid{Place: "/app/shop", WorkDir: "/", Cmd: []string{"/app/shop/bin/shop", "start"}},
		},
		{
			"all of a build, and the release that it starts in", "FROM elixir AS b\nRUN mix release\nFROM debian\nCOPY --from=b app/_build/prod /opt/\nWORKDIR /opt/rel/shop/bin\nCMD [\"sh\", \"run.sh\"]\n",
			Laid{Place: "/opt/rel/shop", WorkDir: "/opt/rel/shop/bin", Cmd: []string{"sh", "run.sh"}},
		},
		{
			"a tarball of it, and CMD before ENTRYPOINT", "FROM elixir AS b\nWORKDIR /s\nRUN mix release\nRUN tar -czf shop.tgz -C _build/prod/rel/shop .\nFROM debian\nWORKDIR /opt/shop\n" +
				"COPY --from=b /s/shop.tgz shop.tgz\nRUN tar -xf shop.tgz\nCMD [\"start\"]\nENTRYPOINT [\"bin/shop\"]\n",
			Laid{Place: "/opt/shop", WorkDir: "/opt/shop", Entrypoint: []string{"bin/shop"}, Cmd: []string{"start"}},
		},
		{
			"a tarball of it in a directory", "FROM elixir AS b\nRUN mix release\nFROM debian\nCOPY --from=b /a/_build/prod/rel/shop/releases/0.1.0/shop.tar.gz /srv/\nRUN tar -xzf /srv/*.gz\n",
			Laid{Place: "/srv", WorkDir: "/"},
		},
		{
			"all builds", "FROM elixir AS b\nRUN mix release\nFROM debian\nCOPY --from=b /s/_build /s/_build/\nCOPY c /s/_build/prod/rel/shop/c\nWORKDIR /s/_build/prod/rel/shop\n",
			Laid{Place: "/s/_build/prod/rel/shop", WorkDir: "/s/_build/prod/rel/shop", Files: []File{{"c", "/s/_build/prod/rel/shop/c"}}},
		},
		{
			"a release that was made before", "FROM alpine\nARG MIX_ENV=prod\nWORKDIR /app\nCOPY _build/${MIX_ENV}/*.tar.gz ./\nRUN tar -xzf *.tar.gz\nENTRYPOINT [\"/bin/bash\", \"-c\", \"bin/start.sh\"]\n",
			Laid{Place: "/app", WorkDir: "/app", Entrypoint: []string{"/bin/bash", "-c", "bin/start.sh"}},
		},
		{
			"of an image that whoever builds names", "ARG BASE\nFROM ${BASE} AS build\nRUN mix release\nFROM debian\nCOPY --from=build /app/_build/prod/rel/shop /app\n",
			Laid{Place: "/app", WorkDir: "/", Unnamed: []string{"${BASE}"}},
		},
		{
			"of a stage that begins with the one that makes it", "FROM elixir AS b\nRUN mix release\nFROM b AS c\nFROM c\nCOPY x /y\n",
			Laid{WorkDir: "/"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, read(c.text).Laid, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What programs come as libraries are called is no library, what writes or edits a file of
// the project is a command, and what Erlang is told where it runs is the image's.
func TestReadsWholeDockerfiles(t *testing.T) {
	r := read(whole)
	if diff := cmp.Diff([]string{"libreoffice", "librsvg2-bin"}, r.Run); diff != "" {
		t.Error(diff)
	}
	want := []Command{
		{Text: `echo "import Config" >config/prod.secret.exs`, Run: `echo "import Config" >config/prod.secret.exs`, Dir: ".", Before: "release"},
		{Text: `printf '%s' "$SHA" >>REVISION`, Dir: ".", Before: "release"},
		{Text: `sed -i s/a/b/ lib/a.ex`, Run: `sed -i s/a/b/ lib/a.ex`, Dir: ".", Before: "release"},
	}
	if diff := cmp.Diff(want, r.Commands, unstaged); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"DATA_DIR=/app/data", "ERL_AFLAGS=-proto_dist inet6_tcp", "PORT=4000"}, r.RunEnv); diff != "" {
		t.Error(diff)
	}
	if r.MixEnv != "staging" || read("FROM elixir\nRUN set -e; MIX_ENV=turkey mix do compile, release").MixEnv != "turkey" {
		t.Errorf("made for %q", r.MixEnv)
	}
	if env := read("FROM elixir\nARG MIX_ENV\nENV MIX_ENV=$MIX_ENV\nRUN mix release").MixEnv; env != "" {
		t.Errorf("made for %q, which nothing says", env)
	}
}

// Where dram's image has what lies in the Dockerfile's.
func TestAt(t *testing.T) {
	l := Laid{Place: "/opt/shop", WorkDir: "/opt/shop"}
	for name, want := range map[string]string{
		"/opt/shop/run.sh": "/app/run.sh", "./run.sh": "/app/run.sh", "/etc/x": "/etc/x", "/opt/shop": "/app", "/app/x": "", "../x": "/opt/x",
	} {
		at, ok := l.At(name)
		if ok != (want != "") || ok && at != want {
			t.Errorf("%s: %q, %v", name, at, ok)
		}
	}
}
