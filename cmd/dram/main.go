// Command dram builds OTP releases in a sandbox that matches where they will
// run, and bottles them in small container images.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"dram/internal/cli"
	"dram/internal/sandbox"
)

func main() {
	sandbox.Main() // returns unless this process was started as a sandbox's init
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // a second Ctrl-C ends dram at once; the next run goes on from what is sound
	}()
	return cli.Run(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
}
