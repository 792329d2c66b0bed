package publish

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"dram/internal/problem"
	"dram/internal/registry"
)

// pushProblem says what a failed push means and what to do.
func pushProblem(repo name.Repository, err error) error {
	host := repo.RegistryStr()
	if errors.Is(err, context.Canceled) {
		return err
	}
	if bound := registry.Problem("pushing to "+repo.Name(), err); bound != nil {
		return bound
	}
	if _, ok := errors.AsType[*localError](err); ok {
		return problem.New(problem.Failure, "make the image again, and see that its file is sound", "reading the image: %w", err)
	}
	if _, ok := errors.AsType[*credentialsError](err); ok {
		return problem.New(problem.Environment, "install the credential helper that Docker's config.json names for it, or take its line out",
			"finding credentials for %s: %w", host, err)
	}
	if t, ok := errors.AsType[*transport.Error](err); ok && !untrusted(err) {
		return answerProblem(repo, t, err)
	}
	return networkProblem(host, err)
}

func answerProblem(repo name.Repository, t *transport.Error, err error) error {
	host := repo.RegistryStr()
	login := "docker login " + host
	switch {
	case t.StatusCode == http.StatusUnauthorized:
		return problem.New(problem.Failure, "log in: "+login, "%s does not know who pushes to %s: %w", host, repo, err)
	case t.StatusCode == http.StatusForbidden:
		return problem.New(problem.Failure, "see that the name is right and that you may push there, or log in as somebody who may: "+login,
			"%s refuses a push to %s: %w", host, repo, err)
	case t.StatusCode == http.StatusTooManyRequests:
		return problem.New(problem.Failure, "wait, and run it again: what was sent is not sent again", "%s takes no more requests for now: %w", host, err)
	case t.StatusCode == http.StatusNotFound:
		return problem.New(problem.Failure, "see that the name is right; some registries want a repository to be made before", "pushing to %s: %w", repo, err)
	case t.StatusCode == http.StatusRequestEntityTooLarge:
		return problem.New(problem.Failure, "let the registry, or the proxy before it, take larger requests (client_max_body_size)", "%s finds a blob too large: %w", host, err)
	case t.StatusCode >= 500:
		return problem.New(problem.Failure, "see the registry's own log, and run it again: what was sent is not sent again", "%s has trouble: %w", host, err)
	}
	return problem.New(problem.Failure, "see that it is a registry, and its own log", "pushing to %s: %w", repo, err)
}

func networkProblem(host string, err error) error {
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case isDNS && dns.IsNotFound:
		return problem.New(problem.Failure, "see that the registry's name is right", "there is no host %s: %w", host, err)
	case untrusted(err):
		return problem.New(problem.Failure,
			"have this machine trust the authority that signed it: SSL_CERT_FILE=ca.pem, or the system's own certificates",
			"the certificate of %s is not trusted: %w", host, err)
	case plainAnswer(err), errors.Is(err, errPlain):
		return problem.New(problem.Failure, "have the registry use TLS, or, in a network that you trust, use --plain-http",
			"%s does not speak TLS: %w", host, err)
	}
	return problem.New(problem.Failure, "see that the registry can be reached from here, and run it again: what was sent is not sent again",
		"pushing to %s: %w", host, err)
}
