// Package keeper is the parent of all jobs on a host: a small process in a
// session of its own that outlives the agent's death, restart and upgrade.
//
// It owns the claims (which attempts it has ever been asked to start), the
// processes, their output on disk, their exit statuses and their time-outs. It
// refuses the network, and knows nothing of jobnets or managers.
//
// Promises: an attempt starts at most one process, whatever is sent twice or
// late, and a kill of an attempt that it does not know leaves a tombstone; an
// exit status is on disk before it is told, and is told again on every new
// connection until it is acknowledged; output is kept up to a limit and never
// holds up a job's end.
//
// # How it keeps them
//
// One loop takes all inputs that wait, steps the claims (claims.go: pure),
// writes what they decided with one write and one fsync to the journal, and
// only then starts, tells and removes. So a burst of starts is claimed at once,
// and a job costs no file of its own unless it writes output or variables.
// The claims are nothing but what their records make them: reading the journal
// again gives the same claims. A torn end of the journal was never acted on
// and is cut; damage in the middle costs the records it hit, is logged, and
// begins a new generation, which tells the manager that claims may be lost.
//
// The result of an acknowledged attempt is dropped; that it was there is
// remembered for the latest 100,000 of them. One that was forgotten cannot come
// again: the manager takes a start out of its outbox in the same commit that
// the acknowledgement follows.
//
// # When the keeper itself dies
//
// Its jobs live on, and the next keeper finds them by what is in the journal:
// process ID, time of start, boot; one whose start was not yet written down by
// BANTO_ATTEMPT in its environment. It waits for their ends, keeps their
// time-outs and can kill them, but only a parent is told an exit status: they
// end with the reason keeper-died. On Linux it takes up their output again; what
// a job wrote while there was no keeper met a broken pipe, which ends most
// programs. An attempt of an earlier boot ends with host-restarted.
//
// # What a job sees
//
// A session and group of its own, standard input from /dev/null, output and
// errors on one pipe, a mask of 022, no other open file, all signals as they
// are by default, and an environment of PATH, HOME, LANG, the definition's
// values and BANTO_*. The script is the shell's own argument (or its file, when
// it is too long for one): nothing is wrapped around it, so that its traps and
// its exec do what they say. A kill or time-out ends the whole group; whatever
// has left the group by itself is a daemon, and left alone.
//
// Another OS user than the keeper's own needs a keeper that runs as root. The
// work directory belongs to the account of the first part that needs it, and
// is opened to all accounts of the host when a second one comes.
package keeper
