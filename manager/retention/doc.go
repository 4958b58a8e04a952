// Package retention drops what is old: trackers with all that belongs to them,
// and what jobs printed, when their folders say how long they are to be kept.
//
// It owns when that is done, in which order, and the archive into which
// trackers go before. It refuses to judge what is old: folders say it (keep); and
// whether a tracker may be touched: manager/runner says it, of the revision that
// was seen here, and keeps it so.
//
// Promises: nothing that has not ended, or was taken up again, is touched; nothing
// is while the clock cannot be believed; a tracker is in the archive, on disk,
// before a row of it is dropped; rows go in small transactions with pauses between
// them, so that nobody waits for them; whoever is stopped half way goes on from
// there at the next round. A tracker may be in the archive twice when that
// happens, and is never missing; one that is taken up again just when it is
// archived is there, too, and stays.
//
// How fast it goes: trackers of some 500 rows together are one write of the
// archive. Each of them is claimed, which goes with whatever else the runner
// commits, and dropped by a transaction of its own; all that is done one after
// the other, so a tracker waits for two commits, and nobody else waits for more than one
// of these transactions. Behind each such lot is a pause of 20 ms, or of a
// quarter of the time that it took when that is more: where others keep the
// store busy, dropping gets slower with them. By that, computed and not measured,
// dozens of trackers of 20 jobs go in a second on a machine that has time; where
// each commit takes 100 ms, four do, and 50,000 trackers, a large day, are gone
// within four hours still.
//
// A round begins with the tracker that was being dropped last, which the runner's
// mark names, whatever its folder says since. Then it walks the trackers in the
// order in which they were submitted, from the oldest on, and ends where nothing
// can be old enough any more.
package retention
