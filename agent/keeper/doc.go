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
package keeper
