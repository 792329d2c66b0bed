package check_test

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"testing"
	"time"

	"dram/internal/check"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/target"
)

// Limits of a check of a release of 60 applications, 2,400 BEAM files and 40
// native files against a captured target: what a person waits for.
const (
	maxTime   = 300 * time.Millisecond
	maxMemory = 150 << 20 // bytes of heap at once
)

// BenchmarkRun reads and checks that release as `dram check` does.
func BenchmarkRun(b *testing.B) {
	run := sixty(b)
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
}

// TestRunIsFast holds the check to its limits: the best of some runs, for the
// machine may have other work, and the largest heap of all.
func TestRunIsFast(t *testing.T) {
	if testing.Short() {
		t.Skip("it measures")
	}
	run := sixty(t)
	run() // files are in the kernel's memory from now on
	var most atomic.Uint64
	stop := watchHeap(t, &most)
	best := time.Hour
	limit := maxTime
	if raceDetector {
		limit *= 10
	}
	for i := 0; i < 5 || i < 20 && best > limit; i++ {
		runtime.GC()
		start := time.Now()
		run()
		best = min(best, time.Since(start))
	}
	stop()
	t.Logf("%v, %d MB", best, most.Load()>>20)
	if best > limit {
		t.Errorf("the fastest check takes %v, more than %v", best, limit)
	}
	if most.Load() > maxMemory {
		t.Errorf("the heap grows to %d bytes, more than %d", most.Load(), maxMemory)
	}
}

// watchHeap keeps the largest heap that it sees in most, until it is stopped.
func watchHeap(t *testing.T, most *atomic.Uint64) (stop func()) {
	t.Helper()
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for {
			metrics.Read(sample)
			most.Store(max(most.Load(), sample[0].Value.Uint64()))
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return func() { close(done); <-gone }
}

// sixty makes the release and the target, and gives what checks them.
func sixty(b testing.TB) (run func()) {
	b.Helper()
	root, place := sixtyFiles().open(b), sixtyPlace()
	live, err := target.New("dir:place", place.open(b))
	if err != nil {
		b.Fatal(err)
	}
	return sixtyRun(b, root, live)
}

// sixtyFiles is the release.
func sixtyFiles() tree {
	files := mixed()
	for i := range 58 {
		files[fmt.Sprintf("lib/dep%d-1.0.0/ebin/dep%d.app", i, i)] = "644 {vsn,\"1.0.0\"}"
		for j := range 40 {
			files[fmt.Sprintf("lib/dep%d-1.0.0/ebin/m%d.beam", i, j)] = made(fmt.Sprintf("m%d", j), 183)
		}
		if i < 35 {
			files[fmt.Sprintf("lib/dep%d-1.0.0/priv/nif.so", i)] = elf(large())
		}
	}
	return files
}

// sixtyPlace is the target.
func sixtyPlace() tree {
	place := bookworm()
	for i := range 20 {
		place[fmt.Sprintf(in+"libbig%d.so.1", i)] = elf(big(i))
	}
	return place
}

func sixtyRun(b testing.TB, root rootfs.FS, live *target.Target) (run func()) {
	b.Helper()
	var doc bytes.Buffer
	if err := live.Capture(&doc); err != nil {
		b.Fatal(err)
	}
	return func() {
		b.Helper()
		tg, err := target.Load(bytes.NewReader(doc.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		rel, err := release.Read(b.Context(), root, release.Options{Survey: true})
		if err != nil {
			b.Fatal(err)
		}
		got, err := check.Run(b.Context(), check.Input{Release: rel, Target: tg})
		if err != nil || got.Worst() != check.OK || got.Natives != 41 {
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
