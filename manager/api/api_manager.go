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

type managerOut struct{ Body banto.ManagerInfo }

// getManager tells what a person should know of the manager they talk to.
func (s *server) getManager(context.Context, *none) (*managerOut, error) {
	return &managerOut{Body: banto.ManagerInfo{
		VersionInfo: s.Version, Environment: s.Environment, Colour: s.Colour, Guarded: s.Guarded,
	}}, nil
}

type managersOut struct{ Body []banto.ManagerState }

// listManagers lists the managers that share the store.
func (s *server) listManagers(ctx context.Context, _ *none) (*managersOut, error) {
	all, err := s.managers(ctx)
	if err != nil {
		return nil, storeError("cannot list the managers", "", "", err)
	}
	return &managersOut{Body: all}, nil
}

// managers gives all managers by name; one that is alone knows itself.
func (s *server) managers(ctx context.Context) ([]banto.ManagerState, error) {
	if s.Managers != nil {
		all, err := s.Managers(ctx)
		if all == nil {
			all = []banto.ManagerState{}
		}
		return all, err
	}
	me := banto.ManagerState{
		Name: s.Name, URL: s.URL, Active: s.leads(), Version: s.Version.Version, StartedAt: s.Version.StartedAt, SeenAt: s.Now().UTC(),
	}
	if s.Enrol != nil {
		me.Endpoints = s.Enrol.Endpoints("")
	}
	return []banto.ManagerState{me}, nil
}

type handOverIn struct{ Body banto.HandOver }

func (in *handOverIn) object() string { return in.Body.To }

// handOver lets another manager take over. Who does it puts it on record:
// afterwards this manager writes nothing any more.
func (s *server) handOver(ctx context.Context, in *handOverIn) (*none, error) {
	const what = "cannot hand over"
	if s.HandOver == nil {
		return nil, banto.Fail(banto.KindConflict, what, "this manager is alone: its store is in its own directory",
			"managers that follow each other share a PostgreSQL store: banto server --store")
	}
	if err := s.HandOver(ctx, principal(ctx), in.Body); err != nil {
		return nil, storeError(what, "", "", err)
	}
	return &none{}, nil
}
