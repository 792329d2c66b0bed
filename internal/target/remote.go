package target

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"dram/internal/problem"
	"dram/internal/rootfs"
)

// Limits of what a remote machine may send. The largest libraries seen have
// 150 MB; a capture of a large server reads 600 MB.
const (
	maxNoise      = 64 << 10  // bytes that a login shell says before the probe does
	maxLine       = 8 << 10   // bytes
	maxRemoteFile = 256 << 20 // bytes of one file
	maxRemoteAll  = 4 << 30   // bytes of all files
	maxRemoteDir  = 100_000   // entries of one directory
	maxRemoteDirs = 20_000    // directories
)

var (
	errSlow     = errors.New("no answer in time")
	errProtocol = errors.New("the answer is not the probe's")
	errDenied   = fmt.Errorf("the remote user may not read it: %w", fs.ErrPermission)
)

// connection is the way to a probe: what is written goes to its input, what
// it says is read. within ends it when stop is not called in time; failed
// makes an error for people of what went wrong.
type connection interface {
	io.ReadWriteCloser
	within(d time.Duration) (stop func() bool)
	failed(cause error) error
}

// remote is the root filesystem at the other end of a probe. Directories are
// listed and files fetched when they are asked for, once each; a machine that
// is changed meanwhile may show half of the change. It may be used
// concurrently.
type remote struct {
	mu    sync.Mutex
	conn  connection
	in    *bufio.Reader
	wait  patience
	err   error  // why no more questions can be asked
	cache string // a directory of this machine
	bytes int64  // fetched
	dirs  map[string]map[string]remoteEntry
	files map[string]string // paths in cache
}

var _ rootfs.FS = (*remote)(nil)

// remoteEntry is what a listing says of a file.
type remoteEntry struct {
	mode fs.FileMode // type, and 0755 or 0644
	link string
	some bool // it is not empty
}

// patience is how long a remote may take: until the probe greets, and for one
// answer.
type patience struct{ greet, answer time.Duration }

// newRemote starts the probe. The remote closes the connection.
func newRemote(conn connection, wait patience) (*remote, error) {
	cache, err := os.MkdirTemp("", "dram-target-*")
	if err != nil {
		return nil, problem.New(problem.Environment, "make room, or set TMPDIR", "making a temporary directory: %w", err)
	}
	r := &remote{
		conn: conn, in: bufio.NewReaderSize(conn, maxLine), wait: wait, cache: cache,
		dirs: map[string]map[string]remoteEntry{}, files: map[string]string{},
	}
	if err := r.greet(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(cache))
	}
	return r, nil
}

// greet sends the probe and waits until it is ready, past what the login
// shell has to say.
func (r *remote) greet() error {
	defer r.conn.within(r.wait.greet)()
	start := time.Now()
	_, err := io.WriteString(r.conn, probe)
	for noise := 0; err == nil; {
		var line string
		if line, err = r.line(); line == "dram-probe 1" {
			return nil
		}
		if noise += len(line) + 1; noise > maxNoise {
			err = fmt.Errorf("%w: it says %d bytes that are something else", errProtocol, noise)
		}
	}
	if time.Since(start) >= r.wait.greet {
		err = errSlow
	}
	return r.conn.failed(err)
}

// line is one line of the answer, without its end.
func (r *remote) line() (string, error) {
	b, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", fmt.Errorf("%w: a line of more than %d bytes", errProtocol, maxLine)
	}
	if err != nil {
		return "", err
	}
	return string(bytes.TrimSuffix(b, []byte("\n"))), nil
}

// ask asks one question; answer reads all of the answer. After a failure
// nothing more can be asked.
func (r *remote) ask(verb, name string, answer func() error) error {
	if r.err != nil {
		return r.err
	}
	if strings.ContainsAny(name, "\n\x00") {
		return fs.ErrNotExist
	}
	stop := r.conn.within(r.wait.answer)
	start := time.Now()
	_, err := fmt.Fprintf(r.conn, "%s\n/%s\n", verb, strings.TrimPrefix(name, "."))
	if err == nil {
		err = answer()
	}
	stop()
	if err == nil || errors.Is(err, errDenied) {
		return err
	}
	if time.Since(start) >= r.wait.answer {
		err = errSlow
	}
	ended := r.conn.failed(err)
	if _, told := errors.AsType[*problem.Error](err); told {
		ended = err
	}
	r.err = fmt.Errorf("reading %q: %w", "/"+name, ended)
	return r.err
}

// list is the entries of a directory, by its real name.
func (r *remote) list(dir string) (map[string]remoteEntry, error) {
	if entries, ok := r.dirs[dir]; ok {
		return entries, nil
	}
	if len(r.dirs) >= maxRemoteDirs {
		return nil, problem.New(problem.Failure, "check against a capture of it", "more than %d directories would have to be read", maxRemoteDirs)
	}
	entries := map[string]remoteEntry{}
	err := r.ask("list", dir, func() error { return r.entries(entries) })
	if err != nil {
		return nil, err
	}
	r.dirs[dir] = entries
	return entries, nil
}

