package shell

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"strings"
)

// FS is the files that scripts find when they run, as io/fs names them. Stat and
// Open follow links.
type FS interface {
	fs.ReadDirFS
	fs.StatFS
	fs.ReadLinkFS
}

// World is where a script runs.
type World struct {
	Files FS
	// Resolve is a name with all links followed.
	Resolve func(name string) (string, error)
	// Env is the environment; what is not in it is not set.
	Env map[string]string
	// Open says whether there may be programs that are not found.
	Open bool
	// Partial says that there may be files that are not listed, beside the script's own.
	Partial bool
	// Own says whether a file's content is at hand, so that a script in it can be
	// followed; nil: always.
	Own func(name string) bool
}

// Value is a word when the script runs. The zero value is known, and empty.
type Value struct {
	Text    string
	Unknown bool
	// Unset is a variable that was taken for not set, and had an influence: whoever
	// starts the script may set it.
	Unset string
	// Shape is what is known of a value that is not: Hole stands for each piece of which
	// nothing is known.
	Shape string
	Job   int // it is the number of one of the script's own processes, by its place among them
}

func known(text string) Value { return Value{Text: text} }

var unknown = Value{Unknown: true}

// Hole stands for what is not known in a Value's Shape.
const Hole = "\x00"

func (v Value) shape() string {
	switch {
	case !v.Unknown:
		return v.Text
	case v.Shape == "":
		return Hole
	}
	return v.Shape
}

// Position is a line of a script.
type Position struct {
	File string // as io/fs names it
	Line uint
}

// FaultKind is a way in which something that a script does cannot be done.
type FaultKind string

// The faults.
const (
	NotFound      FaultKind = "not-found"      // a program that is not there
	NotExecutable FaultKind = "not-executable" // that may not be run
	NoSource      FaultKind = "no-source"      // a file that "." reads is not there
	NoInput       FaultKind = "no-input"       // a file that is to be read is not there
	NoFolder      FaultKind = "no-folder"      // cd to what is not there
	Interpreter   FaultKind = "interpreter"    // what the first line names is not there, or is none
	Syntax        FaultKind = "syntax"         // the shell does not understand it
	Unset         FaultKind = "unset"          // a variable that the script insists on
	NoOutput      FaultKind = "no-output"      // a file is to be written into a folder that is not there
	Refused       FaultKind = "refused"        // a command of the shell's own refuses what it is given
	Misused       FaultKind = "misused"        // a program refuses what it is given
	Depends       FaultKind = "depends"        // whether a program succeeds is not known, and all ends if not
)

// Fault is something that cannot be done.
type Fault struct {
	Position
	Kind FaultKind
	Name string // the program, file or variable; what is wrong with the syntax
	Ends bool   // the script ends over it
	Sure bool   // each run comes to it
	Open bool   // it may be there after all
	On   string // a variable of its name that was taken for not set, "" if none
}

// Run is a native program that a script becomes, or calls.
type Run struct {
	Position
	Path string // with links followed, as io/fs names it
	Argv []Value
	Env  map[string]Value
	Sure bool
	Main bool // the script becomes it, or runs it for more than what it prints
}

// Stop is a place beyond which a script could not be followed.
type Stop struct {
	Position
	Why string
}

// Trace is what happens when a script is run.
type Trace struct {
	Faults []Fault
	Runs   []Run
	Stops  []Stop
	// Exits are the known statuses other than 0 with which each run ends.
	Exits []Exit
	// Writes are the files that redirections make, where their place is known.
	Writes []Write
	// Limits are those that each run sets.
	Limits []Limit
	// Made are the files that the script made, with what they hold where that is known.
	Made map[string]Value
	// Scripts are the files that were read as shell, in order.
	Scripts []string
}

// Exit is the end of a script with a status of its own.
type Exit struct {
	Position
	Status int
}

// Write is a file that a script writes.
type Write struct {
	Position
	Name string // as io/fs names it
	Sure bool
}

// Limits of one run.
const (
	maxSteps  = 20_000  // statements, and as much work as they are
	maxText   = 1 << 16 // bytes of a value
	stepBytes = 1 << 10 // of a file or an input are as much work as a statement
	stepLines = 16      // of what a filter reads are as much: each line is matched by itself
	maxDepth  = 60      // functions and scripts that call one another
	maxValues = 1024    // words of a list
	maxNoted  = 4096    // of each list in a Trace
	maxVars   = 4096
)

