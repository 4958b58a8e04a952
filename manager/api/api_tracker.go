package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/manager/designs"
	"github.com/bantoops/banto/manager/runner"
	"github.com/bantoops/banto/store"
)

type submitIn struct {
	Key  string `header:"Idempotency-Key" maxLength:"200" doc:"The same key always gives the same tracker"`
	Body banto.SubmitRequest
}

func (in *submitIn) object() string { return in.Body.Jobnet }

type submitOut struct {
	Status   int
	Location string `header:"Location"`
	Body     banto.Tracker
}

// submit makes a tracker: 201, or 200 when its key had made it before.
func (s *server) submit(ctx context.Context, in *submitIn) (*submitOut, error) {
	what := "cannot submit " + in.Body.Jobnet
	hash, err := requestHash(in.Body)
	if err != nil {
		return nil, fmt.Errorf("cannot hash the request: %w", err)
	}
	// A repeated submission gives its tracker whatever has become of the jobnet
	// since, and however many wait. It is looked for only when that matters.
	var made banto.Tracker
	repeats := sync.OnceValues(func() (ok bool, err error) {
		made, ok, err = s.submitted(ctx, what, in.Key, hash)
		return ok, err
	})
	out, err := s.submission(ctx, what, in, hash, func() bool {
		ok, _ := repeats() // the error comes below
		return ok
	})
	if err == nil {
		return out, nil
	}
	switch ok, failed := repeats(); {
	case ok:
		return submitAnswer(made, true), nil
	case failed != nil && !later(err):
		return nil, unknown(what, failed) // the first would be the last word, and may be wrong
	}
	return nil, err
}

// unknown is told when it cannot be said whether a key has made a tracker.
func unknown(what string, err error) error {
	var e *banto.ErrorInfo
	if errors.As(err, &e) {
		return err
	}
	return banto.Fail(banto.KindUnavailable, what, "it cannot be looked up whether its key has made a tracker before",
		"try again in a moment, with the same key").Because(err)
}

// later says that who asks again later may be answered otherwise.
func later(err error) bool {
	kind := banto.KindOf(err)
	return kind == banto.KindTooMany || kind == banto.KindUnavailable
}

// submission is submit for a key that was not seen before, or that the runner
// knows again.
func (s *server) submission(ctx context.Context, what string, in *submitIn, hash string, repeats func() bool) (*submitOut, error) {
	r, err := s.Designs.Resolve(ctx, in.Body.Jobnet)
	if err != nil {
		return nil, err
	}
	calls, err := s.calls(ctx, r)
	if err != nil {
		return nil, err
	}
	params, problems := r.Flow.BindParams(in.Body.Params)
	if len(problems) > 0 {
		return nil, invalidParams(what, in.Body.Jobnet, problems)
	}
	date, zone := in.Body.Date, localZone(s.Now())
	if date.IsZero() {
		date = banto.DateOf(s.Now().In(zoneOf(r.Flow, zone)))
	}
	t, exists, err := s.Runner.Submit(ctx, runner.Submit{
		By: principal(ctx), Key: in.Key, RequestHash: hash, FlowBody: r.Body, Calls: calls, Hold: in.Body.Hold, Repeats: repeats,
		Submission: engine.Submission{
			Flow: r.Flow, FlowHash: r.Hash, Version: r.Version, Params: params, Date: date, Timezone: zone, Reason: in.Body.Reason,
		},
	})
	if err != nil {
		return nil, err
	}
	return submitAnswer(t, exists), nil
}

func submitAnswer(t banto.Tracker, exists bool) *submitOut {
	status := http.StatusCreated
	if exists {
		status = http.StatusOK
	}
	return &submitOut{Status: status, Location: "/api/v1/trackers/" + string(t.ID), Body: t}
}

// submitted finds the tracker that a key made for the same request. A key of
// another request is the runner's to refuse.
func (s *server) submitted(ctx context.Context, what, key, hash string) (banto.Tracker, bool, error) {
	if key == "" {
		return banto.Tracker{}, false, nil
	}
	id, first, err := s.Store.Submitted(ctx, principal(ctx).Name, key)
	if errors.Is(err, store.ErrNotFound) || (err == nil && first != hash) {
		return banto.Tracker{}, false, nil
	}
	if err != nil {
		return banto.Tracker{}, false, storeError(what, "", "", err)
	}
	t, err := s.Store.Tracker(ctx, id)
	if err != nil {
		return banto.Tracker{}, false, storeError(what, "the tracker of that key is gone", "", err)
	}
	return t, true, nil
}

