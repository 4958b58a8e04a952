package pgtest

import (
	"os"
	"os/exec"
)

// On Windows a server runs as whoever we are, and cannot be stopped half way.

func give(string) error { return nil }

func asOther(*exec.Cmd) {}

func (s *Server) freeze() {}
func (s *Server) wake()   {}

func atOnce() os.Signal { return os.Kill }

func lives(int) bool { return true }
