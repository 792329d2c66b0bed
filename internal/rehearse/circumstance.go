package rehearse

import (
	"slices"

	"dram/internal/environ"
	"dram/internal/sandbox"
)

// Setting is what a start is given: its sandbox, and what that does not bound by itself.
type Setting struct {
	Spec    sandbox.Spec
	Volumes []string // places that the image declares as volumes, which are always to be written
	Memory  int64    // bytes that its processes may have together; 0 is as many as dram lets any have
	Keep    bool     // what it writes to its root is looked at
}

// Moment is when a start gets its SIGTERM.
type Moment int

// The moments.
const (
	Afterwards Moment = iota // once it has started, and how it takes that is of no account
	Running                  // once it has started
	Starting                 // before
)

// Circumstance is something that production has and a developer's machine has not.
type Circumstance struct {
	Name    string
	Changes string // what it is, beside the plain one
	Why     string // where it is found
	Do      string // what to do about a release that does not run in it; each alternative is a line
	Stop    Moment
	Change  func(*Setting) // nil for nothing
}

// Plain is the circumstance that all others are compared with.
const Plain = "plain"

// The numbers of circumstances.
const (
	// ManyFiles is what systemd and container engines make of a limit without a bound.
	ManyFiles = 1 << 30
	// usualFiles is the limit of all others.
	usualFiles = 65536
	// LittleMemory is what many platforms give the smallest of their instances, in bytes.
	LittleMemory = 256 << 20
	// someUser is a number that no image has, such as OpenShift gives.
	someUser = 1_000_660_000
)

// Circumstances is all of them, the plain one first. One is a row here.
func Circumstances() []Circumstance {
	return slices.Concat([]Circumstance{{
		Name: Plain, Changes: "as the image says; no network but loopback, no terminal",
		Why: "the least that every place has",
		Do:  "start it with dram run, and see what it says",
	}}, filesAndUsers(), kernels(), surroundings(), stops())
}

func filesAndUsers() []Circumstance {
	const write = "have it write to /tmp, or to a place that is given to it: image.directories, or a volume"
	return []Circumstance{
		{
			Name: "writable", Changes: "every file may be written", Why: "where it runs as root, or unpacked by its own user",
			Do:     "see what it finds where it may write: a file that a first start leaves may be in the way of the next",
			Change: func(s *Setting) { s.Spec.ReadOnly, s.Spec.Tmpfs, s.Keep = false, nil, true },
		},
		{
			Name: "read-only", Changes: "nothing but /tmp, /run and volumes may be written", Why: "docker run --read-only, readOnlyRootFilesystem",
			Do:     write,
			Change: func(s *Setting) { s.Spec.ReadOnly, s.Spec.Tmpfs = true, s.Volumes },
		},
		{
			Name: "other-user", Changes: "another user, 1000660000, who owns nothing and has no name",
			Why: "OpenShift, runAsUser, docker run --user", Do: write + "\nhave it do without a home",
			Change: func(s *Setting) {
				s.Spec.ReadOnly, s.Spec.Tmpfs, s.Spec.User, s.Spec.Group = true, nil, someUser, 0
				s.Spec.Env = environ.Merge(s.Spec.Env, []string{"HOME=/"})
			},
		},
		{
			Name: "no-capabilities", Changes: "no capabilities, and ports below 1024 need one", Why: "capabilities: drop: [ALL]",
			Do:     "have it listen on a port above 1023",
			Change: func(s *Setting) { s.Spec.Limits.NoCapabilities = true },
		},
	}
}

func kernels() []Circumstance {
	return []Circumstance{
		{
			Name: "no-ipv6", Changes: "the kernel knows no IPv6", Why: "machines started with ipv6.disable=1",
			Do:     "have it listen on 0.0.0.0 where :: is refused, or say that it needs IPv6",
			Change: func(s *Setting) { s.Spec.Limits.NoIPv6 = true },
		},
		{
			Name: "open-files", Changes: "as many open files as the kernel allows, at best 2^30",
			Why:    "container engines whose limit is infinity",
			Do:     "bound the table of ports: +Q 65536 in vm.args",
			Change: func(s *Setting) { s.Spec.Limits.OpenFiles = ManyFiles },
		},
		{
			Name: "one-cpu", Changes: "one processor", Why: "small machines, cpusets",
			Do:     "have nothing wait for another process while it holds the only scheduler",
			Change: func(s *Setting) { s.Spec.Limits.CPUs = 1 },
		},
		{
			Name: "memory", Changes: "256 MiB of memory, past which it is killed", Why: "limits of memory: the kernel kills what passes them",
			Do:     "give it more memory than it takes, or have it take less",
			Change: func(s *Setting) { s.Memory = LittleMemory },
		},
	}
}

func surroundings() []Circumstance {
	return []Circumstance{
		{
			Name: "dotted-host", Changes: "a host name with dots", Why: "virtual machines, and containers with --hostname",
			Do:     "set RELEASE_DISTRIBUTION=name, or a node's name without dots",
			Change: func(s *Setting) { s.Spec.Hostname = "web-1.prod.example.internal" },
		},
		{
			Name: "no-locale", Changes: "no LANG, LC_ALL or LC_CTYPE", Why: "services of systemd, cron",
			Do:     "set LANG=C.UTF-8 in env.sh, or start with ELIXIR_ERL_OPTIONS=+fnu",
			Change: func(s *Setting) { s.Spec.Env = environ.Without(s.Spec.Env, "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE") },
		},
	}
}

func stops() []Circumstance {
	const why = "docker stop, Kubernetes: SIGTERM, and SIGKILL later"
	return []Circumstance{
		{
			Name: "stop", Changes: "SIGTERM while it runs", Why: why, Stop: Running,
			Do: "have the VM be what gets the signal (exec, no shell in between), and stop what it waits for within ten seconds",
		},
		{
			Name: "stop-early", Changes: "SIGTERM while it starts", Why: why, Stop: Starting,
			Do: "have the VM be what gets the signal (exec, no shell in between), and nothing that takes long before it starts",
		},
	}
}

// Names is what circumstances are called.
func Names(list []Circumstance) (out []string) {
	for _, c := range list {
		out = append(out, c.Name)
	}
	return out
}