func (r *remote) entries(out map[string]remoteEntry) error {
	for {
		line, err := r.line()
		if err != nil || line == "." {
			return err
		}
		kind, name, ok := strings.Cut(line, " ")
		if !ok || name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
			return fmt.Errorf("%w: %.100q is not an entry", errProtocol, line)
		}
		var e remoteEntry
		switch kind {
		case "d":
			e.mode = fs.ModeDir | 0o755
		case "f", "e":
			e.mode, e.some = 0o644, kind == "f"
		case "x":
			e.mode, e.some = 0o755, true
		case "o":
			e.mode = fs.ModeIrregular
		case "l":
			e.mode = fs.ModeSymlink | 0o777
			if e.link, err = r.line(); err != nil || e.link == "" {
				return fmt.Errorf("%w: link %.100q has no target (%w)", errProtocol, name, errors.Join(err))
			}
		default:
			return fmt.Errorf("%w: %.100q is not an entry", errProtocol, line)
		}
		if out[name] = e; len(out) > maxRemoteDir {
			return problem.New(problem.Failure, "", "a directory has more than %d entries", maxRemoteDir)
		}
	}
}

// look is the entry of a name; the directory that it lies in is found with
// links followed.
func (r *remote) look(verb, name string) (real string, e remoteEntry, err error) {
	if !fs.ValidPath(name) || len(name) > maxLine/2 {
		return "", e, &fs.PathError{Op: verb, Path: name, Err: fs.ErrInvalid}
	}
	if name == "." {
		return name, remoteEntry{mode: fs.ModeDir | 0o755}, nil
	}
	dir, parent, err := r.follow(verb, path.Dir(name))
	if err != nil {
		return "", e, err
	}
	name = path.Join(dir, path.Base(name))
	if !parent.mode.IsDir() {
		return "", e, &fs.PathError{Op: verb, Path: name, Err: fs.ErrNotExist}
	}
	entries, err := r.list(dir)
	if err != nil {
		return "", e, err
	}
	e, ok := entries[path.Base(name)]
	if !ok {
		return "", e, &fs.PathError{Op: verb, Path: name, Err: fs.ErrNotExist}
	}
	return name, e, nil
}

// follow is look with a link in the last place followed too.
func (r *remote) follow(verb, name string) (string, remoteEntry, error) {
	real, e, err := r.look(verb, name)
	if err != nil || e.mode&fs.ModeSymlink == 0 {
		return real, e, err
	}
	if real, err = rootfs.Resolve(r.unlocked(), real); err != nil {
		return "", e, err
	}
	return r.look(verb, real)
}

// unlocked is r for those who hold its lock.
func (r *remote) unlocked() rootfs.FS { return unlockedRemote{r} }

// unlockedRemote is only asked for what resolving a name needs.
type unlockedRemote struct{ *remote }

func (u unlockedRemote) Lstat(name string) (fs.FileInfo, error) { return u.lstat(name) }
func (u unlockedRemote) ReadLink(name string) (string, error)   { return u.readLink(name) }

func (r *remote) lstat(name string) (fs.FileInfo, error) {
	real, e, err := r.look("lstat", name)
	return remoteInfo{path.Base(real), e}, err
}

func (r *remote) readLink(name string) (string, error) {
	_, e, err := r.look("readlink", name)
	if err == nil && e.link == "" {
		err = &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return e.link, err
}

// Lstat does not follow a link in the last place.
func (r *remote) Lstat(name string) (fs.FileInfo, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lstat(name)
}

// ReadLink is the target of a symbolic link.
func (r *remote) ReadLink(name string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.readLink(name)
}

// Stat follows links. The size is 1 for whatever is not empty: the true one
// is known once the file is opened.
func (r *remote) Stat(name string) (fs.FileInfo, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	real, e, err := r.follow("stat", name)
	return remoteInfo{path.Base(real), e}, err
}

// ReadDir lists a directory, sorted by name.
func (r *remote) ReadDir(name string) ([]fs.DirEntry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	real, e, err := r.follow("readdir", name)
	if err != nil {
		return nil, err
	}
	if !e.mode.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	entries, err := r.list(real)
	if err != nil {
		return nil, err
	}
	out := make([]fs.DirEntry, 0, len(entries))
	for _, n := range slices.Sorted(maps.Keys(entries)) {
		out = append(out, fs.FileInfoToDirEntry(remoteInfo{n, entries[n]}))
	}
	return out, nil
}

// Open fetches a file, unless it was fetched before.
func (r *remote) Open(name string) (fs.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	real, e, err := r.follow("open", name)
	if err != nil {
		return nil, err
	}
	if !e.mode.IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("not a file")}
	}
	if r.files[real] == "" {
		if err := r.fetch(real); err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
	}
	return os.Open(r.files[real])
}

func (r *remote) fetch(name string) error {
	to := filepath.Join(r.cache, strconv.Itoa(len(r.files)))
	err := r.ask("fetch", name, func() error {
		line, err := r.line()
		if err != nil {
			return err
		}
		if line == "denied" {
			return errDenied
		}
		number, ok := strings.CutPrefix(line, "s ")
		size, err := strconv.ParseInt(number, 10, 64)
		if !ok || err != nil || size < 0 {
			return fmt.Errorf("%w: %.100q is not a size", errProtocol, line)
		}
		if size > maxRemoteFile || r.bytes+size > maxRemoteAll {
			return problem.New(problem.Failure, "check against a capture or an image of it",
				"the file has %d bytes, and dram reads %d of one and %d of all", size, int64(maxRemoteFile), int64(maxRemoteAll))
		}
		r.bytes += size
		return r.save(to, size)
	})
	if err == nil {
		r.files[name] = to
	}
	return err
}

func (r *remote) save(to string, size int64) error {
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, r.in, size)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	for _, want := range []string{"", "."} {
		if line, err := r.line(); err != nil || line != want {
			return fmt.Errorf("%w: the file changed while it was read (%w)", errProtocol, errors.Join(err))
		}
	}
	return nil
}

// Close ends the connection and forgets what was fetched.
func (r *remote) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.conn.Close(), os.RemoveAll(r.cache))
}
