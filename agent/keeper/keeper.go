package keeper

import (
	"context"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/bantoops/banto"
)

// keeper is the process: one loop takes all inputs that wait, steps the
// claims, makes their records durable with one write, and carries out the
// effects. Everything that takes time is done beside it.
type keeper struct {
	opt     Options
	log     *slog.Logger
	hello   Hello // what does not change
	claims  *claims
	journal *journal
	files   *files
	planner *planner
	starter *starters
	looks   looks
	reaper  *reaper
	alarm   *alarm
	null    *os.File
	listen  net.Listener
	buffers bufferPool
	lock    *os.File
	handed  map[banto.AttemptID]bool // what the binary that we were before has left to us

	in   chan input
	done chan struct{} // closed when the loop has ended
	grew chan struct{} // some output has grown

	contacts contacts // what agents told of contact, and the loop has not heard yet

	growMu sync.Mutex
	grown  map[banto.AttemptID]*kept

	// Owned by the loop.
	jobs      map[banto.AttemptID]*job
	sessions  map[*session]bool
	newest    *session // that connected last
	deadlines deadlines
	alarmAt   int64 // what the alarm is set to; 0: nothing, or it has rung
	cleaned   []cleanRecord
	made      []*job // that may begin once their starts are on record
	stopping  bool
	stuck     map[banto.AttemptID]*job // whose ends were told, though the system still holds their processes
	room      room
	handing   *handing // on the way to another binary
}

// input is what the loop takes. One field is set, and from with a request that
// came over a connection.
type input struct {
	request  *Request
	from     *session
	contact  int64 // that had been told when the request came
	launched *job
	end      *Ended
	joined   *session
	parted   *session
	replace  *replacement
	held     *job         // whose process is still there, long after KILL
	clean    *cleanRecord // that failed, and is to be tried again
}

func (k *keeper) put(in input) {
	select {
	case k.in <- in:
	case <-k.done:
	}
}

// Times of the loop.
const (
	tellOutputEvery = 250 * time.Millisecond
	sweepEvery      = time.Hour
)

// batchMax is how many inputs are taken into one step.
const batchMax = 4096

func (k *keeper) run(ctx context.Context) error {
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	quiet := time.NewTimer(0) // fires when output may be told again
	defer quiet.Stop()
	grew := (<-chan struct{})(nil)
	if k.turn(ctx, &effects{}, input{}) != nil { // what an earlier keeper has left
		return nil
	}
	for {
		fx := effects{}
		var in input
		select {
		case in = <-k.in:
		case <-k.contacts.more:
		case <-k.alarm.C:
			k.expire()
		case <-quiet.C:
			grew = k.grew
			continue
		case <-grew:
			k.tellOutput(&fx)
			grew = nil
			quiet.Reset(tellOutputEvery)
		case <-k.room.timer.C:
			if k.lookForRoom() != "" {
				k.tellTrouble(k.room.problem)
			}
			continue
		case <-sweep.C:
			k.claims.sweep(&fx, k.opt.Now().Add(-k.opt.KeepWork))
		case <-ctx.Done():
			return nil
		}
		if k.turn(ctx, &fx, in) != nil {
			return nil // the context ended while the journal could not be written
		}
		if k.handOver() {
			return nil
		}
		if k.stopping && k.claims.live == 0 {
			return nil
		}
	}
}

// turn takes an input, if there is one, and all that wait behind it, and carries
// out what comes of it. Whoever has had no contact for too long ends before
// anything else, however long this process, or its machine, has slept.
func (k *keeper) turn(ctx context.Context, fx *effects, in input) error {
	if err := k.deadMan(ctx, fx); err != nil {
		return err
	}
	var heard batch
	if in != (input{}) {
		heard = k.batch(fx, in)
	}
	if err := k.commit(ctx, fx); err != nil {
		return err
	}
	if err := k.deadMan(ctx, fx); err != nil { // writing may have taken long, too
		return err
	}
	k.perform(fx, heard)
	for len(k.cleaned) > 0 {
		after := effects{}
		for _, cl := range k.cleaned {
			k.claims.cleaned(&after, cl)
		}
		k.cleaned = nil
		if err := k.commit(ctx, &after); err != nil {
			return err
		}
		k.perform(&after, batch{})
	}
	return nil
}

// batch is what a step owes to connections: a greeting, or the word that
// requests up to a number are handled.
type batch struct {
	joined []*session
	done   map[*session]uint64
	recall []input
}

