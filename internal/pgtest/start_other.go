//go:build !linux

package pgtest

import "os/exec"

func startHere(cmd *exec.Cmd) error { return cmd.Start() }
