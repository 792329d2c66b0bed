package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// odd is the example with a part that is as production does not like it, by a variable.
const odd = `defmodule Hello.Odd do
  def be(nil), do: :ok
  def be("file"), do: File.write("/app/odd.log", "x")
  def be("own file"), do: File.write!("/app/odd.log", "x")
  def be("ipv6"), do: {:ok, _} = :gen_tcp.listen(0, [:inet6, ip: {0, 0, 0, 0, 0, 0, 0, 1}])
  def be("sigterm"), do: :ok = :os.set_signal(:sigterm, :ignore)
  def be("database"), do: System.get_env("DATABASE_URL") || raise("environment variable DATABASE_URL is missing.")
  def be("term"), do: System.get_env("TERM") || raise("no terminal")
  def be("locale"), do: :utf8 = :file.native_name_encoding()
  def be("crash"), do: raise("boom")
  def be("low port"), do: {:ok, _} = :gen_tcp.listen(79, [])
  def be("memory") do
    spawn(fn ->
      taken = :binary.copy(<<1>>, 400_000_000)
      receive do: (:never -> taken)
    end)
  end
  def be("flood"), do: spawn(fn -> Enum.each(Stream.cycle([String.duplicate("x", 500)]), &IO.puts/1) end)
  def be("forks"), do: for(_ <- 1..60, do: Port.open({:spawn_executable, System.find_executable("cat")}, []))
  def be("halt"), do: System.halt(0)
end
`

// rehearsal is what these tests read of dram's JSON.
type rehearsal struct {
	Verdict       string
	Circumstances []struct {
		Name, Verdict, Cause, Summary string
		Start                         struct {
			State, Refused string
			FirstError     string `json:"first_error"`
			Lacks, Written []string
			Memory         int64 `json:"memory_bytes"`
			Output         int64 `json:"output_bytes"`
		}
	}
}

func rehearsed(t *testing.T, args ...string) (r result, doc rehearsal, row string) {
	t.Helper()
	r = dram{args: append([]string{"rehearse", "--format", "json"}, args...)}.run(t)
	if r.code != 0 && r.code != 3 {
		t.Fatalf("exit %d\n%s\n%s", r.code, r.stdout, r.stderr)
	}
	if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil {
		t.Fatalf("%v: %s", err, r.stdout)
	}
	var rows []string
	for _, c := range doc.Circumstances {
		rows = append(rows, c.Name+"="+c.Verdict+"/"+c.Cause)
	}
	return r, doc, strings.Join(rows, " ")
}

// TestRehearsal starts the example, as it is and with one odd thing each, under the
// circumstances that these are seen in.
func TestRehearsal(t *testing.T) {
	real(t)
	dir := project(t, "examples/hello")
	write(t, dir, "lib/hello/odd.ex", odd)
	replace(t, filepath.Join(dir, "lib/hello/application.ex"), ":ok = Hello.Signals.install()", ":ok = Hello.Signals.install()\n    Hello.Odd.be(System.get_env(\"ODD\"))")
	image := filepath.Join(t.TempDir(), "odd.tar")
	dram{args: []string{"image", dir, "-o", image}}.ok(t)
	tarball := only(t, filepath.Join(dir, "releases/hello/releases/*/hello.tar.gz"))
	database := []string{"--env", "ODD=database", "--env", "DATABASE_URL=ecto://hunter22@db"}
	for _, tt := range []struct {
		odd    string
		args   []string
		want   string
		tells  string // somewhere in the document
		sample bool
	}{
		{"", []string{"--only", "read-only", "--only", "stop"}, "plain=OK/none read-only=OK/none stop=OK/none", `"answered_by": "rpc"`, true},
		{"database", nil, "plain=FAIL/configuration", `"DATABASE_URL"`, true},
		{"", append(database, "--only", "plain"), "plain=OK/none", "rpc answers", false},
		{"crash", []string{"--only", "memory"}, "plain=FAIL/ended memory=UNKNOWN/untried", "boom", false},
		{"halt", []string{"--only", "stop"}, "plain=OK/task stop=UNKNOWN/untried", "ends by itself", false},
		{"term", []string{"--only", "plain"}, "plain=FAIL/ended", "no terminal", false},
		{"file", []string{"--only", "writable", "--only", "read-only"}, "plain=OK/none writable=OK/none read-only=WARN/writes", `"/app/odd.log"`, false},
		{"own file", []string{"--only", "plain"}, "plain=FAIL/ended", "read-only file system", false},
		{"own file", []string{"--only", "read-only", "--target", "distro:debian/13"}, "plain=OK/none read-only=FAIL/ended", "read-only file system", false},
		{"ipv6", []string{"--only", "no-ipv6"}, "plain=OK/none no-ipv6=FAIL/ended", "eafnosupport", false},
		{"locale", []string{"--only", "no-locale"}, "plain=OK/none no-locale=FAIL/ended", "latin1", false},
		{"low port", []string{"--only", "no-capabilities"}, "plain=OK/none no-capabilities=FAIL/ended", "eacces", false},
		{"memory", []string{"--only", "memory"}, "plain=OK/none memory=FAIL/memory", "of memory", false},
		{"sigterm", []string{"--only", "stop"}, "plain=OK/none stop=WARN/killed", "SIGTERM does not end it", false},
		{"flood", []string{"--only", "one-cpu"}, "plain=OK/none one-cpu=OK/none", "rpc answers", false},
		{"forks", []string{"--only", "dotted-host"}, "plain=OK/none dotted-host=OK/none", "rpc answers", false},
		{"", []string{"--without", "open-files"}, "plain=OK/none writable=OK/none read-only=OK/none other-user=OK/none no-capabilities=OK/none no-ipv6=OK/none " +
			"one-cpu=OK/none memory=OK/none dotted-host=OK/none no-locale=OK/none stop=OK/none stop-early=OK/none", "rpc answers", false},
	} {
		t.Run(tt.odd+strings.Join(tt.args, ""), func(t *testing.T) {
			inSample(t, tt.sample)
			what := image
			if slices.Contains(tt.args, "--target") {
				what = tarball
			}
			args := tt.args
			if tt.odd != "" {
				args = append(slices.Clone(args), "--env", "ODD="+tt.odd)
			}
			begun := time.Now()
			r, doc, row := rehearsed(t, append([]string{what}, args...)...)
			if tt.odd == "database" {
				row, _, _ = strings.Cut(row, " ")
			}
			if row != tt.want || !strings.Contains(r.stdout, tt.tells) || strings.Contains(r.stdout, "hunter22") {
				t.Errorf("%s\nwant %s, and %q in\n%s%s", row, tt.want, tt.tells, r.stdout, r.stderr)
			}
			if (r.code == 3) != (doc.Verdict == "FAIL") {
				t.Errorf("exit %d for %s", r.code, doc.Verdict)
			}
			t.Logf("%s: %s", time.Since(begun), row)
		})
	}
	if left, _ := filepath.Glob(filepath.Join(cacheDir, "tmp", "*", "rehears*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(mounts), "rehears") {
		t.Errorf("a mount is left behind, or %v", err)
	}
}
