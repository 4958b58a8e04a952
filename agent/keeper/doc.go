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
// and a job costs no file of its own unless it writes output or variables. While
// starts wait for the processor results wait a moment for each other, and that a
// process runs is told a moment late, when its result has not come before.
// The claims are nothing but what their records make them: reading the journal
// again gives the same claims.
//
// The result of an acknowledged attempt is dropped; that it was there, its part,
// times, exit code and reason are remembered for the latest 100,000 of them, in
// about 13 MB. One that was forgotten cannot come again: the manager takes a
// start out of its outbox in the same commit that the acknowledgement follows.
//
// # Damage
//
// Beside the journal stands, after every sync, up to where it is durable
// (journal.synced). A torn end behind that place was never acted on and is cut.
// Damage before it, also where it is the last page or where the end is missing,
// costs the records it hit, is logged, keeps the damaged file for a person to
// look at, and begins a new generation, which tells the manager that claims may
// be lost. So does a damaged end after a restart of the host: that place is not
// synced itself, and may be older than the last sync. Nothing before the damage
// is forgotten, and none of it starts again. A process whose records are all lost
// runs on without a keeper, and so without its time-out and limits.
//
// A directory in the journal's place is put aside and counts as damage; a journal
// that may not be read, or cannot be, is left alone: the keeper says so and does
// not start. On a full disk a sound journal is gone on with as it is. Damaged
// variables end their attempt with a reason; damaged output is only itself.
//
// # Without contact
//
// An attempt can have a dead-man's limit (Spec.DeadManMS): who had no proved
// contact to the active manager for that long ends it, since the manager may let
// it run elsewhere from banto.DeadBy on. The keeper alone holds that time, by the
// clock of the boot, which counts suspends and which nobody sets; the agent only
// tells contact (Request.Contact), and its death changes nothing. TERM is sent
// once the limit is reached, KILL banto.DeadManGrace after that moment, to all
// that a kill would reach; the result is lost, and says for how long there was no
// contact. What has left the group by itself is not reached, as with any kill.
//
// What counts is the longest time between two contacts. A keeper, or a machine,
// that slept over a limit ends what is over before it starts or tells anything,
// also if word of new contact has come by then. A start whose limit is reached,
// or that comes before any contact was told, is refused; what was told only after
// it came does not count. Nothing makes the limit longer: the contact goes on
// record every two seconds (sooner with a shorter limit), the next keeper counts
// from there, and the binary that a keeper becomes is told the very contact.
//
// The limit is kept as long as a keeper runs. Where it is killed the agent starts
// the next one at once, which ends what is over first of all; where both are
// killed, and until one of them is there again, nobody ends anything. A journal
// with a live limit has format 2, which no keeper takes that keeps no limits, and
// such a binary is refused as a replacement.
//
// # What is asked after a restore
//
// Request.Recall asks what is known of attempts since a time: those that are live,
// those that have ended, and those whose results were told. The answer says
// whether it is whole: not if the generation began, or the oldest of the 100,000
// was forgotten, after that time.
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
// # When it becomes another binary
//
// An agent that comes with another version than its keeper's has it replaced
// (Request.Replace; Connect does it by itself and says the rule). The new binary
// is asked first, with `banto keeper --check`, whether it can go on with what
// this one has written; one that is missing, cannot be run, is of another
// machine or too old is refused in words, and everything goes on as it was. Then
// the keeper waits until no start and no end is in anybody's hands, leaves what
// only its memory holds in a file without a name, and calls exec: process ID,
// lock, socket and the pipes of the jobs stay open, the jobs stay its children,
// and exit statuses wait for the next one to take them. The journal remains the
// truth: should the new binary not come up, that is the death of a keeper, with
// no more lost than described above. So on Linux; on Windows see below.
//
// # Whose records they are
//
// The journal names the machine and the directory it was written on: by the
// number that the maker or the hypervisor gave (where root may read it), that of
// the installed system, and the directory's own. When one of them is another,
// the records were copied: they are kept, so that what they know never starts
// again, and a new generation begins, so that nothing that is still on its way
// to the original is taken for ours. A machine that was rolled back to an
// earlier state of its own is found by the manager, which compares the number of
// claims (Hello.Claims, and with each Done) and asks for a new generation
// (Request.Renew).
//
// # What a job sees
//
// A session and group of its own, standard input from /dev/null, output and
// errors on one pipe, a mask of 022, no other open file, all signals as they
// are by default, and an environment of PATH, HOME, LANG, the definition's
// values and BANTO_*. The script is the shell's own argument (or its file, when
// it is too long for one): nothing is wrapped around it, so that its traps and
// its exec do what they say. One that is a single command of plain words for sh is
// run without the shell, which would only become that command (simple_unix.go);
// whatever of it is not found, or cannot be run, the shell gets after all. A kill or time-out ends the whole group; whatever
// has left the group by itself is a daemon, and left alone, unless the attempt
// has limits and the host control groups: then it ends as well.
//
// The work directory belongs to the account of the first part that needs it,
// and is opened to all accounts of the host when a second one comes.
//
// # Who a job may run as
//
// Allow says it, and the latest agent's word holds. Without an account a job
// runs as the keeper's own user; a keeper of root refuses that (no-right) unless
// Allow.Root is set or root is among the accounts: never root by accident.
// Another user needs a keeper of root and its name among Allow.Accounts
// (no-right); it must exist (no-account), and neither it nor its password, if it
// has one, may have expired by /etc/shadow (account-expired). A shell like
// nologin keeps nobody from running jobs.
//
// # Limits
//
// An attempt with limits gets a control group (version 2) of its own where the
// keeper may make one: memory with swap, processor, processes, each as far as
// the host's controllers go; what memory kills there ends with the reason
// memory. Without it, memory is limited for each process by itself, processor
// and processes not at all: the system's own limit of processes counts those of
// the user, not of the job. The message of the result says what was not set as
// asked. Open files are limited for each process, and nice is nice. Limits of
// single processes are set by a small shell that then becomes the program.
//
// # On Windows
//
// The loop, the claims, the journal and the files are the same; what differs
// stands in files that end in _windows. The socket is a named pipe that only our
// own user can open, under a name that keeper.sock holds. Each attempt is a job
// object: a kill is CTRL_BREAK to its console group, and after the grace the end
// of the job object with all that is in it. Its process is made suspended, in a
// job object that would take it along if the keeper died; only when its start is
// on record may it run, and outlive the keeper. So an attempt whose start is not
// on record has never run.
//
// A keeper that died is missed less than elsewhere. Windows gives an exit code
// to whoever has a handle of the process: the next keeper learns it, but for
// jobs that end while there is no keeper at all. Each process holds, without
// knowing, the reading end of its own output and its job object: the next keeper
// takes both out of its hands, and output that came meanwhile waits in the pipe.
// A process is known by its ID and the moment that the system made it.
//
// No process becomes another binary: it starts the new one, which takes the jobs
// over as after a death, while the old one still holds all handles. Only how much
// output was cut behind the limit so far is forgotten.
//
// Limits are those of the job object: memory and processes of all of it together,
// the share of processors, and the priority class for nice. There is none of open
// files, and no reason memory: a program at its limit is refused memory, and ends
// as it sees fit. An account other than the keeper's own is refused (no-right): it
// cannot be entered without its password.
//
// # What it does not let happen
//
// A full disk: below a few MiB of room new starts are refused (not-started) and
// agents are told why while it lasts (Event.Problem); a reserve is given up for
// the results of what runs. A process that stays after KILL, in state D: its
// attempt ends as unkillable, and the process is watched on. A file system that
// does not answer: what a start names there is looked at beside all others, with
// the account's rights, and the start ends as not-started after Options.Answer,
// in words (answers.go); only where it falls silent in the moment between that
// look and the exec do starts wait with it. Its own memory does
// not grow with what jobs print or with how many children they have; a message
// is at most 20 MiB. A job of root can kill its keeper: that is a death as above.
package keeper
