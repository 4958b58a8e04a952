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
	JobnetApply   Action = "jobnet.apply"
	JobnetDelete  Action = "jobnet.delete"
	FolderApply   Action = "folder.apply"
	TrackerSubmit Action = "tracker.submit"
	TrackerCancel Action = "tracker.cancel"
	TrackerRerun  Action = "tracker.rerun"
	HostEnrol     Action = "host.enrol"
	TokenCreate   Action = "token.create"
	ManagerStart  Action = "manager.start"
)

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
