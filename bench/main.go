// Command bench measures dram beside its rivals and its floors, in one run, and
// prints a table in Markdown. Figures of one run are comparable with each other
// alone: what counts is the ratio.
//
//	go run ./bench                             # everything, about ten minutes
//	go run ./bench -only edit,unchanged -k 3   # some of it
//	go run ./bench -write docs/benchmarks.md   # and write the page
//	go run ./bench -gate                       # exit 1 if a target is missed
//
// Run it in the repository's root: it builds cmd/dram and examples/big itself.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// settings are what the flags say.
type settings struct {
	runs    int
	modules int
	only    string
	page    string
	cache   string
	gate    bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (settings, error) {
	var s settings
	names := []string{}
	for _, b := range benchmarks() {
		names = append(names, b.name)
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&s.runs, "k", 9, "`number` of times that each figure is taken; the median counts (toolchain roots: at most 3, builds by Docker: 5)")
	flags.IntVar(&s.modules, "modules", 1000, "`number` of modules of the large project")
	flags.StringVar(&s.only, "only", "", "`names` of the benchmarks to run, separated by commas: "+strings.Join(names, ", "))
	flags.StringVar(&s.page, "write", "", "`file` to write the page to, if everything could be measured or skipped for a stated reason")
	flags.StringVar(&s.cache, "cache", "", "`directory` of a dram cache to use for all but the first benchmark (default: an empty one)")
	flags.BoolVar(&s.gate, "gate", false, "fail if a target is missed")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if s.runs < 1 || flags.NArg() > 0 {
		return s, fmt.Errorf("-k must be at least 1, and there are no arguments")
	}
	for name := range strings.SplitSeq(s.only, ",") {
		if name != "" && !strings.Contains(","+strings.Join(names, ",")+",", ","+name+",") {
			return s, fmt.Errorf("no benchmark is called %q: they are %s", name, strings.Join(names, ", "))
		}
	}
	return s, nil
}

func (s settings) wants(name string) bool {
	return s.only == "" || strings.Contains(","+s.only+",", ","+name+",")
}

func run(ctx context.Context, args []string) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	b, done, err := newBench(ctx, s)
	if err != nil {
		return err
	}
	defer done()
	t := table{machine: describeMachine(os.DirFS("/")), date: time.Now().UTC(), runs: s.runs}
	for _, benchmark := range benchmarks() {
		if !s.wants(benchmark.name) {
			continue
		}
		b.log("%s…", benchmark.name)
		rows, err := benchmark.run(b, ctx)
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			b.log("%s failed: %v", benchmark.name, err)
			rows = []row{{what: benchmark.name, failed: true}}
		}
		t.rows = append(t.rows, rows...)
	}
	fmt.Print(t.markdown())
	return t.verdict(s)
}

// verdict writes the page and says what is wrong with the run as a whole.
func (t table) verdict(s settings) error {
	for _, r := range t.rows {
		if r.failed {
			return fmt.Errorf("benchmark %q failed, see above", r.what)
		}
	}
	if s.page != "" {
		if err := os.WriteFile(s.page, []byte(t.page()), 0o644); err != nil {
			return fmt.Errorf("writing the page: %w", err)
		}
	}
	if missed := t.missed(); s.gate && len(missed) > 0 {
		return fmt.Errorf("targets missed: %s", strings.Join(missed, "; "))
	}
	return nil
}
