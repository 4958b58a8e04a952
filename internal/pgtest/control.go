package pgtest

import (
	"os"
	"testing"
)

// end stops the server: with Interrupt as a "fast" shutdown, with Kill and all
// its processes at once.
func (s *Server) end(how os.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	s.wake()
	if how == os.Kill {
		_ = s.cmd.Process.Signal(atOnce())
	} else {
		_ = s.cmd.Process.Signal(how)
	}
	<-s.done
	s.cmd = nil
}

// Stop ends the server; fast says whether it may write its checkpoint, or ends
// as a loss of power would end it.
func (s *Server) Stop(fast bool) {
	if fast {
		s.end(os.Interrupt)
		return
	}
	s.end(os.Kill)
}

// Run starts the server again on its port after a Stop.
func (s *Server) Run(tb testing.TB) {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.runOnce(); err != nil {
		tb.Fatalf("cannot start PostgreSQL again: %v", err)
	}
}

// Restart ends the server at once and starts it again.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	s.Stop(false)
	s.Run(tb)
}

// Pause stops all processes of the server where they are.
func (s *Server) Pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.freeze()
}

// Continue lets them go on.
func (s *Server) Continue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wake()
}
