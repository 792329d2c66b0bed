package beam_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/beam"
)

// TestOracle asks real VMs: each BEAM file that OTP and Elixir of each Debian
// suite ship, and modules made to put one question each, are put to the loader
// of each suite, and what it says is compared with RunsOn; and each .app, .rel
// and .script file is read by each suite's file:consult and compared with
// Consult. It takes a minute and as many toolchain roots as there are suites:
//
//	DRAM_ORACLE=1 [DRAM_ORACLE_SUITES="11 12 13"] go test -run Oracle -v ./internal/beam
func TestOracle(t *testing.T) {
	if testing.Short() || os.Getenv("DRAM_ORACLE") == "" {
		t.Skip("DRAM_ORACLE is not set")
	}
	o := newOracle(t)
	for _, target := range o.suites {
		t.Run("on OTP "+strconv.Itoa(target.otp), func(t *testing.T) {
			o.loads(t, target)
			o.probes(t, target)
			o.consults(t, target)
		})
	}
}

type oracle struct {
	dram, shared string // the program, and the directory that is bound as /oracle
	suites       []suite
	modules      map[string]*beam.Module // by path inside
}

type suite struct {
	ref, root string
	otp       int
	beams     []string // paths inside, in what all VMs see: /otp27/usr/lib/erlang/…
}

func newOracle(t *testing.T) *oracle {
	o := &oracle{dram: filepath.Join(t.TempDir(), "dram"), shared: t.TempDir(), modules: map[string]*beam.Module{}}
	run(t, "go", "build", "-o", o.dram, "dram/cmd/dram")
	for _, script := range []string{"load.escript", "consult.escript"} {
		b, err := os.ReadFile(filepath.Join("testdata", script))
		if err != nil {
			t.Fatal(err)
		}
		o.share(t, script, b)
	}
	names := os.Getenv("DRAM_ORACLE_SUITES")
	if names == "" {
		names = "11 12 13"
	}
	for name := range strings.FieldsSeq(names) {
		s := suite{ref: "distro:debian/" + name}
		s.root = strings.TrimSpace(run(t, o.dram, "-q", "toolchain", "root", s.ref))
		s.otp = otpOf(t, s.root)
		s.beams = s.files(t, ".beam")
		o.suites = append(o.suites, s)
	}
	took, bytes := o.read(t)
	t.Logf("%d modules, %d MB, read and judged in %v: %v per 1,200", len(o.modules), bytes>>20, took.Round(time.Millisecond),
		(took * 1200 / time.Duration(len(o.modules))).Round(time.Millisecond))
	return o
}

func (o *oracle) share(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(filepath.Join(o.shared, name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.shared, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return string(out)
}

func otpOf(t *testing.T, root string) int {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, "usr/lib/erlang/releases/*/OTP_VERSION"))
	if err != nil || len(names) != 1 {
		t.Fatalf("OTP_VERSION files: %q, %v", names, err)
	}
	otp, err := strconv.Atoi(filepath.Base(filepath.Dir(names[0])))
	if err != nil {
		t.Fatal(err)
	}
	return otp
}

// mounted are the directories of a suite that every VM sees.
func (s suite) mounted() []string { return []string{"/usr/lib/erlang", "/usr/lib/elixir"} }

func (s suite) inside(dir string) string { return fmt.Sprintf("/otp%d%s", s.otp, dir) }

