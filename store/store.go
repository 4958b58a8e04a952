package store

import (
	"context"
	"errors"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
)

// Errors that callers tell apart.
var (
	ErrNotFound  = errors.New("store: not found")
	ErrDeposed   = errors.New("store: another manager is active")
	ErrNewer     = errors.New("store: written by a newer version")
	ErrInUse     = errors.New("store: in use by another manager")
	ErrPoison    = errors.New("store: a value cannot be stored") // such as a NUL in text
	ErrDuplicate = errors.New("store: there is one already")
	ErrFull      = errors.New("store: no room is left")
	ErrDamaged   = errors.New("store: damaged, or not a store of ours")
	ErrHeld      = errors.New("store: another manager holds the lease")
	// ErrUncertain says that a transaction before this one may have been written
	// without an answer: what was read before this error may be out of date.
	ErrUncertain = errors.New("store: an earlier transaction was written without an answer")
)

// Store is everything a manager keeps, in the hands of the one who opened it.
type Store interface {
	ReadWriter
	Leases
	Managers
	Vault
	// Begin makes this process the active manager whatever the lease says: it
	// raises the epoch, so that every transaction of an earlier manager fails
	// with ErrDeposed. It is Take with Force.
	Begin(ctx context.Context, holder string, now time.Time) (epoch int64, err error)
	Close() error
}

// ReadWriter is a store that has begun, as the manager's rooms use it.
type ReadWriter interface {
	Reader
	// Write runs one transaction. When fn or the commit fails, nothing is
	// written. The transaction proves the epoch of Begin. Writes are serial;
	// fn must not call Write, and must not use its Tx after it returned.
	//
	// When a method of Tx gives ErrPoison, ErrNotFound or ErrDuplicate, that
	// one row is not written and the transaction can go on. After any other
	// error it fails, also when fn gives nil.
	//
	// ErrUncertain is told to whoever meets it, and, when that was somebody else,
	// to the next one with memory besides (Remembering).
	Write(ctx context.Context, fn func(Tx) error) error
}

// Remembering marks the Writes of one who has read what is stored, builds on it,
// and reads it anew after ErrUncertain: there is one, the manager's loop. Others
// write beside it, and must not take from it what only it can make use of.
func Remembering(ctx context.Context) context.Context {
	return context.WithValue(ctx, remembering{}, true)
}

type remembering struct{}

// Remembers says whether a Write is of one who remembers.
func Remembers(ctx context.Context) bool { return ctx.Value(remembering{}) != nil }

// Reader reads outside of the writer's way: it sees what is committed.
type Reader interface {
	Definitions
	Trackers
	Submissions
	Hosts
	Joins
	Accounts
	Tokens
	Audits
	// Outbox gives all undelivered entries, oldest first.
	Outbox(ctx context.Context) ([]OutboxEntry, error)
	// Incarnation is made when the store is made; a restore makes a new one.
	Incarnation(ctx context.Context) (string, error)
	// Lease tells who writes. All zero before the first Begin.
	Lease(ctx context.Context) (Lease, error)
	// Mark gives a small thing that is kept under a name; empty if there is none.
	Mark(ctx context.Context, name string) (string, error)
}

// DefinitionKind is the sort of a definition document.
type DefinitionKind string

// The kinds of definition that this version knows.
const (
	KindJobnet DefinitionKind = "jobnet"
	KindFolder DefinitionKind = "folder"
	// Their path is their name, which holds no slash.
	KindGroup   DefinitionKind = "group"
	KindAccount DefinitionKind = "account"
)

// Definition is one version of a definition document. Versions count from 1
// per kind and path, go on after a delete, and are never changed.
type Definition struct {
	Kind      DefinitionKind
	Path      string
	Version   int
	Title     string
	Parts     int    // of a jobnet
	Source    string // the YAML document
	File      string // where it was applied from
	Line      int    // the document's first line in that file
	AppliedAt time.Time
	AppliedBy string
	Active    bool
}

