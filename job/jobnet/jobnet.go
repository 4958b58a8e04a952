package jobnet

import (
	"time"

	"github.com/bantoops/banto"
)

// Jobnet is a jobnet as it was written, before folder defaults.
type Jobnet struct {
	Path     string
	Title    string
	Timezone string
	Params   []Param
	Env      []EnvVar
	Defaults Defaults
	Delayed  *bool // of its cmd scripts, see Part; its defaults are nearer
	OnError  OnError
	Parts    []Part
	Pos      Pos            // of the document's kind key
	KeyPos   map[string]Pos // where the values of its keys stand, as of a part
	File     string         // for errors
	Faulty   bool           // it could not be read whole, which has been said
}

// Folder hands defaults down to the jobnets below it. The root folder is "/".
type Folder struct {
	Path     string
	Title    string
	Defaults Defaults
	Env      []EnvVar
	Timezone string
	OnError  OnError
	Keep     Keep
	Pos      Pos
	KeyPos   map[string]Pos
	File     string // for errors
}

// Keep says how long trackers that have ended are kept, and their output. In a
// folder a zero is not said; where nobody says it, it is for ever.
type Keep struct {
	Trackers time.Duration
	Output   time.Duration
}

// Bounds of what is kept.
const (
	MinKeep = 24 * time.Hour
	MaxKeep = 100 * 365 * 24 * time.Hour
)

// KeepIn gives what holds under folders, the root first: the nearest that says
// it counts, for trackers and for output by themselves.
func KeepIn(folders []*Folder) Keep {
	var k Keep
	for _, f := range folders {
		if f.Keep.Trackers != 0 {
			k.Trackers = f.Keep.Trackers
		}
		if f.Keep.Output != 0 {
			k.Output = f.Keep.Output
		}
	}
	return k
}

// Defaults are values for every part below that runs something. The zero
// value of a field means that it is not said here.
type Defaults struct {
	Host       string  // a host or a group: source text, may hold ${…}
	HostLabels []Label // in place of Host
	Pick       Pick    // PerTracker or PerPart
	Account    string
	Dir        string // source text
	Shell      string
	Delayed    *bool
	Encoding   string
	Limits     *banto.Limits // all zero: none, whatever stands above
	Timeout    time.Duration
	Retry      *Retry
	Exit       *ExitRules
	OnLost     OnLost
	LostAfter  time.Duration // 0: not said
}

// OnLost says what is done about an attempt whose host does not come back.
type OnLost string

// The values of OnLost; empty means not said. All but wait need a keeper that
// ends the attempt when it has had no contact to the active manager for so
// long; after that they do what they say.
const (
	LostWait        OnLost = "wait"         // until the host is back, or a person acts
	LostFail        OnLost = "fail"         // the attempt ends in error, lost
	LostRerun       OnLost = "rerun"        // a new attempt, elsewhere if the part may run elsewhere
	LostRerunJobnet OnLost = "rerun-jobnet" // the tracker from its start, elsewhere: its work directory died with the host
)

// Bounds of how long an attempt may be without contact before on-lost acts.
const (
	DefaultLostAfter = time.Minute
	MinLostAfter     = 15 * time.Second
	MaxLostAfter     = 7 * 24 * time.Hour
)

// Label is one label that a host must have, as written; Value is a source text.
type Label struct {
	Name     string
	Value    string
	Pos      Pos // of the name
	ValuePos Pos
}

// OnError says what happens when nothing can move any more and a part is in
// error: the tracker ends, or stays blocked until the operator acts.
type OnError string

// The values of OnError; empty means not said.
const (
	OnErrorEnd  OnError = "end"
	OnErrorWait OnError = "wait"
)

// Type is the type of a parameter or variable.
type Type string

// The types.
const (
	String  Type = "string"
	Integer Type = "integer"
	Number  Type = "number"
	Boolean Type = "boolean"
	DateT   Type = "date"
	List    Type = "list"
	Choice  Type = "choice" // parameters only: a string out of a stated few
)

// Param is what a submission may set.
type Param struct {
	Name     string   `json:"name"`
	Type     Type     `json:"type"`
	About    string   `json:"about,omitempty"`
	Default  *string  `json:"default,omitempty"` // canonical text
	Required bool     `json:"required,omitempty"`
	Min      *float64 `json:"min,omitempty"`
	Max      *float64 `json:"max,omitempty"`
	Of       []string `json:"of,omitempty"` // of a choice
	Pos      Pos      `json:"-"`
	Faulty   bool     `json:"-"` // it could not be read whole, which has been said
}

// EnvVar is one environment variable; Value is a source text that may hold ${…}.
type EnvVar struct {
	Name     string
	Value    string
	Pos      Pos // of the name
	ValuePos Pos
}

// Kind is what a part does.
type Kind string

// The kinds of part of this version.
const (
	KindJob    Kind = "job"    // a script, handed to a shell
	KindRun    Kind = "run"    // a program with arguments, no shell
	KindJobnet Kind = "jobnet" // another jobnet, as a tracker of its own
	KindBranch Kind = "branch" // takes one of its ways on
	KindEnd    Kind = "end"    // starts nothing more, and lets what runs finish
	KindWait   Kind = "wait"   // goes on when what it waits for has come
)

// Kinds gives the kinds of part, as they are written.
func Kinds() []Kind { return []Kind{KindJob, KindRun, KindJobnet, KindBranch, KindEnd, KindWait} }

