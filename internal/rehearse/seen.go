package rehearse

import "time"

// State is how far a start came before it was stopped.
type State int

// The states.
const (
	Untried  State = iota // see Seen.Why
	Answered              // something that only a started release does
	Lived                 // it ran, and nothing answered
	Ended                 // it ended by itself
	Stopped               // it was stopped while it started, as was meant
)

// Seen is what was seen of one start.
type Seen struct {
	State State
	Why   string        // it was not tried
	How   string        // what answered: "rpc", "port 4000"
	After time.Duration // until it answered, ended or its time was over
	End   End
	Peak  int64  // bytes of memory that its processes had together, at most; 0 if unknown
	Files uint64 // how many files it might have open
	Said  Said
	// Written is files that it wrote, by their paths inside; "-" before one that it
	// removed.
	Written []string
}

// End is how a start ended.
type End struct {
	Code   int
	Signal string // that ended it, "" if none did
	// Took is how long it took from SIGTERM to its end, where it was sent one.
	Took   time.Duration
	Killed bool // it had to be killed after SIGTERM
	Memory bool // it was killed for the memory that it took
	// Refused is why it could not be executed at all.
	Refused string
}

// Said is what its output tells.
type Said struct {
	Error   string   // the first line that reports an error
	Last    string   // its last line
	Refused string   // the first line that tells of something that it may not do to a file
	Lacks   []string // variables that it says it lacks
	Bytes   int64    // that it printed
}
