package pipeline

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"dram/internal/engine"
	"dram/internal/problem"
	"dram/internal/source"
	"dram/internal/store"
)

// buildLog is what a build's steps print, all of it.
type buildLog struct {
	*os.File
	path  string
	begun int64 // where the output of the step under way begins

	machine machine // as it was then
}

// openLog begins a new log in place of the last build's. It is another file, so
// that a build which still writes to the old one, while this one waits, keeps
// its own.
func (p *Pipeline) openLog(key string) (*buildLog, error) {
	dir, err := p.Store.Work("logs", key)
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, "log-*")
	if err != nil {
		return nil, fmt.Errorf("writing the build's log: %w", err)
	}
	path := filepath.Join(dir, "build.log")
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		_ = store.RemoveAll(path) // no file replaces a directory; if it stays, the next line says why
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return nil, errors.Join(fmt.Errorf("writing the build's log: %w", err), f.Close(), os.Remove(f.Name()))
	}
	return &buildLog{File: f, path: path}, nil
}

// begin heads the output of a step.
func (l *buildLog) begin(s engine.Step) {
	l.begun, _ = l.Seek(0, io.SeekEnd)
	l.machine = thisMachine()
	_, _ = fmt.Fprintf(l, "== %s: %s\n", s.Name, s.Command())
}

// maxShown bounds how much of a failed step's output is shown, in bytes; the
// log has it all.
const maxShown = 64 << 10

// last is the end of the last step's output.
func (l *buildLog) last() []byte {
	end, err := l.Seek(0, io.SeekEnd)
	if err != nil {
		return nil
	}
	shown := make([]byte, min(end-l.begun, maxShown))
	n, _ := l.ReadAt(shown, end-int64(len(shown)))
	return shown[:n]
}

func (p *Pipeline) stepProblem(failed *engine.StepError, log *buildLog, withheld []source.Withheld) error {
	shown := log.last()
	p.UI.Output(shown)
	if bytes.Contains(bytes.ToLower(shown), []byte("no space left on device")) {
		return p.diskFull(fmt.Errorf("%w: %w", failed, errNoSpace))
	}
	if shortOfFiles(shown) {
		return problem.New(problem.Environment, "raise the limit on open files, as with: ulimit -n 4096\nthe whole log: "+log.path, "%w", failed)
	}
	whole := "the whole log: " + log.path
	if why, hint := thisMachine().blame(failed, shown, log.machine); why != "" {
		return problem.New(problem.Environment, hint+"\n"+whole, "%w: %s", failed, why)
	}
	return problem.New(problem.Build, withheldHint(withheld, shown)+stepHint(failed.Step, shown)+whole, "%w", failed)
}

// shortOfFiles says whether a step failed because too few files may be open.
func shortOfFiles(output []byte) bool {
	return bytes.Contains(output, []byte("Too many open files")) || bytes.Contains(output, []byte("too many open files")) ||
		bytes.Contains(output, []byte("emfile"))
}

const noNetwork = "compiling has no network: fetch what it needs in the assets.setup alias, put it into the project,\n" +
	"or let compiling have the network: --build-network host, or network = \"host\" under [build] in dram.toml\n"

const (
	noKey = "fetching has your ssh agent and the hosts you know with --credentials ssh, or DRAM_CREDENTIALS=ssh; with them, the\n" +
		"server knows none of the agent's keys: see ssh-add -l\n"
	noHost = "fetching has the hosts that your ssh knows with --credentials ssh, or DRAM_CREDENTIALS=ssh; with it, this one is not\n" +
		"among them, or has another key: connect once by hand\n"
	noLogin = "fetching has the logins of your .netrc with --credentials netrc, or DRAM_CREDENTIALS=netrc; with it, there is none\n" +
		"for the host, or it is refused\n"
)

// hints are for messages whose cause is the sandbox or the toolchain.
var hints = []struct{ says, hint string }{
	{"Permission denied (publickey", noKey},
	{"Host key verification failed", noHost},
	{"could not read Username", noLogin},
	{"Authentication failed for", noLogin},
	{"Unknown package", "see that the package's name is right and that HEX_MIRROR_URL and HEX_API_KEY, if set, fit\n"},
	{"nxdomain", noNetwork},
	{"econnrefused", noNetwork},
	{"enetunreach", noNetwork},
	{"failed_connect", noNetwork},
	{"Could not resolve host", noNetwork},
	{"nofile:0: is missing", ""},
}

func stepHint(s engine.Step, output []byte) string {
	if hint := cmp.Or(programHint(output), libraryHint(output)); hint != "" {
		return hint
	}
	for _, h := range hints {
		if bytes.Contains(output, []byte(h.says)) && (!s.Network || h.hint != noNetwork) {
			return h.hint
		}
	}
	if fetches := s.InputDigest != "" || s.Lock != ""; fetches {
		return "see that the network can be reached; HEX_* and proxy variables are passed on\n"
	}
	return ""
}
