package daemon

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/problem"
)

// engine is a daemon with one image, that declares a port, and one container, whose
// program is a function of its input. It speaks as much of Docker's API as running
// a container takes.
type engine struct {
	*httptest.Server
	program func(in io.Reader, out func(stream byte, text string)) (code int)
	refuses map[string]string // by the end of a path: what the daemon says instead
	podman  bool

	mu       sync.Mutex
	created  map[string]any // the container, as it was asked for
	asked    []string       // paths behind /containers/c, in order
	waitsFor string
	stopped  chan struct{}
	ended    chan int
	attached chan struct{}
	closed   chan struct{}
}

func newEngine(t *testing.T, program func(io.Reader, func(byte, string)) int) *engine {
	t.Helper()
	e := &engine{program: program, stopped: make(chan struct{}), ended: make(chan int, 1), attached: make(chan struct{}), closed: make(chan struct{})}
	e.Server = httptest.NewServer(http.HandlerFunc(e.serve))
	t.Cleanup(func() {
		close(e.closed)
		e.CloseClientConnections()
		e.Close()
	})
	return e
}

func (e *engine) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Api-Version", "1.44")
	_, what, _ := strings.Cut(r.URL.Path, "/containers/c/")
	e.mu.Lock()
	if what != "" || r.Method == http.MethodDelete {
		e.asked = append(e.asked, r.Method+" "+what)
	}
	e.mu.Unlock()
	for end, says := range e.refuses {
		if strings.HasSuffix(r.URL.Path, end) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusInternalServerError)
			_ = json.NewEncoder(w).Encode(map[string]string{"message": says})
			return
		}
	}
	switch {
	case strings.HasSuffix(r.URL.Path, "/version"):
		name := map[bool]string{true: "Podman Engine", false: "Engine"}[e.podman]
		_, _ = fmt.Fprintf(w, `{"Version":"1.2.3","ApiVersion":"1.44","Components":[{"Name":%q,"Version":"5.4.2"}]}`, name)
	case strings.Contains(r.URL.Path, "/images/"):
		_, _ = io.WriteString(w, `{"Id":"sha256:1","Config":{"ExposedPorts":{"4000/tcp":{}}}}`)
	case strings.HasSuffix(r.URL.Path, "/create"):
		_ = json.NewDecoder(r.Body).Decode(&e.created)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"Id":"c","Warnings":[]}`)
	case what == "attach":
		e.attach(w)
	case what == "wait":
		e.waitsFor = r.URL.Query().Get("condition")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		select {
		case code := <-e.ended:
			_, _ = fmt.Fprintf(w, `{"StatusCode":%d}`, code)
		case <-r.Context().Done():
		}
	case what == "start":
		close(e.attached)
		w.WriteHeader(http.StatusNoContent)
	case what == "stop":
		close(e.stopped)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	}
}

// attach hands the connection over to the program, once the container was started.
func (e *engine) attach(w http.ResponseWriter) {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	go func() {
		defer func() { _ = conn.Close() }()
		select {
		case <-e.attached:
		case <-e.closed:
			return
		}
		e.ended <- e.program(buf, func(stream byte, text string) {
			head := []byte{stream, 0, 0, 0, 0, 0, 0, 0}
			binary.BigEndian.PutUint32(head[4:], uint32(len(text)))
			_, _ = conn.Write(append(head, text...))
		})
	}()
}

func (e *engine) connect(t *testing.T) *Client {
	t.Helper()
	c, err := Connect(t.Context(), []string{"DOCKER_HOST=" + strings.Replace(e.URL, "http://", "tcp://", 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestRun(t *testing.T) {
	e := newEngine(t, func(in io.Reader, out func(byte, string)) int {
		word := make([]byte, 5)
		_, _ = io.ReadFull(in, word)
		out(1, "you said "+string(word))
		out(2, "a warning")
		out(1, ", and that was it")
		return 3
	})
	var out, errs bytes.Buffer
	var ports []string
	code, err := e.connect(t).Run(t.Context(), Run{
		Image: "hello:1", Env: []string{"A=1"}, Command: []string{"/bin/sh", "-c", "true"}, Stdin: strings.NewReader("hello"),
		Stdout: &out, Stderr: &errs, Started: func(p []string) { ports = p },
	})
	if code != 3 || err != nil {
		t.Errorf("code %d, %v", code, err)
	}
	if out.String() != "you said hello, and that was it" || errs.String() != "a warning" {
		t.Errorf("printed %q and %q", &out, &errs)
	}
	// A port that the image declares is published on loopback alone.
	if diff := cmp.Diff([]string{"127.0.0.1:4000->4000/tcp"}, ports); diff != "" {
		t.Error(diff)
	}
	for key, want := range map[string]string{
		"Image": `"hello:1"`, "Env": `["A=1"]`, "Entrypoint": `["/bin/sh"]`, "Cmd": `["-c","true"]`, "Tty": "false", "OpenStdin": "true", "StdinOnce": "true",
	} {
		if got, err := json.Marshal(e.created[key]); err != nil || string(got) != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
	host, _ := e.created["HostConfig"].(map[string]any)
	if host["AutoRemove"] != true || e.waitsFor != "removed" {
		t.Errorf("it stays: %v, waited for %q", host["AutoRemove"], e.waitsFor)
	}
	if diff := cmp.Diff([]string{"POST attach", "POST wait", "POST start"}, e.asked); diff != "" {
		t.Errorf("what was asked: %s", diff) // the wait begins before the start, or a short program would be missed
	}
}

// Podman forgets the exit code of what it removed: the end is waited for.
func TestRunInPodman(t *testing.T) {
	e := newEngine(t, func(io.Reader, func(byte, string)) int { return 4 })
	e.podman = true
	c := e.connect(t)
	code, err := c.Run(t.Context(), Run{Image: "x", Command: []string{"rpc", "x"}, Publish: []string{"8080:80"}, Stdout: io.Discard, Stderr: io.Discard})
	if code != 4 || err != nil || e.waitsFor != "next-exit" || !c.Podman() || c.Name() != "Podman Engine 5.4.2" {
		t.Errorf("%s: code %d, %v, waited for %q", c.Name(), code, err, e.waitsFor)
	}
	if e.created["Entrypoint"] != nil || fmt.Sprint(e.created["Cmd"]) != "[rpc x]" || e.created["OpenStdin"] != false {
		t.Errorf("made %v", e.created)
	}
}

// Who is told to end asks the container to stop, and gives what it ended with.
func TestRunIsCancelled(t *testing.T) {
	var e *engine
	e = newEngine(t, func(_ io.Reader, out func(byte, string)) int {
		<-e.stopped
		out(1, "bye")
		return 143
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	code, err := e.connect(t).Run(ctx, Run{Image: "x", Stdout: &out, Stderr: io.Discard, Started: func([]string) { cancel() }})
	if code != 143 || err != nil || out.String() != "bye" {
		t.Errorf("code %d, %v, printed %q", code, err, &out)
	}
}

// What goes wrong is said, and leaves no container.
func TestRunFails(t *testing.T) {
	for name, tt := range map[string]struct {
		refuses map[string]string
		says    string
		hint    string
		removed bool
	}{
		"no such image":  {map[string]string{"/json": "No such image: x"}, "looking at image x", "", false},
		"not made":       {map[string]string{"/create": "no space left"}, "making a container", "", false},
		"not attached":   {map[string]string{"/attach": "gone"}, "attaching to the container", "", true},
		"a port in use":  {map[string]string{"/start": "Bind for 127.0.0.1:4000 failed: port is already allocated"}, "a port is in use", "-p 4001:4000", true},
		"no such binary": {map[string]string{"/start": "exec: not found"}, "starting the container", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, func(io.Reader, func(byte, string)) int { return 0 })
			e.refuses = tt.refuses
			_, err := e.connect(t).Run(t.Context(), Run{Image: "x", Stdout: io.Discard, Stderr: io.Discard})
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(problem.Hint(err), tt.hint) {
				t.Fatalf("%v, hint %q", err, problem.Hint(err))
			}
			removed := strings.Contains(strings.Join(e.asked, "\n"), "DELETE")
			if removed != tt.removed {
				t.Errorf("removed: %v; asked %q", removed, e.asked)
			}
		})
	}
}
