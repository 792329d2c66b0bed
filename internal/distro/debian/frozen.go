package debian

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"
)

// maxRounds is how often packages that are gone may change the choice.
const maxRounds = 8

// withoutGone makes the choice again without the packages that the mirror no
// longer has. A security archive without Valid-Until is one that has reached
// its end; mirrors empty its pool while its index still stands (bullseye, from
// September 2026), and what is gone is then taken as the main archive has it.
func (c *Client) withoutGone(ctx context.Context, u *universe, indexes []index,
	answer resolved, find func(*universe) (resolved, error),
) (resolved, error) {
	for range maxRounds {
		gone, err := c.gone(ctx, indexes, answer.Set.Packages)
		if err != nil || len(gone) == 0 {
			return answer, err
		}
		c.progress(
			"warning: the mirror no longer has %d packages of the suite's security archive (%s …): older versions serve",
			len(gone), gone[0].Filename)
		u.drop(gone)
		if answer, err = find(u); err != nil {
			return answer, err
		}
	}
	return answer, nil
}

// gone are the packages of frozen archives that the mirror does not have.
func (c *Client) gone(ctx context.Context, indexes []index, packages []Package) ([]Package, error) {
	missing := make([]bool, len(packages))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(downloads)
	for i, p := range packages {
		if !slices.ContainsFunc(indexes, func(x index) bool { return x.frozen && x.base == p.Base }) {
			continue
		}
		g.Go(func() (err error) {
			if !c.store.HasBlob(digest(p), p.Size) {
				missing[i], err = c.fetch.gone(ctx, p.Base+"/"+escape(p.Filename))
			}
			return err
		})
	}
	err := g.Wait()
	var out []Package
	for i, p := range packages {
		if missing[i] {
			out = append(out, p)
		}
	}
	return out, err
}

// gone says whether the server answers that it does not have the file.
func (f *fetcher) gone(ctx context.Context, url string) (bool, error) {
	err := f.retry(ctx, url, func() error {
		return f.do(ctx, http.MethodHead, url, http.Header{}, func(resp *http.Response) error {
			if resp.StatusCode != http.StatusOK {
				return &statusError{resp.StatusCode}
			}
			return nil
		})
	})
	var status *statusError
	if errors.As(err, &status) && status.code == http.StatusNotFound {
		return true, nil
	}
	return false, err
}

// drop takes the packages out, and with each all that its source package made
// in that archive: those depend on one another's exact version.
func (u *universe) drop(gone []Package) {
	type origin struct{ base, source string }
	drop := map[origin]bool{}
	for _, p := range gone {
		if e := u.byName[p.Name]; e != nil {
			drop[origin{p.Base, e.source}] = true
		}
	}
	for name, e := range u.byName {
		if !drop[origin{e.Base, e.source}] {
			continue
		}
		delete(u.byName, name)
		for _, older := range u.older[name] {
			if !drop[origin{older.Base, older.source}] {
				u.keepNewest(older)
			}
		}
	}
	u.index()
}
