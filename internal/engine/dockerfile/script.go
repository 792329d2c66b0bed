package dockerfile

import (
	_ "embed"
	"slices"
	"strings"

	"dram/internal/engine"
)

//go:embed build.sh
var script string

// Script is what a file with Options.Script finds there: a program for sh.
func Script(job engine.Job, o Options) []byte {
	r := renderer{job: job, o: o}
	return []byte(strings.Join(r.script(), "\n") + "\n")
}

// script is the lines of the script, with what it is told of the job.
func (r *renderer) script() []string {
	var lines []string
	mount := false // in what is for builders with cache mounts
	for l := range strings.Lines(script) {
		l = strings.TrimSuffix(l, "\n")
		switch strings.TrimSpace(l) {
		case "# mount{":
			mount = true
		case "# }mount":
			mount = false
		default:
			if !mount || r.o.Builder != Classic {
				lines = append(lines, l)
			}
		}
	}
	return slices.Insert(lines, 1, r.settings()...)
}

// settings are what the script is told of the job.
func (r *renderer) settings() []string {
	var pruned []string
	for _, k := range r.job.CacheDirs {
		if rest, ok := strings.CutPrefix(k, engine.SourceDir+"/"); ok {
			pruned = append(pruned, "-path ./"+rest+" -prune -o")
		}
	}
	lock := "mix.lock"
	for _, s := range r.job.Steps {
		if s.Lock != "" {
			lock = s.Lock
		}
	}
	told := []string{
		"kept=" + double(r.kept()),
		"fetched=" + double(strings.Join(r.fetched(), " ")),
		"export=" + double(r.job.Export),
		"assembled=" + double(r.assembled()),
		"lock=" + double(lock),
	}
	if r.o.Builder == Classic {
		return told
	}
	return append(told,
		"careful="+map[bool]string{true: "yes"}[r.o.Place == ""],
		"pruned="+double(strings.Join(pruned, " ")),
	)
}
