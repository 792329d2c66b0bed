package dockerfile

import (
	"path"
	"slices"
	"strings"
)

// Command is one that is run to build.
type Command struct {
	Text string // in a few words
	// Run is the command as a shell takes it, "" where it is put together at run time.
	Run string
	// Dir is where in the project it is run: "." or "assets"; "" where that is not known.
	Dir string
	// Copied says that this is by what was copied of the context, which it is relative to.
	Copied bool
	// Stage is the stage that runs it. Takes is another, of which it takes what that made:
	// Run copies that in the project, where the command is COPY.
	Stage, Takes string
	// Before is the first part of the build, in the order "compile", "assets", "release",
	// of those that follow it; "" where it follows all of them.
	Before string
}

// step is a command, or a part of the build: one of the two is empty.
type step struct {
	Command
	part   string
	at     string // the directory that it is run in, absolute
	writes bool   // a file of the project
	taken  *taking
}

// parts of a build, as they follow one another in any.
var parts = []string{"compile", "assets", "release"}

// ordered are the commands of steps that follow one another, each with what it comes
// before.
func ordered(steps []step) []Command {
	later := map[string]bool{}
	var out []Command
	for _, s := range slices.Backward(steps) {
		if part := s.part; part != "" {
			later[part] = true
			continue
		}
		c := s.Command
		if s.writes && later["fetch"] { // what Mix may read before it fetches, no step is early enough for
			c.Run = ""
		}
		for _, part := range parts {
			if later[part] && c.Before == "" {
				c.Before = part
			}
		}
		out = append([]Command{c}, out...)
	}
	return once(out)
}

// once is each command once, in order.
func once(all []Command) []Command {
	seen := map[string]bool{}
	var out []Command
	for _, c := range all {
		key := c.Dir + " " + c.Text // npm run build, here and there
		if !seen[key] && len(out) < maxNames {
			out = append(out, c)
		}
		seen[key] = true
	}
	return out
}

func relative(root, dir string) string {
	switch rest, below := strings.CutPrefix(dir, strings.TrimSuffix(root, "/")+"/"); {
	case root == "" || dir == "":
		return ""
	case dir == root:
		return "."
	case below:
		return path.Clean(rest)
	}
	return ""
}
