package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/problem"
	"dram/internal/secret"
	"dram/internal/store"
)

// pair is what mix phx.gen.cert writes: a key that nobody uses
// but in development, and its certificate.
func pair(t testing.TB) (key, cert string) {
	t.Helper()
	read := func(name string) string {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	return read("selfsigned_key.pem"), read("selfsigned.pem")
}

// What holds a private key or a credential by its content is left out, and
// nothing else is.
func TestSecretsAreLeftOut(t *testing.T) {
	key, cert := pair(t)
	tree := []string{
		"mix.exs", "lib/a.ex", "config/config.exs", "priv/cert/selfsigned.pem=" + cert, "priv/cert/selfsigned_key.pem=" + key,
		"priv/logo.svg=" + key, "priv/public.key=" + cert, ".npmrc=//registry.example.org/:_authToken=Zk3q9xB7mT2aQw8e\n",
		"assets/.npmrc=save-exact=true\n", ".netrc=machine a.example.org login me password s3cretWord\n", ".ssh/known_hosts", ".aws/config",
		"config/prod.secret.exs=import Config\nconfig :a, A.Repo, password: \"s3cretWord\"\n",
		"lib/b.ex=@key \"\"\"\n" + key + "\"\"\"\n", "test/a_test.exs=@key \"\"\"\n" + key + "\"\"\"\n", "lib/c.ex=" + key,
	}
	always := []string{
		"assets/.npmrc", "config/config.exs", "lib/a.ex", "lib/b.ex", "mix.exs", "priv/cert/selfsigned.pem", "priv/public.key", "test/a_test.exs",
	}
	for _, c := range []struct {
		name   string
		ignore string
		allow  []string
		back   []string // what comes in besides
	}{
		{name: "by default"},
		{name: "a .dockerignore that speaks of other things", ignore: "tmp\n.dockerignore\n"},
		{name: "a .dockerignore that lets all of a directory in", ignore: "*\n!lib\n!priv\n!config\n!assets\n!test\n!mix.exs\n!**/*.pem\n"},
		{name: "a .dockerignore that names one", ignore: ".dockerignore\n!priv/cert/selfsigned_key.pem\n", back: []string{"priv/cert/selfsigned_key.pem"}},
		{name: "the setting names one", allow: []string{"priv/cert/selfsigned_key.pem"}, back: []string{"priv/cert/selfsigned_key.pem"}},
		{name: "the setting names a directory", allow: []string{"priv"}, back: []string{"priv/cert/selfsigned_key.pem", "priv/logo.svg"}},
		{name: "the setting is a pattern", allow: []string{"**/*.exs", ".npmrc", ".ssh"}, back: []string{".npmrc", ".ssh/known_hosts", "config/prod.secret.exs"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, tree...)
			if c.ignore != "" {
				write(t, dir, ".dockerignore="+c.ignore)
			}
			got := read(t, dir, Options{Secrets: c.allow})
			want := map[string]bool{}
			for _, name := range append(c.back, always...) {
				want[name] = true
			}
			have := map[string]bool{}
			for _, name := range paths(got) {
				have[name] = true
			}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Error(diff)
			}
			notes := strings.Join(got.Notes, "\n")
			for _, f := range got.Withheld {
				if !strings.Contains(notes, f.Path+" (it ") {
					t.Errorf("no note names %s: %s", f.Path, notes)
				}
			}
			if !strings.Contains(notes, "lib/b.ex (it holds an EC private key)") || strings.Contains(notes, "a_test.exs") {
				t.Errorf("of code, the notes say: %s", notes)
			}
			for _, word := range []string{"s3cretWord", "Zk3q9xB7mT2aQw8e", strings.Split(key, "\n")[1]} {
				if strings.Contains(notes, word) {
					t.Errorf("the notes hold a secret: %s", notes)
				}
			}
		})
	}
}

func TestTheNotesStayShort(t *testing.T) {
	dir := t.TempDir()
	key, _ := pair(t)
	for i := range 40 {
		write(t, dir, "priv/"+strings.Repeat("k", i+1)+"="+key)
	}
	notes := read(t, dir, Options{}).Notes
	if len(notes) != 1 || !strings.Contains(notes[0], "and 32 more") {
		t.Errorf("%q", notes)
	}
}

// What a file holds is remembered with its digest: and looked at anew when the
// file changes.
func TestSecretsAreRemembered(t *testing.T) {
	dir := t.TempDir()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	key, cert := pair(t)
	write(t, dir, "mix.exs", "priv/key.pem="+key)
	old := time.Now().Add(-time.Minute)
	for _, name := range []string{"mix.exs", "priv/key.pem"} {
		chtimes(t, dir, name, old)
	}
	time.Sleep(racy + 100*time.Millisecond) // the clock of inodes cannot be set
	first := read(t, dir, Options{Store: st})
	known := loadHashes(st, first.Dir)
	if s := known.seen["priv/key.pem"]; s.Kind != secret.Key || s.What != "an EC private key" || !s.Digest.Valid() {
		t.Errorf("kept: %+v", s)
	}
	again := read(t, dir, Options{Store: st})
	if diff := cmp.Diff(first.Withheld, again.Withheld); diff != "" || len(again.Withheld) != 1 {
		t.Errorf("%v %s", again.Withheld, diff)
	}
	write(t, dir, "priv/key.pem="+cert)
	if got := read(t, dir, Options{Store: st}); len(got.Withheld) > 0 {
		t.Errorf("now it is a certificate: %v", got.Withheld)
	}
}

func TestABadPatternOfSecrets(t *testing.T) {
	dir := t.TempDir()
	key, _ := pair(t)
	write(t, dir, "mix.exs", "key="+key)
	if _, err := Read(t.Context(), dir, Options{Secrets: []string{"[a"}}); err == nil || problem.Code(err) != 2 {
		t.Errorf("%v", err)
	}
}
