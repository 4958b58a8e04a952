package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/notice"
	"github.com/bantoops/banto/store"
)

// profileIn asks for a profile, as net/http/pprof is asked.
type profileIn struct {
	Profile string `path:"profile" enum:"allocs,block,goroutine,heap,mutex,profile,threadcreate,trace" doc:"profile is that of the CPU; trace is for go tool trace"`
	Seconds int    `query:"seconds" minimum:"1" maximum:"300" doc:"How long profile, trace, block and mutex look; 30, 1, 10 and 10 when left out"`
	Debug   int    `query:"debug" minimum:"0" maximum:"2" doc:"More than 0: as text"`
	GC      int    `query:"gc" minimum:"0" maximum:"1" doc:"1: collect garbage before the heap is looked at"`
}

func (in *profileIn) object() string { return in.Profile }

// mountProfile mounts the profiles. They show memory and so what is secret:
// they are for administrators, and on record.
func mountProfile(s *server, _ route, op huma.Operation) {
	op.Responses = map[string]*huma.Response{"200": {
		Description: "A profile for go tool pprof, a trace for go tool trace, or text.",
		Content:     map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}}
	huma.Register(s.api, op, func(ctx context.Context, in *profileIn) (*huma.StreamResponse, error) {
		select {
		case s.profiles <- struct{}{}:
		default:
			return nil, s.refuse(ctx, banto.Fail(banto.KindTooMany, "cannot take a profile", "another one is being taken", "try again when it has ended"))
		}
		if err := s.recordProfile(ctx, in); err != nil {
			<-s.profiles
			return nil, s.refuse(ctx, err)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			defer func() { <-s.profiles }()
			s.profile(hc, in)
		}}, nil
	})
}

// recordProfile puts on record who takes a profile. A standby writes nothing, and
// can only tell it.
func (s *server) recordProfile(ctx context.Context, in *profileIn) error {
	by := principal(ctx)
	s.Notices.Tell(notice.ProfileTaken, "profile", in.Profile, "by", by.Name)
	s.Metrics.Profiled()
	if !s.leads() {
		return nil
	}
	entry := audit.Done(s.Now(), by, audit.ManagerProfile, in.Profile, "")
	if err := s.Store.Write(ctx, func(tx store.Tx) error { return tx.PutAudit(entry) }); err != nil {
		return storeError("cannot take a profile", "", "", err)
	}
	return nil
}

// profile takes a profile and sends it.
func (s *server) profile(hc huma.Context, in *profileIn) {
	r, w := humago.Unwrap(hc)
	if r.Method == http.MethodHead {
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(s.Now().Add(time.Duration(in.Seconds)*time.Second + 2*callTimeout))
	if in.Debug > 0 {
		hc.SetHeader("Content-Type", "text/plain; charset=utf-8")
	} else {
		hc.SetHeader("Content-Type", "application/octet-stream")
		hc.SetHeader("Content-Disposition", `attachment; filename="`+in.Profile+`"`)
	}
	if err := take(hc.Context(), w, in); err != nil {
		s.Log.Warn("a profile broke off", "request", requestOf(hc.Context()).id, "profile", in.Profile, "error", err)
		panic(http.ErrAbortHandler) //nolint:forbidigo // half a profile must not look like a whole one
	}
}

// take writes a profile. One that looks for a while ends with its caller.
func take(ctx context.Context, w io.Writer, in *profileIn) error {
	var stop func()
	seconds := in.Seconds
	switch in.Profile {
	case "profile":
		if err := pprof.StartCPUProfile(w); err != nil {
			return err
		}
		stop = pprof.StopCPUProfile
		if seconds == 0 {
			seconds = 30
		}
	case "trace":
		if err := trace.Start(w); err != nil {
			return err
		}
		stop = trace.Stop
		seconds = max(seconds, 1)
	case "block", "mutex":
		return contention(ctx, w, in)
	default:
		if in.Profile == "heap" && in.GC > 0 {
			runtime.GC()
		}
		return look(w, in)
	}
	defer stop()
	during(ctx, seconds)
	return nil
}

// What is looked at of those who wait for each other, while somebody looks: a
// wait of so long on average, and one of so many fights for a lock.
const (
	blockEvery = 10 * time.Microsecond
	mutexEvery = 5
)

// contention looks for a while who waits for whom. Else nobody looks: it costs
// something. What earlier looks have found is in it too.
func contention(ctx context.Context, w io.Writer, in *profileIn) error {
	stop := func() { runtime.SetBlockProfileRate(0) }
	if in.Profile == "block" {
		runtime.SetBlockProfileRate(int(blockEvery))
	} else {
		before := runtime.SetMutexProfileFraction(mutexEvery)
		stop = func() { runtime.SetMutexProfileFraction(before) }
	}
	seconds := in.Seconds
	if seconds == 0 {
		seconds = 10
	}
	during(ctx, seconds)
	stop()
	return look(w, in)
}

// during waits, unless the caller goes.
func during(ctx context.Context, seconds int) {
	timer := time.NewTimer(time.Duration(seconds) * time.Second)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// look writes what the process knows at this moment.
func look(w io.Writer, in *profileIn) error {
	p := pprof.Lookup(in.Profile)
	if p == nil {
		return fmt.Errorf("there is no profile %s", strconv.Quote(in.Profile))
	}
	return p.WriteTo(w, in.Debug)
}
