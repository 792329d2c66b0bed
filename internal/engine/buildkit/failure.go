package buildkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/docker/cli/cli/config"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/util/grpcerrors"
	"google.golang.org/grpc/codes"

	"dram/internal/engine"
	"dram/internal/problem"
	"dram/internal/sandbox"
)

// answerWithin is how long a builder has to answer before it counts as absent.
const answerWithin = 15 * time.Second

// hello asks the builder for its version; one too old to know is old, but there.
func (b *builder) hello(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	info, err := b.Info(ctx)
	if grpcerrors.Code(err) == codes.Unimplemented { // before BuildKit 0.11
		_, err = b.ListWorkers(ctx)
		return err
	}
	if err != nil {
		return err
	}
	b.version = info.BuildkitVersion.Version
	return nil
}

// credentials are the client's options for a scheme.
func (a Address) credentials(scheme string) ([]client.ClientOpt, error) {
	t := a.TLS
	if t == (TLS{}) {
		return nil, nil
	}
	if scheme != "tcp" {
		return nil, problem.New(problem.Usage, "leave the certificates out, or write tcp://", "builder %q takes no certificates: only tcp:// does", a)
	}
	for _, f := range []string{t.CA, t.Cert, t.Key} {
		if f == "" {
			continue
		}
		if err := readable(f); err != nil {
			return nil, problem.New(problem.Usage, "see that the path is right and the file readable", "builder %q: reading its certificate or key: %w", a, err)
		}
	}
	if (t.Cert == "") != (t.Key == "") {
		return nil, problem.New(problem.Usage, "give both", "builder %q: a client's certificate and its key go together", a)
	}
	var opts []client.ClientOpt
	if t.CA != "" {
		opts = append(opts, client.WithServerConfig(t.ServerName, t.CA))
	} else {
		opts = append(opts, client.WithServerConfigSystem(t.ServerName))
	}
	if t.Cert != "" {
		opts = append(opts, client.WithCredentials(t.Cert, t.Key))
	}
	return opts, nil
}

func readable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

// logins are the user's logins to registries, as docker login keeps them: the
// builder asks for that of a registry that it pulls from.
func logins() session.Attachable {
	file := config.LoadDefaultConfigFile(io.Discard)
	return authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
		AuthConfigProvider: authprovider.LoadAuthConfig(file),
	})
}

// unreachable says why a builder did not answer and what to do.
func unreachable(ctx context.Context, at Address, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	text := err.Error()
	hint := "see that buildkitd runs there and that the address is right; --engine native needs no builder"
	switch {
	case errors.Is(err, syscall.EACCES) || strings.Contains(text, "permission denied"):
		hint = "let this user use the socket (for Docker: add it to the group docker), or use --engine native"
	case strings.Contains(text, "x509:") || strings.Contains(text, "tls:") || strings.Contains(text, "certificate") || strings.Contains(text, "ca certs"):
		hint = "see that the certificate authority, certificate, key and server name given for this builder are its own"
	case strings.HasPrefix(at.String(), "tcp://") && hungUp.MatchString(text):
		hint = "it hung up: it may want a client's certificate, or another one; or see that buildkitd listens there"
	case strings.Contains(text, "h2c") || grpcerrors.Code(err) == codes.Unimplemented:
		hint = "update it: dram needs Docker 20.10 or BuildKit 0.8, at least; --engine native needs no builder"
	case grpcerrors.Code(err) == codes.DeadlineExceeded:
		err = fmt.Errorf("no answer within %v: %w", answerWithin, err)
	}
	return problem.New(problem.Environment, hint, "builder %s cannot be used: %w", at, brief{err})
}

// hungUp is how it looks when a server does not take a client's certificate, or
// the lack of one: it says so only after the handshake, and the client may be
// writing by then.
var hungUp = regexp.MustCompile(`server preface|broken pipe|reset by peer|EOF`)

// brief is an error without what gRPC puts around what went wrong.
type brief struct{ err error }

func (b brief) Unwrap() error { return b.err }

func (b brief) Error() string {
	text := b.err.Error()
	for _, noise := range []string{
		"failed to call info: ", "failed to list workers: ", "failed to solve: ", "failed to solve with frontend dockerfile.v0: ",
		"Unavailable: ", "Unknown: ", "connection error: desc = ", "rpc error: code = Unavailable desc = ", "rpc error: code = Unknown desc = ",
		"failed to get status: ",
	} {
		text = strings.ReplaceAll(text, noise, "")
	}
	// A program in between tells of its own troubles at length: the last counts.
	if i := strings.Index(text, "stderr="); i >= 0 {
		lines := strings.FieldsFunc(text[i+len("stderr="):], func(r rune) bool { return r == '\n' || r == '\r' })
		if strings.Contains(text[i:], `\n`) {
			lines = strings.Split(strings.Trim(strings.TrimSpace(text[i+len("stderr="):]), `\n"`), `\n`)
		}
		if len(lines) > 0 {
			text = strings.Trim(lines[len(lines)-1], `\r"`)
		}
	}
	return strings.Trim(text, `"`)
}

// failed says what the error of a build means.
func (e *Engine) failed(ctx context.Context, job engine.Job, p *progress, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if known, ok := errors.AsType[*problem.Error](err); ok {
		return known
	}
	text := err.Error()
	step, code, isStep := p.failure(err)
	switch {
	case p.full || strings.Contains(text, "no space left on device"):
		return &engine.LostError{Err: problem.New(problem.Environment, "make room there: docker builder prune, or buildctl prune",
			"the disk of builder %s is full: %w", e.at, brief{err})}
	case p.nothing:
		return job.NoRelease()
	case isStep:
		return &engine.StepError{Step: step, Err: &sandbox.ExitError{Code: code}}
	case grpcerrors.Code(err) == codes.Unavailable || errors.Is(err, io.EOF) || strings.Contains(text, "transport is closing") || strings.Contains(text, "closing transport"):
		return &engine.LostError{Err: problem.New(problem.Environment, "see that it runs, and run dram again: it goes on from what the builder kept",
			"builder %s was lost%s: %w", e.at, during(p), brief{err})}
	}
	return problem.New(problem.Failure, "", "building at %s%s: %w", e.at, during(p), brief{err})
}

func during(p *progress) string {
	if p.step < 0 {
		return ""
	}
	return fmt.Sprintf(" in step %q", p.job.Steps[p.step].Name)
}