// batch steps one input and all that wait behind it, and those that come while
// it can wait for them.
func (k *keeper) batch(fx *effects, in input) batch {
	now := k.opt.Now()
	heard := batch{done: make(map[*session]uint64)}
	patience := (<-chan time.Time)(nil)
	for left := batchMax; ; left-- {
		k.step(fx, in, now)
		if in.joined != nil {
			heard.joined = append(heard.joined, in.joined)
		}
		if in.from != nil {
			heard.done[in.from] = max(heard.done[in.from], in.request.Seq)
			if in.request.Recall != nil {
				heard.recall = append(heard.recall, in)
			}
		}
		if left == 0 || len(k.in) == 0 && !k.canWait(in) { // nobody else takes from it
			return heard
		}
		if len(k.in) == 0 && patience == nil {
			timer := time.NewTimer(gatherFor)
			defer timer.Stop()
			patience = timer.C
		}
		select {
		case in = <-k.in:
			continue
		default:
		}
		select {
		case in = <-k.in:
		case <-patience:
			return heard
		}
	}
}

// gatherFor is how long what processes did may wait for more of it, while starts
// wait for the processor anyway.
const gatherFor = 2 * time.Millisecond

// canWait says whether nobody loses by waiting for more behind an input: there
// are starts that have no turn yet, and the input is only what became of others.
// Many results then cost one write, and one message each on their way.
func (k *keeper) canWait(in input) bool {
	return (in.end != nil || in.launched != nil && !bornHeld) && k.starter.waits()
}

func (k *keeper) step(fx *effects, in input, now time.Time) {
	switch {
	case in.request != nil:
		noRoom := ""
		if len(in.request.Start) > 0 {
			noRoom = k.lookForRoom()
		}
		k.claims.request(fx, in.request, ground{clock: bootNow(), contact: in.contact, boot: k.hello.BootID, noRoom: noRoom, now: now})
		k.contacts.heard.Store(k.claims.dead.at)
		if in.request.Allow != nil && in.from == k.newest { // what an agent that has gone still said holds no more
			k.planner.permit(*in.request.Allow)
		}
		if in.request.Renew {
			k.claims.renew(fx, newGeneration(), now)
			k.log.Warn("the manager knows of claims that are not here: a new generation begins", "generation", k.claims.generation)
		}
		if in.request.Replace != "" {
			k.replace(in.request.Replace)
		}
		k.stopping = k.stopping || in.request.Stop
	case in.launched != nil:
		k.add(in.launched)
		k.made = append(k.made, in.launched)
		k.claims.launched(fx, in.launched.started)
	case in.held != nil:
		k.giveUp(fx, in.held, now)
	case in.end != nil && k.stuck[in.end.Attempt] != nil:
		delete(k.stuck, in.end.Attempt)
		k.log.Info("an attempt that could not be killed has ended after all", "attempt", in.end.Attempt)
	case in.end != nil:
		delete(k.jobs, in.end.Attempt)
		k.claims.end(fx, *in.end)
	case in.joined != nil:
		k.stopping = false // somebody wants a keeper again
		k.newest = in.joined
	case in.parted != nil:
		delete(k.sessions, in.parted)
	case in.replace != nil:
		k.replacing(in.replace)
	case in.clean != nil:
		k.claims.cleanIfDone(fx, in.clean.Tracker)
	}
}

// add takes a job that runs under watch.
func (k *keeper) add(j *job) {
	k.jobs[j.claim.Attempt] = j
	if j.claim.TimeoutMS > 0 {
		k.due(j.started.After+j.claim.TimeoutMS*int64(time.Millisecond), j.claim.Attempt, banto.ReasonTimeout)
	}
}

