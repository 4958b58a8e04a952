package audit

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bantoops/banto"
)

// Action names a kind of change: the resource, a dot, and the verb of the
// command line.
type Action string

// The actions.
const (
	JobnetApply     Action = "jobnet.apply"
	JobnetDelete    Action = "jobnet.delete"
	FolderApply     Action = "folder.apply"
	GroupApply      Action = "group.apply"
	GroupDelete     Action = "group.delete"
	AccountApply    Action = "account.apply"
	AccountDelete   Action = "account.delete"
	AccountBlocked  Action = "account.blocked" // by the manager, after failed logons
	AccountRelease  Action = "account.release"
	TrackerSubmit   Action = "tracker.submit"
	TrackerHold     Action = "tracker.hold"
	TrackerRelease  Action = "tracker.release"
	TrackerSkip     Action = "tracker.skip"
	TrackerForceEnd Action = "tracker.force-end"
	TrackerKill     Action = "tracker.kill"
	TrackerCancel   Action = "tracker.cancel"
	TrackerRerun    Action = "tracker.rerun"
	TrackerComment  Action = "tracker.comment"
	HostEnrol       Action = "host.enrol" // a token was made
	HostJoin        Action = "host.join"  // and used
	HostChange      Action = "host.change"
	HostRemove      Action = "host.remove"
	TokenCreate     Action = "token.create"
	ManagerStart    Action = "manager.start"
	ManagerHandOver Action = "manager.handover"
	ManagerBackup   Action = "manager.backup"
	ManagerProfile  Action = "manager.profile"
	RecoveryConfirm Action = "recovery.confirm"
)

// OfMove gives the action of a move on a tracker.
func OfMove(m banto.Move) Action { return Action("tracker." + string(m)) }

// The outcomes of an entry.
const (
	OutcomeDone    = "done"
	OutcomeRefused = "refused"
)

// Limits of an entry's texts, in bytes.
const (
	maxName   = 1024
	maxDetail = 4096
)

// Done makes the entry of a change that was made.
func Done(now time.Time, by banto.Principal, action Action, object, detail string) banto.AuditEntry {
	return entry(now, by, action, object, detail, OutcomeDone)
}

// Refused makes the entry of a change that was asked for and not made, and
// says why.
func Refused(now time.Time, by banto.Principal, action Action, object string, why error) banto.AuditEntry {
	return entry(now, by, action, object, why.Error(), OutcomeRefused)
}

func entry(now time.Time, by banto.Principal, action Action, object, detail, outcome string) banto.AuditEntry {
	name := by.Name
	if name == "" {
		name = "-" // nobody that we know
	}
	return banto.AuditEntry{
		At: now, Principal: clean(name, maxName), Action: string(action), Object: clean(object, maxName),
		Detail: clean(detail, maxDetail), Outcome: outcome,
	}
}

// clean makes a text that every store takes, and no longer than the limit.
func clean(s string, limit int) string {
	const replacement = string(utf8.RuneError)
	s = strings.ReplaceAll(strings.ToValidUTF8(s, replacement), "\x00", replacement)
	if len(s) <= limit {
		return s
	}
	const more = "…"
	cut := limit - len(more)
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + more
}
