// Package managers adds packages to the systems of images by the package managers
// that these bring: apk, dnf and yum, zypper, pacman. Each runs inside the system, in
// the sandbox, with the network in that step alone, and verifies what it fetches by
// the system's own keys.
//
// What is to be added is asked for first, in a run whose writes are thrown away: the
// exact packages that the manager would install. They are part of what names the
// result, so that it is made anew when the repositories have others; the answer holds
// for a day, and longer where the repositories cannot be reached.
package managers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"dram/internal/distro"
	"dram/internal/problem"
	"dram/internal/store"
)

// recipe changes whenever the same packages, added to the same system, would give
// another tree.
const recipe = 1

// All is an adder for each package manager.
func All() distro.Adders {
	var all distro.Adders
	for _, m := range table() {
		all = append(all, adder{m})
	}
	return all
}

// adder adds packages by one manager.
type adder struct{ manager }

func (a adder) Family() distro.Family { return a.family }

// Of says whether the system has the manager.
func (a adder) Of(s *distro.Snapshot) bool { return s.Programs[a.program] != "" }

// answer is what the manager said that it would install.
type answer struct {
	Checked  time.Time `json:"checked"`
	Packages []string  `json:"packages"` // as the manager lists them, sorted
}

const freshFor = 24 * time.Hour

// name is what packages are called, and what they are asked for by: no option.
var name = regexp.MustCompile(`^[A-Za-z0-9@/_(][A-Za-z0-9@/_()+.:=-]*$`)

// Add asks the manager what it would install.
func (a adder) Add(ctx context.Context, access distro.Access, add distro.Addition) (*distro.Root, error) {
	for _, p := range add.Packages {
		if !name.MatchString(p) {
			return nil, problem.New(problem.Usage, "check the name", "%q is no name of a package", p)
		}
	}
	said, err := a.answer(ctx, access, add)
	if err != nil || len(said.Packages) == 0 {
		return nil, err
	}
	return &distro.Root{
		ID:   a.id(said.Packages),
		Name: fmt.Sprintf("%d packages by %s", len(said.Packages), a.program),
		Fill: func(ctx context.Context, dir string, _ distro.Configurer, tell func(format string, args ...any)) error {
			return a.fill(ctx, dir, add, said.Packages, tell)
		},
	}, nil
}

func (a adder) id(packages []string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "recipe %d %s\n%s", recipe, a.program, strings.Join(packages, "\n")))
	return hex.EncodeToString(sum[:])
}

// answer is what was said within the last day, or is asked for now.
func (a adder) answer(ctx context.Context, access distro.Access, add distro.Addition) (answer, error) {
	key := store.DigestOf(fmt.Appendf(nil, "%d %s %s %s %q", recipe, a.program, add.Base, add.Arch, add.Packages)).Hex()
	var said answer
	known := access.Store.Get("managed", key, &said)
	if age := time.Since(said.Checked); known && !add.Refresh && age >= 0 && age < freshFor {
		return said, nil
	}
	dir, err := add.Dir(ctx)
	if err != nil {
		return said, err
	}
	access.Tell("asking %s for %s", a.program, strings.Join(add.Packages, ", "))
	packages, err := a.choose(ctx, add, distro.Command{Over: dir})
	if err != nil {
		var wrong *problem.Error
		if known && ctx.Err() == nil && (!errors.As(err, &wrong) || wrong.Kind != problem.Usage) {
			access.Tell("warning: the repositories cannot be asked, so what they had at %s serves: %v", said.Checked.Local().Format(time.DateTime), err)
			return said, nil
		}
		return said, err
	}
	said = answer{time.Now(), packages}
	return said, access.Store.Put("managed", key, said)
}

// choose has the manager list what it would install.
func (a adder) choose(ctx context.Context, add distro.Addition, at distro.Command) ([]string, error) {
	out := &distro.Tail{Max: 4 << 20}
	err := a.run(ctx, add, at, a.ask, out)
	text := out.String()
	if m := a.absent.FindStringSubmatch(text); m != nil {
		what := strings.Join(m[1:], "")
		return nil, problem.New(problem.Usage, "look for its name: "+a.search, "%w",
			&distro.AbsentError{Package: what, Says: fmt.Sprintf("%s knows no package %q", a.program, what)})
	}
	if err != nil && (ctx.Err() != nil || a.declines == nil || !a.declines.MatchString(text)) {
		return nil, a.failed(ctx, "asking", out, err)
	}
	var packages []string
	for _, m := range a.rows.FindAllString(text, -1) {
		packages = append(packages, strings.Join(strings.Fields(m), " "))
	}
	if len(packages) == 0 && !a.idle.MatchString(text) {
		return nil, a.failed(ctx, "asking", out, errors.New("it lists nothing that dram can read"))
	}
	slices.Sort(packages)
	return slices.Compact(packages), nil
}

// run runs a script of the table with the packages for arguments.
func (a adder) run(ctx context.Context, add distro.Addition, at distro.Command, script string, out *distro.Tail) error {
	at.Argv = append([]string{"/bin/sh", "-c", script, a.program}, add.Packages...)
	at.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TMPDIR=/tmp",
		"LC_ALL=C.UTF-8", "LANG=C.UTF-8", "TZ=UTC", "TERM=dumb", "COLUMNS=500",
	}
	at.Out, at.Online = out, true
	return add.Run.Run(ctx, at)
}

func (a adder) failed(ctx context.Context, doing string, out *distro.Tail, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, ok := errors.AsType[*problem.Error](err); ok || out.String() == "" {
		return fmt.Errorf("%s %s: %w", doing, a.program, err)
	}
	return problem.New(problem.Failure, "see that the image's repositories can be reached from here, or choose a newer image",
		"%s %s: %w; its last lines:\n%s", doing, a.program, err, out.Last(20))
}

// fill installs the packages in the system in dir. The error wraps distro.ErrGone
// where the repositories have others by now.
func (a adder) fill(ctx context.Context, dir string, add distro.Addition, want []string, tell func(format string, args ...any)) error {
	begun := time.Now().Add(-time.Second) // a file's time may be a tick behind the clock
	tell("installing %d packages by %s", len(want), a.program)
	at := distro.Command{Root: dir}
	got, err := a.choose(ctx, add, at)
	if err != nil {
		return err
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("%s has other packages than it had: %w", a.program, distro.ErrGone)
	}
	out := &distro.Tail{Max: 64 << 10}
	if err := a.run(ctx, add, at, a.add, out); err != nil {
		return a.failed(ctx, "installing packages by", out, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // only names are removed through it
	return distro.RemoveLitter(root, dir, begun)
}
