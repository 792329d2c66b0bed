package rehearse

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/problem"
)

func exitCode(err error) int { return problem.Code(err) }

// What releases, Elixir and shells print, and what it tells.
func TestSaid(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       Said
	}{
		{"nothing", "", Said{}},
		{"all well", "12:00:00.000 [info] listening on port 4000\n", Said{Last: "12:00:00.000 [info] listening on port 4000"}},
		{"an error in colour", "\x1b[31m[error] Postgrex failed\x1b[0m\nmore\n", Said{Error: "[error] Postgrex failed", Last: "more"}},
		{"an error behind a hint", "file not found\n=CRASH REPORT==== 1\nx\n", Said{Error: "=CRASH REPORT==== 1", Last: "x"}},
		{
			"an exception", "** (Mix) could not start: x\n    ** (EXIT) an exception was raised:\n        ** (RuntimeError) boom\n            (hello) lib/a.ex:1\n",
			Said{Error: "** (Mix) could not start: x", Last: "(hello) lib/a.ex:1"},
		},
		{
			"an exception that follows", "[notice] exited\n    ** (EXIT) an exception was raised:\n        ** (RuntimeError) boom\n  at x\n",
			Said{Error: "** (EXIT) an exception was raised: ** (RuntimeError) boom", Last: "at x"},
		},
		{"a hint alone", "fine\nCan't load it: no such file\nend\n", Said{Error: "Can't load it: no such file", Last: "end"}},
		{"JSON", `{"level":"error","msg":"x"}` + "\n", Said{Error: `{"level":"error","msg":"x"}`, Last: `{"level":"error","msg":"x"}`}},
		{"what steers a terminal", "error: \x07\x1b]0;x\x07\n", Said{Error: `error: \a\x1b]0;x\a`, Last: `error: \a\x1b]0;x\a`}},
		{
			"a file system that is read-only", "** (File.Error) could not write to file \"/app/x\": read-only file system\n",
			Said{
				Error: `** (File.Error) could not write to file "/app/x": read-only file system`, Last: `** (File.Error) could not write to file "/app/x": read-only file system`,
				Refused: `** (File.Error) could not write to file "/app/x": read-only file system`,
			},
		},
		{"a secret", "error: cannot connect to ecto://u:hunter22@db\n", Said{Error: "error: cannot connect to ecto://u:***@db", Last: "error: cannot connect to ecto://u:***@db"}},
	} {
		o := &output{}
		if _, err := o.Write([]byte(tt.text)); err != nil {
			t.Fatal(err)
		}
		tt.want.Bytes = int64(len(tt.text))
		if diff := cmp.Diff(tt.want, o.said(nil, []string{"hunter22"})); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// The ways in which a variable is said to be missing, and ones in which none is.
func TestLacks(t *testing.T) {
	for text, want := range map[string]string{
		"** (RuntimeError) environment variable DATABASE_URL is missing.\nFor example: ecto://USER:PASS@HOST/DATABASE": "DATABASE_URL",
		"** (System.EnvError) could not fetch environment variable \"SECRET_KEY_BASE\" because it is not set":          "SECRET_KEY_BASE",
		"** (ArgumentError) could not fetch environment variable \"PHX_HOST\" because it is not set":                   "PHX_HOST",
		"/app/releases/0.1.0/env.sh: 3: NEEDED_9: parameter not set":                                                   "NEEDED_9",
		"env.sh: line 3: NEEDED_9: parameter null or not set":                                                          "NEEDED_9",
		"REDIS_URL is not set":                                                  "REDIS_URL",
		"REDIS_URL must be set":                                                 "REDIS_URL",
		"the REDIS_URL environment variable is required":                        "REDIS_URL",
		"missing required environment variables: API_TOKEN":                     "API_TOKEN",
		"Missing env var API_TOKEN":                                             "API_TOKEN",
		"please set API_TOKEN":                                                  "API_TOKEN",
		"environment variable API_TOKEN is missing\nREDIS_URL is missing":       "API_TOKEN REDIS_URL",
		"environment variable SET_ALREADY is missing":                           "",
		"environment variable SET_EMPTY is missing":                             "SET_EMPTY",
		"[error] GET / 500: HTTP is missing a header":                           "",
		"[info] SECRET_KEY_BASE was read; listening on PORT 4000":               "",
		"** (UndefinedFunctionError) function Foo.bar/0 is undefined":           "",
		"{\"Kernel pid terminated\",application_controller,\"{...}\"}":          "",
		"Failed to write log message to stdout, trying stderr; TLS is required": "",
	} {
		got := strings.Join(lacks(text, []string{"SET_ALREADY=x", "SET_EMPTY="}), " ")
		if got != want {
			t.Errorf("%q lacks %q, want %q", text, got, want)
		}
	}
}

// However much is printed, the beginning and the end are kept.
func TestOutputIsBounded(t *testing.T) {
	o := &output{}
	lines := []byte("error: first\n" + strings.Repeat("x", 1000) + "\n")
	for range 3000 {
		if n, err := o.Write(lines); n != len(lines) || err != nil {
			t.Fatal(n, err)
		}
	}
	if _, err := o.Write([]byte("the end\n")); err != nil {
		t.Fatal(err)
	}
	text, total := o.text()
	if len(text) != maxHead+maxTail || total != int64(3000*len(lines)+8) {
		t.Errorf("%d bytes kept of %d", len(text), total)
	}
	if said := o.said(nil, nil); said.Error != "error: first" || said.Last != "the end" {
		t.Errorf("%+v", said)
	}
	one := &output{}
	_, _ = one.Write(bytes.Repeat([]byte("error "), 100_000))
	if said := one.said(nil, nil); len([]rune(said.Error)) > maxLine+1 {
		t.Errorf("a line of %d characters", len(said.Error))
	}
}

// Tables of the kernel's, as proc(5) and proc_net_tcp.txt have them.
func TestTablesOfTheKernel(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1111 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 00000000:0FA0 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 0100007F:0FA1 0100007F:1111 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
   3: broken
`
	if diff := cmp.Diff([]int{0x1111, 4000}, listeners(strings.NewReader(table))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{40123, 5}, nodes([]byte("\x00\x00\x11\x11name hello at port 40123\nname b at port 5\nnoise\n"))); diff != "" {
		t.Error(diff)
	}
	if got := nodes([]byte("\x00")); got != nil {
		t.Errorf("nodes %v", got)
	}
	if got := resident([]byte("Name:\tx\nVmRSS:\t  999 kB\nRssAnon:\t     100 kB\nRssFile:\t 50 kB\nRssShmem:\t       7 kB\n")); got != 107<<10 {
		t.Errorf("%d bytes", got)
	}
	if got := resident(nil); got != 0 {
		t.Errorf("%d bytes of nothing", got)
	}
	if memoryOf(os.Getpid()) == 0 || openFiles(os.Getpid()) == 0 || machineMemory() == 0 {
		t.Error("this process has no memory or no files")
	}
}
