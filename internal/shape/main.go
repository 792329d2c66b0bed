// Command shape measures the code: how long functions and files are, how many
// parameters and fields there are, what is documented, and that imports point
// down the layout of docs/design.md. It prints a table, and exits with 1 if a
// bound is passed. `make shape` runs it in the repository's root.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	root := flag.String("root", ".", "`directory` of the repository")
	flag.Parse()
	ok, err := run(*root)
	if err != nil {
		fmt.Fprintln(os.Stderr, "shape:", err)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(root string) (ok bool, err error) {
	h, err := read(root)
	if err != nil {
		return false, err
	}
	layout, err := readLayout(root)
	if err != nil {
		return false, err
	}
	ok = true
	for _, b := range append(h.bounds(), layout.bound(h.imports)) {
		mark := ""
		if !b.met() {
			ok, mark = false, "  PASSED"
		}
		fmt.Printf("%-48s %8s  %s %s%s\n", b.what, b.show(b.is), b.sign(), b.show(b.limit), mark)
		for _, name := range b.names {
			fmt.Println("  " + name)
		}
	}
	return ok, nil
}

// bound is a figure and what it may be.
type bound struct {
	what      string
	is, limit float64
	floor     bool     // the figure must not be lower; else not higher
	names     []string // what passes it, or what there is to say of it
}

func (b bound) met() bool {
	if b.floor {
		return b.is >= b.limit
	}
	return b.is <= b.limit
}

func (b bound) sign() string {
	if b.floor {
		return "≥"
	}
	return "≤"
}

func (b bound) show(f float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.2f", f), ".00")
}