// Follow runs a script in mind: it takes each command's text with the values
// that are known, goes both ways where a condition is not, and notes what cannot
// be done. path is the script, args what it is given.
func Follow(w World, path string, args ...string) Trace {
	r := &runner{world: w, builtins: builtins(), trace: &Trace{}, faults: map[Fault]int{}, made: map[string]bool{}, kept: map[string]Value{}, last: -1}
	st := &state{vars: map[string]variable{}, funcs: map[string]function{}, dir: known("/"), stdin: streamOf(unknown)}
	st.vars["PATH"] = variable{Value: known(usualPath), exported: true}
	for k, v := range w.Env {
		st.vars[k] = variable{Value: known(v), exported: true}
	}
	argv := []Value{known("/" + path)}
	for _, a := range args {
		argv = append(argv, known(a))
	}
	r.file(st, Position{}, path, argv, true)
	if len(r.trace.Exits) == 0 {
		r.exit(st, Position{path, 1}, st.status)
	}
	r.trace.Made = r.kept
	return *r.trace
}

// runner is one run.
type runner struct {
	world    World
	trace    *Trace
	faults   map[Fault]int    // where each is in trace
	made     map[string]bool  // paths that programs were given, which may have made them
	kept     map[string]Value // what files hold that the script made
	jobs     []job
	builtins map[string]command
	last     int // the fault that the statement came to, -1 if to none
	steps    int
	depth    int
	over     bool // a limit was passed
}

func (r *runner) stop(at Position, why string) {
	if len(r.trace.Stops) < maxNoted {
		r.trace.Stops = append(r.trace.Stops, Stop{at, why})
	}
}

// faultOf notes one that a value is the name of, unless that has one, and gives its status. Where that hangs on
// a variable which whoever starts the release may set, nothing ends for it.
func (r *runner) faultOf(st *state, f Fault, v Value, code int) status {
	f.Name, f.On = cmp.Or(f.Name, v.Text), v.Unset
	r.fault(st, f, false)
	if f.On != "" {
		return someStatus
	}
	return status{code: code}
}

// fault notes one, once. Where it is in a shell of its own, whether all ends over
// it shows later.
func (r *runner) fault(st *state, f Fault, fatal bool) {
	f.Sure, f.Ends, f.Name = !st.maybe, false, strings.ReplaceAll(f.Name, carriage, `\r`)
	i, ok := r.faults[f]
	if !ok {
		if len(r.trace.Faults) >= maxNoted {
			return
		}
		i = len(r.trace.Faults)
		r.faults[f] = i
		r.trace.Faults = append(r.trace.Faults, f)
	}
	r.last = i
	if fatal && st.sub == 0 {
		r.trace.Faults[i].Ends = true
	}
}

// step counts, and says whether there is an end to it.
func (r *runner) step(at Position) bool {
	if r.steps++; r.steps > maxSteps && !r.over {
		r.over = true
		r.stop(at, "it takes too many steps")
	}
	return !r.over
}

// errTooLarge is of files that are not read: larger than MaxScript.
var errTooLarge = errors.New("it is larger than 1 MiB, and is not read")

// errNotKnown is of files that the script makes of what is not known.
var errNotKnown = errors.New("what it holds is not known")

// text is a file's content, or its beginning with errTooLarge.
func (r *runner) text(name string) (string, error) {
	if v, ok := r.kept[name]; ok {
		if v.Unknown {
			return "", errNotKnown
		}
		r.steps += len(v.Text) / stepBytes
		return v.Text, nil
	}
	real, err := r.world.Resolve(name)
	if err != nil {
		return "", err
	}
	f, err := r.world.Files.Open(real)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(f, MaxScript+1))
	r.steps += len(b) / stepBytes
	if len(b) > MaxScript {
		err = errTooLarge
	}
	return string(b), err
}

// place is a path as io/fs names it, seen from a folder; ok is false where that
// is not known.
func (st *state) place(v Value) (name string, ok bool) {
	if v.Unknown || v.Text == "" {
		return "", false
	}
	if !strings.HasPrefix(v.Text, "/") {
		if st.dir.Unknown {
			return "", false
		}
		return clean(st.dir.Text + "/" + v.Text), true
	}
	return clean(v.Text), true
}

// clean leaves ".." alone, which links decide about.
func clean(name string) string {
	var kept []string
	for p := range strings.SplitSeq(name, "/") {
		if p != "" && p != "." {
			kept = append(kept, p)
		}
	}
	if len(kept) == 0 {
		return "."
	}
	return strings.Join(kept, "/")
}

// volatile says whether a name is in a place whose files come and go, and are not the
// kernel's.
func volatile(name string) bool {
	top, _, _ := strings.Cut(name, "/")
	return fickle(name) && top != "proc" && top != "sys" && top != "dev" && top != "tmp" || strings.HasPrefix(name, "tmp/")
}

// fickle are places whose files come and go: what is not there now may be.
func fickle(name string) bool {
	top, _, _ := strings.Cut(name, "/")
	switch top {
	case "proc", "sys", "dev", "tmp", "run", "var", "home", "root", "mnt", "media", "srv", "data":
		return true
	}
	return false
}