// Definitions reads definitions.
type Definitions interface {
	// Definition gives a version, or the active one for version 0.
	Definition(ctx context.Context, kind DefinitionKind, path string, version int) (Definition, error)
	// ListDefinitions gives active ones by path, those after the cursor, in
	// the folder (and below) if it is not empty or "/". Source is left empty.
	ListDefinitions(ctx context.Context, kind DefinitionKind, folder, after string, limit int) ([]Definition, error)
	// Versions gives all versions of one, newest first. Source is left empty.
	Versions(ctx context.Context, kind DefinitionKind, path string, limit int) ([]Definition, error)
	// Flow gives an encoded flow by its hash.
	Flow(ctx context.Context, hash string) ([]byte, error)
	// Script gives a script by its hash.
	Script(ctx context.Context, hash string) ([]byte, error)
}

// TrackerQuery says which trackers to list, newest first. A Limit below 1
// gives all, as everywhere in this package.
type TrackerQuery struct {
	Jobnet   string               // exact path, or a folder with a slash at the end; empty or "/": all
	States   []banto.TrackerState // empty: all
	Before   int64                // cursor: only those submitted before this one (its Cursor)
	From, To time.Time            // submitted at From or later, and before To; zero: open
	Limit    int
}

// TrackerRow is a tracker with the cursor that continues a list behind it.
type TrackerRow struct {
	banto.Tracker
	Cursor int64
}

// Trackers reads trackers, parts and attempts.
type Trackers interface {
	Tracker(ctx context.Context, id banto.TrackerID) (banto.Tracker, error)
	ListTrackers(ctx context.Context, q TrackerQuery) ([]TrackerRow, error)
	// Parts gives the rows of parts that ever left waiting, those with a
	// revision greater than since (0: all), ordered by key, those after the
	// cursor.
	Parts(ctx context.Context, id banto.TrackerID, since int64, after banto.PartKey, limit int) ([]banto.Part, error)
	// PartsByKey gives the rows of these parts that ever left waiting, in any
	// order: a page of a definition, at the cost of the page. The keys must be
	// different ones.
	PartsByKey(ctx context.Context, id banto.TrackerID, keys []banto.PartKey) ([]banto.Part, error)
	// Attempts gives attempts ordered by seq, those after the cursor, of one
	// part if it is not empty.
	Attempts(ctx context.Context, id banto.TrackerID, part banto.PartKey, after int, limit int) ([]banto.Attempt, error)
	Attempt(ctx context.Context, id banto.AttemptID) (banto.Attempt, error)
	// Unfinished gives the records of every tracker that has not ended, for
	// the rebuild; Attempts holds those that have not ended.
	Unfinished(ctx context.Context, each func(engine.Records) error) error
	// Records gives the records of one tracker, whatever its state.
	Records(ctx context.Context, id banto.TrackerID) (engine.Records, error)
	// Submitted gives the tracker that an idempotency key made, and the hash
	// of the request that came with it.
	Submitted(ctx context.Context, principal, key string) (banto.TrackerID, string, error)
}

// Hosts reads hosts.
type Hosts interface {
	Host(ctx context.Context, name string) (banto.Host, error)
	HostByID(ctx context.Context, id banto.HostID) (banto.Host, error)
	// ListHosts gives hosts by name, those after the cursor.
	ListHosts(ctx context.Context, after string, limit int) ([]banto.Host, error)
}

// Join lets one machine join as a host, once. Only its secret's hash is kept.
type Join struct {
	Hash      string // hex of SHA-256
	Name      string // the name the host gets; empty: its own
	Labels    map[string]string
	Again     banto.HostID // the host that is taken in again; empty: a new one
	By        string
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    *time.Time
	UsedBy    banto.HostID
}

// RevokedKey is the public key of a host that may not come in any more.
type RevokedKey struct {
	PublicKey string
	Host      banto.HostID // whose it was
	Name      string       // of the host, as it was then
	At        time.Time
	By        string
}

// Joins reads how hosts come in, and which are shut out.
type Joins interface {
	// Join gives what the hash of a secret allows, also when it has been used
	// or has expired.
	Join(ctx context.Context, hash string) (Join, error)
	// Revoked gives all keys that were revoked, in the order of the keys.
	Revoked(ctx context.Context) ([]RevokedKey, error)
}