// requestHash is of the request as we understand it, not as it was spelled.
func requestHash(req banto.SubmitRequest) (string, error) {
	b, err := json.Marshal(req) // the keys of maps are sorted
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// calls gives the jobnets that one may run, as the runner takes them.
func (s *server) calls(ctx context.Context, r designs.Resolved) (map[string]runner.Called, error) {
	called, err := s.Designs.Calls(ctx, r)
	if err != nil || len(called) == 0 {
		return nil, err
	}
	out := make(map[string]runner.Called, len(called))
	for path, c := range called {
		out[path] = runner.Called{Flow: c.Flow, Hash: c.Hash, Version: c.Version, Body: c.Body}
	}
	return out, nil
}

// zoneOf gives the time zone of a flow; it was checked when it was applied.
func zoneOf(f *jobnet.Flow, local string) *time.Location {
	if f.Timezone == "" {
		return jobnet.Zone(local)
	}
	return jobnet.Zone(f.Timezone)
}

func invalidParams(what, path string, problems []banto.Problem) error {
	why := fmt.Sprintf("%d parameters are wrong", len(problems))
	if len(problems) == 1 {
		why = "parameter " + strings.TrimPrefix(problems[0].Path, "params.") + " " + problems[0].Message
	}
	e := banto.Fail(banto.KindInvalid, what, why, "banto jobnet show "+path+" lists the parameters")
	e.Problems = problems
	return e
}

// TrackerPath names a tracker.
type TrackerPath struct {
	ID banto.TrackerID `path:"tracker" maxLength:"100" doc:"Such as 20261121-7k3mq0x"`
}

func (in *TrackerPath) object() string { return string(in.ID) }

type trackerOut struct{ Body banto.Tracker }

// getTracker reads a tracker with what it waits for.
func (s *server) getTracker(ctx context.Context, in *TrackerPath) (*trackerOut, error) {
	t, err := s.tracker(ctx, "cannot read tracker "+string(in.ID), in.ID)
	if err != nil {
		return nil, err
	}
	if !t.State.Ended() {
		t.WaitsFor = s.waitsFor(ctx, t.ID)
	}
	return &trackerOut{Body: t}, nil
}

// tracker reads a tracker's row.
func (s *server) tracker(ctx context.Context, what string, id banto.TrackerID) (banto.Tracker, error) {
	const missing, hint = "there is no such tracker", "banto tracker list shows them"
	if !id.Valid() {
		return banto.Tracker{}, banto.Fail(banto.KindNotFound, what, missing, hint)
	}
	t, err := s.Store.Tracker(ctx, id)
	if err != nil {
		return t, storeError(what, missing, hint, err)
	}
	return t, nil
}

type listTrackersIn struct {
	PageQuery
	Jobnet string    `query:"jobnet" maxLength:"1024" doc:"A path, or a folder with a slash at its end"`
	States []string  `query:"state,explode" maxItems:"20" enum:"planned,queued,running,held,blocked,ok,warning,error,cancelled" doc:"May be given several times"`
	From   time.Time `query:"from" doc:"Submitted at or after"`
	To     time.Time `query:"to" doc:"Submitted before"`
}

// listTrackers lists trackers, newest first.
func (s *server) listTrackers(ctx context.Context, in *listTrackersIn) (*out[banto.Tracker], error) {
	before, err := in.number()
	if err != nil {
		return nil, err
	}
	q := store.TrackerQuery{Jobnet: in.Jobnet, Before: before, From: in.From, To: in.To, Limit: in.Limit + 1}
	for _, state := range in.States {
		q.States = append(q.States, banto.TrackerState(state))
	}
	rows, err := s.Store.ListTrackers(ctx, q)
	if err != nil {
		return nil, storeError("cannot list trackers", "", "", err)
	}
	return cut(rows, in.Limit,
		func(r store.TrackerRow) banto.Tracker { return r.Tracker },
		func(r store.TrackerRow) string { return strconv.FormatInt(r.Cursor, 10) }), nil
}

type rerunIn struct {
	TrackerPath
	Body banto.RerunRequest
}

// rerun runs parts of a tracker again.
func (s *server) rerun(ctx context.Context, in *rerunIn) (*trackerOut, error) {
	t, err := s.tracker(ctx, "cannot rerun tracker "+string(in.ID), in.ID)
	if err != nil {
		return nil, err
	}
	again := engine.Rerun{Reason: in.Body.Reason, From: in.Body.From}
	var body []byte
	if in.Body.Latest {
		r, err := s.Designs.Resolve(ctx, t.Jobnet)
		if err != nil {
			return nil, err
		}
		again.Flow, again.FlowHash, again.Version, body = r.Flow, r.Hash, r.Version, r.Body
	}
	t, err = s.Runner.Rerun(ctx, principal(ctx), in.ID, again, body)
	if err != nil {
		return nil, err
	}
	return &trackerOut{Body: t}, nil
}

type cancelIn struct {
	TrackerPath
	Body banto.CancelRequest
}

// cancel kills what runs in a tracker and starts nothing more.
func (s *server) cancel(ctx context.Context, in *cancelIn) (*trackerOut, error) {
	if _, err := s.tracker(ctx, "cannot cancel tracker "+string(in.ID), in.ID); err != nil {
		return nil, err
	}
	t, err := s.Runner.Cancel(ctx, principal(ctx), in.ID, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return &trackerOut{Body: t}, nil
}
