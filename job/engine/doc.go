// Package engine is the machine of one tracker: Step takes an input and the
// time, changes the tracker, and gives back effects for others to carry out.
//
// It owns what flows where: when a part may start, what its end means to the
// parts behind it, retries, the operator's moves, parts that run on every host
// of a group, and when a tracker has ended or is blocked. It refuses clocks,
// I/O, goroutines, logs and chance. The caller saves the records among the
// effects in one transaction and only then carries out the others; Restore
// brings a tracker back from the saved records, equal in every respect to the
// one that was lost.
//
// The cost of a step depends on the edges of the part that moved, never on the
// number of parts of the flow (but for the end, and for moves).
//
// # A part
//
//	waiting ──▶ ready ──▶ starting ──▶ running ──▶ ok, warning, error
//	   │          ▲          │  ▲        │  ▲
//	   │          │          └─▶│  lost ◀┘  │
//	   │          │             └───────────┘
//	   │          └── retrying ◀── an attempt in error that may be tried again
//	   └──▶ not_taken, or at the tracker's end unreached; cancelled from any
//
// A part leaves waiting when its edges allow it and when is true. It takes a
// place (Placed) for each attempt; an attempt that is starting, running or
// lost ends by its result alone, unless it is given up or on-lost acts. A rerun
// takes parts that have ended, and all behind them, back to waiting. A hold
// takes a part that is waiting, ready or retrying to held, and a release back.
//
// # Kinds that need no place
//
// A branch judges in the step in which its edges allow it, and has no attempt: ok
// with the outlet that it takes, or in error. Its own outlets are taken or off; of
// a branch that came to none they are failed.
//
// A wait is running until its time, and has no attempt either. It can be skipped and force-ended, and is neither killed nor
// held.
//
// A jobnet has attempts on no host: each is a tracker that the caller makes for
// Call in the same transaction. Started names it, Ended tells its outcome, Kill
// asks to cancel it, HoldCall to hold or release it. Again goes on with one that
// had ended, as a further attempt.
//
// An end takes effect when all else of its step has settled, the first of several:
// what is waiting, held, ready or a wait is not_taken, what is retrying is in
// error, what runs finishes and is not tried again. It blocks nothing.
//
// In a tracker that is held no branch judges, no wait begins and no end takes
// effect before the release; a wait that has begun goes on.
//
// # An edge
//
// What an edge is once the part before it has ended, by outlet:
//
//	             done    ok      warning  error   ended
//	ok           taken   taken   off      off     taken
//	warning      taken   failed  taken    off     taken
//	error        failed  failed  off      taken   taken
//	skipped      taken   off     off      off     taken
//	not_taken    off     off     off      off     off
//	unreached    failed  failed  failed   failed  failed
//	cancelled    failed  failed  failed   failed  failed
//
// The last two are seen only after a rerun of other parts: a part that came to
// no outcome leads nowhere until it is run again itself.
//
// # Lost
//
// What a lost part does, by its on-lost, and by whether it is known when its
// keeper must have ended the attempt (DeadBy):
//
//	                wait      fail        rerun        rerun-jobnet
//	not known       waits     waits       waits        waits
//	Found, Started  running   running     running      running
//	Ended           its result, whatever on-lost says, until the policy has acted
//	Lost, later     –         waits longer (a DeadBy that is not later: nothing)
//	Wake, too early –         –           –            –
//	Wake at DeadBy  –         error       ready        lost, and all starts again
//	... and killed  –         killed: in error, cancelled with its tracker, or as forced
//	Ended: its keeper ended it for want of contact
//	                error     error       ready        lost, and all starts again
//
// Once the policy has acted, whatever the host says of that attempt means
// nothing; its place is free, and the order to kill it stays out. An error may
// be tried again by retry, though not one of rerun-jobnet. An attempt that rerun
// makes is none of retry's, and may follow at once.
//
// rerun drops the host that the tracker chose for the part's group or labels, if
// the part may run elsewhere: what is ready to run there chooses anew (Unchoose),
// results that are there stay. A part bound to a host, by its name or as an item
// of all hosts, waits for that host. A keeper that told by itself that it ended
// the attempt is connected again: the choice stays.
//
// rerun-jobnet first kills what else runs of the tracker and starts nothing: the
// part stays lost without an attempt (its reason says so). When no attempt is
// left, all parts go back to waiting as in a rerun of everything, all choices of
// hosts are dropped, and the tracker starts, unless it is held. What a person held
// stays held, what a person skipped is skipped again. It does so MaxRestarts
// times, until a person reruns it; then it is as with fail. Until it starts,
// skip, force-end and kill of the lost part and a rerun are refused; a cancel
// ends it.
//
// # The end
//
// When no part is live, the tracker has ended: parts that wait are unreached,
// and the outcome is the worst of its parts, a healed error counting as a
// warning. A tracker with an error that is not healed and on-error: wait is
// blocked instead. One that was cancelled ends so, and so does one that a
// rerun left with cancelled parts and without error; one in which parts that
// could be reached were left unreached ends in error.
//
// A part that is held keeps the tracker from ending; with an error that is not
// healed it is then blocked, whatever on-error says, for a person must act. A
// tracker that is held does not end while a part of it waits or is held.
//
// A healer heals the parts in error whose error or ended edge it took. With
// join: any that is the one edge that started it (Part.Via). One that was
// force-ended before it ever started heals nothing.
//
// # Moves
//
// What a move does to a part in each state; "no" is a refusal, "–" that it is
// done already and nothing changes. A move is refused as a whole, naming every
// part that stands against it, and changes nothing. Plan says beforehand what
// Changes says afterwards.
//
//	           hold   release     skip          force-end       kill       rerun
//	waiting    held   no          to be skipped outcome         no         no
//	held       –      as before   to be skipped outcome         no         no
//	ready      held   no          skipped       outcome         no         no
//	retrying   held   no          skipped       outcome         no         no
//	starting   no     no          no            kill, outcome   kill       no
//	running    no     no          no            kill, outcome   kill       no
//	lost       no     no          given up      given up        kill       no
//	lost, and the tracker about to start again
//	           no     no          no            no              no         no
//	error      no     no          skipped       outcome         no         waiting
//	ok, warning, not_taken, skipped
//	           no     no          no            no              no         waiting
//	unreached, cancelled
//	           no     no          no            no              no         waiting
//	to be skipped
//	           no     no          –             outcome         no         waiting
//
// Hold. Edges are counted on while a part is held. One that was ready gives
// its place back. One that waited for its next attempt loses its timer, not
// its time: released before it, it waits for the rest, after it, it is ready
// at once. A hold stays through a rerun of what is before the part; a rerun
// that names the part is refused.
//
// Hold of the tracker. Nothing starts: what is ready stays so without wanting
// a place, and wants one again at the release, in the order in which it became
// ready. What runs goes on; timers go on. A release of the tracker takes the
// holds of its parts away too.
//
// Skip. A part whose turn has not come is to be skipped (skipped, and no end
// yet): it passes when its edges let it start, so that what is behind it keeps
// its order, waits for what is before it and does not go around what failed
// there. It is not taken if its way is not taken or its when is false. A skip
// that is yet to come stays through a rerun of what is before the part, and a
// rerun that names the part takes it back. When the turn has come the skip
// passes at once.
//
// Force-end. The outcome counts at once, whether or not the turn has come. An
// attempt that runs is killed, and the part has the outcome when the attempt
// has ended, however it ended: the word was accepted first. It is kept though
// the tracker is cancelled, and the last of several words counts.
//
// Given up. A lost attempt ends at once (error, lost): its place is free, the
// order to kill it stays out for its host, and whatever that says of it later
// means nothing.
//
// Kill. The attempt ends in error (killed) when its host says so. If it ends
// by itself at the same instant, it keeps its outcome. A killed attempt is not
// tried again. The rules for an error apply.
//
// Errors. Skip and force-end forgive an error, and what waited behind it goes
// on, also of a tracker that has ended: it is taken up again from there, and
// that counts as a rerun. Of such a tracker they take nothing but errors.
//
// Cancel. Ends what has not started, and kills what runs; after it, only kill,
// and skip or force-end of what is on hosts, make sense.
//
// Rerun. Takes the named parts and all behind them back to waiting; with Only
// just the named parts, and what is behind them keeps its state, whatever the
// parts then come to. It is refused while one of them is live; parts beside
// them may be. rerun: never and ask are obeyed for every part that has run and
// would run again, ended or not on the way it takes then. Parameters that it
// changes count for what starts from then on.
//
// # Several hosts
//
// A part whose place turns out to be all hosts of a group (FanOut) gets an
// item on each, "copy[db01]", with attempts, retries and moves of its own. The
// part is the sum: running while an item is live, held when those that are
// left are held, then the worst of the outcomes; its message names the hosts.
// Of such a part expressions see the outcome and nothing else, and items are
// not among the tracker's counts. Moves on the part are moves on its items: a
// hold holds those that have not started, a skip skips those that have not
// ended well, a kill ends those that are about to start too, a force-end holds
// for the part whatever its items come to. A rerun that names the part, or one
// before it, runs it on the hosts that the group then has; one of what failed
// runs only the items that did; and one item can run again by its key, also
// while others of the part run. An item on a host that the part is not on now
// is not taken.
package engine
