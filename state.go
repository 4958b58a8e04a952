package banto

// Outcome is what an attempt, part or tracker ended with.
type Outcome string

// The outcomes, from good to bad. The empty outcome means that there is none.
const (
	OK      Outcome = "ok"
	Warning Outcome = "warning"
	Error   Outcome = "error"
)

// Worse gives the worse of two outcomes; no outcome is better than ok.
func (o Outcome) Worse(p Outcome) Outcome {
	if p.rank() > o.rank() {
		return p
	}
	return o
}

func (o Outcome) rank() int {
	switch o {
	case OK:
		return 1
	case Warning:
		return 2
	case Error:
		return 3
	}
	return 0
}

// PartState is where a part of a tracker stands now.
type PartState string

// The states of a part. A part begins in waiting.
const (
	PartWaiting   PartState = "waiting"
	PartHeld      PartState = "held"
	PartReady     PartState = "ready"    // wants a place
	PartStarting  PartState = "starting" // sent to a host, not yet confirmed
	PartRunning   PartState = "running"
	PartRetrying  PartState = "retrying" // waits for its next attempt
	PartLost      PartState = "lost"     // its host cannot be reached; the attempt may live
	PartOK        PartState = "ok"
	PartWarning   PartState = "warning"
	PartError     PartState = "error"
	PartSkipped   PartState = "skipped"
	PartCancelled PartState = "cancelled"
	PartNotTaken  PartState = "not_taken" // another way was taken
	PartUnreached PartState = "unreached" // something before it failed
)

// Ended says whether the part has come to its end.
func (s PartState) Ended() bool {
	switch s {
	case PartOK, PartWarning, PartError, PartSkipped, PartCancelled, PartNotTaken, PartUnreached:
		return true
	}
	return false
}

// Live says whether an attempt of the part is, or may be, on a host, or the
// part wants a place or waits for its next attempt.
func (s PartState) Live() bool {
	switch s {
	case PartReady, PartStarting, PartRunning, PartRetrying, PartLost:
		return true
	}
	return false
}

// TrackerState is where a tracker stands now.
type TrackerState string

// The states of a tracker.
const (
	TrackerPlanned   TrackerState = "planned"
	TrackerQueued    TrackerState = "queued"
	TrackerRunning   TrackerState = "running"
	TrackerHeld      TrackerState = "held"
	TrackerBlocked   TrackerState = "blocked" // a part is in error and the operator must act
	TrackerOK        TrackerState = "ok"
	TrackerWarning   TrackerState = "warning"
	TrackerError     TrackerState = "error"
	TrackerCancelled TrackerState = "cancelled"
)

// Ended says whether the tracker has come to its end.
func (s TrackerState) Ended() bool {
	switch s {
	case TrackerOK, TrackerWarning, TrackerError, TrackerCancelled:
		return true
	}
	return false
}

// AttemptState is where an attempt stands now.
type AttemptState string

// The states of an attempt. An attempt that never reached a process ends in
// error with a reason that says so.
const (
	AttemptStarting  AttemptState = "starting"
	AttemptRunning   AttemptState = "running"
	AttemptLost      AttemptState = "lost"
	AttemptOK        AttemptState = "ok"
	AttemptWarning   AttemptState = "warning"
	AttemptError     AttemptState = "error"
	AttemptCancelled AttemptState = "cancelled"
)

// Ended says whether the attempt has come to its end.
func (s AttemptState) Ended() bool {
	switch s {
	case AttemptOK, AttemptWarning, AttemptError, AttemptCancelled:
		return true
	}
	return false
}

// Reason says in one word why an attempt or part ended as it did. The message
// beside it says it in a sentence.
type Reason string

// The reasons. An exit code that the part's rules call ok needs none.
const (
	ReasonExit          Reason = "exit"            // the exit code, by the part's rules
	ReasonSignal        Reason = "signal"          // ended by a signal that we did not send
	ReasonTimeout       Reason = "timeout"         // ran longer than its timeout, and was killed
	ReasonKilled        Reason = "killed"          // killed by a person, or with its tracker
	ReasonNoProgram     Reason = "no-program"      // the program or shell does not exist
	ReasonNoDirectory   Reason = "no-directory"    // the directory does not exist
	ReasonNoAccount     Reason = "no-account"      // the OS user does not exist
	ReasonNoRight       Reason = "no-right"        // the agent may not run as that user, or not that program
	ReasonExpired       Reason = "account-expired" // the OS user or its password has expired
	ReasonLogonFailed   Reason = "logon-failed"    // the system refused the logon of the OS user
	ReasonMemory        Reason = "memory"          // killed at its memory limit
	ReasonUnkillable    Reason = "unkillable"      // killed, but the system holds a process of it: it may still be there
	ReasonForced        Reason = "forced"          // a person said the outcome
	ReasonNoHost        Reason = "no-host"         // the host is not known, or the group has none
	ReasonNotStarted    Reason = "not-started"     // the host could not start it, for another reason
	ReasonVariables     Reason = "variables"       // it ended well, but what it set is not what it declared
	ReasonExpression    Reason = "expression"      // an expression of the part had no value
	ReasonNoWay         Reason = "no-way"          // no condition of a branch is true, and it has no else
	ReasonJobnet        Reason = "jobnet"          // the jobnet that the part runs ended in error, or could not start
	ReasonEnd           Reason = "end"             // an end part says how the jobnet ends
	ReasonLost          Reason = "lost"            // the host did not come back
	ReasonHostRestarted Reason = "host-restarted"  // the host started anew while it ran
	ReasonKeeperDied    Reason = "keeper-died"     // its keeper died, and its exit status is not known
)
