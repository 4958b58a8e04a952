package api

import (
	"context"

	"github.com/bantoops/banto"
)

type none struct{}

type versionOut struct{ Body banto.VersionInfo }

// getVersion tells what answers.
func (s *server) getVersion(context.Context, *none) (*versionOut, error) {
	return &versionOut{Body: s.Version}, nil
}

type health struct {
	Status string `json:"status" enum:"ok"`
}

type healthOut struct{ Body health }

// healthz says that the process lives, and nothing else.
func (s *server) healthz(context.Context, *none) (*healthOut, error) {
	return &healthOut{Body: health{Status: "ok"}}, nil
}

// readyz says whether the manager takes work: the trackers are rebuilt and the
// store answers.
func (s *server) readyz(ctx context.Context, _ *none) (*healthOut, error) {
	const what = "not ready"
	select {
	case <-s.Runner.Ready():
	default:
		return nil, banto.Fail(banto.KindUnavailable, what, "the trackers are being rebuilt", "try again in a moment")
	}
	if _, err := s.Store.Incarnation(ctx); err != nil {
		s.Log.Warn("the store does not answer", "error", err)
		return nil, banto.Fail(banto.KindUnavailable, what, "the store does not answer", "the manager's log says more").Because(err)
	}
	return &healthOut{Body: health{Status: "ok"}}, nil
}

type managerOut struct{ Body banto.ManagerInfo }

// getManager tells what a person should know of the manager they talk to.
func (s *server) getManager(context.Context, *none) (*managerOut, error) {
	return &managerOut{Body: banto.ManagerInfo{
		VersionInfo: s.Version, Environment: s.Environment, Colour: s.Colour, Guarded: s.Guarded,
	}}, nil
}
