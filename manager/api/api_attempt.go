package api

import (
	"context"
	"strconv"
	"time"

	"github.com/bantoops/banto"
)

const (
	// maxOutput is how many bytes of output one answer holds.
	maxOutput = 1 << 20
	// leastText is how many bytes are decoded at least: a character and its marks.
	leastText = 16
	// outputLook is how often a waiting answer looks whether output came:
	// what follows a job live is never later than this.
	outputLook = 100 * time.Millisecond
	// outputLate is how long after an attempt's end its output may still come.
	outputLate = time.Minute
)

type listAttemptsIn struct {
	TrackerPath
	PageQuery
	Part banto.PartKey `query:"part" maxLength:"1024" doc:"Only those of this part"`
}

// listAttempts lists the attempts of a tracker, oldest first.
func (s *server) listAttempts(ctx context.Context, in *listAttemptsIn) (*out[banto.Attempt], error) {
	what := "cannot list the attempts of tracker " + string(in.ID)
	after, err := in.number()
	if err != nil {
		return nil, err
	}
	if _, err := s.tracker(ctx, what, in.ID); err != nil {
		return nil, err
	}
	rows, err := s.Store.Attempts(ctx, in.ID, in.Part, int(after), in.Limit+1)
	if err != nil {
		return nil, storeError(what, "", "", err)
	}
	return cut(rows, in.Limit, same, func(a banto.Attempt) string { return strconv.Itoa(a.Seq) }), nil
}

// AttemptPath names an attempt.
type AttemptPath struct {
	ID banto.AttemptID `path:"attempt" maxLength:"100" doc:"Such as 20261121-7k3mq0x.3"`
}

type attemptOut struct{ Body banto.Attempt }

// getAttempt reads one attempt.
func (s *server) getAttempt(ctx context.Context, in *AttemptPath) (*attemptOut, error) {
	a, err := s.attempt(ctx, "cannot read attempt "+string(in.ID), in.ID)
	if err != nil {
		return nil, err
	}
	return &attemptOut{Body: a}, nil
}

func (s *server) attempt(ctx context.Context, what string, id banto.AttemptID) (banto.Attempt, error) {
	const missing, hint = "there is no such attempt", "banto tracker show TRACKER lists them"
	if _, _, err := id.Split(); err != nil {
		return banto.Attempt{}, banto.Fail(banto.KindNotFound, what, missing, hint)
	}
	a, err := s.Store.Attempt(ctx, id)
	if err != nil {
		return a, storeError(what, missing, hint, err)
	}
	return a, nil
}

type outputIn struct {
	AttemptPath
	Offset int64 `query:"offset" minimum:"0" doc:"The first byte wanted"`
	Max    int   `query:"max" minimum:"1" maximum:"1048576" default:"1048576" doc:"Bytes at most"`
	Text   bool  `query:"text" doc:"As UTF-8, whatever it was printed in; a piece never ends within a character"`
	Wait   int   `query:"wait" minimum:"0" maximum:"30" doc:"Seconds to wait for output when there is none yet"`
}

type outputOut struct{ Body banto.Output }

// getOutput reads a piece of output. With wait it answers as soon as there is
// some, or the attempt has ended.
func (s *server) getOutput(ctx context.Context, in *outputIn) (*outputOut, error) {
	what := "cannot read the output of attempt " + string(in.ID)
	a, err := s.attempt(ctx, what, in.ID)
	if err != nil {
		return nil, err
	}
	changed, stop := s.changes(a.Tracker)
	defer stop()
	look := time.NewTicker(outputLook)
	defer look.Stop()
	patience := time.NewTimer(time.Duration(in.Wait) * time.Second)
	defer patience.Stop()
	stale := true // what was read before the watch began may have changed since
	for {
		o, err := s.output(a, in)
		if err != nil {
			return nil, storeError(what, "", "", err)
		}
		if len(o.Data) > 0 || o.Ended || in.Wait == 0 {
			return &outputOut{Body: o}, nil
		}
		select {
		case <-look.C:
			if !a.State.Ended() && !stale {
				continue // only more output can have come
			}
		case <-changed:
		case <-patience.C:
			return &outputOut{Body: o}, nil
		case <-ctx.Done():
			return &outputOut{Body: o}, nil
		}
		stale = false
		if a, err = s.attempt(ctx, what, in.ID); err != nil {
			return nil, err
		}
	}
}

// changes tells when a tracker changes; a standby knows nothing of that.
func (s *server) changes(id banto.TrackerID) (changed <-chan struct{}, stop func()) {
	if s.Runner == nil {
		return nil, func() {}
	}
	return s.Runner.Watch(id)
}

// output reads what there is now.
func (s *server) output(a banto.Attempt, in *outputIn) (banto.Output, error) {
	most := min(in.Max, maxOutput)
	if in.Text {
		most = max(most, leastText)
	}
	data, size, err := s.Outputs.Read(a.ID, in.Offset, most)
	if err != nil {
		return banto.Output{}, err
	}
	o := banto.Output{Attempt: a.ID, Offset: in.Offset, Data: data, Size: size, Next: in.Offset + int64(len(data)), Encoding: a.Encoding}
	if a.State.Ended() && o.Next >= size {
		o.Ended = size >= a.OutputSize || a.EndedAt == nil || s.Now().Sub(*a.EndedAt) > outputLate
	}
	if in.Text && len(data) > 0 {
		r := reader{out: s.Outputs, id: a.ID, encoding: a.Encoding}
		if o.Data, o.Next, err = r.text(in.Offset, data, o.Ended); err != nil {
			return banto.Output{}, err
		}
	}
	if o.Data == nil {
		o.Data = []byte{}
	}
	return o, nil
}