// Attempts says whether parts of the kind have attempts: they run something, on a
// host or as a tracker of its own.
func (k Kind) Attempts() bool { return k.Runs() || k == KindJobnet }

// Runs says whether parts of the kind run something on a host.
func (k Kind) Runs() bool { return k == KindJob || k == KindRun }

// Join says when a part with several edges starts.
type Join string

// The joins; empty means all.
const (
	JoinAll Join = "all"
	JoinAny Join = "any"
)

// Outlet is a named way out of a part.
type Outlet string

// The standard outlets.
const (
	OutletDone    Outlet = "done"
	OutletOK      Outlet = "ok"
	OutletWarning Outlet = "warning"
	OutletError   Outlet = "error"
	OutletEnded   Outlet = "ended"
)

// Way is one way out of a branch, as written.
type Way struct {
	Outlet  Outlet
	When    string // source of an expression; empty: else, when no other is true
	Pos     Pos    // of the outlet
	WhenPos Pos
}

// After names a part and one of its outlets, as written.
type After struct {
	Part   string
	Outlet Outlet
	Pos    Pos
}

// Retry says how often and when a part is tried again after an attempt ended
// in error. Attempts is the total, the first included.
type Retry struct {
	Attempts int           `json:"attempts"`
	Wait     time.Duration `json:"wait,omitempty"`
	Backoff  float64       `json:"backoff,omitempty"` // factor on the wait for each further attempt; 0 means 1
	Codes    []CodeRange   `json:"codes,omitempty"`   // only these exit codes; empty means any error
}

// CodeRange is a range of exit codes, both ends included.
type CodeRange struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// ExitRules turn an exit code into an outcome; a code that no rule names is an
// error. Without rules 0 is ok.
type ExitRules struct {
	OK      []CodeRange `json:"ok,omitempty"`
	Warning []CodeRange `json:"warning,omitempty"`
	Error   []CodeRange `json:"error,omitempty"`
}

// Rerun says whether the operator may run a part again.
type Rerun string

// The values of Rerun; empty means yes.
const (
	RerunYes   Rerun = "yes"
	RerunAsk   Rerun = "ask"   // only when asked for and confirmed
	RerunNever Rerun = "never" // it would do harm
)

// Pick says which host of a group a tracker gets.
type Pick string

// The values of Pick; empty means least-loaded.
const (
	PickLeastLoaded Pick = "least-loaded" // the fewest attempts for its places
	PickRoundRobin  Pick = "round-robin"
	PickFirstAlive  Pick = "first-alive" // in the order of the group, else by name
	PickAll         Pick = "all"         // every host, with an outcome for each
)

// The values of pick of a part and of defaults; empty means not said, and
// per-tracker where nobody says it.
const (
	PerTracker Pick = "per-tracker" // the host that the tracker has chosen already
	PerPart    Pick = "per-part"    // one chosen anew
)

// Group is a host group: hosts by name, or all that have the labels.
type Group struct {
	Name   string
	Title  string
	Hosts  []string
	Labels map[string]string
	Pick   Pick
	Pos    Pos
	KeyPos map[string]Pos // where its values stand: "hosts", "hosts.0", "hosts.labels", "pick"
	File   string
	Faulty bool // it could not be read whole, which has been said
}

// Account says who jobs run as, on which hosts.
type Account struct {
	Name   string
	Title  string
	Users  []AccountUser
	Pos    Pos
	KeyPos map[string]Pos
	File   string
	Faulty bool // it could not be read whole, which has been said
}

// AccountUser is the OS user of an account on some hosts: a host, a group, or
// labels as LabelsText writes them; empty means all. The first that holds the
// host counts.
type AccountUser struct {
	Hosts  string
	User   string
	Pos    Pos
	KeyPos map[string]Pos // "hosts", "user"
}

// Set declares a variable that a part sets.
type Set struct {
	Name string `json:"name"`
	Type Type   `json:"type"`
	Pos  Pos    `json:"-"`
}

// Part is one part as written.
type Part struct {
	Name   string
	Title  string
	Kind   Kind
	Script string   // of a job
	Args   []string // of a run: source texts
	Ways   []Way    // of a branch: the first that is true is taken
	End    banto.Outcome
	Wait   *Wait
	Call   *Call
	After  []After
	Join   Join
	When   string // source of an expression
	Heals  bool
	Dir    string // source text
	Env    []EnvVar
	// Where and how it runs, over what is handed down.
	Host       string  // a host or a group: source text
	HostLabels []Label // in place of Host
	Pick       Pick
	Account    string
	Shell      string
	// Delayed says that a script for cmd takes variables as !name!, which cmd
	// replaces after it has read the line.
	Delayed  *bool
	Encoding string
	Limits   *banto.Limits
	Rerun    Rerun
	// OnLost and LostAfter are said together: what is near replaces both.
	OnLost    OnLost
	LostAfter time.Duration
	Timeout   time.Duration
	Retry     *Retry
	Exit      *ExitRules
	Sets      []Set
	Pos       Pos
	// KeyPos says where the values stand that can be wrong only in the whole:
	// "dir", "host", "when", "heals", "join", "exit", "run.0", …; for errors.
	KeyPos map[string]Pos
	Faulty bool // it could not be read whole, which has been said
}

// Pos is a place in a file, from 1; the zero Pos is no place. The column
// counts characters.
type Pos struct {
	Line, Column int
	// Exact says that the text at this place stands there letter for letter, so
	// that a place inside it can be told. Its further lines, if it has any,
	// begin in the same column.
	Exact bool
}
