package buildkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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
	case strings.Contains(text, "x509:") || strings.Contains(text, "tls:") || strings.Contains(text, "certificate"):
		hint = "see that the certificate authority, certificate, key and server name given for this builder are its own"
	case strings.Contains(text, "Unimplemented"):
		hint = "update it: dram needs BuildKit 0.8 or Docker 20.10, at least"
	case errors.Is(err, context.DeadlineExceeded) || grpcerrors.Code(err) == codes.DeadlineExceeded:
		err = fmt.Errorf("no answer within %v: %w", answerWithin, err)
	}
	return &engine.LostError{Err: problem.New(problem.Environment, hint, "builder %s cannot be used: %w", at, err)}
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
			"the disk of builder %s is full: %w", e.at, err)}
	case p.nothing:
		return problem.New(problem.Build, "see that `mix release` assembles under _build (no `path:` in its options)",
			"the build ended well but left no release at %s", job.Export)
	case isStep:
		return &engine.StepError{Step: step, Err: fmt.Errorf("exit status %d", code)}
	case grpcerrors.Code(err) == codes.Unavailable || errors.Is(err, io.EOF) || strings.Contains(text, "transport is closing") || strings.Contains(text, "closing transport"):
		return &engine.LostError{Err: problem.New(problem.Environment, "see that it runs, and run dram again: it goes on from what the builder kept",
			"builder %s was lost%s: %w", e.at, during(p), err)}
	}
	return problem.New(problem.Failure, "", "building at %s%s: %w", e.at, during(p), err)
}

func during(p *progress) string {
	if p.step < 0 {
		return ""
	}
	return fmt.Sprintf(" in step %q", p.job.Steps[p.step].Name)
}
