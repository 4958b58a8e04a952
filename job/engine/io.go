package engine

import (
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// Input is something that happened. Inputs may come late, twice or out of
// order; the tracker is right all the same, and an input that means nothing
// any more has no effect.
type Input interface{ input() }

// The inputs.
type (
	// Placed gives a ready part its place on a host; the attempt begins.
	Placed struct {
		Part   banto.PartKey
		Host   string
		HostID banto.HostID
		// Target is the group or the labels for which the host was chosen, to be
		// kept for the tracker's later parts; empty: nothing is to be kept.
		Target string
		// User is the OS user that the part's account is on that host; empty: the
		// account is taken as the user's name itself.
		User string
		// DeadMan says that the host's keeper ends attempts by their dead-man's limit.
		DeadMan bool
	}
	// FanOut says that a part runs on every host of a group (pick: all): the
	// part gets an item for each, "copy[db01]", which wants its place there.
	FanOut struct {
		Part  banto.PartKey
		Hosts []banto.HostRef // by name; never empty
	}
	// NoPlace says that a ready part can never get a place, such as on a host
	// that is not known. The part ends in error.
	NoPlace struct {
		Part    banto.PartKey
		Reason  banto.Reason
		Message string
	}
	// Started says that the attempt's process runs.
	Started struct {
		Attempt banto.AttemptID
		At      time.Time
		Child   banto.TrackerID // of a call: the tracker that was made for it
	}
	// Ended says that the attempt's process has ended, or never started
	// (StartedAt is nil and Reason says why).
	Ended struct {
		Attempt   banto.AttemptID
		StartedAt *time.Time
		At        time.Time
		Exit      *int         // nil when there is no exit code: never started, or a signal
		Reason    banto.Reason // empty: judge by the exit code
		// Outcome is that of the tracker that a call is; then Exit follows from it.
		Outcome    banto.Outcome
		Message    string
		Vars       string // the file $BANTO_VARS as UTF-8, LF line ends
		Output     string // head of the output, when the Spec asked for it
		OutputSize int64
		OutputLost int64
	}
	// Lost says that the attempt's host cannot be reached: it may be alive. Said
	// again of a lost attempt, a later DeadBy counts.
	Lost struct {
		Attempt banto.AttemptID
		// DeadBy is when the keeper must have ended it for want of contact; nil:
		// nobody knows when it does, as its keeper has no dead-man's limit for it.
		DeadBy *time.Time
	}
	// Found says that the host is back and the attempt is still on it.
	Found struct{ Attempt banto.AttemptID }
	// Again says that the tracker that was a part's last attempt goes on after its
	// end: what failed in it was rerun.
	Again struct {
		Part  banto.PartKey
		Child banto.TrackerID
	}
	// OuterHeld says that the tracker that runs this one is held, or is not any more.
	OuterHeld struct{ Held bool }
	// Wake says that the time of an earlier WakeAt for the part has come.
	Wake struct{ Part banto.PartKey }
	// Hold keeps parts from starting; without parts, the whole tracker.
	Hold struct {
		By, Reason string
		Parts      []banto.PartKey
	}
	// Release takes holds away; without parts, the tracker's and all parts'.
	Release struct {
		By, Reason string
		Parts      []banto.PartKey
	}
	// Skip counts parts as done without running them. A lost part is given up:
	// its attempt is killed if the host comes back.
	Skip struct {
		By, Reason string
		Parts      []banto.PartKey
	}
	// ForceEnd gives parts an outcome. What runs is killed first; a lost part
	// is given up.
	ForceEnd struct {
		By, Reason string
		Parts      []banto.PartKey
		Outcome    banto.Outcome
		Outlet     jobnet.Outlet // the way that branches take; only with branches, whose outcome is not error
	}
	// KillParts ends running attempts; without parts, all. They end in error,
	// killed, and the tracker goes on from there.
	KillParts struct {
		By, Reason string
		Parts      []banto.PartKey
	}
	// Cancel asks to kill what runs and start nothing more.
	Cancel struct{ By, Reason string }
	// Rerun asks to run again: From names parts to run again with all that is
	// behind them; empty means the failed, cancelled and unreached ones.
	// Flow and Version, when set, replace the flow: a fix of the definition. Parts that have
	// ended and are not run again keep their states.
	Rerun struct {
		By, Reason string
		From       []banto.PartKey
		Only       bool              // only those parts, not what is behind them
		Params     map[string]string // parameters to change, as given
		Yes        bool              // also parts with rerun: ask
		Flow       *jobnet.Flow
		FlowHash   string
		Version    int
		Calls      string // with Flow: as of banto.Tracker
	}
)

func (Placed) input()    {}
func (NoPlace) input()   {}
func (Started) input()   {}
func (Ended) input()     {}
func (Lost) input()      {}
func (Found) input()     {}
func (Wake) input()      {}
func (Again) input()     {}
func (OuterHeld) input() {}
func (FanOut) input()    {}
func (Hold) input()      {}
func (Release) input()   {}
func (Skip) input()      {}
func (ForceEnd) input()  {}
func (KillParts) input() {}
func (Cancel) input()    {}
func (Rerun) input()     {}

// Effect is something to be done. SaveTracker, SavePart and SaveAttempt are
// rows to write; the rest is carried out after they are durable, in order.
type Effect interface{ effect() }

// The effects.
type (
	// SaveTracker carries the tracker's whole row as it now is.
	SaveTracker struct{ Tracker banto.Tracker }
	// SavePart is the row of one part. A part has no row while it has never
	// left waiting; one that a rerun took back to waiting has.
	SavePart struct{ Part banto.Part }
	// SaveAttempt is the row of one attempt.
	SaveAttempt struct{ Attempt banto.Attempt }

	// WantPlace says that a part has become ready and wants a place on a host.
	// Host is a host's or group's name, or labels ("area=east,role=batch", sorted);
	// empty means the host beside the manager.
	WantPlace struct {
		Part banto.PartKey
		Host string
		// Chosen is the host that the tracker chose for this group or these
		// labels earlier; empty: choose one now.
		Chosen  banto.HostID
		PerPart bool   // choose anew, and do not keep the choice
		Account string // the account by its name, for accounts that are blocked
		Shell   string // that the host must have; empty: its own kind
	}
	// Unchoose says that the tracker has dropped the host that it chose for this
	// group or these labels: who wants a place there chooses anew.
	Unchoose struct{ Target string }
	// Withdraw says that the part wants no place any more (it was cancelled
	// while it was ready).
	Withdraw struct{ Part banto.PartKey }
	// Start asks the host to run the attempt.
	Start struct {
		Attempt banto.Attempt
		Spec    banto.Spec
	}
	// Call asks for a tracker of another jobnet, which is the attempt: the caller
	// makes it in the same transaction and says so with Started, or with Ended why
	// it cannot. Params are as given, and not checked.
	Call struct {
		Attempt banto.Attempt
		Jobnet  string
		Params  map[string]string
	}
	// HoldCall holds or releases a tracker that is an attempt of this one, as this
	// one was. To kill such an attempt is to cancel it.
	HoldCall struct {
		Child banto.TrackerID
		Held  bool
	}
	// Kill asks the host to kill the attempt, whether it has started it or not.
	Kill struct {
		Attempt banto.AttemptID
		HostID  banto.HostID    // empty of a call
		Child   banto.TrackerID // of a call
		Reason  banto.Reason
	}
	// FreePlace says that the attempt has left its host for good.
	FreePlace struct {
		Attempt banto.AttemptID
		HostID  banto.HostID
	}
	// WakeAt asks for a Wake of the part at that time. Each replaces the
	// part's earlier one.
	WakeAt struct {
		Part banto.PartKey
		At   time.Time
	}
	// TrackerEnded says that the tracker has ended; KeepWork is false when
	// the work directories on its hosts can go.
	TrackerEnded struct {
		Hosts    []banto.HostID
		KeepWork bool
	}
)

func (SaveTracker) effect()  {}
func (SavePart) effect()     {}
func (SaveAttempt) effect()  {}
func (WantPlace) effect()    {}
func (Unchoose) effect()     {}
func (Withdraw) effect()     {}
func (Start) effect()        {}
func (Kill) effect()         {}
func (Call) effect()         {}
func (HoldCall) effect()     {}
func (FreePlace) effect()    {}
func (WakeAt) effect()       {}
func (TrackerEnded) effect() {}

// Submission is what a tracker starts from. Params are complete and checked
// (jobnet.Flow.BindParams).
type Submission struct {
	ID       banto.TrackerID
	Flow     *jobnet.Flow
	FlowHash string
	Version  int
	Params   map[string]string // canonical texts
	Date     banto.Date
	Timezone string // of the manager, for a flow that names none
	Calls    string // as of banto.Tracker
	// Of a tracker that another one runs.
	Parent     banto.TrackerID
	ParentPart banto.PartKey
	Calling    banto.AttemptID
	Root       banto.TrackerID
	Depth      int
	By         string
	Reason     string
	Hold       *Hold // it is held from its start; nil: not
}

// Records are the rows of a tracker, as the store gives them back. Attempts
// need hold only those that have not ended.
type Records struct {
	Tracker  banto.Tracker
	Parts    []banto.Part
	Attempts []banto.Attempt
}
