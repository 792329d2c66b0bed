package dockerfile

import (
	"slices"
	"testing"
)

// What a start script does that dram's image cannot is said, so that nothing is started by
// one that fails there.
func TestDoes(t *testing.T) {
	released := func(name string) bool { return slices.Contains([]string{"bin/shop", "bin/migrate"}, name) }
	installed := func(name string) bool { return slices.Contains([]string{"postgresql-client", "curl"}, name) }
	app, opt := Laid{Place: "/app", WorkDir: "/app"}, Laid{Place: "/opt/shop", WorkDir: "/opt/shop"}
	for _, c := range []struct {
		name   string
		l      Laid
		script string
		want   string
	}{
		{"waits and migrates", app, "#!/bin/sh\nset -e\nuntil pg_isready -h db; do sleep 1; done\n/app/bin/migrate\nexec ./bin/shop start \"$@\"\n", ""},
		{"with functions and variables", app, "#!/bin/bash\nrun() { bin/shop eval \"$1\"; }\nA=1\nrun x\ncurl -f http://x || true\nexec \"$@\"\n", ""},
		{"of another place, by relative paths", opt, "bin/migrate && bin/shop start\n", ""},
		{"of another place, by its name", opt, "cd /opt/shop/bin && ./shop start\n", "names /opt/shop, where its release lies"},
		{"at the top", Laid{Place: "/", WorkDir: "/"}, "/bin/shop start\n", "calls /bin/shop, where its release lies"},
		{"as root", app, "chown -R app /data\nexec su-exec app bin/shop start\n", "calls chown, as root"},
		{"elsewhere", Laid{Place: "/app", WorkDir: "/"}, "./app/bin/shop start\n", "calls ./app/bin/shop, and starts in another directory than the release's"},
		{"what is not there", app, "dockerize -wait tcp://db\nbin/shop start\n", "calls dockerize, which no package that is followed is known to bring"},
		{"what the release has not", app, "/app/bin/setup\n", "calls /app/bin/setup, which the release has not"},
		{"a place by a variable", app, "$HOME/bin/shop start\n", "calls $HOME/bin/shop, which is known when it runs"},
		{"a program of the system by its path", app, "/bin/sleep 1; /usr/sbin/nginx\n", "calls /usr/sbin/nginx, which the release has not"},
		{"no script", app, "if (", "is no script of sh or bash"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.l.Does(c.script, released, installed); got != c.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestHere(t *testing.T) {
	l := Laid{Place: "/opt/shop"}
	for text, want := range map[string]string{
		"/opt/shop/bin/shop eval M.m && /opt/shop/bin/shop start": "/app/bin/shop eval M.m && exec /app/bin/shop start",
		"bin/migrate; exec bin/shop start":                        "bin/migrate; exec bin/shop start",
		"bin/migrate; bin/shop eval 'x y'":                        "bin/migrate; bin/shop eval 'x y'",
	} {
		if got := l.Here(text); got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func TestBegins(t *testing.T) {
	l := Laid{Entrypoint: []string{"/sbin/tini", "-g", "--"}, Cmd: []string{"docker-entrypoint.sh", "start"}, WorkDir: "/app", Files: []File{{"a/docker-entrypoint.sh", "/usr/local/bin/"}, {"run.sh", "/app/"}}}
	if got := l.Begins(); !slices.Equal(got, []string{"docker-entrypoint.sh", "start"}) {
		t.Errorf("%q", got)
	}
	for name, want := range map[string]string{"docker-entrypoint.sh": "a/docker-entrypoint.sh", "./run.sh": "run.sh", "run.sh": "run.sh", "/app/run.sh": "run.sh", "/run.sh": "", "other": ""} {
		if f, ok := l.Lies(name); f.From != want || ok != (want != "") {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// A release's name that is found by PATH is the release itself.
func TestStartsByPath(t *testing.T) {
	const made = "FROM elixir AS b\nRUN mix release\nFROM debian\nCOPY --from=b /a/_build/prod/rel/shop /srv\n"
	for text, want := range map[string][]string{
		"ENV PATH=\"/srv/bin:$PATH\"\nENTRYPOINT [\"shop\", \"start\"]\n": nil,
		"ENTRYPOINT [\"shop\", \"start\"]\n":                              {"shop", "start"},
		"ENV PATH=/srv/bin:$PATH\nENTRYPOINT [\"shop\", \"serve\"]\n":     {"shop", "serve"},
	} {
		if got := read(made + text).Start; !slices.Equal(got, want) {
			t.Errorf("%q: %q", text, got)
		}
	}
}
