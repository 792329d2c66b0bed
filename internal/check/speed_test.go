package check_test

import (
	"bytes"
	"fmt"
	"testing"

	"dram/internal/check"
	"dram/internal/release"
	"dram/internal/target"
)

// BenchmarkRun reads and checks a release of 60 applications, 2,400 BEAM files
// and 40 native files against a captured target, as `dram check` does: what a
// person waits for, in at most 300 ms and 150 MB.
func BenchmarkRun(b *testing.B) {
	files := hello()
	for i := range 58 {
		files[fmt.Sprintf("lib/dep%d-1.0.0/ebin/dep%d.app", i, i)] = "644 {vsn,\"1.0.0\"}"
		for j := range 40 {
			files[fmt.Sprintf("lib/dep%d-1.0.0/ebin/m%d.beam", i, j)] = made("m", 183)
		}
		if i < 35 {
			files[fmt.Sprintf("lib/dep%d-1.0.0/priv/nif.so", i)] = elf(large())
		}
	}
	root, place := files.open(b), bookworm()
	for i := range 20 {
		place[fmt.Sprintf(in+"libbig%d.so.1", i)] = elf(big(i))
	}
	live, err := target.New("dir:place", place.open(b))
	if err != nil {
		b.Fatal(err)
	}
	var doc bytes.Buffer
	if err := live.Capture(&doc); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		tg, err := target.Load(bytes.NewReader(doc.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		rel, err := release.Read(b.Context(), root, release.Options{Survey: true})
		if err != nil {
			b.Fatal(err)
		}
		got, err := check.Run(b.Context(), check.Input{Release: rel, Target: tg})
		if err != nil || got.Worst() != check.OK || got.Natives != 40 {
			b.Fatalf("%v, %d native files, %v", err, got.Natives, lines(got))
		}
	}
}

// large is a NIF with 2,000 symbols of 20 libraries.
func large() lib {
	l := sqlite()
	for i := range 20 {
		soname := fmt.Sprintf("libbig%d.so.1", i)
		l.Needed = append(l.Needed, soname)
		for j := range 100 {
			l.Undefined = append(l.Undefined, symbols(fmt.Sprintf("big%d_%d@BIG_1=%s", i, j, soname))...)
		}
	}
	return l
}

func big(i int) lib {
	l := lib{Soname: fmt.Sprintf("libbig%d.so.1", i)}
	for j := range 3000 {
		l.Defined = append(l.Defined, symbols(fmt.Sprintf("big%d_%d@BIG_1", i, j))...)
	}
	return l
}
