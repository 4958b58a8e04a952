package api

import (
	"context"
	"fmt"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// maxVersions is how many versions of one jobnet a list shows.
const maxVersions = 500

type applyIn struct{ Body banto.ApplyRequest }

func (in *applyIn) object() string {
	if len(in.Body.Files) == 1 {
		return in.Body.Files[0].Name
	}
	return fmt.Sprintf("%d files", len(in.Body.Files))
}

type applyOut struct{ Body banto.ApplyResult }

// apply makes definitions the ones in use.
func (s *server) apply(ctx context.Context, in *applyIn) (*applyOut, error) {
	r, err := s.Designs.Apply(ctx, principal(ctx), in.Body)
	if err != nil {
		return nil, err
	}
	if r.Changes == nil {
		r.Changes = []banto.ApplyChange{}
	}
	return &applyOut{Body: r}, nil
}

type listJobnetsIn struct {
	PageQuery
	Folder string `query:"folder" maxLength:"1024" doc:"Only those in this folder and below"`
}

// listJobnets lists the jobnets in use.
func (s *server) listJobnets(ctx context.Context, in *listJobnetsIn) (*out[banto.JobnetInfo], error) {
	folder := in.Folder
	if folder == "/" {
		folder = ""
	}
	defs, err := s.Store.ListDefinitions(ctx, store.KindJobnet, folder, in.Cursor, in.Limit+1)
	if err != nil {
		return nil, storeError("cannot list jobnets", "", "", err)
	}
	return cut(defs, in.Limit, jobnetInfo, func(d store.Definition) string { return d.Path }), nil
}

func jobnetInfo(d store.Definition) banto.JobnetInfo {
	return banto.JobnetInfo{
		Path: d.Path, Title: d.Title, Version: d.Version, Parts: d.Parts, AppliedAt: d.AppliedAt, AppliedBy: d.AppliedBy,
	}
}

// JobnetPath names a jobnet.
type JobnetPath struct {
	Path string `path:"path" maxLength:"1024" doc:"Path of the jobnet as one segment: backup%2Fnightly"`
}

func (in *JobnetPath) object() string { return in.Path }

type getJobnetIn struct {
	JobnetPath
	Version int `query:"version" minimum:"0" doc:"0: the one in use"`
}

type jobnetOut struct{ Body banto.JobnetDetail }

// getJobnet reads one version of a jobnet.
func (s *server) getJobnet(ctx context.Context, in *getJobnetIn) (*jobnetOut, error) {
	d, err := s.Store.Definition(ctx, store.KindJobnet, in.Path, in.Version)
	if err != nil {
		return nil, noJobnet("cannot read jobnet "+in.Path, in.Path, err)
	}
	return &jobnetOut{Body: banto.JobnetDetail{JobnetInfo: jobnetInfo(d), Source: d.Source, File: d.File}}, nil
}

func noJobnet(what, path string, err error) error {
	return storeError(what, "there is no such jobnet or version",
		"banto jobnet list shows the jobnets, banto jobnet versions "+path+" the versions", err)
}

// listVersions lists the versions of a jobnet.
func (s *server) listVersions(ctx context.Context, in *JobnetPath) (*out[banto.JobnetVersion], error) {
	what := "cannot list the versions of jobnet " + in.Path
	defs, err := s.Store.Versions(ctx, store.KindJobnet, in.Path, maxVersions)
	if err == nil && len(defs) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, storeError(what, "there is no jobnet "+in.Path, "banto jobnet list", err)
	}
	return cut(defs, maxVersions, func(d store.Definition) banto.JobnetVersion {
		return banto.JobnetVersion{JobnetInfo: jobnetInfo(d), Active: d.Active, File: d.File}
	}, func(store.Definition) string { return "" }), nil
}

type diffIn struct {
	JobnetPath
	Body banto.DiffRequest
}

type diffOut struct{ Body banto.DiffResult }

// diffJobnet compares two versions of a jobnet, or one with a text.
func (s *server) diffJobnet(ctx context.Context, in *diffIn) (*diffOut, error) {
	d, err := s.Designs.Diff(ctx, in.Path, in.Body.From, in.Body.To, in.Body.File)
	if err != nil {
		return nil, err
	}
	return &diffOut{Body: d}, nil
}

// deleteJobnet takes a jobnet out of use.
func (s *server) deleteJobnet(ctx context.Context, in *JobnetPath) (*none, error) {
	if err := s.Designs.Delete(ctx, principal(ctx), in.Path); err != nil {
		return nil, err
	}
	return &none{}, nil
}
