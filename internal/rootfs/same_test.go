package rootfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"

	"dram/internal/rootfs"
)

// wild is a tree of files and links at random: links lead up, out, in circles, through
// one another and nowhere.
func wild(r *rand.Rand) tree {
	tr := tree{"a/": "", "a/b/": "", "c/": "", "a/b/f": "deep", "a/f": "middle", "c/f": "side", "f": "top"}
	targets := []string{
		"a", "/a/b", "../c", "..", "/", ".", "a/b/f", "../../../..", "/c/../a", "f", "nowhere", "l0", "/l1", "../l2", "a/l3", "/c/l4", "f/x",
		"c//./f", "/../../f",
	}
	for i := range 6 {
		dir := []string{"", "a/", "a/b/", "c/"}[r.IntN(4)]
		tr[fmt.Sprintf("%sl%d", dir, i)] = "-> " + targets[r.IntN(len(targets))]
	}
	return tr
}

// names are those that such a tree is asked for.
func names(r *rand.Rand) []string {
	var out []string
	parts := []string{"a", "b", "c", "f", "l0", "l1", "l2", "l3", "l4", "l5", "..", "."}
	for range 60 {
		var name []string
		for range 1 + r.IntN(4) {
			name = append(name, parts[r.IntN(len(parts))])
		}
		out = append(out, strings.Join(name, "/"))
	}
	return out
}

func (tr tree) skeleton() *rootfs.Skeleton {
	nodes := map[string]rootfs.Node{}
	for name, content := range tr {
		switch to, link := strings.CutPrefix(content, "-> "); {
		case link:
			nodes[name] = rootfs.Node{Link: to}
		case strings.HasSuffix(name, "/"):
			nodes[path.Clean(name)] = rootfs.Node{Mode: fs.ModeDir | 0o755}
		default:
			nodes[name] = rootfs.Node{Mode: 0o755, Text: content}
		}
	}
	return rootfs.NewSkeleton(nodes)
}

// mounted is the tree in two: what lies below dir is mounted there.
func (tr tree) mounted(dir string) rootfs.FS {
	base, sub := tree{}, tree{}
	for name, content := range tr {
		if rest, ok := strings.CutPrefix(name, dir+"/"); !ok {
			base[name] = content
		} else if rest != "" {
			sub[rest] = content
		}
	}
	return rootfs.Mount(base.skeleton(), dir, sub.skeleton())
}

// answers are what a root says of a name in all ways.
func answers(fsys rootfs.FS, name string) string {
	kind := func(err error) string {
		if errors.Is(err, syscall.ENOTDIR) { // below a file, of which no list of names knows
			err = fs.ErrNotExist
		}
		for _, known := range []error{fs.ErrNotExist, fs.ErrInvalid, rootfs.ErrLoop} {
			if errors.Is(err, known) {
				return "error: " + known.Error()
			}
		}
		return "error"
	}
	var out []string
	say := func(what, text string, err error) {
		if err != nil {
			text = kind(err)
		}
		out = append(out, what+": "+text)
	}
	real, links, err := rootfs.Trace(fsys, name)
	say("resolve", real, err)
	say("links", fmt.Sprint(links), nil)
	if !fs.ValidPath(name) {
		_, err := fsys.Stat(name)
		say("stat", "taken", err)
		return strings.Join(out, "\n")
	}
	if info, err := fsys.Stat(name); err != nil {
		say("stat", "", err)
	} else {
		say("stat", info.Mode().String(), nil)
	}
	if info, err := fsys.Lstat(name); err != nil {
		say("lstat", "", err)
	} else {
		say("lstat", info.Mode().Type().String(), nil)
	}
	b, err := rootfs.ReadFile(fsys, name, 100)
	if info, stat := fsys.Stat(name); stat == nil && info.IsDir() {
		err = errors.Join(err, errors.New("a directory"))
	}
	say("content", string(b), err)
	var held []string
	entries, err := fsys.ReadDir(name)
	for _, e := range entries {
		held = append(held, e.Name()+" "+e.Type().String())
	}
	if info, stat := fsys.Stat(name); stat == nil && info.IsDir() {
		say("holds", strings.Join(held, ", "), err)
		if !slices.IsSorted(held) {
			say("holds", "in no order", nil)
		}
	}
	return strings.Join(out, "\n")
}

// A root on disk, one that is put together from a list and one with a part of it
// mounted say the same of every name, whatever links lead where.
func TestRootsSayTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(27, 11)) //nolint:gosec // the same trees each time
	for range 40 {
		tr := wild(r)
		dir, skeleton, mounted := tr.open(t), tr.skeleton(), tr.mounted("a")
		for _, name := range names(r) {
			want := answers(dir, name)
			for form, fsys := range map[string]rootfs.FS{"put together": skeleton, "with a mount": mounted} {
				if got := answers(fsys, name); got != want {
					t.Fatalf("%v\nof %q says the root on disk:\n%s\nand one that is %s:\n%s", tr, name, want, form, got)
				}
			}
		}
	}
}
