package registry

import (
	"errors"
	"syscall"

	"dram/internal/httpbound"
	"dram/internal/problem"
)

// Problem is what an error of this package or of httpbound means while doing
// something ("pulling image:x"), and what to do; nil if it is of neither.
func Problem(doing string, err error) error {
	for _, k := range []struct {
		is   error
		kind problem.Kind
		hint string
	}{
		{httpbound.ErrSilent, problem.Failure, "see that the registry, and a proxy on the way to it, are well, and run it again"},
		{httpbound.ErrSlow, problem.Failure, "see that the registry, and a proxy on the way to it, are well, and run it again"},
		{httpbound.ErrTooLarge, problem.Failure, "see that it is a registry that answers under that name, and one that you trust"},
		{httpbound.ErrRedirect, problem.Failure, "see who answers under that name: a proxy, or a registry that you should not trust"},
		{ErrSize, problem.Failure, "see that the image is sound, or use another one; a registry that does this is not to be trusted"},
		{ErrInward, problem.Failure, "do not use a registry that does this, or name the one on this machine itself"},
		{ErrPlain, problem.Failure, "see who answers under that name, and have the registry name its places with https"},
		{ErrCredentials, problem.Failure, "do not use a registry that does this; log in again if you used it before"},
		{syscall.EMFILE, problem.Environment, "allow this process more open files: ulimit -n 4096"},
		{syscall.ENFILE, problem.Environment, "allow this machine more open files (sysctl fs.file-max), or end what holds them"},
	} {
		if errors.Is(err, k.is) {
			return problem.New(k.kind, k.hint, "%s: %w", doing, err)
		}
	}
	return nil
}
