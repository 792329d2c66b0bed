package rehearse

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"dram/internal/environ"
	"dram/internal/sandbox"
	"dram/internal/tool"
)

// asking finds out whether a start has started: its scripts know, or else a port
// answers that is neither epmd's nor a node's.
type asking struct {
	*start
	in    *sandbox.Beside
	heard time.Time // when somebody first listened
	last  time.Time // when it was asked last
	asked int
	given []tool.Question // those that its scripts do not know
	busy  bool            // it answered, and had not started
}

// ask says what answered, "" if nothing does yet. Asking costs a VM of its own, so it
// waits until somebody listens, or some time has gone by.
func (a *asking) ask(ctx context.Context) string {
	ports := listening(a.in.Pid)
	if len(ports) > 0 && a.heard.IsZero() {
		a.heard = time.Now()
	}
	if a.heard.IsZero() && time.Since(a.began) < a.subject.glances(unasked) || time.Since(a.last) < a.subject.glances(again) {
		return ""
	}
	for _, q := range a.subject.Asks {
		if a.yes(ctx, q) {
			return a.name(q)
		}
	}
	a.last, a.asked = time.Now(), a.asked+1
	if a.heard.IsZero() || a.busy || len(a.subject.Asks) > 0 && time.Since(a.heard) < a.subject.glances(settled) {
		return ""
	}
	return a.port(ctx, ports)
}

// name is what a question is called.
func (a *asking) name(q tool.Question) string { return q.Args[0] }

// yes asks one question.
func (a *asking) yes(ctx context.Context, q tool.Question) bool {
	unknown := func(g tool.Question) bool { return slices.Equal(g.Args, q.Args) }
	if slices.ContainsFunc(a.given, unknown) {
		return false
	}
	answer, err := a.in.Run(ctx, sandbox.Command{
		Argv: append([]string{a.subject.Script}, q.Args...), Env: a.Spec.Env, Dir: a.Spec.Dir, Within: 10 * time.Second,
	})
	if err != nil {
		a.given = append(a.given, q)
		return false
	}
	a.busy = answer.Code == 0 && !bytes.Contains(answer.Output, []byte(q.Answer))
	return answer.Code == 0 && !a.busy
}

// port says which port answers.
func (a *asking) port(ctx context.Context, ports []int) string {
	mapper := 4369
	if n, err := strconv.Atoi(environ.Get(a.Spec.Env, "ERL_EPMD_PORT")); err == nil {
		mapper = n
	}
	var own []int
	if slices.Contains(ports, mapper) {
		answer, _ := a.in.Talk(ctx, mapper, namesRequest) // of one that is silent nothing is known
		own = append(nodes(answer), mapper)
	}
	for _, port := range ports {
		if slices.Contains(own, port) {
			continue
		}
		answer, err := a.in.Talk(ctx, port, []byte("GET / HTTP/1.0\r\n\r\n"))
		if err != nil {
			continue
		}
		if m := status.FindSubmatch(answer); m != nil {
			return fmt.Sprintf("port %d (HTTP %s)", port, m[1])
		}
		return fmt.Sprintf("port %d", port)
	}
	return ""
}

var status = regexp.MustCompile(`^HTTP/1\.[01] (\d{3}) `)