// commit makes the records durable. A journal that cannot be written is
// written anew until it can: nothing is started or told before. Kills do not
// wait for it: they may be what makes room on the disk.
func (k *keeper) commit(ctx context.Context, fx *effects) error {
	for _, kill := range fx.kill {
		k.kill(kill)
	}
	if len(fx.records) == 0 && !fx.sync {
		return nil
	}
	err := k.journal.append(fx.records, fx.sync)
	if err == nil {
		if k.journal.large() {
			k.journal.tryCompact(k.claims, k.log)
		}
		return nil
	}
	k.log.Error("the journal cannot be written: starts and results wait", "error", err)
	k.tellTrouble(unwritable + err.Error())
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for err != nil {
		select {
		case <-again.C:
			err = k.journal.compact(k.claims)
		case <-k.room.timer.C:
			k.tellTrouble(unwritable + err.Error())
		case <-k.contacts.more:
			k.unwritten()
		case <-k.alarm.C:
			k.expire()
			k.unwritten()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	k.log.Info("the journal can be written again")
	return nil
}

// perform carries out what is now durable.
func (k *keeper) perform(fx *effects, heard batch) {
	for _, j := range k.made {
		j.begin()
	}
	k.made = nil
	k.claims.settle(fx)
	k.starter.add(fx.launch, fx.withdraw)
	k.withdraw(fx.withdraw)
	for _, id := range fx.forget {
		k.files.forget(id)
	}
	for _, cl := range fx.clean {
		k.clean(cl)
	}
	for s := range k.sessions {
		s.tell(fx.tell)
	}
	if fx.greet {
		for s := range k.sessions {
			s.tell(k.greeting())
		}
	}
	for _, s := range heard.joined {
		s.tell(k.greeting())
		s.tell(Event{Problem: k.room.problem})
		k.sessions[s] = true
	}
	for _, in := range heard.recall {
		in.from.recalled(in.request.Recall.ID, k.claims.recall(*in.request.Recall))
	}
	for s, seq := range heard.done {
		s.tell(Event{Done: seq, Claims: k.claims.total})
	}
}

// withdraw ends what was claimed and is not to be launched any more. What is
// being launched already is killed when its process is there.
func (k *keeper) withdraw(kills []Kill) {
	for _, kill := range kills {
		if k.starter.withdraw(kill.Attempt) {
			end := KilledEarly(kill, k.opt.Now())
			go k.put(input{end: &end})
		}
	}
}

// cleanAgain is how long a directory that could not be moved is left alone.
const cleanAgain = 3 * time.Second

// clean takes away what was kept of a tracker, now or later.
func (k *keeper) clean(cl cleanRecord) {
	if k.files.clean(cl) {
		k.cleaned = append(k.cleaned, cl)
		return
	}
	time.AfterFunc(cleanAgain, func() { k.put(input{clean: &cl}) })
}

// greeting is what a connection is told first, and when the generation changes.
func (k *keeper) greeting() Event {
	e := k.claims.hello()
	h := k.hello
	h.Generation, h.Running, h.Claims = e.Hello.Generation, e.Hello.Running, e.Hello.Claims
	e.Hello = &h
	return e
}

// newJob makes the job of a claim, without its process.
func (k *keeper) newJob(claim claimRecord) *job {
	limit := claim.Limit
	if limit <= 0 {
		limit = k.opt.OutputLimit
	}
	path, _ := outputPath(k.opt.Dir, claim.Attempt)
	out := &kept{path: path, limit: limit, want: headWanted(claim), encoding: claim.Encoding, spares: k.files.spares}
	out.grown = func() { k.markGrown(claim.Attempt, out) }
	return &job{claim: claim, out: out, ended: make(chan end, 1)}
}

// stay is with a job until its result is known.
func (k *keeper) stay(j *job) {
	e := j.follow(&k.buffers, k.opt.Now)
	vars, err := k.files.vars(j.claim, j.uid)
	e.Vars = vars
	if err != nil {
		if e.Reason == "" {
			e.Reason = banto.ReasonVariables
		}
		if e.Message != "" {
			e.Message += "; "
		}
		e.Message += err.Error()
	}
	k.put(input{end: &e})
}

func (k *keeper) markGrown(id banto.AttemptID, out *kept) {
	k.growMu.Lock()
	k.grown[id] = out
	k.growMu.Unlock()
	select {
	case k.grew <- struct{}{}:
	default:
	}
}

func (k *keeper) tellOutput(fx *effects) {
	k.growMu.Lock()
	defer k.growMu.Unlock()
	for id, out := range k.grown {
		if k.jobs[id] != nil { // else its result says it, or will
			fx.tell.Output = append(fx.tell.Output, Output{Attempt: id, Size: out.size.Load()})
		}
	}
	clear(k.grown)
}

// accept takes connections until the socket is closed.
func (k *keeper) accept() {
	for {
		conn, err := k.listen.Accept()
		if err != nil {
			return
		}
		s := newSession(conn)
		k.put(input{joined: s})
		go func() {
			s.read(func(r *Request) { //nolint:errcheck // however it ended, the agent connects again
				k.put(input{request: r, from: s, contact: k.contacts.add(r.Contact)})
			})
			conn.Close()
			s.finish()
			k.put(input{parted: s})
		}()
	}
}
