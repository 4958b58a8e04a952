// Command banto is the one binary: manager, agent, keeper and command line.
// It owns signals and the exit code; everything else is cli.Run.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // time zones are the same on any machine

	"github.com/bantoops/banto/cli"
)

// version is set when the binary is built (-X main.version=…).
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], cli.System(version))
	stop()
	os.Exit(code)
}
