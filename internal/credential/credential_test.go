package credential

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dram/internal/problem"
)

func TestOverSSH(t *testing.T) {
	for url, want := range map[string]bool{
		"git@forge.example:a/b.git": true, "forge.example:a/b.git": true, "ssh://git@forge.example:2222/a/b": true,
		"git+ssh://forge.example/a/b": true, "ssh+git://forge.example/a": true,
		"https://user:secret@forge.example/a@b/c": false, "https://forge.example:8443/a": false, "git://forge.example/a": false,
		"./vendor/a:b": false, "owner/name": false, "": false,
	} {
		if got := OverSSH(url); got != want {
			t.Errorf("%q: %v", url, got)
		}
	}
}

// home is somebody's, with an agent, known hosts and a .netrc.
func home(t *testing.T) (env []string, socket string) {
	t.Helper()
	dir := t.TempDir()
	socket = filepath.Join(dir, "agent")
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	for name, content := range map[string]string{
		".ssh/known_hosts": "forge.example ssh-ed25519 AAAA",
		".netrc":           "machine forge.example login me password pw\nmachine bank.example login me password other\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"HOME=" + dir, "SSH_AUTH_SOCK=" + socket}, socket
}

// Nothing is given that was not asked for, or that nothing needs.
func TestGather(t *testing.T) {
	env, socket := home(t)
	ssh, https := "git@forge.example:a/b", "https://forge.example/a/b"
	for _, c := range []struct {
		name           string
		kinds, remotes []string
		agent          bool
		netrc          string
	}{
		{name: "nothing is asked for", remotes: []string{ssh, https}},
		{name: "no remotes", kinds: []string{"ssh", "netrc"}},
		{name: "ssh", kinds: []string{"ssh"}, remotes: []string{https, ssh}, agent: true},
		{name: "ssh, and nothing over it", kinds: []string{"ssh"}, remotes: []string{https}},
		{name: "netrc", kinds: []string{"netrc"}, remotes: []string{ssh, https}, netrc: "machine forge.example login me password pw\n"},
		{name: "netrc, and another host", kinds: []string{"netrc"}, remotes: []string{"https://free.example/a"}},
		{name: "netrc, and nothing over HTTP", kinds: []string{"netrc"}, remotes: []string{ssh}},
		{name: "both", kinds: []string{"netrc", "ssh"}, remotes: []string{ssh, https}, agent: true, netrc: "machine forge.example login me password pw\n"},
	} {
		got, err := Gather(c.kinds, env, c.remotes)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if (got.Agent == socket) != c.agent || strings.Contains(string(got.KnownHosts), "forge.example ssh-ed25519") != c.agent {
			t.Errorf("%s: the agent is %q, with %q", c.name, got.Agent, got.KnownHosts)
		}
		if string(got.Netrc) != c.netrc {
			t.Errorf("%s: the entries are %q, want %q", c.name, got.Netrc, c.netrc)
		}
		if files := got.Files(); len(files) != b2i(c.agent)+b2i(c.netrc != "") {
			t.Errorf("%s: the files are %v", c.name, files)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestGatherWithoutAgent(t *testing.T) {
	env, _ := home(t)
	for _, socket := range []string{"", "/nowhere/agent", "/etc/passwd"} {
		_, err := Gather([]string{"ssh"}, append(env, "SSH_AUTH_SOCK="+socket), []string{"git@forge.example:a"})
		if problem.Code(err) != int(problem.Environment) || !strings.Contains(problem.Hint(err), "ssh-add") {
			t.Errorf("with the agent %q: %v", socket, err)
		}
	}
	// Without files there is nothing to know, and a directory in the place of one is no file.
	bare := []string{"HOME=" + t.TempDir()}
	if c, err := Gather([]string{"netrc"}, bare, []string{"https://forge.example/a"}); err != nil || len(c.Netrc) > 0 {
		t.Errorf("without .netrc: %q, %v", c.Netrc, err)
	}
	if _, err := Gather([]string{"netrc"}, append(bare, "NETRC="+t.TempDir()), []string{"https://forge.example/a"}); err == nil {
		t.Error("a directory was read as .netrc")
	}
}

func TestNetrc(t *testing.T) {
	const text = `# machine comment.example login x password y
machine other.example login o password o
machine forge.example
	login me   password "a b\"c"
	account acc
macdef init
machine forge.example login macro password macro

machine forge.example login two password #2
default login any password any
machine last.example login l`
	raw, passwords := netrcOf([]byte(text), []string{"forge.example", "comment.example", "last.example", ""})
	got := string(raw)
	if want := []string{`a b"c`, "#2"}; !slices.Equal(passwords, want) {
		t.Errorf("the passwords are %q, want %q", passwords, want)
	}
	want := `machine forge.example login me password "a b\"c" account acc
machine forge.example login two password #2
machine last.example login l
`
	if got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

// Whatever a .netrc holds, what is given is of the hosts that were asked for.
func FuzzNetrc(f *testing.F) {
	f.Add("machine a login b password c\nmachine x login y password z\nmacdef m\n\ndefault login d")
	f.Add(`machine "a" password "\`)
	f.Fuzz(func(t *testing.T, text string) {
		out, _ := netrcOf([]byte(text), []string{"a"})
		for line := range strings.Lines(string(out)) {
			if line != "machine a\n" && !strings.HasPrefix(line, "machine a ") {
				t.Errorf("%q gives %q", text, line)
			}
		}
	})
}
