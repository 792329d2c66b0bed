package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tour starts a portable hello that lies at "/a place", asks it over rpc and stops it. It
// calls nothing but the shell and what that has built in.
const tour = `
cd /
export RELEASE_COOKIE=secret RELEASE_NODE=$NODE RELEASE_DISTRIBUTION=sname HOME=/tmp RELEASE_TMP=/tmp
hello="/a place/bin/hello"
"$hello" start &
n=0
until "$hello" rpc 'IO.puts("up")' > /dev/null 2>&1; do
  n=$((n + 1))
  if [ $n -gt 40 ]; then echo "it does not start"; exit 1; fi
done
"$hello" rpc '
  certificates = try do length(:public_key.cacerts_get()) rescue UndefinedFunctionError -> 99 end
  {:ok, localhost} = :inet.gethostbyname(~c"localhost")
  IO.puts("nif #{Hello.Native.fnv1a("a")} port #{Hello.Checksum.crc32("123456789")}")
  IO.puts("sha #{Base.encode16(:crypto.hash(:sha, "a"))} certificates #{certificates > 50}")
  IO.puts("#{Hello.TLS.handshake().protocol} #{inspect(elem(localhost, 5))} #{:file.native_name_encoding()}")
  IO.puts("shell " <> to_string(:os.cmd(~c"echo $0 ${LD_LIBRARY_PATH:-none}")))
'
"$hello" version
"$hello" stop
wait
echo "ended $?"
`

const toured = `nif 12638187200555641996 port 3421780262
sha 86F7E437FAA5A7FCE15D1DDCB9EAEAEA377667B8 certificates true
tlsv1.3 [{127, 0, 0, 1}] utf8
shell /bin/sh none

hello 0.1.0
ended 0
`

// portableHello is examples/hello, built once on Debian 13.
func portableHello(t *testing.T, suite string) string {
	t.Helper()
	out := dram{args: []string{"build", project(t, "examples/hello"), "--toolchain", "distro:" + suite, "--portable"}}.ok(t)
	return strings.TrimSpace(out.stdout)
}

// busyboxRoot is a root with a shell that is linked statically and nothing else.
func busyboxRoot(t *testing.T) string {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatalf("install busybox-static: %v", err)
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	write(t, root, "etc/hosts", "127.0.0.1\tlocalhost\n", "dev/null", "", "tmp/x", "", "bin/sh", string(program))
	if err := os.Chmod(filepath.Join(root, "bin/sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

// enter runs a script in a root, with a user namespace of its own.
func enter(t *testing.T, root, script string, env ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", script)
	cmd.Dir, cmd.Env = "/", append(env, "PATH=/bin:/usr/bin")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Chroot: root, Cloneflags: syscall.CLONE_NEWUSER, GidMappingsEnableSetgroups: false,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		t.Errorf("%v:\n%s", err, said.String())
	}
	return said.String()
}

// unpackAt unpacks a tarball.
func unpackAt(t *testing.T, tarball, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("tar", "xzf", tarball, "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// One build on Debian 13 runs where there is no C library at all, and says so before.
func TestPortableWithoutAnything(t *testing.T) {
	real(t)
	t.Parallel()
	tarball := portableHello(t, "debian/13")
	root := busyboxRoot(t)
	if out := (dram{args: []string{"check", tarball, "--target", "dir:" + root}}).run(t); out.code != 0 {
		t.Errorf("the check against a root with a static shell:\n%s", out.stdout)
	}
	unpackAt(t, tarball, filepath.Join(root, "a place"))
	said := enter(t, root, tour, "PORT="+freePort(t), "NODE=bare"+freePort(t)+"@localhost")
	if !strings.HasSuffix(said, toured) {
		t.Errorf("it says\n%s", said)
	}
}
