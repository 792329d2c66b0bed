// Command big writes a Mix project of any size for the benchmarks: an umbrella
// with one release, its modules like those of a real service. The same flags
// give the same bytes.
//
//	go run ./examples/big -modules 1000 -apps 5 -seed 1 -o DIR
//	go run ./examples/big -modules 1000 -apps 5 -seed 1 -o DIR -edit 3
//
// The second applies the third of the generator's one-line edits to what the
// first has written.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "big:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("big", flag.ContinueOnError)
	modules := flags.Int("modules", 1000, "`number` of modules in all applications together")
	apps := flags.Int("apps", 5, "`number` of applications under apps/")
	seed := flags.Uint64("seed", 1, "`number` that the whole content follows from")
	dir := flags.String("o", "", "`directory` to write to, which must be empty or absent (with -edit: to edit)")
	edit := flags.Int("edit", 0, "apply the `K`-th edit, counted from 1, instead of writing the project")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *dir == "" || flags.NArg() > 0 {
		return fmt.Errorf("give the directory with -o, and no other argument")
	}
	project, err := generate(options{Modules: *modules, Apps: *apps, Seed: *seed})
	if err != nil {
		return err
	}
	if *edit != 0 {
		return project.edit(*dir, *edit)
	}
	return project.write(*dir)
}
