package pipeline

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"dram/internal/entrypoint"
	"dram/internal/sandbox"
	"dram/internal/session"
)

// ExecIn runs a command beside the image that runs under a name, as the same user dram run
// started it. The errors are those of RunImage.
func (p *Pipeline) ExecIn(ctx context.Context, name string, c session.Call) error {
	return session.Run(ctx, p.sessions(), name, c)
}

// sessions is where names are.
func (p *Pipeline) sessions() string { return filepath.Join(p.Store.Dir(), "running") }

// runNamed runs an image's process, and lets commands in beside it under its name.
func (p *Pipeline) runNamed(ctx context.Context, spec sandbox.Spec, opts RunOptions, entry []string) error {
	door, err := session.Claim(p.sessions(), opts.Name)
	if err != nil {
		return err
	}
	defer door.Close()
	base := sandbox.Command{Env: spec.Env, Dir: spec.Dir}
	return sandbox.RunBeside(ctx, spec, func(ctx context.Context, in *sandbox.Beside) {
		door.Serve(ctx, in, base, func(words []string) []string { return Within(entry, words) })
	})
}

// Within is what a command comes to in a container that runs already: a program, where
// its first word is a path, or else a command of what the image's entrypoint starts,
// without what is there to be process 1.
func Within(entry, words []string) []string {
	if len(words) == 0 || strings.Contains(words[0], "/") {
		return words
	}
	if len(entry) > 1 && entry[0] == "/"+entrypoint.Path {
		entry = entry[1:]
	}
	own := func(word string) bool { return strings.HasPrefix(word, "/app/bin/") }
	if i := slices.IndexFunc(entry, own); i > 0 {
		entry = entry[i:]
	}
	return append(slices.Clone(entry), words...)
}