func (s suite) files(t *testing.T, suffix string) []string {
	t.Helper()
	var found []string
	for _, dir := range s.mounted() {
		err := filepath.WalkDir(filepath.Join(s.root, dir), func(p string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && strings.HasSuffix(p, suffix) {
				found = append(found, s.inside(strings.TrimPrefix(p, s.root)))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// read reads all modules, as a check does, and tells how long that took.
func (o *oracle) read(t *testing.T) (took time.Duration, size int) {
	t.Helper()
	for _, s := range o.suites {
		for _, name := range s.beams {
			b, err := os.ReadFile(filepath.Join(s.root, strings.TrimPrefix(name, s.inside(""))))
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			m, err := beam.Read(b)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			m.RunsOn(27)
			took += time.Since(start)
			size += len(b)
			o.modules[name] = m
		}
	}
	return took, size
}

// vm runs a script on a suite's VM; each line it writes is a path and what it
// says of it.
func (o *oracle) vm(t *testing.T, target suite, script string, files []string) map[string]string {
	t.Helper()
	o.share(t, "files", []byte(strings.Join(files, "\n")+"\n"))
	args := []string{"-q", "toolchain", "exec", target.ref, "--bind", o.shared + ":/oracle"}
	for _, s := range o.suites {
		for _, dir := range s.mounted() {
			args = append(args, "--bind", s.root+dir+":"+s.inside(dir))
		}
	}
	out := run(t, o.dram, append(args, "--", "escript", "/oracle/"+script, "/oracle/files")...)
	said := map[string]string{}
	for line := range strings.Lines(out) {
		if name, what, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok {
			said[name] = what
		}
	}
	if len(said) != len(files) {
		t.Fatalf("%d answers for %d files", len(said), len(files))
	}
	return said
}

type tally struct{ loads, refused, falseOK, falseFail, unknown, otherCause int }

func (c *tally) count(t *testing.T, name, said string, a beam.Answer) {
	t.Helper()
	loads := said == "ok\t"
	switch {
	case !a.Known:
		c.unknown++
		t.Logf("unknown: %s: %s", name, a.Detail)
	case a.Loads && !loads:
		c.falseOK++
		t.Errorf("false OK: %s: %s", name, said)
	case !a.Loads && loads:
		c.falseFail++
		t.Errorf("false FAIL: %s: %s", name, a.Detail)
	case loads:
		c.loads++
	default:
		c.refused++
		if !causes(said, a.Reason) {
			c.otherCause++
			t.Errorf("another cause: %s: %s, predicted %s", name, said, a.Detail)
		}
	}
}

// causes tells whether what the loader said fits a reason. A file can have
// several, of which the loader names one.
func causes(said string, reason beam.Reason) bool {
	for text, reasons := range map[string][]beam.Reason{
		"later version": {beam.TooNew, beam.AtomEncoding},
		"old version":   {beam.TooOld},
		"atom table":    {beam.AtomEncoding},
		"literal table": {beam.LiteralWriting},
		"re-compile":    {beam.RetiredOpcode, beam.AtomEncoding},
		"a BIF":         {beam.MissingBIF},
		"feature\t":     {beam.FeatureOff},
	} {
		if strings.Contains(said, text) && slices.Contains(reasons, reason) {
			return true
		}
	}
	return false
}

func (o *oracle) loads(t *testing.T, target suite) {
	for _, origin := range o.suites {
		var c tally
		for name, said := range o.vm(t, target, "load.escript", origin.beams) {
			c.count(t, name, said, o.modules[name].RunsOn(target.otp))
		}
		t.Logf("OTP %d's on OTP %d: %+v", origin.otp, target.otp, c)
	}
}

// probes compares what made modules are refused for. Their operands make no
// sense, so that a loader may say something else of opcodes that it has.
func (o *oracle) probes(t *testing.T, target suite) {
	var files []string
	made := beam.Probes(target.otp)
	for name, b := range made {
		o.share(t, "probes/"+name+".beam", b)
		files = append(files, "/oracle/probes/"+name+".beam")
	}
	var c tally
	for file, said := range o.vm(t, target, "load.escript", files) {
		name := strings.TrimSuffix(filepath.Base(file), ".beam")
		m, err := beam.Read(made[name])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		a := m.RunsOn(target.otp)
		if retired := strings.Contains(said, "re-compile"); strings.HasPrefix(name, "op") && a.Loads && !retired {
			continue
		}
		c.count(t, name, said, a)
	}
	t.Logf("made modules on OTP %d: %+v", target.otp, c)
}

func (o *oracle) consults(t *testing.T, target suite) {
	files := slices.Concat(target.files(t, ".app"), target.files(t, ".rel"), target.files(t, ".script"))
	for name, said := range o.vm(t, target, "consult.escript", files) {
		external, err := base64.StdEncoding.DecodeString(said)
		if err != nil {
			t.Fatal(err)
		}
		want, err := beam.DecodeTerm(external)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text, err := os.ReadFile(filepath.Join(target.root, strings.TrimPrefix(name, target.inside(""))))
		if err != nil {
			t.Fatal(err)
		}
		got, err := beam.Consult(bytes.Clone(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(characters(want), characters(beam.List(got))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	t.Logf("%d files of terms read as OTP %d does", len(files), target.otp)
}

// characters makes lists of strings: the external format does not keep which
// lists were written as strings.
func characters(t beam.Term) beam.Term {
	switch t := t.(type) {
	case beam.String:
		list := beam.List{}
		for _, r := range string(t) {
			list = append(list, beam.Int(r))
		}
		return list
	case beam.List:
		list := beam.List{}
		for _, e := range t {
			list = append(list, characters(e))
		}
		return list
	case beam.Tuple:
		tuple := beam.Tuple{}
		for _, e := range t {
			tuple = append(tuple, characters(e))
		}
		return tuple
	}
	return t
}
