package runner

import (
	"context"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

// Submit asks for a run of a jobnet. The submission's ID is given by the
// runner; FlowBody is the encoded flow whose hash the submission names. A Key
// that the same principal used before, with the same RequestHash, gives the
// tracker that was made then; an empty key is never remembered.
type Submit struct {
	By          banto.Principal
	Key         string
	RequestHash string
	Submission  engine.Submission
	FlowBody    []byte
	Calls       map[string]Called // the jobnets that it may run, directly and through others, by path
	Hold        bool              // nothing of it starts until it is released
	// Repeats is asked, by who submits, when too many calls wait: whether the key
	// has made a tracker already. Then it is turned away all the same, and not
	// counted as refused. nil: it has not.
	Repeats func() bool
}

// answer is what a caller is told after the commit.
type answer struct {
	tracker  banto.Tracker
	exists   bool
	changes  []banto.MoveChange
	host     banto.Host
	recovery banto.Recovery
	err      error
}

// caller is the waiting end of a call. It takes one answer and never blocks.
type caller struct {
	reply chan answer
	then  func(answer) // called with the answer, by the loop; nil for nobody
}

func newCaller() caller { return caller{reply: make(chan answer, 1)} }

func (c caller) answer(a answer) {
	select {
	case c.reply <- a:
		if c.then != nil {
			c.then(a)
		}
	default:
	}
}

func (c caller) refuse(err error) { c.answer(answer{err: err}) }

// call queues an input and waits for its answer.
func (r *Runner) call(ctx context.Context, what string, c caller, in input) (answer, error) {
	if err := r.inbox.call(in); err != nil {
		return answer{}, err
	}
	select {
	case a := <-c.reply:
		return a, a.err
	case <-ctx.Done():
		return answer{}, banto.Fail(banto.KindUnavailable, what,
			"the manager did not answer in time; it may still do it", "look before you try again").Because(ctx.Err())
	}
}

// Submit makes a tracker, or gives the one that the same key made before
// (then the second result is true). The tracker is durable when it returns.
func (r *Runner) Submit(ctx context.Context, s Submit) (banto.Tracker, bool, error) {
	in, err := newSubmitIn(s)
	if err != nil {
		return banto.Tracker{}, false, err
	}
	a, err := r.call(ctx, in.what, in.caller, in)
	return a.tracker, a.exists, err
}

// PostSubmit is Submit for a caller that does not wait: then is called by the
// loop, once. An error says that it never will be.
func (r *Runner) PostSubmit(s Submit, then func(t banto.Tracker, exists bool, err error)) error {
	in, err := newSubmitIn(s)
	if err != nil {
		return err
	}
	in.then = func(a answer) { then(a.tracker, a.exists, a.err) }
	return r.inbox.call(in)
}

// newSubmitIn makes the input of a submission, or refuses it.
func newSubmitIn(s Submit) (*submitIn, error) {
	what := "cannot submit"
	if s.Submission.Flow != nil {
		what += " " + s.Submission.Flow.Jobnet
	}
	texts := []string{s.By.Name, s.Key, s.RequestHash, s.Submission.Reason}
	for name, value := range s.Submission.Params {
		texts = append(texts, name, value)
	}
	if err := storable(what, texts...); err != nil {
		return nil, err
	}
	if s.Submission.Flow == nil || len(s.FlowBody) == 0 {
		return nil, banto.Fail(banto.KindInternal, what, "the submission holds no flow", "")
	}
	return &submitIn{caller: newCaller(), Submit: s, what: what}, nil
}

func noTracker(what string) *banto.ErrorInfo {
	return banto.Fail(banto.KindNotFound, what, "there is no such tracker", "banto tracker list shows them")
}

// storable refuses texts that no store keeps as they are.
func storable(what string, texts ...string) error {
	for _, s := range texts {
		if err := store.CheckText(s); err != nil {
			return banto.Fail(banto.KindInvalid, what, "a text holds a NUL or is not UTF-8", "send plain text").Because(err)
		}
	}
	return nil
}

// question asks the loop for something that is only in memory. It is answered
// between transactions, so it never shows what is not durable.
type question[T any] struct {
	look  func(*memory) T
	reply chan T // cap 1
}

func (q question[T]) step(b *batch) error {
	b.after(func() { q.reply <- q.look(b.mem) })
	return nil
}

func (q question[T]) refuse(error) {
	var none T
	q.reply <- none
}

func ask[T any](ctx context.Context, r *Runner, look func(*memory) T) T {
	var none T
	q := question[T]{look: look, reply: make(chan T, 1)}
	if r.inbox.call(q) != nil {
		return none
	}
	select {
	case v := <-q.reply:
		return v
	case <-ctx.Done():
		return none
	}
}
