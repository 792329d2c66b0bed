package daemon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/problem"
)

// inContainer is a daemon with a container, in which a program runs as an engine's does.
func inContainer(t *testing.T, state string, program func(io.Reader, func(byte, string)) int) (c *Client, asked *map[string]any) {
	t.Helper()
	e := newEngine(t, program)
	close(e.attached) // a command starts with its streams
	created, code := map[string]any{}, make(chan int, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, what, _ := strings.Cut(r.URL.Path, "/containers/")
		switch {
		case what == "hello/json":
			_, _ = fmt.Fprintf(w, `{"Id":"c","State":{"Running":%t,"Status":%q},"Config":{"Entrypoint":["/app/bin/hello"]}}`, state == "running", state)
		case strings.HasSuffix(what, "/json"):
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"message":"No such container"}`)
		case what == "c/exec":
			_ = json.NewDecoder(r.Body).Decode(&created)
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"Id":"x"}`)
		case strings.HasSuffix(r.URL.Path, "/exec/x/start"):
			_, _ = io.Copy(io.Discard, r.Body) // what it is to be like
			e.attach(w)
			code <- <-e.ended
		case strings.HasSuffix(r.URL.Path, "/exec/x/json"):
			_, _ = fmt.Fprintf(w, `{"ID":"x","Running":false,"ExitCode":%d}`, <-code)
		default:
			e.serve(w, r)
		}
	}))
	t.Cleanup(server.Close)
	e.Server = server
	return e.connect(t), &created
}

// A command in a container has its streams and gives its exit code.
func TestExec(t *testing.T) {
	c, asked := inContainer(t, "running", func(in io.Reader, out func(byte, string)) int {
		text, _ := io.ReadAll(in)
		out(1, "<"+string(text)+">")
		out(2, "wrong")
		return 7
	})
	var out, errs bytes.Buffer
	code, err := c.Exec(t.Context(), Exec{
		Container: "hello", Env: []string{"A=1"}, Stdin: strings.NewReader("given"), Stdout: &out, Stderr: &errs,
		Command: func(entry []string) []string { return append(entry, "rpc", "x") },
	})
	if err != nil || code != 7 || out.String() != "<given>" || errs.String() != "wrong" {
		t.Errorf("%d, %v: %q, %q", code, err, &out, &errs)
	}
	want := []any{"/app/bin/hello", "rpc", "x"}
	if diff := cmp.Diff(want, (*asked)["Cmd"]); diff != "" || (*asked)["Tty"] == true {
		t.Errorf("%v %s", *asked, diff)
	}
}

// A container that is not there, or does not run, is said with what to do.
func TestExecRefuses(t *testing.T) {
	for _, tt := range []struct{ name, state, says, hint string }{
		{"gone", "running", `no container "gone"`, "dram run --docker --name gone"},
		{"hello", "exited", `"hello" does not run (it is exited)`, "docker start hello"},
	} {
		c, _ := inContainer(t, tt.state, nil)
		_, err := c.Exec(t.Context(), Exec{Container: tt.name, Command: func(entry []string) []string { return entry }})
		if problem.Code(err) != int(problem.Usage) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(problem.Hint(err), tt.hint) {
			t.Errorf("%s: %v (%s)", tt.name, err, problem.Hint(err))
		}
	}
}
