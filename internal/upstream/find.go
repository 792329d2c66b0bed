package upstream

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"dram/internal/fsutil"
	"dram/internal/httpbound"
	"dram/internal/problem"
	"dram/internal/store"
)

const (
	sumsFile = "SHA256SUMS"
	maxSums  = 1 << 20 // bytes; that of a release has a line a file
)

// Find finds the file of a version, without fetching it. That there is none is
// fs.ErrNotExist, and a problem that says where it was looked for.
func (c *Client) Find(ctx context.Context, w Wanted) (File, error) {
	if err := w.Check(); err != nil {
		return File{}, err
	}
	switch {
	case c.Place == "":
		return c.released(ctx, w)
	case isURL(c.Place):
		return c.mirrored(ctx, w)
	}
	return c.inDirectory(w)
}

func isURL(place string) bool {
	return strings.HasPrefix(place, "https://") || strings.HasPrefix(place, "http://")
}

// CheckPlace refuses what can be no place, before anything is asked there.
func CheckPlace(place string) error {
	if strings.Contains(place, "://") && !isURL(place) {
		return errors.New("it is neither a directory nor an http or https URL")
	}
	if !isURL(place) {
		return nil
	}
	u, err := url.Parse(place)
	switch {
	case err != nil || u.Host == "":
		return errors.New("it is no URL")
	case u.User != nil:
		return errors.New("it holds a user: credentials have no place in it")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("a name is added to it: it has neither ? nor #")
	}
	return nil
}

// inDirectory finds a file in a directory. Where that has no SHA256SUMS, a file is
// what it is: nobody but the user put it there.
func (c *Client) inDirectory(w Wanted) (File, error) {
	root, err := fsutil.OpenRoot(c.Place)
	if err != nil {
		return File{}, problem.New(problem.Usage, "name a directory, or a URL", "opening the sources' directory %q: %w", c.Place, err)
	}
	defer func() { _ = root.Close() }() // only read from
	raw, err := fsutil.ReadIn(root, sumsFile, maxSums)
	listed := err == nil
	if !listed && !errors.Is(err, fs.ErrNotExist) {
		return File{}, problem.New(problem.Usage, "make it a regular file of at most 1 MiB", "reading %q: %w", filepath.Join(c.Place, sumsFile), err)
	}
	sums := parseSums(raw)
	if !listed {
		sums = present(root)
	}
	n, ok := pick(w.Names(), sums)
	if !ok {
		return File{}, c.missing(w, c.Place, sums)
	}
	if !listed {
		f, err := fsutil.OpenIn(root, n.Name)
		if err != nil {
			return File{}, problem.New(problem.Usage, "make it a regular file", "opening %q: %w", filepath.Join(c.Place, n.Name), err)
		}
		defer func() { _ = f.Close() }() // only read
		d, err := store.DigestReader(f)
		if err != nil {
			return File{}, fmt.Errorf("reading %q: %w", filepath.Join(c.Place, n.Name), err)
		}
		sums[n.Name] = d.Hex()
	}
	return c.file(w, n, filepath.Join(c.Place, n.Name), sums[n.Name])
}

// present are the files of a directory, whose checksums nobody gave.
func present(root *os.Root) map[string]string {
	out := map[string]string{}
	entries, _ := fs.ReadDir(root.FS(), ".") // of one that cannot be read, nothing is there
	for _, e := range entries {
		out[e.Name()] = "present"
	}
	return out
}

func (c *Client) mirrored(ctx context.Context, w Wanted) (File, error) {
	at := strings.TrimRight(c.Place, "/") + "/"
	if u, err := url.Parse(at); err != nil || u.Scheme == "http" && !httpbound.Inward("", u.Host) {
		return c.pinned(w, at)
	}
	raw, err := c.small(ctx, at+sumsFile)
	if err != nil {
		return File{}, c.unreached(at+sumsFile, w, err)
	}
	sums := parseSums(raw)
	n, ok := pick(w.Names(), sums)
	if !ok {
		return File{}, c.missing(w, at, sums)
	}
	return c.file(w, n, at+n.Name, sums[n.Name])
}

// pinned finds a file whose checksum the user gave, for what the place itself says
// of it cannot be believed.
func (c *Client) pinned(w Wanted, at string) (File, error) {
	n, ok := pick(w.Names(), c.Checksums)
	if !ok {
		return File{}, problem.New(problem.Usage, fmt.Sprintf("use https, or say its SHA-256: checksums = { %q = \"…\" }", w.Names()[0].Name),
			"%s is on the way to be changed by anybody, and no checksum of %s was given", at, w)
	}
	return c.file(w, n, at+n.Name, c.Checksums[n.Name])
}

