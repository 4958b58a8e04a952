// Package engine is the machine of one tracker: Step takes an input and the
// time, changes the tracker, and gives back effects for others to carry out.
//
// It owns what flows where: when a part may start, what its end means to the
// parts behind it, retries, cancel, rerun, and when a tracker has ended or is
// blocked. It refuses clocks, I/O, goroutines, logs and chance. The caller
// saves the records among the effects in one transaction and only then carries
// out the others; Restore brings a tracker back from the saved records, equal
// in every respect to the one that was lost.
//
// The cost of a step depends on the edges of the part that moved, never on the
// number of parts of the flow (but for the end, a cancel and a rerun).
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
// lost ends by its result alone. A rerun takes parts that have ended, and all
// behind them, back to waiting.
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
// # The end
//
// When no part is live, the tracker has ended: parts that wait are unreached,
// and the outcome is the worst of its parts, a healed error counting as a
// warning. A tracker with an error that is not healed and on-error: wait is
// blocked instead. One that was cancelled ends so, and so does one that a
// rerun left with cancelled parts and without error.
//
// A healer heals the parts in error whose error or ended edge it took. With
// join: any that is the one edge that started it (Part.Via).
package engine
