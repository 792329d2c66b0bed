package untar_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"dram/internal/untar"
)

// fillWith unpacks packages in an order, by their numbers, and gives the tree.
// replaces[a][b] says that a replaces files of b.
func fillWith(t *testing.T, packages [][]*entry, order []int, replaces map[int][]int, atOnce bool) ([]string, error) {
	t.Helper()
	_, inner := box(t)
	tree := fill(t, inner)
	over := func(a, b int) bool {
		if mine, theirs := slices.Contains(replaces[a], b), slices.Contains(replaces[b], a); mine != theirs {
			return mine
		}
		return a < b
	}
	add := func(i int) error {
		owner := &untar.Owner{ID: i, Over: func(other int) bool { return over(i, other) }}
		_, err := tree.Extract(t.Context(), bytes.NewReader(archive(t, packages[i]...)), untar.Options{Owner: owner})
		return err
	}
	var g errgroup.Group
	if !atOnce {
		g.SetLimit(1)
	}
	for _, i := range order {
		g.Go(func() error { return add(i) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := tree.Finish(); err != nil {
		return nil, err
	}
	return list(t, inner), nil
}

// orders are all orders of n things.
func orders(n int) (out [][]int) {
	if n == 0 {
		return [][]int{nil}
	}
	for _, o := range orders(n - 1) {
		for at := range n {
			out = append(out, slices.Insert(slices.Clone(o), at, n-1))
		}
	}
	return out
}

func TestPackages(t *testing.T) {
	usrmerge := []*entry{dir("usr/lib", 0o755), symlink("lib", "usr/lib")}
	for name, tt := range map[string]struct {
		packages [][]*entry
		replaces map[int][]int
		want     []string // nil: they do not go together
	}{
		"what each brings is there": {
			packages: [][]*entry{{file("a", "1", 0o644)}, {file("d/b", "2", 0o600)}},
			want:     []string{`a -rw-r--r-- "1"`, "d/ drwxr-xr-x", `d/b -rw------- "2"`},
		},
		"the first that lists a directory decides its mode": {
			packages: [][]*entry{{file("d/a", "1", 0o644)}, {dir("d", 0o500)}, {dir("d", 0o700)}},
			want:     []string{"d/ dr-x------", `d/a -rw-r--r-- "1"`},
		},
		"of two files, the first package's stays": {
			packages: [][]*entry{{file("f", "1", 0o644)}, {file("f", "2", 0o600)}}, want: []string{`f -rw-r--r-- "1"`},
		},
		"of two files, the one that replaces stays": {
			packages: [][]*entry{{file("f", "1", 0o644)}, {file("f", "2", 0o600)}}, replaces: map[int][]int{1: {0}},
			want: []string{`f -rw------- "2"`},
		},
		"packages that replace each other": {
			packages: [][]*entry{{file("f", "1", 0o644)}, {file("f", "2", 0o600)}}, replaces: map[int][]int{1: {0}, 0: {1}},
			want: []string{`f -rw-r--r-- "1"`},
		},
		"a link or a file": {
			packages: [][]*entry{{symlink("f", "x")}, {file("f", "2", 0o600)}}, want: []string{"f -> x"},
		},
		"three that replace one another in a circle": {
			packages: [][]*entry{{file("f", "1", 0o644)}, {file("f", "2", 0o644)}, {file("f", "3", 0o644)}}, replaces: map[int][]int{2: {0}},
		},
		"two with the same link, which both use": {
			packages: [][]*entry{append(usrmerge, file("lib/a", "1", 0o644)), append(usrmerge, file("lib/b", "2", 0o644))},
			want:     []string{"lib -> usr/lib", "usr/ drwxr-xr-x", "usr/lib/ drwxr-xr-x", `usr/lib/a -rw-r--r-- "1"`, `usr/lib/b -rw-r--r-- "2"`},
		},
		"one with a link, and one with a directory of that name": {
			packages: [][]*entry{usrmerge, {file("lib/b", "2", 0o644)}},
		},
		"two with different links, one of which is used": {
			packages: [][]*entry{append(usrmerge, file("lib/a", "1", 0o644)), {symlink("lib", "/usr/lib")}},
		},
		"two with different links, which nobody uses": {
			packages: [][]*entry{{symlink("l", "a")}, {symlink("l", "b")}}, want: []string{"l -> a"},
		},
		"a file and a directory": {
			packages: [][]*entry{{file("d", "1", 0o644)}, {dir("d", 0o755)}},
		},
		"a file's second name": {
			packages: [][]*entry{{file("f", "1", 0o644), hardlink("g", "f")}, {file("h", "2", 0o644)}},
			want:     []string{`f -rw-r--r-- "1"`, `g -rw-r--r-- "1"`, `h -rw-r--r-- "2"`},
		},
		"a file's second name is replaced": {
			packages: [][]*entry{{file("f", "1", 0o644), hardlink("g", "f")}, {file("g", "2", 0o644)}}, replaces: map[int][]int{1: {0}},
			want: []string{`f -rw-r--r-- "1"`, `g -rw-r--r-- "2"`},
		},
		"a file that has a second name is replaced": {
			packages: [][]*entry{{file("f", "1", 0o644), hardlink("g", "f")}, {file("f", "2", 0o644)}}, replaces: map[int][]int{1: {0}},
		},
		"a link to another package's file": {
			packages: [][]*entry{{file("f", "1", 0o644)}, {hardlink("g", "f")}},
		},
		"a path that is listed twice": {
			packages: [][]*entry{{file("f", "1", 0o644), file("f", "2", 0o644)}, {}}, want: []string{`f -rw-r--r-- "2"`},
		},
		"whiteouts mean nothing": {
			packages: [][]*entry{{file("f", "1", 0o644)}, {file(".wh.f", "2", 0o644)}},
			want:     []string{`.wh.f -rw-r--r-- "2"`, `f -rw-r--r-- "1"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, order := range orders(len(tt.packages)) {
				got, err := fillWith(t, tt.packages, order, tt.replaces, false)
				if (err == nil) != (tt.want != nil) {
					t.Errorf("order %v: error %v", order, err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("order %v (-want +got):\n%s", order, diff)
				}
			}
		})
	}
}

// Packages at random, with conflicts of all kinds: whatever the order, and also at
// the same time, they give the same tree, or none.
func TestPackagesInAnyOrder(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 30
	}
	together := 0
	for seed := range rounds {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		packages, replaces := make([][]*entry, 3), map[int][]int{}
		for i := range packages {
			packages[i] = randomPackage(r, i)
			if other := r.IntN(3); other != i && r.IntN(2) == 0 {
				replaces[i] = []int{other}
			}
		}
		all := orders(3)
		want, wantErr := fillWith(t, packages, all[0], replaces, false)
		if wantErr == nil {
			together++
		}
		for n, order := range append(all[1:], all[0], all[0]) {
			got, err := fillWith(t, packages, order, replaces, n >= len(all)-1)
			if (err == nil) != (wantErr == nil) || !slices.Equal(got, want) {
				t.Fatalf("seed %d, order %v: %v, %v; in order: %v, %v\n%s", seed, order, got, err, want, wantErr, describe(packages, replaces))
			}
		}
	}
	if together < rounds/5 || together == rounds {
		t.Errorf("%d of %d sets go together: the test says little", together, rounds)
	}
}

// randomPackage has a few entries of few names, so that packages meet.
func randomPackage(r *rand.Rand, id int) (out []*entry) {
	names := []string{"a", "b", "c", "d/a", "d/b", "e/a", "a/x"}
	name := func() string { return names[min(r.IntN(len(names)), r.IntN(len(names)))] }
	for range 1 + r.IntN(4) {
		switch r.IntN(8) {
		case 0:
			out = append(out, symlink(name(), []string{"d", "e", "/d", "c"}[r.IntN(4)]))
		case 1:
			out = append(out, dir(name(), []int64{0o755, 0o700}[r.IntN(2)]))
		case 2:
			if len(out) > 0 {
				out = append(out, hardlink(name(), out[r.IntN(len(out))].Name))
			}
		default:
			out = append(out, file(name(), fmt.Sprint(id, r.IntN(2)), 0o644))
		}
	}
	return out
}

func describe(packages [][]*entry, replaces map[int][]int) string {
	var b strings.Builder
	for i, p := range packages {
		for _, e := range p {
			fmt.Fprintf(&b, "%d: %c %s %s %q\n", i, e.Typeflag, e.Name, e.Linkname, e.content)
		}
	}
	fmt.Fprintf(&b, "replaces %v\n", replaces)
	return b.String()
}

// What is no empty directory is not filled: a tree knows what it made alone.
func TestTreeBeginsEmpty(t *testing.T) {
	_, inner := box(t)
	if _, err := untar.Extract(t.Context(), bytes.NewReader(archive(t, file("a", "1", 0o644))), inner, untar.Options{}); err != nil {
		t.Fatal(err)
	}
	_, err := untar.Extract(t.Context(), bytes.NewReader(archive(t, file("b", "1", 0o644))), inner, untar.Options{})
	if err == nil || !strings.Contains(err.Error(), `it has "a" in it`) || errors.Is(err, untar.ErrName) {
		t.Errorf("error %v", err)
	}
}
