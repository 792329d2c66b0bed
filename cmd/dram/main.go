// Command dram builds OTP releases in a sandbox that matches where they will
// run, and bottles them in small container images.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"dram/internal/cli"
	"dram/internal/problem"
	"dram/internal/sandbox"
)

// How long dram has to end by itself once it was told to. What it did until then is
// sound whenever it is killed, and what it started ends with it.
const (
	patience = 1500 * time.Millisecond
	// A program that runs for the user has ten seconds of its own, as with docker stop.
	runPatience = 12 * time.Second
)

func main() {
	sandbox.Main() // returns unless this process was started as a sandbox's init
	os.Exit(run())
}

func run() int {
	// The collector begins when the heap has doubled. Collecting the few MB of a
	// build that finds everything in the cache took a twentieth of its CPU time;
	// memory that is never written to, and so never there, puts that off.
	ballast := make([]byte, 64<<20)
	defer runtime.KeepAlive(ballast)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	var running atomic.Bool
	std := cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Running: func() { running.Store(true) }}
	done := make(chan int, 1)
	go func() { done <- cli.Run(ctx, os.Args[1:], std) }()
	select {
	case code := <-done:
		return code
	case <-signals:
		cancel()
	}
	limit := patience
	if running.Load() {
		limit = runPatience
	}
	select {
	case code := <-done:
		return code
	case <-signals: // a second Ctrl-C ends dram at once; the next run goes on from what is sound
	case <-time.After(limit): // something blocks that cannot be interrupted, as a read from a dead network file system
		_, _ = fmt.Fprintln(os.Stderr, "error: cancelled\n  hint: run it again: it goes on from what is done")
	}
	return int(problem.Cancelled)
}