// released finds what the projects publish, with the checksums that they publish.
func (c *Client) released(ctx context.Context, w Wanted) (File, error) {
	var known File
	key := fmt.Sprintf("%v %+v", c.releases.orReal(), w)
	found := c.Store.Get("upstream", key, &known) && known.Digest.Valid()
	if n, ok := pick(w.Names(), c.Checksums); ok && (!found || n.Name != known.Name) {
		return c.file(w, n, c.published(w, n), c.Checksums[n.Name])
	}
	if found {
		return c.file(w, Name{known.Name, known.Form}, known.At, known.Digest.Hex())
	}
	f, err := c.ask(ctx, w)
	if err != nil {
		return File{}, err
	}
	return f, c.Store.Put("upstream", key, f)
}

// published is where the projects have a file of that name.
func (c *Client) published(w Wanted, n Name) string {
	r := c.releases.orReal()
	switch {
	case w.Software == OTP && strings.HasPrefix(n.Name, "otp_src_"):
		return r.otp + "/OTP-" + w.Version + "/" + n.Name
	case w.Software == OTP:
		return archived(r.otp) + n.Name
	case n.Form == Source:
		return archived(r.elixir) + "v" + w.Version + ".tar.gz"
	}
	_, rest, _ := strings.Cut(n.Name, "-otp-")
	return r.elixir + "/v" + w.Version + "/elixir-otp-" + rest
}

// archived is where a forge packs what has a tag.
func archived(releases string) string {
	return strings.TrimSuffix(releases, "/releases/download") + "/archive/refs/tags/"
}

// ask asks the projects for the checksums of a release.
func (c *Client) ask(ctx context.Context, w Wanted) (File, error) {
	r := c.releases.orReal()
	if w.Software == OTP {
		at := r.otp + "/OTP-" + w.Version + "/"
		n := w.Names()[0]
		return c.inRelease(ctx, w, at+"SHA256.txt", at+n.Name, n)
	}
	at := r.elixir + "/v" + w.Version + "/"
	var err error
	for _, n := range w.Names() {
		if n.Form != Beams || !strings.HasPrefix(n.Name, "elixir-") {
			continue
		}
		_, there, ok := strings.Cut(n.Name, "-otp-")
		if there = "elixir-otp-" + there; !ok {
			there = "Precompiled.zip" // up to Elixir 1.14
		}
		var f File
		if f, err = c.inRelease(ctx, w, at+there+".sha256sum", at+there, n); !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return File{}, err
}

// inRelease reads one list of checksums of a release, for the file at a URL.
func (c *Client) inRelease(ctx context.Context, w Wanted, list, at string, n Name) (File, error) {
	raw, err := c.small(ctx, list)
	if err != nil {
		return File{}, c.unreached(list, w, err)
	}
	sum := parseSums(raw)[path.Base(at)]
	if sum == "" {
		return File{}, problem.New(problem.Usage, "choose another version, or name a place that has it: sources",
			"%s says nothing of %s: %w", list, path.Base(at), fs.ErrNotExist)
	}
	return c.file(w, n, at, sum)
}

// file is a file that was found; a checksum that the user gave must be the one.
func (c *Client) file(w Wanted, n Name, at, sum string) (File, error) {
	if given := strings.ToLower(c.Checksums[n.Name]); given != "" && given != strings.ToLower(sum) {
		return File{}, problem.New(problem.Usage, "see which of the two is right; whoever changed the file may mean ill",
			"%s has the SHA-256 %s there, and checksums says %s", at, sum, given)
	}
	return File{Name: n.Name, Version: w.Version, Form: n.Form, Digest: store.Digest("sha256:" + strings.ToLower(sum)), At: at}, nil
}

func (c *Client) unreached(at string, w Wanted, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	hint := "see that it can be reached from here, or name a directory or a mirror that has it: --sources PLACE"
	kind := problem.Failure
	if errors.Is(err, fs.ErrNotExist) {
		kind, hint = problem.Usage, "see that there is such a version, or name a place that has it: sources"
	}
	return problem.New(kind, hint, "looking for %s at %s: %w", w, at, err)
}

// small gets a small file.
func (c *Client) small(ctx context.Context, at string) ([]byte, error) {
	var raw []byte
	err := c.get(ctx, at, maxSums, func(resp *http.Response) (err error) {
		raw, err = readAll(resp.Body, maxSums)
		return err
	})
	return raw, err
}

var sumLine = regexp.MustCompile(`\A\\?([0-9a-fA-F]{64})[ \t]+\*?(?:\./)?([^/\x00-\x1f]{1,255})\z`)

// parseSums reads lines as sha256sum(1) writes them; a line that is none says
// nothing, nor does a file that has two.
func parseSums(raw []byte) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		m := sumLine.FindStringSubmatch(strings.TrimRight(line, " \t\r\n"))
		if m == nil {
			continue
		}
		sum := strings.ToLower(m[1])
		if old, ok := out[m[2]]; ok && old != sum {
			sum = ""
		}
		out[m[2]] = sum
	}
	return out
}