// AccountState is what has come of an account's logons. The account itself is
// a definition.
type AccountState struct {
	Name     string
	Failures int        // logons in a row that failed
	Blocked  *time.Time // since when nothing starts under it
	Why      string     // the last failure, in words
}

// Accounts reads what has come of accounts.
type Accounts interface {
	// AccountStates gives all that were ever kept, by name.
	AccountStates(ctx context.Context) ([]AccountState, error)
}

// Token is a way in for a principal. Only the token's hash is kept.
type Token struct {
	Hash      string // hex of SHA-256
	Principal banto.Principal
	CreatedAt time.Time
	Note      string
}

// Tokens reads tokens.
type Tokens interface {
	Token(ctx context.Context, hash string) (Token, error)
}

// Audits reads the audit trail.
type Audits interface {
	// ListAudit gives entries newest first, those before the cursor (0: from
	// the newest), of one object if it is not empty.
	ListAudit(ctx context.Context, object string, before int64, limit int) ([]banto.AuditEntry, error)
}

// OutboxEntry is something a host must be told until it has confirmed it.
type OutboxEntry struct {
	ID      string // "start:<attempt>", "kill:<attempt>" or "clean:<tracker>:<rerun>:<host>"
	HostID  banto.HostID
	Payload []byte
	At      time.Time
}

// Tx writes. Every method is an upsert of a whole row unless it says more.
//
// Every store treats values alike: text with a NUL or that is not UTF-8 is
// refused (ErrPoison) before anything is written; times are kept to the
// microsecond and come back in UTC; an empty map or slice comes back as nil.
// What is made at read (Tracker.WaitsFor, Part.Progress, Host.Problem) is not kept.
type Tx interface {
	// PutDefinition stores the next version, makes it the active one, and
	// gives its number.
	PutDefinition(d Definition) (version int, err error)
	// DeleteDefinition leaves no version active. ErrNotFound if none was.
	DeleteDefinition(kind DefinitionKind, path string) error
	// PutFlow keeps an encoded flow under its hash; the same again is no error.
	PutFlow(hash string, body []byte) error
	// PutScript keeps a script under its hash; the same again is no error.
	PutScript(hash string, body []byte) error

	// PutTracker needs the tracker's flow to be there at the commit. ID, Jobnet
	// and SubmittedAt never change: another tracker under an ID that is taken
	// is ErrDuplicate.
	PutTracker(t banto.Tracker) error
	// PutPart and PutAttempt need their tracker to be there at the commit.
	PutPart(p banto.Part) error
	PutAttempt(a banto.Attempt) error
	// DeleteTracker drops at most about so many rows of a tracker that has ended,
	// its own and its keys last, and says whether something is left. One that is
	// not there, or has not ended, is left alone, and is no error.
	DeleteTracker(id banto.TrackerID, limit int) (left bool, err error)
	// PutSubmitted remembers an idempotency key. ErrDuplicate if it is there.
	PutSubmitted(principal, key, requestHash string, id banto.TrackerID, at time.Time) error

	PutOutbox(e OutboxEntry) error
	DeleteOutbox(id string) error
	// DeleteOutboxOf drops all entries of one host, such as one that is
	// removed. It may read the whole outbox.
	DeleteOutboxOf(host banto.HostID) error

	// PutHost is an upsert by ID. ErrDuplicate if another host has the name.
	PutHost(h banto.Host) error
	// DeleteHost forgets a host: another may take its name. Attempts keep its
	// name and ID, and its outbox stays (DeleteOutboxOf). ErrNotFound if there
	// is none.
	DeleteHost(id banto.HostID) error
	// PutJoin is an upsert by hash: that it is used once is for the caller to see to.
	PutJoin(j Join) error
	PutRevoked(k RevokedKey) error
	PutAccountState(a AccountState) error
	PutToken(t Token) error
	// DeleteTokens drops all tokens of a principal with that note; none is no error.
	DeleteTokens(principal, note string) error
	// PutMark keeps a small thing under a name: which tracker is being dropped,
	// whether the store was restored. An empty value takes it away.
	PutMark(name, value string) error
	PutAudit(e banto.AuditEntry) error // Seq is given by the store
}
